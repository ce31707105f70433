//! The status of transports, adding and removing them while the API runs, restarting
//! many times, and keeping connections alive.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use quickrpc::{Error, TransportState, TransportStatus};
use quickrpc_tests::{
    Lab, LabInverse, OwnHost, RefusingPort, Telnet, client, inbox, own_bus, serve, server,
};

use crate::settled;

fn states(status: &[TransportStatus]) -> Vec<String> {
    let states = status.iter().map(|status| match &status.state {
        TransportState::Stopped => "stopped",
        TransportState::Up => "up",
        TransportState::Down { .. } => "down",
        TransportState::Ended { .. } => "ended",
        _ => "other",
    });
    states.map(str::to_owned).collect()
}

#[test]
fn status_says_what_is_up() {
    let nobody = RefusingPort::new();
    let text = format!(
        "mux:(tcpserv:127.0.0.1:0)(restart:60:tcp:{})",
        nobody.addr()
    );
    let lab = Lab::bind("jrpc", text.as_str()).unwrap();
    assert_eq!(states(&lab.status()), ["stopped", "stopped"]);
    let (seen, changes) = inbox();
    lab.on_status(move |status| seen.send(status.to_string()).unwrap());
    lab.start().unwrap();
    let status = lab.status();
    assert_eq!(states(&status), ["up", "down"]);
    assert_eq!(status[0].id, status[1].id, "parts of one expression");
    let text = status[1].to_string();
    assert!(text.contains("trying again in 60s"), "{text}");
    let TransportState::Down { reason, .. } = &status[1].state else {
        unreachable!();
    };
    assert!(matches!(reason, Error::Start { .. }), "{reason:?}");
    let log = changes.take(4);
    let said = |end: &str| log.iter().filter(|text| text.contains(end)).count();
    assert_eq!([said(": opening"), said(": up"), said(": down")], [2, 1, 1]);
    lab.stop().unwrap();
    assert_eq!(states(&lab.status()), ["stopped", "stopped"]);
}

#[test]
fn a_client_whose_server_is_gone_has_ended() {
    let (api, addr, _served) = server("jrpc");
    let caller = client("jrpc", addr);
    let (seen, changes) = inbox();
    caller.on_status(move |status| seen.send(states(std::slice::from_ref(status))).unwrap());
    drop(api);
    assert_eq!(changes.next(), ["ended"]);
    assert_eq!(states(&caller.status()), ["ended"]);
}

#[test]
fn a_transport_is_added_and_removed_while_running() {
    let bus = own_bus();
    let lab = Lab::bind("jrpc", format!("internal:{bus}:lab").as_str()).unwrap();
    let _served = serve(&lab);
    lab.start().unwrap();
    let near = LabInverse::bind("jrpc", format!("internal:{bus}:near").as_str()).unwrap();
    near.start().unwrap();
    assert_eq!(settled(near.all().add(1, 2)).unwrap(), 3);

    let id = lab
        .add_transport("mux:(tcpserv:127.0.0.1:0)(tcpserv:127.0.0.1:0)")
        .unwrap();
    let addrs = lab.local_addrs();
    assert_eq!(addrs.len(), 2);
    let far: Vec<LabInverse> = addrs.iter().map(|addr| client("jrpc", *addr)).collect();
    for caller in &far {
        assert_eq!(settled(caller.all().add(2, 3)).unwrap(), 5);
    }
    let gone = far.iter().map(|caller| {
        let (seen, gone) = inbox();
        caller.on_disconnect(move |_peer, _reason| seen.send(()).unwrap());
        gone
    });
    let gone: Vec<_> = gone.collect();
    lab.remove_transport(id).unwrap();
    for inbox in gone {
        inbox.next();
    }
    assert!(lab.local_addrs().is_empty());
    assert_eq!(lab.status().len(), 1);
    assert!(lab.remove_transport(id).is_err(), "removed before");
    // Nobody listens there any more, and the others go on.
    let late = LabInverse::bind("jrpc", format!("tcp:{}", addrs[0]).as_str()).unwrap();
    assert!(matches!(late.start(), Err(Error::Start { .. })));
    assert_eq!(settled(near.all().add(3, 4)).unwrap(), 7);
}

#[test]
fn a_transport_that_cannot_be_added_leaves_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap();
    let (lab, addr, _served) = server("jrpc");
    let text = format!("mux:(tcpserv:127.0.0.1:0)(tcpserv:{taken})");
    let error = lab.add_transport(text.as_str()).unwrap_err();
    assert!(error.to_string().contains(&taken.to_string()), "{error}");
    assert_eq!(lab.status().len(), 1);
    assert_eq!(lab.local_addrs(), [addr]);
    assert!(matches!(
        lab.add_transport("tcp:"),
        Err(Error::Expression(_))
    ));
    let caller = client("jrpc", addr);
    assert_eq!(settled(caller.all().add(1, 1)).unwrap(), 2);
}

