//! Datagrams beside other wires, and floods of them.

use quickrpc::{Error, Limits, Processing};
use quickrpc_tests::{BROADCAST, DatagramPort, Lab, LabInverse, inbox, serve};

use super::errors_of;
use crate::settled;

#[test]
fn beside_other_wires() {
    let (first, second) = (DatagramPort::new(), DatagramPort::new());
    let transport = format!(
        "mux:(tcpserv:127.0.0.1:0)({})({})",
        first.wire(1),
        second.wire(1)
    );
    let lab = Lab::bind("terse", transport).unwrap();
    let served = serve(&lab);
    lab.start().unwrap();
    assert_eq!(lab.local_addrs().len(), 3);
    let client = quickrpc_tests::client("terse", lab.local_addrs()[0]);
    let (seen, heard) = inbox();
    client
        .notified
        .connect(move |_sender, text| seen.send(text.len()).unwrap());
    client.all().notify("x").unwrap();
    assert_eq!(served.notes.next().1, "x");
    assert_eq!(heard.next(), 1);
    assert_eq!(lab.peers().len(), 1);
    // An address is sent to on each wire that has addresses.
    let (raw, other) = (first.raw(2), second.raw(2));
    lab.to("127.0.0.2").notified("both").unwrap();
    assert_eq!(raw.receive(), "notified text:\"both\"\n");
    assert_eq!(other.receive(), "notified text:\"both\"\n");
    // Either may answer; the first result counts.
    let promise = lab.to("127.0.0.2").question("?");
    assert_eq!(raw.receive(), other.receive());
    raw.send(1, "[1]! message:\"no\"\n");
    other.send(1, "[1]:\"yes\"\n");
    assert_eq!(settled(promise).unwrap(), "yes");
    // What does not fit a datagram still gets to the others.
    let error = lab.all().notified(&"x".repeat(3000)).unwrap_err();
    match error {
        Error::Partial(list) => assert_eq!(list.len(), 2, "{list:?}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(heard.next(), 3000);
}

#[test]
fn a_connected_peer_is_meant_first() {
    let port = DatagramPort::new();
    let bus = quickrpc_tests::own_bus();
    let lab = Lab::bind(
        "terse",
        format!("mux:({})(internal:{bus}:lab)", port.wire(1)),
    )
    .unwrap();
    let _served = serve(&lab);
    lab.start().unwrap();
    let member = LabInverse::bind("terse", format!("internal:{bus}:127.0.0.2")).unwrap();
    member.question.connect(|_sender, text| format!("{text}!"));
    member.start().unwrap();
    assert_eq!(settled(lab.to("127.0.0.2").question("it")).unwrap(), "it!");
}

#[test]
fn a_flood_has_a_limit() {
    let port = DatagramPort::new();
    let limits = Limits {
        waiting_messages: 3,
        ..Limits::default()
    };
    let lab = Lab::builder()
        .codec("terse")
        .transport(port.wire(1))
        .processing(Processing::Manual)
        .limits(limits)
        .build()
        .unwrap();
    let errors = errors_of(&lab);
    let served = serve(&lab);
    lab.start().unwrap();
    let flood = |count: u8, message: &str| {
        for host in 2..2 + count {
            let raw = port.raw(host);
            for _ in 0..5 {
                raw.send(1, message);
            }
        }
        // Answers are read nevertheless; this one comes after all of that.
        let raw = port.raw(100);
        let promise = lab.to("127.0.0.100").question("?");
        let call = raw.receive();
        let id = call.strip_prefix("question").unwrap();
        let id = id.split_once(' ').unwrap().0;
        raw.send(1, format!("{id}:\"!\"\n"));
        assert_eq!(settled(promise).unwrap(), "!");
    };
    flood(1, "notify text:\"x\"\n");
    lab.process_pending();
    assert_eq!(served.notes.so_far().len(), 3);
    // Made-up addresses do not help: the wire has four times the share of one.
    flood(20, "notify text:\"x\"\n");
    lab.process_pending();
    assert_eq!(served.notes.so_far().len(), 12);
    flood(20, "no message\n");
    lab.process_pending();
    assert_eq!(errors.so_far().len(), 12);
    // With room again, everything goes on.
    flood(1, "notify text:\"x\"\n");
    lab.process_pending();
    assert_eq!(served.notes.so_far().len(), 3);
}

#[test]
fn both_kinds_of_addresses_at_once() {
    let port = DatagramPort::new();
    let wire = format!("udp:{}?bind=::&broadcast={BROADCAST}", port.number());
    let lab = Lab::bind("terse", wire).unwrap();
    let errors = errors_of(&lab);
    let served = serve(&lab);
    lab.start().unwrap();
    let (raw, everybody) = (port.raw(2), port.overhear());
    raw.send(1, "add[1] a:1 b:2\n");
    assert_eq!(raw.receive(), "[1]:3\n");
    raw.send(1, "notify text:\"x\"\n");
    // Not `::ffff:127.0.0.2`.
    assert_eq!(served.notes.next().0, "127.0.0.2");
    assert_eq!(everybody.receive(), "notified text:\"x\"\n");
    // That was not heard.
    raw.send(1, "other \n");
    assert!(errors.next().1.to_string().contains("other"));
    let lab = Lab::bind("terse", "udp:0?bind=::1").unwrap();
    lab.start().unwrap();
    assert!(lab.local_addrs()[0].ip().is_loopback());
}

#[test]
fn a_flood_on_one_wire_leaves_the_others_working() {
    let port = DatagramPort::new();
    let lab = Lab::bind(
        "terse",
        format!("mux:({})(tcpserv:127.0.0.1:0)", port.wire(1)),
    )
    .unwrap();
    lab.add.connect(|_sender, a, b| a + b);
    lab.notify.connect(|_sender, _text| ());
    lab.start().unwrap();
    let client = quickrpc_tests::client("terse", lab.local_addrs()[1]);
    let over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let flooding = over.clone();
    let raw = port.raw(2);
    let flood = std::thread::spawn(move || {
        while !flooding.load(std::sync::atomic::Ordering::Relaxed) {
            raw.send(1, "notify text:\"x\"\n");
        }
    });
    for number in 0..200 {
        assert_eq!(settled(client.all().add(number, 1)).unwrap(), number + 1);
    }
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    flood.join().unwrap();
}
