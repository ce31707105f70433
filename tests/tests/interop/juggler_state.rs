//! State with the Python package itself: what one side sets, the other one sees, through 10,000
//! changes.

use std::sync::{Arc, Mutex};

use quickrpc::dynamic::{self, Access};
use quickrpc::{RemoteProperty, Value, remote_api};
use quickrpc_tests::{Dice, Inbox, Peer, inbox, value};
use serde_json::{Value as Json, json};

use crate::juggler::{GENERATIONS, python, start};
use crate::settled;

/// So many changes, in each direction that a generation has.
const CHANGES: usize = 10_000;
/// So many of them between two looks at the clock of a test.
const STEP: usize = 500;

/// What was seen of the other side's state, and the value of its member `end`, when it has one.
struct Seen {
    whole: RemoteProperty<Value>,
    ends: Inbox<Value>,
    changes: Arc<Mutex<usize>>,
}

fn see(api: &dynamic::Api) -> Seen {
    let (ended, ends) = inbox();
    let changes = Arc::<Mutex<usize>>::default();
    let whole = api.remote_property("");
    let count = Arc::clone(&changes);
    whole.connect(move |_sender, _value| *count.lock().unwrap() += 1);
    let end = api.remote_property("end");
    end.connect(move |_sender, value| {
        if value != Value::Null {
            ended.send(value).unwrap();
        }
    });
    Seen {
        whole,
        ends,
        changes,
    }
}

/// Our server that shows what is set, and a client of the package.
fn with_their_client(generation: &str, delay: &str) -> Option<(dynamic::Api, Seen, Peer)> {
    let codec = format!("juggler:{generation}?autoflush_delay={delay}");
    let api = dynamic::Api::bind(codec.as_str(), "wsserv:127.0.0.1:0").unwrap();
    let seen = see(&api);
    let (came, comers) = inbox();
    api.on_connect(move |peer| came.send(peer.clone()).unwrap());
    api.start().unwrap();
    let url = format!("ws://{}/ws", api.local_addrs()[0]);
    let options = ["--autoflush", "0"];
    let peer = start(python(generation)?, &options, &["client", &url, "-"]);
    peer.expect("ready");
    comers.next();
    Some((api, seen, peer))
}

/// A server of the package, and our client of it.
fn with_their_server(generation: &str) -> Option<(dynamic::Api, Seen, Peer)> {
    let options = ["--autoflush", "0"];
    let mut peer = start(python(generation)?, &options, &["server", "0", "-"]);
    let port = peer.expect("ready")["port"].clone();
    let codec = format!("juggler:{generation}?autoflush_delay=0");
    let api = dynamic::Api::bind(codec.as_str(), format!("ws:127.0.0.1:{port}").as_str()).unwrap();
    let seen = see(&api);
    api.start().unwrap();
    peer.command("until 1");
    Some((api, seen, peer))
}

/// The other side makes its changes, all of which are seen here.
fn they_change(api: &dynamic::Api, seen: &Seen, peer: &mut Peer) {
    for round in 0..CHANGES / STEP {
        let command = format!("vary {STEP} {}", round + 1);
        assert_eq!(peer.result(&command), STEP);
    }
    let shown = peer.result("shown");
    let end = json!({"end": [shown, "√"]});
    peer.command(&format!("set {end}"));
    assert_eq!(seen.ends.next(), value(json!([shown, "√"])));
    let peers = api.peers();
    assert_eq!(seen.whole.latest(&peers), Some(value(end.clone())));
    assert_eq!(settled(api.all().read("")).unwrap(), value(end));
    let changes = *seen.changes.lock().unwrap();
    // Some of them change nothing.
    assert!(changes > CHANGES * 3 / 4, "{changes}");
}

