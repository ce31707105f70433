//! Much at once, and those who end in the middle of it.

use std::collections::VecDeque;

use super::*;

/// Programs that last longer than others.
const SECONDS: [&str; 2] = ["--seconds", "300"];
/// Of each of four clients.
const OPERATIONS: u64 = 2_500;

/// Clients of the package, in one of their modes.
fn crowd(mode: &str, thing: &Thing) -> Option<Peer> {
    let python = Python::with_hololinked(env!("CARGO_TARGET_TMPDIR"), "0.4")?;
    let mut command = python.script("hololinked_crowd.py");
    let address = format!("tcp://{}", thing.local_addrs()[0]);
    command.args([mode, "--address", &address]).args(SECONDS);
    Some(Peer::start(&mut command))
}

#[test]
fn ten_thousand_operations_of_theirs_beside_a_flood_of_nonsense() {
    let thing = thing("zmqserv:127.0.0.1:0");
    let Some(flood) = crowd("flood", &thing) else {
        return;
    };
    flood.expect("flooding");
    let clients = crowd("mixed", &thing).unwrap();
    let summary = loop {
        let event = clients.expect_one_of(&["progress", "wrong", "summary"]);
        assert_ne!(event["event"], "wrong", "{event}");
        if event["event"] == "summary" {
            break event;
        }
    };
    let number = |name: &str| summary[name].as_u64().unwrap();
    assert_eq!(number("answered") + number("oneway"), 4 * OPERATIONS);
    // Each was done once, and none that was too late.
    let ours = dynamic::Api::bind(CODEC, format!("zmq:{}", thing.local_addrs()[0])).unwrap();
    ours.start().unwrap();
    let count = settled(ours.call("call_count", ())).unwrap();
    assert_eq!(count.as_u64(), summary["added"].as_u64(), "{summary}");
}

/// Sends operations of all kinds, with some underway, and gives how many actions were begun.
fn converse(client: &ThingInverse, number: i64) -> u64 {
    /// Waits for an answer, and gives whether an action was begun.
    type Check = Box<dyn FnOnce() -> bool>;
    fn check<T: Send + 'static>(
        promise: Promise<T>,
        check: impl FnOnce(Result<T>) -> bool + 'static,
    ) -> Check {
        Box::new(move || check(settled(promise)))
    }
    let (thing, undeclared) = (client.all(), client.node().dynamic());
    let (mut underway, mut begun) = (VecDeque::<Check>::new(), 0);
    for n in 0..OPERATIONS {
        let (a, b) = (i64::try_from(n).unwrap(), number);
        let text = format!("{number} {n} ö");
        underway.push_back(match n % 9 {
            0 => check(thing.add(a, b), move |sum| sum.unwrap() == a + b),
            1 => {
                let value = Value::from(text);
                check(thing.echo(value.clone()), move |echo| {
                    assert_eq!(echo.unwrap(), value);
                    true
                })
            }
            2 => check(thing.fail(text.clone()), move |failed| {
                let error = failed.unwrap_err();
                assert!(matches!(&error, Error::Call(error) if error.message == text));
                true
            }),
            3 => {
                let bytes = n
                    .to_be_bytes()
                    .repeat(usize::try_from(n % 200).unwrap() + 1);
                let reversed: Vec<u8> = bytes.iter().rev().copied().collect();
                check(thing.blob(bytes), move |blob| blob.unwrap() == reversed)
            }
            4 => check(thing.mixed(), |mixed| {
                let (width, bytes) = mixed.unwrap();
                width["width"] == 2 && *bytes == [0, 1, 0xfe, 0xff]
            }),
            5 => {
                let arguments: Value = [("a", a), ("b", b)].into_iter().collect();
                undeclared.notify("add", arguments).unwrap();
                Box::new(|| true)
            }
            6 => check(thing.value(), |value| value.unwrap() < 0.0),
            7 => check(thing.set_value(0.5 + number as f64), |written| {
                written.unwrap();
                false
            }),
            _ => {
                let hurried = thing.start_within(Duration::from_millis(2));
                check(hurried.add(a, b), move |sum| match sum {
                    Ok(sum) => sum == a + b,
                    Err(error) => {
                        assert_eq!(error.code(), Some(CallError::TOO_LATE), "{error}");
                        false
                    }
                })
            }
        });
        if underway.len() == 16 {
            // Not in the order in which they were sent.
            let next = underway.remove(usize::try_from(n * 5 % 16).unwrap());
            begun += u64::from(next.unwrap()());
        }
    }
    begun
        + underway
            .into_iter()
            .map(|check| u64::from(check()))
            .sum::<u64>()
}

