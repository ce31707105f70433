//! `quickrpc tap`: between two sides that talk, and seen by neither.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use crossbeam_channel::{Receiver, bounded, select, unbounded};
use quickrpc::dynamic::Api;
use quickrpc::{Sender, TransportExpr, Value};

use super::failure::{Failure, Kind};
use super::relay;
use super::telegrams::{self, Cut, Cutter, Found, Said};
use super::wire::{Bound, Wire};
use super::{Done, output};

/// Stands between clients and a server, and shows all telegrams.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Tap {
    /// Where clients connect now, such as tcpserv:127.0.0.1:9000 or wsserv::9000/ws
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
Telegrams are passed on as they are; only what is shown is looked into. An answer has the time that it took
behind it. The two sides may be different wires: TCP, TLS, Unix-domain sockets, WebSocket, and a program
and its child. For others, `quickrpc bridge --verbose` shows the calls.

Examples:
  quickrpc tap tcpserv:127.0.0.1:9000 tcp:localhost:8888
  quickrpc tap unixserv:/tmp/tap unix:/run/lab.sock
  quickrpc tap tcpserv:127.0.0.1:9000 tls:lab.example:9443
      What clients say in the clear goes on encrypted
  quickrpc tap --codec zonis wsserv:127.0.0.1:9000/ws ws://localhost:8080/ws
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
    waiting: Mutex<HashMap<(bool, String), (String, Instant)>>,
}

impl Tap {
    pub fn run(self) -> Done {
        let server = self.wire.bound()?;
        let record = match &self.record {
            Some(file) => Some(Mutex::new(BufWriter::new(File::create(file).map_err(
                |error| Failure::usage(format!("cannot write {}: {error}", file.display())),
            )?))),
            None => None,
        };
        let shown = Arc::new(Shown {
            started: Instant::now(),
            width: self.width,
            record,
        });
        match Cut::is_plain(&self.listen) && Cut::is_plain(&server.transport) {
            true => self.between_streams(&server, &shown),
            false => self.between_wires(&server, &shown),
        }
    }

    /// Between plain connections: all bytes, whatever they are.
    fn between_streams(&self, server: &Bound, shown: &Arc<Shown>) -> Done {
        let cut = Cut::of(&server.codec)?;
        let listener = telegrams::listen(&self.listen)?;
        output::say(format!("listening on {}", listener.local_addr()?));
        let once = self.once;
        let (mut number, mut is_full) = (0, false);
        for client in listener.incoming() {
            let client = match client {
                Ok(client) => client,
                Err(error) => {
                    // Once, and not for each that waits until others have gone.
                    if !std::mem::replace(&mut is_full, true) {
                        let text = format!("cannot take one more client: {error}");
                        Failure::new(Kind::Connection, text)
                            .hint("the others go on; `ulimit -n` says how many files may be open")
                            .tell();
                    }
                    thread::sleep(AGAIN);
                    continue;
                }
            };
            is_full = false;
            number += 1;
            let talk = Talk::new(number);
            let (shown, server, cut) = (Arc::clone(shown), server.clone(), cut.clone());
            let thread =
                thread::spawn(move || told(once, talk.go_between(&client, &server, &cut, &shown)));
            if self.once {
                // A panic there is one of ours, and told by then.
                return thread.join().unwrap_or(Ok(()));
            }
        }
        Ok(())
    }

    /// Between any connections: telegrams.
    fn between_wires(&self, server: &Bound, shown: &Arc<Shown>) -> Done {
        let front = relay::open(&server.codec, &self.listen, server)?;
        // What is wrong with the other side is told before somebody comes.
        relay::open(&server.codec, &server.transport, server)?;
        let talks = Arc::new(Mutex::new(HashMap::new()));
        let (ended, ends) = unbounded();
        let (came, number) = (Arc::clone(&talks), AtomicUsize::new(1));
        let (api, to, seen, over) = (
            front.clone(),
            server.clone(),
            Arc::clone(shown),
            ended.clone(),
        );
        let once = self.once;
        front.on_connect(move |peer| {
            let (say, said) = bounded(WAITING);
            if let Ok(mut talks) = came.lock() {
                talks.insert(peer.clone(), say);
            }
            let talk = Talk::new(number.fetch_add(1, Ordering::Relaxed));
            let client = Client {
                api: api.clone(),
                peer: peer.clone(),
                said,
            };
            let (to, seen, over) = (to.clone(), Arc::clone(&seen), over.clone());
            thread::spawn(move || over.send(Some(told(once, talk.pass_on(&client, &to, &seen)))));
        });
        let gone = Arc::clone(&talks);
        front.on_disconnect(move |peer, _reason| {
            if let Ok(mut talks) = gone.lock() {
                talks.remove(peer);
            }
        });
        relay::hear(&front, move |peer, telegram| {
            let say = talks.lock().ok().and_then(|talks| talks.get(peer).cloned());
            if let Some(say) = say {
                // The server may have gone.
                say.send(telegram.to_vec()).ok();
            }
        });
        front.start()?;
        match front.local_addrs().first() {
            Some(address) => output::say(format!("listening on {address}")),
            None => output::say(format!("listening on {}", self.listen)),
        }
        let waits = front.clone();
        thread::spawn(move || {
            // How it has ended was told.
            let _ = waits.wait();
            ended.send(None)
        });
        let mut done = Ok(());
        while let Ok(Some(one)) = ends.recv() {
            done = one;
            if self.once {
                break;
            }
        }
        // A program that was at its end is not waited for.
        match self.once {
            true => done,
            false => Ok(()),
        }
    }
}

