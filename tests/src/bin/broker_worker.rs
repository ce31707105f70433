//! A worker behind a broker: `broker_worker <codec> <transport>`. It says `ready` when it is there,
//! and ends with its standard input.

use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use quickrpc::remote_api;

#[remote_api]
trait Work {
    #[incoming]
    fn work(&self, millis: u64) -> u32;
    #[incoming(property)]
    fn voltage(&self) -> f64;
}

fn main() -> Result<(), quickrpc::BoxError> {
    let mut arguments = std::env::args().skip(1);
    let (codec, transport) = (arguments.next(), arguments.next());
    let (codec, transport) = (codec.unwrap_or_default(), transport.unwrap_or_default());
    let api = Work::bind(codec, transport)?;
    api.work.connect(|_, millis| {
        thread::sleep(Duration::from_millis(millis));
        std::process::id()
    });
    api.voltage.set(5.0)?;
    api.start()?;
    std::io::stdout().write_all(b"ready\n")?;
    std::io::stdout().flush()?;
    std::io::stdin().read_to_end(&mut Vec::new()).ok();
    Ok(api.stop()?)
}
