//! The Python original as a counterpart: its installation, and one running peer.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{self, Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::thread;

use crossbeam_channel::Sender;

use crate::wait::{Inbox, SOON, inbox};

/// One line that a peer prints; `["event"]` says what it is.
pub type Event = serde_json::Value;

/// A Python with the original package, in an environment below the build directory.
#[derive(Debug)]
pub struct Python {
    program: PathBuf,
}

impl Python {
    /// The installation for the tests, made on first use in `directory`.
    ///
    /// `None`, with a message that nobody overlooks, where that is impossible.
    ///
    /// # Panics
    ///
    /// Where it is impossible and `CI` is `true`: there it must not be.
    pub fn find(directory: &str) -> Option<&'static Python> {
        static FOUND: OnceLock<Result<Python, String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| Python::install(Path::new(directory)));
        let reason = match found {
            Ok(python) => return Some(python),
            Err(reason) => reason,
        };
        let required = env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!required, "the Python original is required: {reason}");
        // Straight to the descriptor, since the test runner hides what a passing test prints.
        let message = format!("\n*** SKIPPED, NO PYTHON ORIGINAL: {reason}\n\n");
        let _ = std::io::stderr().write_all(message.as_bytes());
        None
    }

    fn install(directory: &Path) -> Result<Python, String> {
        let home = directory.join("python-quickrpc-0.1.0");
        let python = Python::in_environment(&home);
        if python.works() {
            return Ok(python);
        }
        // Made under another name and renamed when complete, so that two test programs
        // at once never see half an installation.
        let fresh = directory.join(format!("python-{}", process::id()));
        run(Command::new("python3").args(["-m", "venv"]).arg(&fresh))?;
        run(Command::new(Python::in_environment(&fresh).program).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "QuickRPC==0.1.0",
        ]))?;
        if home.exists() {
            fs::remove_dir_all(&home).map_err(|error| error.to_string())?;
        }
        let renamed = fs::rename(&fresh, &home);
        if python.works() {
            return Ok(python);
        }
        Err(format!("{} does not work ({renamed:?})", home.display()))
    }

    fn in_environment(home: &Path) -> Python {
        Python {
            program: home.join("bin").join("python"),
        }
    }

    fn works(&self) -> bool {
        let mut check = Command::new(&self.program);
        run(check.args(["-c", "import quickrpc"])).is_ok()
    }

    /// Starts the counterpart with command line arguments; see its own text for them.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[track_caller]
    pub fn peer(&self, arguments: &[&str]) -> Peer {
        Peer::start(self.command(arguments))
    }

    /// The command line that starts the counterpart.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(script()).arg("--seconds").arg(SECONDS);
        command.args(arguments);
        command
    }

    /// A server, and its address, once it accepts connections.
    ///
    /// # Panics
    ///
    /// If it does not become ready within [`SOON`].
    #[track_caller]
    pub fn server(&self, options: &[&str], codec: &str) -> (Peer, String) {
        let mut arguments = options.to_vec();
        arguments.extend(["server", "tcpserv:127.0.0.1:0", codec]);
        let peer = self.peer(&arguments);
        let ready = peer.expect("ready");
        let addr = ready["address"].as_str().expect("the server's address");
        (peer, addr.to_owned())
    }

    /// A connected client that reads commands from [`Peer::command`].
    ///
    /// # Panics
    ///
    /// If it does not become ready within [`SOON`].
    #[track_caller]
    pub fn client(&self, options: &[&str], transport: &str, codec: &str) -> Peer {
        let patience = SOON.as_secs().to_string();
        let mut arguments = vec!["--timeout", &patience, "--linger", "0"];
        arguments.extend(options);
        arguments.extend(["client", transport, codec]);
        let peer = self.peer(&arguments);
        peer.expect("ready");
        peer
    }
}

/// How long a counterpart lives at the most, whatever happens.
const SECONDS: &str = "120";

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python/quickrpc_peer.py")
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {} {}", output.status, text.trim()))
}

/// A running counterpart; dropping it ends it.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    events: Inbox<Event>,
}

impl Peer {
    /// Starts a program that prints events on stdout or stderr.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[track_caller]
    pub fn start(mut command: Command) -> Peer {
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let (sender, events) = inbox();
        if let Some(stdout) = child.stdout.take() {
            forward(stdout, sender.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            forward(stderr, sender);
        }
        let input = child.stdin.take();
        Peer {
            child,
            input,
            events,
        }
    }

    /// Gives a client its next command.
    ///
    /// # Panics
    ///
    /// If the program does not read any more.
    #[track_caller]
    pub fn command(&mut self, line: &str) {
        let input = self.input.as_mut().expect("the input is open");
        let written = input.write_all(format!("{line}\n").as_bytes());
        written.and_then(|()| input.flush()).expect("a reader");
    }

    /// Gives a command, and waits for the event that says how it went.
    ///
    /// # Panics
    ///
    /// If no such event comes within [`SOON`].
    #[track_caller]
    pub fn outcome(&mut self, line: &str) -> Event {
        self.command(line);
        loop {
            let event = self.events.next();
            if event["command"] == line {
                return event;
            }
        }
    }

    /// Gives a command, and its result.
    ///
    /// # Panics
    ///
    /// If it does not end with a result within [`SOON`].
    #[track_caller]
    pub fn result(&mut self, line: &str) -> serde_json::Value {
        let event = self.outcome(line);
        assert_eq!(event["event"], "result", "{line}: {event}");
        event["value"].clone()
    }

    /// Waits for an event of this kind, past all others.
    ///
    /// # Panics
    ///
    /// If none comes within [`SOON`].
    #[track_caller]
    pub fn expect(&self, kind: &str) -> Event {
        loop {
            let event = self.events.next();
            if event["event"] == kind {
                return event;
            }
        }
    }

    /// Lets a client end by itself: no more commands.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// Ends the program at once, without a goodbye.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Passes on every line that is an event, from a thread that ends with the program.
fn forward(output: impl Read + Send + 'static, events: Sender<Event>) {
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let Ok(event) = serde_json::from_str::<Event>(&line) else {
                continue; // The package's own log goes there too.
            };
            if events.send(event).is_err() {
                return;
            }
        }
    });
}
