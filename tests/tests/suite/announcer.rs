//! Services that are announced and found.

use std::io::ErrorKind;
use std::time::Duration;

use quickrpc::Error;
use quickrpc::announcer::{Announcer, Seeker, Service};
use quickrpc_tests::{BROADCAST, DatagramPort, Lab, SOON, bounded};

fn seeker(port: &DatagramPort, host: u8) -> Seeker {
    Seeker::new().transport(port.wire(host))
}

/// What is found when so many are enough.
#[track_caller]
fn found(seeker: Seeker, filter: &'static str, count: usize) -> Vec<(String, String)> {
    let services = bounded("seeking", move || {
        seeker.limit(count).seek(filter, SOON.mul_f32(0.5))
    });
    let pair = |service: Service| (service.address, service.description);
    services.expect("it opens").into_iter().map(pair).collect()
}

fn service(address: &str, description: &str) -> (String, String) {
    (address.to_owned(), description.to_owned())
}

#[test]
fn services_are_found() {
    let port = DatagramPort::new();
    let _one = Announcer::new("one")
        .transport(port.wire(1))
        .start()
        .unwrap();
    let _two = Announcer::new("two")
        .transport(port.wire(2))
        .start()
        .unwrap();
    let mut all = found(seeker(&port, 3), "", 2);
    all.sort();
    let expected = [service("127.0.0.1", "one"), service("127.0.0.2", "two")];
    assert_eq!(all, expected);
}

#[test]
fn nobody_is_found_where_nobody_is() {
    let port = DatagramPort::new();
    let none = seeker(&port, 1)
        .seek("", Duration::from_millis(20))
        .unwrap();
    assert!(none.is_empty());
}

#[test]
fn the_answer_goes_to_the_seeker_alone() {
    let port = DatagramPort::new();
    let _lab = Announcer::new("lab")
        .transport(port.wire(1))
        .start()
        .unwrap();
    let (raw, everybody) = (port.raw(2), port.overhear());
    // As the original writes it without a filter, and with one.
    for seek in ["seek \n", "seek filter:\"\"\n", "seek filter:\"x\"\n"] {
        raw.broadcast(seek);
        assert_eq!(everybody.receive(), seek);
        assert_eq!(raw.receive(), "advertise description:\"lab\"\n");
    }
    raw.broadcast("the next\n");
    assert_eq!(everybody.receive(), "the next\n");
}

#[test]
fn the_answer_goes_to_all_where_that_is_said() {
    let port = DatagramPort::new();
    let announcer = Announcer::new("lab").transport(port.wire(1)).to_all();
    let _lab = announcer.start().unwrap();
    let everybody = port.overhear();
    port.raw(2).send(1, "seek \n");
    assert_eq!(everybody.receive(), "advertise description:\"lab\"\n");
}

#[test]
fn a_filter_is_up_to_the_service() {
    let port = DatagramPort::new();
    let announcer = Announcer::new("lab v1").transport(port.wire(1));
    let _lab = announcer
        .matching(|filter| "lab v1".contains(filter))
        .start()
        .unwrap();
    let other = Announcer::new("other").transport(port.wire(2));
    let _other = other.matching(str::is_empty).start().unwrap();
    let raw = port.raw(3);
    raw.send(1, "seek filter:\"other\"\n");
    raw.send(1, "seek filter:\"v1\"\n");
    raw.send(1, "seek \n");
    for _ in 0..2 {
        assert_eq!(raw.receive(), "advertise description:\"lab v1\"\n");
    }
    let one = found(seeker(&port, 4), "lab", 1);
    assert_eq!(one, [service("127.0.0.1", "lab v1")]);
}

#[test]
fn both_at_one_address_find_each_other() {
    let port = DatagramPort::new();
    let everywhere = format!("udp:{}?broadcast={BROADCAST}", port.number());
    for transport in [port.wire(1), everywhere] {
        let announcer = Announcer::new("lab").transport(transport.as_str());
        let _lab = announcer.start().unwrap();
        let seeker = Seeker::new().transport(transport);
        let found = found(seeker, "", 1);
        assert_eq!(found, [service("127.0.0.1", "lab")]);
    }
}

#[test]
fn an_announcer_starts_and_stops_with_an_api() {
    let port = DatagramPort::new();
    let lab = Lab::builder()
        .transport("tcpserv:127.0.0.1:0")
        .announce(Announcer::new("one").transport(port.wire(1)))
        .announce(Announcer::new("two").transport(port.wire(2)))
        .build()
        .unwrap();
    let nobody = Duration::from_millis(20);
    for _ in 0..2 {
        assert!(seeker(&port, 3).seek("", nobody).unwrap().is_empty());
        lab.start().unwrap();
        // Its transports are its own; the announcers' are not among them.
        assert_eq!(lab.local_addrs().len(), 1);
        assert_eq!(found(seeker(&port, 3), "", 2).len(), 2);
        lab.stop().unwrap();
    }
    lab.start().unwrap();
    drop(lab);
    assert!(seeker(&port, 3).seek("", nobody).unwrap().is_empty());
}

#[test]
fn an_announcer_that_cannot_start_fails_the_start() {
    let lab = Lab::builder()
        .transport("tcpserv:127.0.0.1:0")
        // An address for documentation, which nobody has.
        .announce(Announcer::new("lab").transport("udp:8888?bind=203.0.113.7"))
        .build()
        .unwrap();
    let error = lab.start().unwrap_err();
    assert!(
        matches!(
            error,
            Error::Start {
                kind: Some(ErrorKind::AddrNotAvailable),
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.to_string().contains("udp:8888"), "{error}");
    assert!(lab.local_addrs().is_empty());
    assert!(!lab.is_running());
}

#[test]
fn a_wrong_expression_is_told_when_it_is_built() {
    let wrong = || Announcer::new("lab").transport("udp:many");
    let error = wrong().start().unwrap_err();
    assert!(matches!(error, Error::Expression(_)), "{error:?}");
    let error = Lab::builder().announce(wrong()).build().unwrap_err();
    assert!(matches!(error, Error::Expression(_)), "{error:?}");
    let error = Seeker::new().transport("udp:many").seek("", Duration::ZERO);
    assert!(matches!(error, Err(Error::Expression(_))), "{error:?}");
}
