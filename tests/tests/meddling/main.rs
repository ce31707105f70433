//! Somebody between a client and a server changes, drops, doubles, cuts, swaps and adds what he
//! likes, with dice that fall the same each time. Whatever he does costs the two their connection
//! at most. A program of its own, since it looks at all panics: those within TLS, Noise or HTTP are
//! caught, and are faults nevertheless.

mod meddler;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once};
use std::thread;
use std::time::{Duration, Instant};

use quickrpc::{Error, Promise};
use quickrpc_tests::{Authority, Inbox, KeyFile, Lab, LabInverse, bounded, inbox};

use meddler::{Dice, Meddler, Units};

/// How often each is tried.
const SEEDS: u64 = 300;
/// So many are tried at a time.
const AT_ONCE: u64 = 8;

static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// From now on, panics on threads of the library are noted.
fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let thread = thread::current();
            if let Some(name) = thread.name().filter(|name| name.starts_with("quickrpc-")) {
                PANICS.lock().unwrap().push(format!("{name}: {info}"));
            }
            before(info);
        }));
    });
}

/// A server, and how clients talk to it.
struct Wire {
    codec: &'static str,
    server: String,
    server_security: String,
    client: Box<dyn Fn(SocketAddr) -> String + Send + Sync>,
    client_security: String,
    units: Units,
    /// What is changed is found out.
    honest: bool,
}

/// Says what `lab` hears, and answers. Some words end the connection while more is on its way.
fn serve(lab: &Lab) -> Inbox<String> {
    let (heard, notes) = inbox();
    let out = lab.all();
    lab.echo.connect(|_sender, text| text.to_owned());
    lab.add.connect(|_sender, a, b| a.wrapping_add(b));
    lab.notify.connect(move |sender, text| {
        let _ = heard.send(text.to_owned());
        for _ in 0..3 {
            let _ = out.to(sender).notified(text);
        }
        if text.ends_with("bye") {
            let _ = out.disconnect(sender);
        }
    });
    notes
}

impl Wire {
    fn builder(&self, addr: SocketAddr) -> LabInverse {
        let client = LabInverse::builder()
            .codec(self.codec)
            .security(self.client_security.as_str())
            .transport((self.client)(addr))
            .build()
            .unwrap();
        client.notified.connect(|_sender, _text| {});
        client
    }

