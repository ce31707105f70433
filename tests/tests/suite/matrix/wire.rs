//! One wire of the matrix: a codec over a transport, with both sides running.

use crossbeam_channel::Sender;
use quickrpc::{CallError, Promise, Resolver};
use quickrpc_tests::{Inbox, Lab, LabInverse, OwnDir, Served, inbox, own_bus, serve, value};

/// What carries the bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Carrier {
    Tcp,
    Unix,
    Internal,
}

/// A codec over a carrier.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wire {
    pub(crate) codec: &'static str,
    pub(crate) carrier: Carrier,
}

/// A hub with the handlers of `serve`, and its guests, all connected.
pub(crate) struct Wired {
    pub(crate) hub: Lab,
    pub(crate) served: Served,
    pub(crate) guests: Vec<LabInverse>,
    /// Answers that the guests still owe, after the question `wait`.
    pub(crate) owed: Inbox<Resolver<String>>,
    /// Where the socket is, if it has a path.
    _dir: Option<OwnDir>,
}

/// What a guest answers to `fail`.
pub(crate) fn refusal() -> CallError {
    CallError::new(7, "no").with_data(value(serde_json::json!({"a": [1, "b"]})))
}

/// Turns the text round, except for `fail` and `wait`.
fn answer_questions(guest: &LabInverse, waiting: Sender<Resolver<String>>) {
    guest.question.connect(move |_sender, text| match text {
        "fail" => Promise::failed(refusal().into()),
        "wait" => {
            let (promise, resolver) = Promise::pair();
            let _ = waiting.send(resolver);
            promise
        }
        _ => Promise::ready(text.chars().rev().collect()),
    });
}

impl Wire {
    /// A hub and `count` guests, each known to the other side.
    pub(crate) fn connect(self, count: usize) -> Wired {
        let mut dir = None;
        let (server, client) = match self.carrier {
            Carrier::Tcp => (String::from("tcpserv:127.0.0.1:0"), None),
            Carrier::Unix => {
                let path = dir.insert(OwnDir::new()).path("hub").display().to_string();
                (format!("unixserv:{path}"), Some(format!("unix:{path}")))
            }
            Carrier::Internal => {
                let bus = own_bus();
                (
                    format!("internal:{bus}:hub"),
                    Some(format!("internal:{bus}:")),
                )
            }
        };
        let hub = Lab::bind(self.codec, server.as_str()).unwrap();
        let served = serve(&hub);
        let (here, connected) = inbox();
        hub.on_connect(move |_peer| {
            let _ = here.send(());
        });
        hub.start().unwrap();
        let client = client.unwrap_or_else(|| format!("tcp:{}", hub.local_addrs()[0]));
        let (waiting, owed) = inbox();
        let guests = (0..count).map(|_| {
            let guest = LabInverse::bind(self.codec, client.as_str()).unwrap();
            answer_questions(&guest, waiting.clone());
            guest.start().unwrap();
            connected.next();
            guest
        });
        let guests = guests.collect();
        Wired {
            hub,
            served,
            guests,
            owed,
            _dir: dir,
        }
    }
}

impl Wired {
    /// The calls of the hub, as a guest sees them.
    pub(crate) fn ask(&self, guest: usize) -> quickrpc_tests::LabInverseOutgoing {
        let guest = &self.guests[guest];
        let hub = guest.peers().into_iter();
        // On a bus, the other guests are peers too, and answer nothing.
        let first = hub.clone().find(|peer| *peer == "hub");
        match first.or_else(|| hub.clone().next()) {
            Some(hub) => guest.to(&hub),
            None => guest.all(),
        }
    }
}
