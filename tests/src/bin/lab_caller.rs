//! Adds two numbers on the lab's server: `lab_caller <codec> <transport>` prints the sum, or why
//! there is none.

use std::io::{self, Write};

use quickrpc_tests::LabInverse;

fn sum(codec: &str, transport: &str) -> quickrpc::Result<i64> {
    let api = LabInverse::bind(codec, transport)?;
    api.start()?;
    api.all().add(2, 3).result()
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [codec, transport] = arguments.as_slice() else {
        return Err(io::Error::other("usage: lab_caller <codec> <transport>"));
    };
    match sum(codec, transport) {
        Ok(sum) => writeln!(io::stdout(), "{sum}"),
        Err(error) => writeln!(io::stdout(), "{error}"),
    }
}
