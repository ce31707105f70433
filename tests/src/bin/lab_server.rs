//! The lab on any transport, for tests that need it in another place:
//! `lab_server <codec> <transport>`. Says `ready` on stdout, and where it listens; ends with
//! its input.

use std::io::{self, Write};

use quickrpc_tests::{Lab, serve};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [codec, transport] = arguments.as_slice() else {
        return Err("usage: lab_server <codec> <transport>".into());
    };
    let api = Lab::bind(codec, transport)?;
    let _served = serve(&api);
    api.start()?;
    // At once, since some read the first line only and then close their end.
    let mut news = String::from("ready\n");
    for address in api.local_addrs() {
        news += &format!("listening on {address}\n");
    }
    io::stdout().write_all(news.as_bytes())?;
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}
