//! One end of streams that never end: `stream_peer <role> <codec> <transport>`, where the role is
//!
//! * `serves`: counts for whoever asks, and adds up what comes,
//! * `takes`: has the other side count,
//! * `gives`: has the other side add up.
//!
//! It says `listening on <address>` where it does, and goes on until somebody kills it.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process;

use quickrpc::{Processing, Stream};
use quickrpc_tests::{Numbers, NumbersInverse, SOON};

fn serve(codec: &str, transport: &str) -> quickrpc::Result<()> {
    let api = Numbers::builder()
        .codec(codec)
        .transport(transport)
        .processing(Processing::Queue)
        .build()?;
    api.count.connect(|_sender| Stream::iter(0..));
    api.sum
        .connect(|_sender, mut numbers| numbers.try_fold(0, |sum, one| one.map(|one| sum + one)));
    api.start()?;
    tell(&api.local_addrs());
    api.wait()
}

fn call(takes: bool, codec: &str, transport: &str) -> quickrpc::Result<()> {
    let api = NumbersInverse::bind(codec, transport)?;
    api.start()?;
    tell(&api.local_addrs());
    let server = api.all().ready(SOON)?;
    match takes {
        true => server.count().result(),
        false => server.sum(Stream::iter(0..)).result().map(drop),
    }
}

fn tell(addresses: &[SocketAddr]) {
    for address in addresses {
        writeln!(io::stdout(), "listening on {address}").ok();
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended = match *arguments.as_slice() {
        ["serves", codec, transport] => serve(codec, transport),
        ["takes", codec, transport] => call(true, codec, transport),
        ["gives", codec, transport] => call(false, codec, transport),
        _ => {
            let usage = b"usage: stream_peer serves|takes|gives <codec> <transport>\n";
            io::stderr().write_all(usage).ok();
            process::exit(2);
        }
    };
    if let Err(error) = ended {
        writeln!(io::stderr(), "{error}").ok();
        process::exit(1);
    }
}