/// What went wrong is told at once where it does not end the program.
fn told(once: bool, done: Done) -> Done {
    if let Err(failure) = &done
        && !once
    {
        failure.tell();
    }
    done
}

const UNSEEN: &str = "what is no telegram, or longer than 64 MiB, is passed on and not shown";

/// How long those wait who could not be taken.
const AGAIN: Duration = Duration::from_millis(100);

/// So many telegrams of a client may wait for its server.
const WAITING: usize = 1_024;

/// A client, with what it says.
struct Client {
    api: Api,
    peer: Sender,
    said: Receiver<Vec<u8>>,
}

impl Talk {
    fn new(number: usize) -> Arc<Self> {
        Arc::new(Talk {
            number,
            waiting: Mutex::default(),
        })
    }

    /// Until either of them has gone.
    fn pass_on(self: &Arc<Self>, client: &Client, server: &Bound, shown: &Arc<Shown>) -> Done {
        shown.note(self.number, &format!("{} is here", client.peer))?;
        let back = relay::open(&server.codec, &server.transport, server)?;
        let (talk, seen) = (Arc::clone(self), Arc::clone(shown));
        let (api, peer) = (client.api.clone(), client.peer.clone());
        relay::hear(&back, move |_server, telegram| {
            // Where nobody reads any more, the two still talk; and who has gone hears nothing.
            let _ = seen.telegram(&talk, false, telegram);
            let _ = relay::say(&api, Some(&peer), telegram);
        });
        let (ended, end) = bounded(1);
        back.on_disconnect(move |_server, reason| {
            ended.try_send(reason.to_string()).ok();
        });
        let mut done = back.start().map_err(|error| server.cannot_start(error));
        while done.is_ok() {
            select! {
                recv(client.said) -> telegram => match telegram {
                    Ok(telegram) => {
                        let _ = shown.telegram(self, true, &telegram);
                        if relay::say(&back, None, &telegram).is_err() {
                            break;
                        }
                    }
                    Err(_) => break,
                },
                recv(end) -> reason => {
                    let reason = reason.unwrap_or_default();
                    done = shown.note(self.number, &format!("the server is gone: {reason}"));
                    break;
                }
            }
        }
        // It may have gone before.
        client.api.all().disconnect(&client.peer).ok();
        back.stop()?;
        shown.note(self.number, "is over")?;
        done
    }

    fn go_between(&self, client: &TcpStream, server: &Bound, cut: &Cut, shown: &Shown) -> Done {
        client.set_nodelay(true)?;
        shown.note(self.number, &format!("{} is here", client.peer_addr()?))?;
        let server = match telegrams::connect(&server.transport, server.timeout) {
            Ok(server) => server,
            Err(failure) => {
                // It is to know at once.
                let _ = client.shutdown(Shutdown::Both);
                return Err(failure);
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| self.see(&server, client, cut, false, shown));
            self.see(client, &server, cut, true, shown);
        });
        shown.note(self.number, "is over")
    }

    fn see(&self, from: &TcpStream, to: &TcpStream, cut: &Cut, is_client: bool, shown: &Shown) {
        let mut cutter = Cutter::new(cut);
        telegrams::pass(from, to, |bytes| {
            for found in cutter.push(bytes) {
                // Where nobody reads any more, the two still talk.
                let _ = match found {
                    Found::Telegram(telegram) => shown.telegram(self, is_client, &telegram),
                    Found::Unseen => shown.note(self.number, UNSEEN),
                };
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
                    let method = output::plain(&method);
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
        output::line(format!("{time:>9.3}  #{number}  {}", output::plain(text)))
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