/// We make our changes, all of which are seen there.
fn we_change(api: &dynamic::Api, peer: &mut Peer, least: usize) {
    let state = api.property("", Access::ReadOnly);
    let (mut dice, mut document) = (Dice::new(CHANGES), Json::Null);
    for change in 0..CHANGES {
        dice.change(&mut document);
        state.set(value(document.clone())).unwrap();
        if change % STEP == 0 && least > 0 {
            // In step, so that each change is told by itself.
            peer.result("seen");
        }
    }
    let end = json!([document, "√"]);
    state.set(value(json!({"end": end}))).unwrap();
    let seen = peer.result("ended");
    assert_eq!(seen[0], end);
    let changes = seen[1].as_u64().unwrap() as usize;
    assert!(changes >= least && changes <= CHANGES, "{changes}");
}

#[test]
fn their_clients_see_what_we_set() {
    for generation in GENERATIONS {
        let Some((api, seen, mut peer)) = with_their_client(generation, "0") else {
            return;
        };
        we_change(&api, &mut peer, CHANGES / 100);
        if generation == "0.5" {
            they_change(&api, &seen, &mut peer);
        }
        assert_eq!(api.peers().len(), 1, "{generation}");
    }
}

#[test]
fn changes_in_a_short_time_are_seen_together() {
    for generation in GENERATIONS {
        let Some((api, _seen, mut peer)) = with_their_client(generation, "20ms") else {
            return;
        };
        we_change(&api, &mut peer, 0);
    }
}

#[test]
fn we_see_what_their_servers_set() {
    for generation in GENERATIONS {
        let Some((api, seen, mut peer)) = with_their_server(generation) else {
            return;
        };
        they_change(&api, &seen, &mut peer);
        if generation == "0.5" {
            we_change(&api, &mut peer, CHANGES / 100);
        }
        assert_eq!(api.peers().len(), 1, "{generation}");
    }
}

#[test]
fn who_reads_slowly_sees_few_changes_and_the_newest_last() {
    for generation in GENERATIONS {
        for delay in ["0", "1ms"] {
            let Some((api, _seen, mut peer)) = with_their_client(generation, delay) else {
                return;
            };
            let count = api.property("count", Access::ReadOnly);
            let blob = api.property("blob", Access::ReadOnly);
            peer.command("deaf");
            peer.expect("deaf");
            for n in 0..200 {
                blob.set(format!("{n}{}", "x".repeat(200_000)).into())
                    .unwrap();
                count.set(n.into()).unwrap();
            }
            // Nothing of that is in a queue.
            peer.command("go on");
            let end = api.property("end", Access::ReadOnly);
            end.set(true.into()).unwrap();
            let ended = peer.result("ended");
            assert_eq!(ended[0], true);
            let changes = ended[1].as_u64().unwrap();
            assert!(changes < 300, "{generation}: {changes} of 400");
            // They end in any order, each with its newest.
            loop {
                let seen = peer.result("seen");
                if seen["count"] == 199 && seen["blob"].as_str().unwrap().starts_with("199x") {
                    break;
                }
            }
        }
    }
}

#[remote_api]
trait Supply {
    /// Volts at the output.
    #[incoming(property)]
    fn measured(&self) -> f64;

    /// Volts to be held.
    #[incoming(property, writable)]
    fn voltage(&self) -> f64;
}

#[test]
fn they_write_what_they_see() {
    for generation in GENERATIONS {
        let Some(python) = python(generation) else {
            return;
        };
        let codec = format!("juggler:{generation}?autoflush_delay=0");
        let supply = Supply::bind(codec.as_str(), "wsserv:127.0.0.1:0").unwrap();
        supply.measured.set(4.99).unwrap();
        supply.start().unwrap();
        let url = format!("ws://{}/ws", supply.local_addrs()[0]);
        let mut peer = start(python, &[], &["client", &url, "-"]);
        peer.expect("ready");
        let (set, get) = match generation {
            "0.5" => ("call set_voltage 6.5", "call get_voltage"),
            _ => (
                r#"request set_voltage {"value": 6.5}"#,
                "request get_voltage null",
            ),
        };
        assert_eq!(peer.result(set), Json::Null);
        assert_eq!(peer.result(get), 6.5);
        assert_eq!(supply.voltage.get(), Some(6.5));
        loop {
            if peer.result("seen") == json!({"measured": 4.99, "voltage": 6.5}) {
                break;
            }
        }
    }
}
