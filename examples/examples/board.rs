//! A notice board on three wires at once: people with `nc` and programs speak JSON-RPC over TCP,
//! programs in Python speak Zonis or Juggler, and all of them see what the others pin up.
//!
//! ```text
//! cargo run --example board
//! nc localhost 8888
//! {"jsonrpc":"2.0","method":"pin","params":{"text":"hello"},"id":1}
//! ```

#![allow(clippy::print_stderr, clippy::print_stdout, reason = "people read it")]

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use clap::Parser;
use quickrpc::{BoxError, Sender, remote_api};
use serde::{Deserialize, Serialize};

/// A notice board. Nothing here knows of any wire.
#[remote_api]
trait Board {
    /// Pins up a note; gives its number.
    #[incoming]
    fn pin(&self, text: &str) -> Result<usize, BoxError>;

    /// The notes that hang there.
    #[incoming]
    fn notes(&self) -> Vec<Note>;

    /// Somebody has pinned up a note.
    #[outgoing]
    fn pinned(&self, number: usize, author: &str, text: &str);
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Note {
    author: String,
    text: String,
}

/// The board itself.
struct Cork {
    notes: Mutex<Vec<Note>>,
    everybody: BoardOutgoing,
}

/// So many notes fit.
const MOST: usize = 1000;

impl BoardIncoming for Cork {
    fn pin(&self, sender: &Sender, text: &str) -> Result<usize, BoxError> {
        if text.is_empty() {
            return Err("a note says something".into());
        }
        let number = {
            let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
            if notes.len() == MOST {
                return Err("the board is full".into());
            }
            notes.push(Note {
                author: sender.name().to_owned(),
                text: text.to_owned(),
            });
            notes.len()
        };
        // Everybody, on whichever wire; who does not hear of it can still look.
        self.everybody.pinned(number, sender.name(), text).ok();
        Ok(number)
    }

    fn notes(&self, _sender: &Sender) -> Vec<Note> {
        self.notes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A notice board for JSON-RPC, Zonis and Juggler; or a program that uses it, on any of them.
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Options {
    /// Where to listen: an IP address of this machine; all of them if empty
    #[arg(long, default_value = "")]
    interface: String,

    /// The port for JSON-RPC, a line for each message
    #[arg(long, default_value_t = 8888)]
    jrpc: u16,

    /// The port for Zonis
    #[arg(long, default_value_t = 8081)]
    zonis: u16,

    /// The port for Juggler
    #[arg(long, default_value_t = 8082)]
    juggler: u16,

    /// Be no board, but a program that uses one over this transport
    #[arg(long, value_name = "TRANSPORT")]
    at: Option<String>,

    /// With --at: the codec that is spoken there
    #[arg(long, default_value = r"jrpc:\n")]
    codec: String,

    /// With --at: what to pin up
    texts: Vec<String>,
}

const EXAMPLES: &str = r#"Examples:
  cargo run --example board
      nc localhost 8888                      (or: telnet localhost 8888)
      {"jsonrpc":"2.0","method":"pin","params":{"text":"hello"},"id":1}
  cargo run --example board -- --at tcp:localhost:8888 "by JSON-RPC"
  cargo run --example board -- --at ws:localhost:8081/ws --codec zonis:ann "by Zonis"
  cargo run --example board -- --at ws:localhost:8082/ws --codec juggler:0.7 "by Juggler"
      A program that pins something up, and shows what hangs there"#;

fn main() -> ExitCode {
    let options = Options::parse();
    quickrpc_examples::run(|| match &options.at {
        None => serve(&options),
        Some(transport) => visit(&options.codec, transport, &options.texts),
    })
}

fn serve(options: &Options) -> Result<(), BoxError> {
    let interface = &options.interface;
    let board = Board::builder()
        .bind(r"jrpc:\n", format!("tcpserv:{interface}:{}", options.jrpc))
        .bind("zonis", format!("wsserv:{interface}:{}/ws", options.zonis))
        .bind(
            "juggler:0.7",
            format!("wsserv:{interface}:{}/ws", options.juggler),
        )
        .build()?;
    board.serve(Cork {
        notes: Mutex::default(),
        everybody: board.all(),
    });
    board.on_connect(|peer| eprintln!("{peer} is here."));
    board.start()?;
    for (address, how) in board.local_addrs().iter().zip(HOW) {
        let how = how.replace("PORT", &address.port().to_string());
        eprintln!("Listening on {address}. {how}");
    }
    Ok(board.wait()?)
}

/// How to join on each wire, in the order in which they are bound.
const HOW: [&str; 3] = [
    "JSON-RPC, for instance: nc localhost PORT",
    r#"Zonis: Client(url="ws://localhost:PORT/ws", identifier="ann")"#,
    r#"Juggler: juggler.connect("ws://localhost:PORT/ws")"#,
];

/// A program that pins up its notes, and shows what is there.
fn visit(codec: &str, transport: &str, texts: &[String]) -> Result<(), BoxError> {
    let guest = BoardInverse::bind(codec, transport)?;
    let heard = guest.pinned.subscribe();
    guest.start()?;
    let board = guest.all();
    for text in texts {
        let number = board.pin(text).result()?;
        // Its own notes are told to it as well.
        loop {
            let (_, told, author, text) = heard.recv()?;
            println!("{author} has pinned up note {told}: {text}");
            if told == number {
                break;
            }
        }
    }
    for (number, note) in (1..).zip(board.notes().result()?) {
        println!("{number}. {}: {}", note.author, note.text);
    }
    Ok(())
}
