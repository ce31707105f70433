//! Answers `echo` on stdio late, and says at the end how long it was busy.

use std::thread;
use std::time::Duration;

use quickrpc::{Promise, Result};
use quickrpc_tests::{Lab, busy};

fn main() -> Result<()> {
    let api = Lab::bind("terse", "stdio:")?;
    api.echo.connect(|_sender, text| {
        let (promise, resolver) = Promise::pair();
        let text = text.to_owned();
        thread::spawn(move || {
            // What takes so long is somebody else's affair.
            thread::park_timeout(Duration::from_millis(300));
            resolver.set_result(text)
        });
        promise
    });
    api.start()?;
    api.wait()?;
    #[allow(clippy::print_stderr, reason = "stdout is the wire")]
    {
        eprintln!("busy for {} ms", busy("self").as_millis());
    }
    Ok(())
}
