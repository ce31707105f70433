//! The lab on stdin and stdout, as a program for others to start:
//! `lab_stdio [codec [transport [security [file]]]]`. Its process is written into the file.

use quickrpc::Result;
use quickrpc_tests::{Lab, register_lists, serve, sign};

fn main() -> Result<()> {
    let codec = std::env::args().nth(1);
    let codec = codec.as_deref().unwrap_or("jrpc");
    register_lists();
    let transport = std::env::args().nth(2);
    let security = std::env::args().nth(3);
    let _signed = std::env::args().nth(4).map(|file| sign(file.as_ref()));
    let api = Lab::builder()
        .codec(codec)
        .security(security.as_deref().unwrap_or("null"))
        .transport(transport.as_deref().unwrap_or("stdio:"))
        .build()?;
    let served = serve(&api);
    // A stray line must not spoil the wire.
    api.add.connect(|_sender, _a, _b| {
        stray("this is no message");
        None::<i64>
    });
    api.start()?;
    let result = api.wait();
    drop(served);
    result
}

#[allow(clippy::print_stdout, reason = "it shows that the wire survives this")]
fn stray(text: &str) {
    println!("{text}");
}
