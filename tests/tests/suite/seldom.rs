//! What happens seldom, in an order of events that few programs see.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use quickrpc::{Error, Processing, Promise, Resolver, Sender, remote_api};
use quickrpc_tests::{
    Lab, LabInverse, LabOutgoing, SOON, Telnet, client, eventually, inbox, serve,
};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use crate::settled;

/// A server with a peer that has ended its side, and is still owed an answer.
fn with_half_a_peer(waits: bool) -> (Lab, Sender, (Telnet, Resolver<String>)) {
    let lab = Lab::builder()
        .codec("terse")
        .transport("tcpserv:127.0.0.1:0")
        .wait_for_peer(waits)
        .build()
        .unwrap();
    let (asked, owed) = inbox();
    lab.echo.connect(move |_sender, _text| {
        let (promise, resolver) = Promise::<String>::pair();
        let _ = asked.send(resolver);
        promise
    });
    lab.start().unwrap();
    let stream = TcpStream::connect(lab.local_addrs()[0]).unwrap();
    let mut half = Telnet::over(stream.try_clone().unwrap());
    half.send("echo[1] text:\"x\"\n");
    let owed = owed.next();
    stream.shutdown(Shutdown::Write).unwrap();
    let peer = lab.peers().pop().expect("it is owed something");
    let gone = || {
        let call = lab.to(&peer).question("are you there?");
        matches!(settled(call), Err(Error::Disconnected { .. }))
    };
    eventually("its side has ended", gone);
    (lab, peer, (half, owed))
}

#[test]
fn a_call_behind_others_that_wait_to_a_peer_that_has_ended_its_side_fails_at_once() {
    let (lab, peer, _half) = with_half_a_peer(true);
    let _waits = lab.to("absent").question("where are you?");
    let begun = Instant::now();
    let result = settled(lab.to(&peer).question("and you?"));
    assert!(
        matches!(result, Err(Error::Disconnected { .. })),
        "{result:?}"
    );
    assert!(begun.elapsed() < SOON / 4);
    // And what calls back.
    let (told, failed) = inbox();
    lab.to(&peer)
        .question("and you?")
        .then(|_| unreachable!(), move |error| drop(told.send(error)));
    assert!(matches!(failed.next(), Error::Disconnected { .. }));
}

#[test]
fn a_call_that_fails_at_once_takes_no_deadline_from_others() {
    let (lab, half, _wire) = with_half_a_peer(false);
    let _silent = TcpStream::connect(lab.local_addrs()[0]).unwrap();
    let silent = || lab.peers().into_iter().find(|peer| peer != &half);
    eventually("another one has come", || silent().is_some());
    let silent = silent().unwrap();
    let brief = |peer: &Sender| lab.to(peer).timeout(Duration::from_millis(300));
    assert!(settled(brief(&half).question("are you there?")).is_err());
    let (told, failed) = inbox();
    brief(&silent)
        .question("and you?")
        .then(|_| unreachable!(), move |error| drop(told.send(error)));
    assert!(matches!(failed.next(), Error::Timeout { .. }));
}

/// A value of the program that panics as it ends.
struct Grudge;

impl Drop for Grudge {
    fn drop(&mut self) {
        let is_library = thread::current()
            .name()
            .is_some_and(|name| name.starts_with("quickrpc"));
        assert!(!is_library, "this value panics as it ends");
    }
}

#[test]
fn what_panics_as_it_ends_ends_nothing_else() {
    let lab = Lab::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    let _served = serve(&lab);
    let (asked, unanswered) = inbox();
    lab.echo.connect(move |_sender, _text| {
        let (promise, resolver) = Promise::<String>::pair();
        let _ = asked.send(resolver);
        promise
    });
    lab.start().unwrap();
    let caller = client("jrpc", lab.local_addrs()[0]);
    let late = caller.all().timeout(Duration::from_millis(500));
    let grudge = Grudge;
    let (told, failed) = inbox();
    late.echo("x")
        .map(move |text| {
            let _kept = &grudge;
            text
        })
        .then(|_| unreachable!(), move |error| drop(told.send(error)));
    let _resolver = unanswered.next();
    // The closure that is not wanted any more has ended.
    failed.next();
    assert_eq!(settled(caller.all().add(2, 3)).unwrap(), 5);
}

#[test]
fn a_caller_that_reads_by_itself_reads_on_when_there_is_room() {
    let lab = Lab::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    let everybody: Arc<OnceLock<LabOutgoing>> = Arc::default();
    let callers = Arc::clone(&everybody);
    lab.add.connect(move |sender: &Sender, a, b| {
        let caller = callers.get().unwrap().to(sender);
        for _ in 0..5 {
            caller.notified("before the answer").unwrap();
        }
        a + b
    });
    lab.start().unwrap();
    everybody.set(lab.all()).ok();
    let transport = format!("tcp:{}?waiting_messages=1", lab.local_addrs()[0]);
    let client = LabInverse::builder()
        .transport(transport.as_str())
        .processing(Processing::Queue)
        .build()
        .unwrap();
    client.notified.connect(|_sender, _text| {});
    client.start().unwrap();
    for a in 0..3000 {
        assert_eq!(
            settled(client.all().timeout(SOON / 2).add(a, 1)).unwrap(),
            a + 1
        );
    }
}

#[test]
fn a_notification_does_not_overtake_calls_that_waited_for_somebody() {
    for _ in 0..30 {
        let addr = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let client = LabInverse::builder()
            .transport(format!("restart:0.01:tcp:{addr}").as_str())
            .wait_for_peer(true)
            .build()
            .unwrap();
        client.start().unwrap();
        let lab = Lab::bind("jrpc", format!("tcpserv:{addr}").as_str()).unwrap();
        let (seen, order) = inbox();
        let also = seen.clone();
        lab.add.connect(move |_sender, a, b| {
            let _ = seen.send(a);
            a + b
        });
        lab.notify.connect(move |_sender, _text| {
            let _ = also.send(-1);
        });
        let hub = client.all();
        let speaker = thread::spawn(move || {
            let calls: Vec<_> = (0..20).map(|n| hub.add(n, 1)).collect();
            hub.notify("behind them").unwrap();
            calls
        });
        lab.start().unwrap();
        let expected: Vec<_> = (0..20).chain([-1]).collect();
        assert_eq!(order.take(21), expected);
        for call in speaker.join().unwrap() {
            settled(call).unwrap();
        }
    }
}

/// What takes so many milliseconds to write.
#[derive(Debug, Clone, Deserialize)]
struct Slow(u64);

impl Serialize for Slow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        thread::sleep(Duration::from_millis(self.0));
        serializer.serialize_u64(self.0)
    }
}

#[remote_api]
trait Heavy {
    #[incoming]
    fn take(&self, what: Slow) -> u64;
    #[incoming]
    fn after(&self);
}

#[test]
fn a_call_that_is_over_before_it_is_written_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let transport = format!("tcp:{}", listener.local_addr().unwrap());
    let client = HeavyInverse::bind("jrpc:\\n", transport.as_str()).unwrap();
    client.start().unwrap();
    let mut wire = Telnet::over(listener.accept().unwrap().0);
    let call = client
        .all()
        .timeout(Duration::from_millis(100))
        .take(Slow(1000));
    assert!(matches!(settled(call), Err(Error::Timeout { .. })));
    client.all().after().unwrap();
    assert!(wire.line().contains("rpc.cancel"));
    assert!(wire.line().contains("after"));
}
