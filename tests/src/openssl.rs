//! The program `openssl`, as a client and as a server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::thread;

use crossbeam_channel::Sender;

use crate::installed::{required, run};
use crate::wait::{Inbox, inbox};

/// A running `openssl s_client` or `openssl s_server`: what is typed goes to the other side,
/// and lines of the other side are seen.
#[derive(Debug)]
pub struct Openssl {
    child: Child,
    input: Option<ChildStdin>,
    lines: Inbox<String>,
}

impl Openssl {
    /// Whether it is installed; a message that nobody overlooks says if it is not.
    ///
    /// # Panics
    ///
    /// Where it is not and `CI` is `true`.
    pub fn is_there() -> bool {
        static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| run(Command::new("openssl").arg("version")));
        required("openssl", found).is_some()
    }

    /// A client of a server on this machine.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[track_caller]
    pub fn client(addr: SocketAddr, options: &[&str]) -> Self {
        let addr = addr.to_string();
        let mut command = Command::new("openssl");
        command.args(["s_client", "-connect", &addr]).args(options);
        Openssl::start(&mut command)
    }

    /// A server, and where it is.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[track_caller]
    pub fn server(options: &[&str]) -> (Self, SocketAddr) {
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0"]);
        let server = Openssl::start(command.args(options));
        let line = server.expect("ACCEPT ");
        let addr = line["ACCEPT ".len()..].parse().expect("an address");
        (server, addr)
    }

    #[track_caller]
    fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("openssl starts");
        let (sender, lines) = inbox();
        if let Some(stdout) = child.stdout.take() {
            forward(stdout, sender.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            forward(stderr, sender);
        }
        let input = child.stdin.take();
        Openssl {
            child,
            input,
            lines,
        }
    }

    /// Types a line.
    ///
    /// # Panics
    ///
    /// If the program does not read any more.
    #[track_caller]
    pub fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("the input is open");
        let written = input.write_all(format!("{line}\n").as_bytes());
        written.and_then(|()| input.flush()).expect("a reader");
    }

    /// The next line that has this in it, past all others.
    ///
    /// # Panics
    ///
    /// If none comes within [`SOON`](crate::SOON).
    #[track_caller]
    pub fn expect(&self, part: &str) -> String {
        loop {
            let line = self.lines.next();
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Nothing more is typed.
    pub fn close_input(&mut self) {
        self.input = None;
    }
}

impl Drop for Openssl {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Passes on every line, from a thread that ends with the program.
fn forward(output: impl Read + Send + 'static, lines: Sender<String>) {
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).is_ok_and(|got| got > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            if lines.send(text).is_err() {
                return;
            }
        }
    });
}
