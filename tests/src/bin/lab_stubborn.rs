//! A child that does not end with its input, in one of several ways:
//!
//! * `lab_stubborn asked <file>`: ends when it is asked to, and writes that into the file;
//! * `lab_stubborn deaf <address>`: connects there, and does not end when it is asked to, either;
//! * `lab_stubborn parent <address>`: starts a deaf one before anything else.
//!
//! It says when it is ready, as a call in terse.

use std::error::Error;
use std::io::{self, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::{env, fs, thread};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [how, what] = arguments.as_slice() else {
        return Err("usage: lab_stubborn asked|deaf|parent <what>".into());
    };
    if how == "parent" {
        Command::new(env::current_exe()?)
            .args(["deaf", what])
            .stdout(Stdio::null())
            .spawn()?;
    }
    let (ask, asked) = mpsc::channel();
    ctrlc::set_handler(move || {
        ask.send(()).ok();
    })?;
    let _connection = match how.as_str() {
        "deaf" => Some(TcpStream::connect(what)?),
        _ => None,
    };
    io::stdout().write_all(b"notified text:\"ready\"\n")?;
    io::stdout().flush()?;
    asked.recv()?;
    if how == "asked" {
        return Ok(fs::write(what, "asked")?);
    }
    loop {
        thread::park();
    }
}
