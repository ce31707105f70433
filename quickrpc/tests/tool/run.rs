//! Runs the program, and what it is run against.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use quickrpc::{CallErrors, remote_api};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error, CallErrors)]
pub enum LabError {
    /// There are eight.
    #[code(404)]
    #[error("there is no such channel")]
    NoSuchChannel,
}

/// A laboratory.
#[remote_api]
pub trait Lab {
    /// Adds two numbers.
    #[incoming]
    fn add(&self, a: i64, #[default(1)] b: i64) -> i64;

    /// Measures a voltage.
    #[incoming]
    fn measure(
        &self,
        /// From 0 to 7.
        channel: u8,
    ) -> Result<f64, LabError>;

    /// Said to everybody.
    #[incoming]
    fn say(&self, text: &str);

    /// Somebody said something.
    #[outgoing]
    fn said(&self, text: &str);

    /// Volts to be held.
    #[incoming(property, writable)]
    fn voltage(&self) -> f64;
}

/// A laboratory that runs, on a free port.
pub fn lab(codec: &str, transport: &str) -> (Lab, SocketAddr) {
    let lab = Lab::bind(codec, transport).expect("right expressions");
    lab.add.connect(|_sender, a, b| a + b);
    lab.measure.connect(|_sender, channel| match channel {
        0..8 => Ok(f64::from(channel) / 2.0),
        _ => Err(LabError::NoSuchChannel),
    });
    let everybody = lab.all();
    lab.say.connect(move |_sender, text| everybody.said(text));
    lab.voltage.set(5.0).expect("a value");
    lab.voltage.on_write(|_sender, _volts| ());
    lab.start().expect("a free port");
    let addr = lab.local_addrs()[0];
    (lab, addr)
}

pub fn tcp_lab(codec: &str) -> (Lab, String) {
    let (lab, addr) = lab(codec, "tcpserv:127.0.0.1:0");
    (lab, format!("tcp:{addr}"))
}

/// The program, with nothing of the user's around it.
pub fn quickrpc<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quickrpc"));
    command.args(args).stdin(Stdio::null());
    command
        .env_remove("QUICKRPC_CONFIG")
        .env("HOME", "/nonexistent");
    command.env_remove("XDG_CONFIG_HOME");
    command
}

/// What the program did.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

pub fn run(args: &[&str]) -> Ran {
    quickrpc(args).output().expect("it was built").into()
}

/// What it prints if it works.
#[track_caller]
pub fn says(args: &[&str]) -> String {
    let ran = run(args);
    assert_eq!(ran.code, 0, "{args:?}: {}", ran.stderr);
    ran.stdout
}

pub fn with_input(args: &[&str], input: &str) -> Ran {
    let mut command = quickrpc(args);
    let command = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("it was built");
    let mut stdin = child.stdin.take().expect("a pipe");
    // It may end without having read that.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("it ends").into()
}

/// A program that goes on until the test ends.
pub struct Running {
    child: Child,
    stdout: std::process::ChildStdout,
    pub stderr: BufReader<std::process::ChildStderr>,
}

impl Running {
    pub fn start(args: &[&str]) -> Self {
        Self::spawn(&mut quickrpc(args))
    }

    pub fn spawn(command: &mut Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it was built");
        Running {
            stdout: child.stdout.take().expect("a pipe"),
            stderr: BufReader::new(child.stderr.take().expect("a pipe")),
            child,
        }
    }

    /// Where it listens, as it says on stderr.
    pub fn address(&mut self) -> String {
        loop {
            let line = self.error_line();
            if let Some(address) = line.strip_prefix("listening on ") {
                return address.to_owned();
            }
        }
    }

    /// All that it prints, up to its end.
    pub fn rest(&mut self) -> String {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut self.stdout, &mut text).expect("text");
        text
    }

    /// The exit code of one that ends by itself.
    pub fn code(&mut self) -> i32 {
        self.child.wait().expect("it ends").code().unwrap_or(-1)
    }

    pub fn error_line(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).expect("text");
        assert!(!line.is_empty(), "it ended");
        line.trim_end().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A folder that goes with the test.
pub struct Dir(PathBuf);

impl Dir {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "quickrpc-tool-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a folder");
        Dir(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The name of a file with this in it.
    pub fn file(&self, name: &str, text: &str) -> String {
        let file = self.0.join(name);
        fs::write(&file, text).expect("a file");
        file.display().to_string()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}
