//! A thread that waits for an answer reads by itself, and the peer is left alone between two
//! such waits: whatever else the peer sends, and whoever else waits, must not be forgotten.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use quickrpc_tests::{Lab, LabInverse, bounded, client, eventually, inbox, serve, server};

use crate::settled;

/// What happens right after a call, while nobody reads.
const TIMES: i64 = 50;

#[test]
fn a_signal_behind_an_answer_arrives() {
    let (api, addr, _served) = server("jrpc");
    let hub = client("jrpc", addr);
    let (seen, notes) = inbox();
    hub.notified.connect(move |_sender, text| {
        let _ = seen.send(text.to_owned());
    });
    for number in 0..TIMES {
        assert_eq!(settled(hub.all().add(number, 1)).unwrap(), number + 1);
        api.all().notified(&number.to_string()).unwrap();
        assert_eq!(notes.next(), number.to_string());
    }
}

#[test]
fn callbacks_and_waiting_threads_take_turns() {
    let (_api, addr, _served) = server("jrpc");
    let hub = client("jrpc", addr);
    for number in 0..TIMES {
        assert_eq!(settled(hub.all().add(number, 1)).unwrap(), number + 1);
        let (sent, answers) = inbox();
        let failed = sent.clone();
        hub.all().add(number, 2).then(
            move |sum| drop(sent.send(Ok(sum))),
            move |error| drop(failed.send(Err(error.to_string()))),
        );
        assert_eq!(answers.next(), Ok(number + 2));
        let promise = hub.all().add(number, 3);
        eventually(
            "an answer that is asked for again and again",
            || match promise.try_result() {
                None => false,
                Some(result) => result.unwrap() == number + 3,
            },
        );
    }
}

#[test]
fn several_threads_wait_at_once() {
    let (_api, addr, _served) = server("jrpc");
    let hub = client("jrpc", addr);
    let callers: Vec<_> = (0..8)
        .map(|number| {
            let hub = hub.all();
            thread::spawn(move || {
                (0..TIMES).all(|other| hub.add(number, other).result().unwrap() == number + other)
            })
        })
        .collect();
    for caller in callers {
        assert!(bounded("a caller", move || caller.join().unwrap()));
    }
}

#[test]
fn the_end_of_a_peer_is_seen_after_a_call() {
    let (api, addr, _served) = server("jrpc");
    let hub = client("jrpc", addr);
    let (gone, ends) = inbox();
    hub.on_disconnect(move |peer, _reason| drop(gone.send(peer.to_string())));
    assert_eq!(settled(hub.all().add(1, 2)).unwrap(), 3);
    api.stop().unwrap();
    assert_eq!(ends.next(), addr.to_string());
}

#[test]
fn what_is_left_unread_by_a_waiting_thread_is_not_lost() {
    // The answer and a signal come in one piece, then the end.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let peer = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut call = Vec::new();
        let mut reader = BufReader::new(&stream);
        reader.read_until(b'\n', &mut call).unwrap();
        (&stream)
            .write_all(b"[1]:3\nnotified text:\"behind\"\n")
            .unwrap();
    });
    let hub = client("terse", addr);
    let (seen, notes) = inbox();
    hub.notified.connect(move |_sender, text| {
        let _ = seen.send(text.to_owned());
    });
    assert_eq!(settled(hub.all().add(1, 2)).unwrap(), 3);
    assert_eq!(notes.next(), "behind");
    bounded("the peer", move || peer.join().unwrap());
}

#[test]
fn spinning_is_as_right_as_sleeping() {
    let api = Lab::bind("jrpc", "tcpserv:127.0.0.1:0?spin=50us").unwrap();
    let _served = serve(&api);
    api.start().unwrap();
    let expr = format!("tcp:{}?spin=50us", api.local_addrs()[0]);
    let hub = LabInverse::bind("jrpc", expr.as_str()).unwrap();
    hub.start().unwrap();
    for number in 0..TIMES {
        assert_eq!(settled(hub.all().add(number, 1)).unwrap(), number + 1);
    }
}

#[test]
fn a_deadline_ends_spinning() {
    let (_api, addr, _served) = server("jrpc");
    let expr = format!("tcp:{addr}?spin=60");
    let hub = LabInverse::bind("jrpc", expr.as_str()).unwrap();
    // The server asks back, and is not answered.
    let questions = hub.question.subscribe();
    hub.start().unwrap();
    let hurried = hub.all().timeout(Duration::from_millis(30));
    let result = settled(hurried.ask("are you there?"));
    assert!(
        matches!(result, Err(quickrpc::Error::Timeout { .. })),
        "{result:?}"
    );
    drop(questions);
}