#[test]
fn a_transport_is_added_before_the_start() {
    let lab = Lab::builder().codec("terse").build().unwrap();
    let _served = serve(&lab);
    lab.add_transport("tcpserv:127.0.0.1:0").unwrap();
    lab.start().unwrap();
    let mut person = Telnet::connect(lab.local_addrs()[0]);
    person.send("add[1] a:1 b:2\n");
    assert_eq!(person.line(), "[1]:3");
}

#[test]
fn ten_restarts_of_a_server() {
    // An address that no other test takes meanwhile.
    let host = OwnHost::new();
    let first = Lab::bind("jrpc", host.server(0).as_str()).unwrap();
    first.start().unwrap();
    let addr = first.local_addrs()[0];
    let text = format!("restart:0.02:tcp:{addr}");
    let caller = LabInverse::bind("jrpc", text.as_str()).unwrap();
    let (seen, events) = inbox();
    let ended = seen.clone();
    caller.on_connect(move |_peer| seen.send("+").unwrap());
    caller.on_disconnect(move |_peer, _reason| ended.send("-").unwrap());
    let (heard, notes) = inbox();
    caller.notified.connect(move |_sender, text| {
        heard.send(text.to_owned()).unwrap();
    });
    caller.start().unwrap();
    assert_eq!(events.next(), "+");
    let mut running = Some(first);
    for round in 0..10 {
        // What is pending at the break fails, and is not sent again.
        drop(running.take());
        assert_eq!(events.next(), "-");
        let lab = Lab::bind("jrpc", format!("tcpserv:{addr}").as_str()).unwrap();
        let _served = serve(&lab);
        lab.start().unwrap();
        assert_eq!(events.next(), "+");
        assert_eq!(settled(caller.all().add(round, 1)).unwrap(), round + 1);
        lab.all().notified("again").unwrap();
        assert_eq!(notes.next(), "again");
        running = Some(lab);
    }
}

#[test]
fn who_is_accepted_and_closed_waits_longer_each_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let text = format!("restart:1:tcp:{addr}?backoff=60");
    let caller = LabInverse::bind("jrpc", text.as_str()).unwrap();
    let (seen, pauses) = inbox();
    caller.on_status(move |status| {
        if let TransportState::Down { retry_in, .. } = status.state {
            seen.send(retry_in).unwrap();
        }
    });
    caller.start().unwrap();
    let second = Duration::from_secs(1);
    drop(listener.accept().unwrap());
    assert!(pauses.next() <= second);
    drop(listener.accept().unwrap());
    assert!(pauses.next() > second);
    // One that lasts longer than the pause before makes up for that.
    let (open, _) = listener.accept().unwrap();
    let lasts = Instant::now() + 2 * second;
    while let Some(left) = lasts.checked_duration_since(Instant::now()) {
        thread::park_timeout(left);
    }
    drop(open);
    assert!(pauses.next() <= second);
}

#[test]
fn keepalive_sends_the_delimiter_when_idle() {
    let lab = Lab::bind("jrpc", "tcpserv:127.0.0.1:0?keepalive=100ms").unwrap();
    lab.start().unwrap();
    let mut peer = Telnet::connect(lab.local_addrs()[0]);
    for _ in 0..3 {
        assert_eq!(peer.until(0), b"");
    }
}

#[test]
fn keepalive_is_refused_with_terse() {
    let error = Lab::bind("terse", "tcpserv:127.0.0.1:0?keepalive=10").unwrap_err();
    assert!(error.to_string().contains("harmless"), "{error}");
}

#[test]
fn peers_with_keepalive_understand_each_other() {
    let lab = Lab::bind("jrpc", "tcpserv:127.0.0.1:0?keepalive=20ms").unwrap();
    let _served = serve(&lab);
    lab.start().unwrap();
    let text = format!("tcp:{}?keepalive=20ms", lab.local_addrs()[0]);
    let caller = LabInverse::bind("jrpc", text.as_str()).unwrap();
    caller.start().unwrap();
    let (seen, trouble) = inbox();
    lab.on_error(move |_peer, error, _method| seen.send(error.to_string()).unwrap());
    let mut clock = Telnet::connect(lab.local_addrs()[0]);
    for round in 0..5 {
        // Keepalives pass between the calls.
        assert_eq!(clock.until(0), b"");
        assert_eq!(settled(caller.all().add(round, 1)).unwrap(), round + 1);
    }
    assert!(trouble.so_far().is_empty());
}

#[test]
fn a_link_local_address_without_its_network_is_explained() {
    // The system cannot know which network is meant, if it has IPv6 at all.
    if !has_ipv6() {
        return;
    }
    for transport in [
        "tcp:[fe80::1]:1",
        "tcpserv:[fe80::1]:0",
        "udp:0?bind=fe80::1",
    ] {
        let error = Lab::bind("terse", transport).unwrap().start().unwrap_err();
        assert!(error.to_string().contains("link-local"), "{error}");
    }
}

fn has_ipv6() -> bool {
    std::fs::read_to_string("/proc/net/if_inet6").is_ok_and(|text| !text.is_empty())
}
