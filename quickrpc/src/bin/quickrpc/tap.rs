//! `quickrpc tap`: between two sides that talk, and seen by neither.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use clap::Args;
use quickrpc::{TransportExpr, Value};

use super::failure::Failure;
use super::telegrams::{self, Cut, Said};
use super::wire::{Bound, Wire};
use super::{Done, output};

/// Stands between clients and a server, and shows all telegrams.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Tap {
    /// Where clients connect now, such as tcpserv:127.0.0.1:9000
    listen: TransportExpr,

    /// The server
    #[command(flatten)]
    wire: Wire,

    /// Keep all telegrams in a file, for `quickrpc replay`
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,

    /// Show so many characters of a telegram
    #[arg(long, default_value_t = 200)]
    width: usize,

    /// End when the first client has gone
    #[arg(long)]
    once: bool,
}

const EXAMPLES: &str = "\
Bytes are passed on as they are; only what is shown is looked into. An answer has the time that it took
behind it.

Examples:
  quickrpc tap tcpserv:127.0.0.1:9000 tcp:localhost:8888
  quickrpc tap --codec terse --record talk.jsonl tcpserv::9000 @lab";

/// What all connections share.
struct Shown {
    started: Instant,
    width: usize,
    record: Option<Mutex<BufWriter<File>>>,
}

/// One connection: which calls wait for their answers, from either side.
struct Talk {
    number: usize,
    cut: Cut,
    waiting: Mutex<HashMap<(bool, String), (String, Instant)>>,
}

impl Tap {
    pub fn run(self) -> Done {
        let server = self.wire.bound()?;
        let cut = Cut::of(&server.codec)?;
        let listener = telegrams::listen(&self.listen)?;
        let record = match &self.record {
            Some(file) => Some(Mutex::new(BufWriter::new(File::create(file).map_err(
                |error| Failure::usage(format!("cannot write {}: {error}", file.display())),
            )?))),
            None => None,
        };
        output::say(format!("listening on {}", listener.local_addr()?));
        let shown = Arc::new(Shown {
            started: Instant::now(),
            width: self.width,
            record,
        });
        for (number, client) in listener.incoming().enumerate() {
            let client = client?;
            let talk = Arc::new(Talk {
                number: number + 1,
                cut: cut.clone(),
                waiting: Mutex::default(),
            });
            let (shown, server) = (Arc::clone(&shown), server.clone());
            let thread = thread::spawn(move || talk.go_between(&client, &server, &shown));
            if self.once {
                // A panic there is one of ours, and told by then.
                return thread.join().unwrap_or(Ok(()));
            }
        }
        Ok(())
    }
}

impl Talk {
    fn go_between(&self, client: &TcpStream, server: &Bound, shown: &Shown) -> Done {
        client.set_nodelay(true)?;
        shown.note(self.number, &format!("{} is here", client.peer_addr()?))?;
        let server = match telegrams::connect(&server.transport, server.timeout) {
            Ok(server) => server,
            Err(failure) => {
                failure.tell();
                // It is to know at once.
                let _ = client.shutdown(Shutdown::Both);
                return Err(failure);
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| self.see(&server, client, false, shown));
            self.see(client, &server, true, shown);
        });
        shown.note(self.number, "is over")
    }

    fn see(&self, from: &TcpStream, to: &TcpStream, is_client: bool, shown: &Shown) {
        let mut rest = Vec::new();
        telegrams::pass(from, to, |bytes| {
            rest.extend_from_slice(bytes);
            for telegram in self.cut.telegrams(&mut rest) {
                // Where nobody reads any more, the two still talk.
                let _ = shown.telegram(self, is_client, &telegram);
            }
        });
    }

    /// What an answer answers, and how long that took.
    fn matched(&self, is_client: bool, telegram: &[u8]) -> String {
        let Ok(mut waiting) = self.waiting.lock() else {
            return String::new();
        };
        match Said::of(telegram) {
            Said::Call {
                method,
                id: Some(id),
            } => {
                // Who never answers is not kept for ever.
                if waiting.len() < 10_000 {
                    waiting.insert((is_client, id), (method, Instant::now()));
                }
                String::new()
            }
            Said::Answer { id, failed } => match waiting.remove(&(!is_client, id)) {
                Some((method, since)) => {
                    let word = if failed { "failed" } else { "answers" };
                    let micros = since.elapsed().as_micros();
                    format!(
                        "  {}",
                        output::dim(&format!("{word} {method}, {:.1} ms", micros as f64 / 1e3))
                    )
                }
                None => String::new(),
            },
            _ => String::new(),
        }
    }
}

impl Shown {
    fn note(&self, number: usize, text: &str) -> Done {
        let time = self.started.elapsed().as_secs_f64();
        output::line(format!("{time:>9.3}  #{number}  {text}"))
    }

    fn telegram(&self, talk: &Talk, is_client: bool, telegram: &[u8]) -> Done {
        let time = self.started.elapsed().as_secs_f64();
        let text = String::from_utf8_lossy(telegram);
        if let Some(record) = &self.record
            && let Ok(mut file) = record.lock()
        {
            let entry = [
                ("time", Value::from(time)),
                ("connection", talk.number.into()),
                ("from", if is_client { "client" } else { "server" }.into()),
                ("telegram", text.as_ref().into()),
            ];
            writeln!(file, "{}", entry.into_iter().collect::<Value>())?;
            file.flush()?;
        }
        let matched = talk.matched(is_client, telegram);
        let arrow = if is_client { ">" } else { "<" };
        let mut short: String = text.chars().take(self.width).collect();
        if short.len() < text.len() {
            short.push('…');
        }
        let short = short.replace(char::is_control, "\u{fffd}");
        output::line(format!(
            "{time:>9.3}  #{} {} {short}{matched}",
            talk.number,
            output::bold(arrow)
        ))
    }
}