    fn tried(&self) {
        watch();
        let lab = Lab::builder()
            .codec(self.codec)
            .security(self.server_security.as_str())
            .transport(self.server.as_str())
            .build()
            .unwrap();
        let notes = serve(&lab);
        // Trouble is what there will be.
        lab.on_error(|_sender, _error, _method| {});
        lab.start().unwrap();
        let addr = lab.local_addrs()[0];
        let good = self.builder(addr);
        good.start().unwrap();
        let next = AtomicU64::new(0);
        let (mut through, mut let_in) = (0, 0);
        thread::scope(|scope| {
            let work = || {
                let (mut through, mut let_in) = (0, 0);
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= SEEDS {
                        return (through, let_in);
                    }
                    let answers = self.round(addr, seed);
                    let_in += usize::from(answers.is_some());
                    through += answers.unwrap_or_default();
                }
            };
            let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
            for worker in workers {
                let (more, lets) = worker.join().unwrap();
                through += more;
                let_in += lets;
            }
        });
        // It is about connections that come to be, and those that do not.
        assert!(through > 0 && let_in > 0 && let_in < SEEDS as usize);
        // Nobody else was harmed.
        let (answer, good) = bounded("another peer", move || {
            (good.all().add(1, 2).result(), good)
        });
        assert_eq!(answer.unwrap(), 3);
        stopped("the good client", move || good.stop());
        stopped("the server", move || lab.stop());
        if self.honest {
            let mut all = HashSet::new();
            for note in notes.so_far() {
                let mut words = note.split(' ');
                let seed = words.next().and_then(|seed| seed.parse().ok());
                assert!(seed.is_some_and(|seed: u64| seed < SEEDS), "{note:?}");
                assert!(all.insert(note.clone()), "twice: {note:?}");
            }
        }
        let panics = PANICS.lock().unwrap();
        assert!(panics.is_empty(), "{panics:#?}");
    }

    /// One client behind a meddler. Gives how many of its calls were answered, if it connected.
    fn round(&self, server: SocketAddr, seed: u64) -> Option<usize> {
        let mut meddler = Meddler::new(server, self.units, seed);
        let mut dice = Dice::new(!seed);
        let client = self.builder(meddler.addr);
        client.on_error(|_sender, _error, _method| {});
        let started = {
            let starting = client.start_nonblocking();
            bounded("a start", move || starting.result())
        };
        let mut answered = None;
        match started {
            Ok(()) => answered = Some(self.talk(&client, &mut dice, seed, &mut meddler)),
            Err(Error::Start { .. }) => meddler.join(),
            Err(error) => panic!("seed {seed}: {error:?}"),
        }
        answered
    }

    fn talk(
        &self,
        client: &LabInverse,
        dice: &mut Dice,
        seed: u64,
        meddler: &mut Meddler,
    ) -> usize {
        let all = client.all();
        let mut calls: Vec<(String, Promise<String>)> = Vec::new();
        let last = dice.below(12);
        for number in 0..12 {
            let text = match number == last {
                true => format!("{seed} {number} bye"),
                false => format!("{seed} {number}"),
            };
            calls.push((text.clone(), all.echo(&text)));
            // Nobody may be there any more.
            let _ = all.notify(&text);
        }
        let mut answered = 0;
        match dice.below(3) {
            0 => answered += self.settled(std::mem::take(&mut calls)),
            // The connection is left open for a while, for what still comes.
            1 => {
                for peer in client.peers() {
                    let _ = client.disconnect(&peer);
                }
                meddler.join();
            }
            _ => {}
        }
        let client = client.clone();
        stopped("a client", move || client.stop());
        meddler.join();
        answered + self.settled(calls)
    }

    /// All calls end. Gives how many were answered.
    fn settled(&self, calls: Vec<(String, Promise<String>)>) -> usize {
        let (texts, promises): (Vec<_>, Vec<_>) = calls.into_iter().unzip();
        let results: Vec<_> = bounded("calls", move || {
            promises.into_iter().map(Promise::result).collect()
        });
        let mut answered = 0;
        for (text, result) in texts.into_iter().zip(results) {
            match result {
                Ok(answer) => {
                    assert!(!self.honest || answer == text, "{answer:?} to {text:?}");
                    answered += 1;
                }
                Err(error) => assert!(!matches!(error, Error::Timeout { .. }), "{error:?}"),
            }
        }
        answered
    }
}

/// Stops at once.
fn stopped(who: &str, stop: impl FnOnce() -> quickrpc::Result<()> + Send + 'static) {
    let began = Instant::now();
    let stopped = bounded(who, stop);
    stopped.unwrap_or_else(|error| panic!("{who}: {error}"));
    assert!(began.elapsed() < Duration::from_secs(5), "{who}");
}

#[test]
fn within_tls() {
    let authority = Authority::new("lab");
    let identity = authority.server().options();
    let ca = authority.file();
    Wire {
        codec: "terse",
        server: format!("tlsserv:127.0.0.1:0?{identity}"),
        server_security: String::from("null"),
        client: Box::new(move |addr| format!("tls:{addr}?ca={}", ca.display())),
        client_security: String::from("null"),
        units: Units::Records,
        honest: true,
    }
    .tried();
}

fn sealed(server_security: String, client_security: String) {
    Wire {
        codec: "jrpc",
        server: String::from("tcpserv:127.0.0.1:0"),
        server_security,
        client: Box::new(|addr| format!("tcp:{addr}")),
        client_security,
        units: Units::UpTo(0),
        honest: true,
    }
    .tried();
}

#[test]
fn among_sealed_messages() {
    let keys = KeyFile::of(&["hub", "alice"]);
    sealed(keys.seal("hub"), keys.seal("alice") + "&to=hub");
}

#[test]
fn among_messages_sealed_by_pairs_of_keys() {
    let (hubs, alices) = KeyFile::pairs("hub", "alice");
    sealed(hubs.seal("hub"), alices.seal("alice"));
}

#[test]
fn among_signed_messages() {
    let keys = KeyFile::of(&["hub", "alice"]);
    sealed(keys.hmac("hub"), keys.hmac("alice"));
}

#[test]
fn within_a_websocket() {
    Wire {
        codec: "jrpc",
        server: String::from("wsserv:127.0.0.1:0"),
        server_security: String::from("null"),
        client: Box::new(|addr| format!("ws:{addr}")),
        client_security: String::from("null"),
        units: Units::WebSocket,
        honest: false,
    }
    .tried();
}
