//! One chat for pages in browsers and for people on telnet: one API, two wires.
//!
//! ```text
//! cargo run --example chat          # then open http://localhost:8080/
//! telnet localhost 8888             # or: nc localhost 8888
//! nick name:"ann"
//! say text:"hello"
//! ```

#![allow(clippy::print_stderr, reason = "people read it")]

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;
use quickrpc::{BoxError, Sender, remote_api};
use serde::{Deserialize, Serialize};

/// A chat: what one says, everybody hears. Who has a name is there.
#[remote_api]
trait Chat {
    /// Takes a name, and gives the one that it is: with a number if somebody else has it.
    #[incoming]
    fn nick(&self, name: &str) -> Result<String, BoxError>;

    /// Says something to everybody. Who has no name gets one.
    #[incoming]
    fn say(&self, text: &str);

    /// What was said last, after this time.
    #[incoming]
    fn recent(&self, #[default] after: u64) -> Vec<Message>;

    /// Who is there; told to everybody who comes.
    #[outgoing]
    fn people(&self, names: Vec<String>);

    /// Somebody has come.
    #[outgoing]
    fn joined(&self, name: &str);

    /// Somebody has another name.
    #[outgoing]
    fn renamed(&self, from: &str, to: &str);

    /// Somebody has gone.
    #[outgoing]
    fn left(&self, name: &str);

    /// Somebody has said something.
    #[outgoing]
    fn said(&self, name: &str, text: &str, time: u64);
}

/// Something that was said.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Message {
    name: String,
    text: String,
    /// Milliseconds since 1970; no two messages have the same.
    time: u64,
}

/// Chat server: pages and telnet people in one room.
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Options {
    /// Where to listen: an IP address of this machine; all of them if empty
    #[arg(long, default_value = "")]
    interface: String,

    /// The port for browsers
    #[arg(long, default_value_t = 8080)]
    port: u16,

    /// The port for telnet
    #[arg(long, default_value_t = 8888)]
    telnet: u16,

    /// The folder with the page
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/web/chat"))]
    files: PathBuf,
}

const EXAMPLES: &str = r#"Examples:
  cargo run --example chat
      Open http://localhost:8080/ in a browser, or two. In a terminal:
      telnet localhost 8888                  (or: nc localhost 8888)
      nick name:"ann"
      say text:"hello"
  cargo run --example chat -- --interface 127.0.0.1 --port 0 --telnet 0
      Only for this machine, on ports that are free
  cargo run --example chat -- --files my_page
      With a page of your own; /quickrpc.js is always there"#;

fn main() -> ExitCode {
    let options = Options::parse();
    quickrpc_examples::run(|| serve(&options))
}

fn serve(options: &Options) -> Result<(), BoxError> {
    let Options {
        interface,
        port,
        telnet,
        files,
    } = options;
    let files = files.display();
    let api = Chat::builder()
        .codec("jrpc")
        .transport(format!("wsserv:{interface}:{port}?files={files}"))
        .bind("terse", format!("tcpserv:{interface}:{telnet}"))
        .build()?;

    let room = Arc::new(Room::new(api.all()));
    let here = Arc::clone(&room);
    api.on_connect(move |peer| here.greet(peer));
    let here = Arc::clone(&room);
    api.on_disconnect(move |peer, _reason| here.leave(peer));
    let here = Arc::clone(&room);
    api.nick
        .connect(move |sender, name| here.nick(sender, name));
    let here = Arc::clone(&room);
    api.say.connect(move |sender, text| here.say(sender, text));
    api.recent.connect(move |_sender, after| room.recent(after));
    api.start()?;
    let stopping = api.clone();
    quickrpc_examples::stop_on_ctrl_c(move || stopping.stop())?;

    for (address, how) in api.local_addrs().iter().zip(HOW) {
        let port = address.port();
        eprintln!(
            "Listening on {address}. {}",
            how.replace("PORT", &port.to_string())
        );
    }
    eprintln!("Type:   nick name:\"ann\"    say text:\"hello\"    recent[1]");
    Ok(api.wait()?)
}

