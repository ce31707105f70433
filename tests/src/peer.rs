//! A running counterpart: a program that prints events, and may take commands.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;

use crossbeam_channel::Sender;

use crate::wait::{Inbox, inbox};

/// One line that a peer prints; `["event"]` says what it is: `text` where it is no JSON.
pub type Event = serde_json::Value;

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
    pub fn start(command: &mut Command) -> Peer {
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
    /// If no such event comes within [`SOON`](crate::SOON).
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
    /// If it does not end with a result within [`SOON`](crate::SOON).
    #[track_caller]
    pub fn result(&mut self, line: &str) -> serde_json::Value {
        let event = self.outcome(line);
        assert_eq!(event["event"], "result", "{line}: {event}");
        event["value"].clone()
    }

    /// Gives a command as JSON, and waits for how it went: the next event of the two kinds.
    ///
    /// # Errors
    ///
    /// With the event, if it tells of an error.
    ///
    /// # Panics
    ///
    /// If no such event comes within [`SOON`](crate::SOON).
    #[track_caller]
    pub fn ask(&mut self, command: serde_json::Value) -> Result<serde_json::Value, Event> {
        self.command(&command.to_string());
        loop {
            let mut event = self.events.next();
            match event["event"].as_str() {
                Some("result") => return Ok(event["value"].take()),
                Some("error") => return Err(event),
                _ => {}
            }
        }
    }

    /// Waits for an event of this kind, past all others.
    ///
    /// # Panics
    ///
    /// If none comes within [`SOON`](crate::SOON).
    #[track_caller]
    pub fn expect(&self, kind: &str) -> Event {
        self.expect_one_of(&[kind])
    }

    /// Waits for an event of one of these kinds, past all others.
    ///
    /// # Panics
    ///
    /// If none comes within [`SOON`](crate::SOON).
    #[track_caller]
    pub fn expect_one_of(&self, kinds: &[&str]) -> Event {
        loop {
            let event = self.events.next();
            if kinds.iter().any(|kind| event["event"] == *kind) {
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
            // What the program says otherwise goes there too.
            let event = serde_json::from_str::<Event>(&line)
                .unwrap_or_else(|_| serde_json::json!({"event": "text", "text": line}));
            if events.send(event).is_err() {
                return;
            }
        }
    });
}
