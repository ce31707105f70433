//! A program that a write to a closed pipe ends, as it ends most programs of a Unix shell:
//! `lab_sigpipe <transport>` sends until nobody takes it, and says on stderr why it ends.

use std::io::{self, Write};

use quickrpc_tests::LabInverse;

fn send(transport: &str) -> quickrpc::Result<()> {
    let api = LabInverse::bind("terse", transport)?;
    api.on_disconnect(|_peer, reason| {
        writeln!(io::stderr(), "still here: {reason}").ok();
    });
    api.start()?;
    while api.all().notify("anybody?").is_ok() && !api.peers().is_empty() {
        std::thread::yield_now();
    }
    api.stop()
}

fn main() -> io::Result<()> {
    sigpipe::reset();
    let Some(transport) = std::env::args().nth(1) else {
        return Err(io::Error::other("usage: lab_sigpipe <transport>"));
    };
    match send(&transport) {
        Ok(()) => Ok(()),
        Err(error) => writeln!(io::stderr(), "{error}"),
    }
}