/// How to join on each wire, in the order in which they are bound.
const HOW: [&str; 2] = [
    "Open in a browser: http://localhost:PORT/",
    "Join with: telnet localhost PORT",
];

/// Who is there, and what was said.
struct Room {
    /// What goes to everybody cannot fail for the one who says it: whoever does not get it is
    /// gone, or is disconnected because it does not read.
    everybody: ChatOutgoing,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    people: Vec<(Sender, String)>,
    recent: VecDeque<Message>,
}

/// How many messages a newcomer can still read.
const RECENT: usize = 100;
const LONGEST_NAME: usize = 30;
const LONGEST_TEXT: usize = 2_000;

impl Room {
    fn new(everybody: ChatOutgoing) -> Self {
        Room {
            everybody,
            state: Mutex::default(),
        }
    }

    fn greet(&self, peer: &Sender) {
        let names = self
            .state()
            .people
            .iter()
            .map(|(_, name)| name.clone())
            .collect();
        self.everybody.to(peer).people(names).ok();
    }

    fn leave(&self, peer: &Sender) {
        let mut state = self.state();
        let Some(place) = state.place(peer) else {
            return;
        };
        let (_, name) = state.people.remove(place);
        drop(state);
        self.everybody.left(&name).ok();
    }

    fn nick(&self, peer: &Sender, wanted: &str) -> Result<String, BoxError> {
        let wanted = clean(wanted, LONGEST_NAME, "a name")?;
        let mut state = self.state();
        let place = state.place(peer);
        let name = state.free_name(peer, wanted);
        let before = match place.and_then(|place| state.people.get_mut(place)) {
            Some((_, before)) => Some(std::mem::replace(before, name.clone())),
            None => {
                state.people.push((peer.clone(), name.clone()));
                None
            }
        };
        drop(state);
        match before {
            Some(before) if before == name => {}
            Some(before) => {
                self.everybody.renamed(&before, &name).ok();
            }
            None => {
                self.everybody.joined(&name).ok();
            }
        }
        Ok(name)
    }

    fn say(&self, peer: &Sender, text: &str) -> Result<(), BoxError> {
        let text = clean(text, LONGEST_TEXT, "a message")?;
        let name = match self.name(peer) {
            Some(name) => name,
            None => self.nick(peer, "guest")?,
        };
        let message = self.state().remember(name, text.to_owned());
        self.everybody.said(&message.name, text, message.time).ok();
        Ok(())
    }

    fn recent(&self, after: u64) -> Vec<Message> {
        let state = self.state();
        state
            .recent
            .iter()
            .filter(|message| message.time > after)
            .cloned()
            .collect()
    }

    fn name(&self, peer: &Sender) -> Option<String> {
        let state = self.state();
        let (_, name) = state.people.get(state.place(peer)?)?;
        Some(name.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn place(&self, peer: &Sender) -> Option<usize> {
        self.people.iter().position(|(other, _)| other == peer)
    }

    /// The name, or the name with the first number that makes it another.
    fn free_name(&self, peer: &Sender, wanted: &str) -> String {
        let others = self.people.iter().filter(|(other, _)| other != peer);
        let taken: HashSet<&str> = others.map(|(_, name)| name.as_str()).collect();
        let mut name = wanted.to_owned();
        let mut number = 1;
        while taken.contains(name.as_str()) {
            number += 1;
            name = format!("{wanted} {number}");
        }
        name
    }

    fn remember(&mut self, name: String, text: String) -> Message {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let last = self.recent.back().map_or(0, |message| message.time);
        let message = Message {
            name,
            text,
            time: (now.as_millis() as u64).max(last + 1),
        };
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(message.clone());
        message
    }
}

/// The text without blanks around it, if it is one that others can be shown.
fn clean<'a>(text: &'a str, longest: usize, what: &str) -> Result<&'a str, String> {
    let text = text.trim();
    let length = text.chars().count();
    if length == 0 || length > longest {
        return Err(format!(
            "{what} has 1 to {longest} characters, not {length}"
        ));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(format!("{what} cannot have control characters"));
    }
    Ok(text)
}