#[test]
fn ten_thousand_operations_of_ours() {
    let Some(served) = serve("0.4", &["--no-ipc", SECONDS[0], SECONDS[1]]) else {
        return;
    };
    let clients = [(); 4].map(|()| client(CODEC, &served.tcp));
    let begun: u64 = thread::scope(|scope| {
        let all = [0, 1, 2, 3].map(|number| {
            let client = &clients[number as usize];
            scope.spawn(move || converse(client, number))
        });
        all.map(|one| one.join().unwrap()).iter().sum()
    });
    let count = settled(clients[0].all().call_count()).unwrap();
    assert_eq!(count, begun);
}

#[test]
fn a_thing_that_is_killed_while_it_owes_answers() {
    let Some(mut served) = serve("0.4", &["--no-ipc"]) else {
        return;
    };
    let restarting = client(CODEC, &format!("restart:0.05:{}", served.tcp));
    let once = client(CODEC, &served.tcp);
    let (gone, went) = inbox();
    restarting.on_disconnect(move |peer, _reason| gone.send(peer.name().to_owned()).unwrap());
    settled(restarting.all().add(1, 2)).unwrap();
    // One that it has begun, and those that wait behind it.
    let mut owed = vec![restarting.all().slow(9.0)];
    served.thing.expect("call");
    owed.extend((0..50).map(|_| restarting.all().slow(0.0)));
    owed.extend((0..50).map(|_| once.all().slow(0.0)));
    served.thing.kill();
    for promise in owed {
        let error = settled(promise).unwrap_err();
        assert!(matches!(error, Error::Disconnected { .. }), "{error}");
    }
    assert_eq!(went.next(), "interop-server");
    let error = settled(once.all().add(1, 2)).unwrap_err();
    assert!(matches!(error, Error::NoPeer { .. }), "{error}");

    // Another one at its place.
    let port = served.tcp.rsplit(':').next().unwrap();
    let _again = serve("0.4", &["--no-ipc", "--tcp-port", port]).unwrap();
    let thing = restarting.all().ready(SOON).unwrap();
    assert_eq!(settled(thing.add(20, 22)).unwrap(), 42);
}

#[test]
fn a_client_that_is_killed_while_its_operation_waits() {
    let thing = thing("zmqserv:127.0.0.1:0");
    let (leave, left) = inbox();
    thing.on_disconnect(move |peer, _reason| leave.send(peer.name().to_owned()).unwrap());
    let Some(mut held) = crowd("hold", &thing) else {
        return;
    };
    let ours = client(CODEC, &format!("zmq:{}", thing.local_addrs()[0]));
    held.expect("sent");
    held.kill();
    assert!(left.next().starts_with("crowd-"));
    // Others go on, and so do those who come after it.
    assert_eq!(settled(ours.all().add(2, 3)).unwrap(), 5);
    let late = client(CODEC, &format!("zmq:{}", thing.local_addrs()[0]));
    assert_eq!(settled(late.all().add(2, 3)).unwrap(), 5);
    assert_eq!(thing.peers().len(), 2);
    // What it wanted no answer to was done.
    assert_eq!(settled(late.all().call_count()).unwrap(), 3);
}
