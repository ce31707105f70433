//! What a program has said before it ends is heard, though the other side talks to it all the while and is not
//! read any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use quickrpc::Processing;
use quickrpc_tests::{Lab, LabInverse, OwnDir, SOON, eventually, serve};

/// A server of each kind, and how a client of it is written.
fn wires(place: &OwnDir, name: &str) -> Vec<(String, String)> {
    let mut wires = vec![
        ("tcpserv:127.0.0.1:0".to_owned(), "tcp:".to_owned()),
        ("wsserv:127.0.0.1:0".to_owned(), "ws:".to_owned()),
        (
            format!("internal:{name}:server"),
            format!("internal:{name}:client"),
        ),
    ];
    if cfg!(unix) {
        let path = place.path("socket");
        let path = path.display();
        wires.push((format!("unixserv:{path}"), format!("unix:{path}")));
    }
    wires
}

fn client_of(lab: &Lab, wire: &str) -> LabInverse {
    let wire = match lab.local_addrs().first() {
        Some(addr) => format!("{wire}{addr}"),
        None => wire.to_owned(),
    };
    let client = LabInverse::bind("jrpc", wire.as_str()).unwrap();
    client.start().unwrap();
    client
}

fn chat(how: &str, end: impl Fn(LabInverse)) {
    let place = OwnDir::new();
    for lines in [10, 1000] {
        for (server, wire) in wires(&place, &format!("last words {how} {lines}")) {
            for _ in 0..5 {
                let lab = Lab::bind("jrpc", server.as_str()).unwrap();
                // Whoever says something hears it, too.
                let served = serve(&lab);
                lab.start().unwrap();
                let client = client_of(&lab, &wire);
                for line in 0..lines {
                    client.all().notify(&line.to_string()).unwrap();
                }
                end(client);
                for line in 0..lines {
                    assert_eq!(served.notes.next().1, line.to_string(), "{wire}, {how}");
                }
            }
        }
    }
}

#[test]
fn of_a_client_that_stops() {
    chat("stop", |client| client.stop().unwrap());
}

#[test]
fn of_a_client_that_shuts_down() {
    chat("shutdown", |client| client.shutdown(SOON).unwrap());
}

#[test]
fn of_a_client_that_is_dropped() {
    chat("drop", drop);
}

/// All calls that a server has accepted before it ends are answered, and the answers arrive, though the client goes
/// on to call.
#[test]
fn of_a_server_that_shuts_down() {
    let place = OwnDir::new();
    for processing in [Processing::Inline, Processing::Queue] {
        for (server, wire) in wires(&place, &format!("last answers {processing:?}")) {
            let lab = Lab::builder()
                .transport(server.as_str())
                .processing(processing)
                .build()
                .unwrap();
            let handled = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&handled);
            lab.add.connect(move |_sender, a, b| {
                counted.fetch_add(1, Ordering::Relaxed);
                a + b
            });
            lab.start().unwrap();
            let client = client_of(&lab, &wire);
            let hub = client.all();
            let caller = thread::spawn(move || {
                let mut calls = Vec::new();
                loop {
                    let call = hub.add(1, 2);
                    // Until nobody is there.
                    if calls.len() >= 1000 && client.peers().is_empty() {
                        break;
                    }
                    calls.push(call);
                }
                let results = calls.into_iter().map(quickrpc::Promise::result);
                results.filter(Result::is_ok).count()
            });
            eventually("calls come", || handled.load(Ordering::Relaxed) > 500);
            lab.shutdown(SOON).unwrap();
            let answered = caller.join().unwrap();
            assert_eq!(answered, handled.load(Ordering::Relaxed), "{wire}");
        }
    }
}
