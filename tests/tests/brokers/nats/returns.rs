//! Peers that come again, and what anybody may say.

use std::io::Write;

use quickrpc::{Error, Stream};
use quickrpc_tests::{Inbox, NatsServer, Release, SOON, bounded, eventually, inbox};

use super::ByHand;
use crate::parts::{ShopInverse, Work, WorkInverse, shop};
use crate::relay::Relay;

by_both_servers! {
    a_link_that_was_cut_ends_its_calls_and_brings_the_values_back
    whoever_comes_again_has_gone_before
    what_is_no_text_costs_nobody_his_connection
    a_name_that_begins_with_a_dash_is_nobody_elses
    what_was_said_before_a_link_was_cut_is_nobody_elses
    headers_that_are_too_large_are_told_as_such
    a_call_to_any_ends_with_the_link_of_whoever_has_taken_it
    a_stream_ends_with_the_link_that_it_comes_by
}

fn a_link_that_was_cut_ends_its_calls_and_brings_the_values_back(release: Release) {
    let Some(server) = NatsServer::of(release, "") else {
        return;
    };
    let (of_press, of_hub) = (Relay::to(&server), Relay::to(&server));
    let again = |relay: &Relay, name: &str| {
        let options = format!("name={name}");
        format!("restart:0.05:{}", relay.bound(&server, "lab", &options))
    };
    let work = Work::bind("jrpc", again(&of_press, "press")).unwrap();
    work.voltage.set(5.0).unwrap();
    let (began, begins) = inbox();
    let (go_on, goes_on) = inbox::<()>();
    work.work.connect(move |_, _| {
        began.send(()).unwrap();
        goes_on.next();
        7
    });
    work.start().unwrap();
    let hub = WorkInverse::bind("jrpc", again(&of_hub, "hub")).unwrap();
    hub.start().unwrap();
    let knows = |hub: &WorkInverse| hub.voltage.latest("press") == Some(5.0);
    eventually("the value is known", || knows(&hub));
    let call = hub.to("press").timeout(SOON * 3).work(0);
    begins.next();
    of_press.cut();
    let error = call.result().unwrap_err();
    assert!(matches!(error, Error::Disconnected { .. }), "{error}");
    go_on.send(()).unwrap();
    eventually("the value is known again", || knows(&hub));
    // Now the link of the one who has values of others, while nothing is under way.
    let (told, gone) = inbox();
    hub.on_disconnect(move |peer, _| {
        // The test may be over.
        told.send(peer.name().to_owned()).ok();
    });
    of_hub.cut();
    assert_eq!(gone.next(), "press");
    eventually("the value is known to who has come again", || knows(&hub));
    go_on.send(()).unwrap();
    assert_eq!(hub.to("press").work(0).result().unwrap(), 7);
}

/// A hub, and what it hears of others: `+` for who comes, `-` for who goes, and errors.
fn looks_on(server: &NatsServer) -> (ShopInverse, Inbox<String>) {
    looks_on_by(&server.bound("lab", "name=hub"))
}

fn looks_on_by(transport: &str) -> (ShopInverse, Inbox<String>) {
    let hub = ShopInverse::bind("jrpc", transport).unwrap();
    let (told, events) = inbox();
    // The test may be over.
    let (came, gone, error) = (told.clone(), told.clone(), told);
    hub.on_connect(move |peer| drop(came.send(format!("+{}", peer.name()))));
    hub.on_disconnect(move |peer, _| drop(gone.send(format!("-{}", peer.name()))));
    hub.on_error(move |_, text, _| drop(error.send(text.to_string())));
    hub.start().unwrap();
    (hub, events)
}

fn whoever_comes_again_has_gone_before(release: Release) {
    let Some(server) = NatsServer::of(release, "") else {
        return;
    };
    let (_hub, events) = looks_on(&server);
    let mut hand = ByHand::new(&server);
    let mut comes = |name: &str, token: &str| {
        hand.publish("lab.all._here", &format!("lab.in.{name}.{token}.x"), "");
    };
    for token in ["t1", "t2", "t3", "t4"] {
        comes("press", token);
        if token != "t1" {
            assert_eq!(events.next(), "-press");
        }
        assert_eq!(events.next(), "+press");
        // With the word of another one, the callback for the one before has ended: nothing of it waits.
        comes(token, "x");
        assert_eq!(events.next(), format!("+{token}"));
    }
}

fn what_is_no_text_costs_nobody_his_connection(release: Release) {
    let Some(server) = NatsServer::of(release, "") else {
        return;
    };
    let (_hub, events) = looks_on(&server);
    let mut hand = ByHand::new(&server);
    for head in [
        &b"PUB lab.all.\xff 2"[..],
        b"PUB lab.all.say lab.in.\xff.t.x 2",
        b"PUB lab.to.hub.\xff\xfe answers.\xfe 2",
    ] {
        let message = [head, b"\r\n{}\r\n"].concat();
        hand.0.get_mut().write_all(&message).unwrap();
    }
    hand.publish("lab.all._here", "lab.in.press.t.x", "");
    assert_eq!(events.next(), "+press");
}

fn a_name_that_begins_with_a_dash_is_nobody_elses(release: Release) {
    let Some(server) = NatsServer::of(release, "") else {
        return;
    };
    let _shop = shop(&server, "x");
    let (hub, events) = looks_on(&server);
    assert_eq!(events.next(), "+x");
    let mut hand = ByHand::new(&server);
    hand.say("SUB lab.to.-x.> 1\r\n");
    hand.publish("lab.all._here", "lab.in.-x.t.x", "");
    assert_eq!(events.next(), "+-x");
    let call = hub.to("-x").timeout(SOON * 3).who();
    while !hand.message().0.ends_with(".who") {}
    // He listens no more while he owes an answer.
    hand.say("UNSUB 1\r\n");
    let error = call.result().unwrap_err();
    assert!(matches!(error, Error::Disconnected { .. }), "{error}");
    assert_eq!(events.next(), "--x");
    assert_eq!(hub.to("x").who().result().unwrap(), "x");
    assert_eq!(events.so_far(), [""; 0]);
}

/// What a connection has said last may arrive when there is another one in its place.
fn what_was_said_before_a_link_was_cut_is_nobody_elses(release: Release) {
    let Some(server) = NatsServer::of(release, "") else {
        return;
    };
    let mut hand = ByHand::new(&server);
    hand.say("SUB lab.all._here 1\r\nPING\r\n");
    assert_eq!(hand.line(), "PONG");
    let relay = Relay::to(&server);
    let bound = relay.bound(&server, "lab", "name=hub");
    let (_hub, events) = looks_on_by(&format!("restart:0.05:{bound}"));
    assert_eq!(hand.message().0, "lab.all._here");
    let before = hand.reply();
    relay.cut();
    assert_eq!(hand.message().0, "lab.all._here");
    assert_ne!(before, hand.reply());
    let say = r#"{"jsonrpc":"2.0","method":"news","params":{"text":"?"}}"#;
    for subject in ["lab.all.news", "lab.all._here", "lab.to.hub._ping"] {
        hand.publish(subject, &before, say);
    }
    hand.publish("lab.all._here", "lab.in.press.t.x", "");
    assert_eq!(events.next(), "+press");
    assert_eq!(events.so_far(), [""; 0]);
}

fn headers_that_are_too_large_are_told_as_such(release: Release) {
    let Some(server) = NatsServer::of(release, "") else {
        return;
    };
    let (_hub, events) = looks_on(&server);
    let mut hand = ByHand::new(&server);
    let headers = format!("NATS/1.0\r\nX: {}\r\n\r\n", "x".repeat(70_000));
    let (size, payload) = (headers.len(), "{}");
    let total = size + payload.len();
    hand.say(&format!(
        "HPUB lab.to.hub.news {size} {total}\r\n{headers}{payload}\r\n"
    ));
    hand.publish("lab.all._here", "lab.in.press.t.x", "");
    let told = format!("message of {size} bytes is larger than the limit of 65536 bytes");
    assert_eq!(events.next(), told);
    assert_eq!(events.next(), "+press");
}

/// Whoever has taken the call has come again before anybody asks him, and has lost it.
fn a_call_to_any_ends_with_the_link_of_whoever_has_taken_it(release: Release) {
    let Some(server) = NatsServer::of(release, "") else {
        return;
    };
    let relay = Relay::to(&server);
    let bound = relay.bound(&server, "lab", "name=press");
    let work = Work::bind("jrpc", format!("restart:0.05:{bound}")).unwrap();
    let (began, begins) = inbox();
    let (go_on, goes_on) = inbox::<()>();
    work.work.connect(move |_, _| {
        began.send(()).unwrap();
        goes_on.next();
        7
    });
    work.start().unwrap();
    let hub = WorkInverse::bind("jrpc", server.bound("lab", "name=hub")).unwrap();
    hub.start().unwrap();
    eventually("it is there", || hub.peers().len() == 1);
    let mut hand = ByHand::new(&server);
    hand.say("SUB lab.in.hub.*._owed 1\r\nPING\r\n");
    assert_eq!(hand.line(), "PONG");
    for is_told in [true, false] {
        let call = hub.any().timeout(SOON * 3).work(0);
        begins.next();
        if is_told {
            // He has said that he works on it.
            hand.message();
        }
        relay.cut();
        let error = call.result().unwrap_err();
        assert!(matches!(error, Error::Disconnected { .. }), "{error}");
        go_on.send(()).unwrap();
        eventually("it is there again", || hub.peers().len() == 1);
    }
    let call = hub.any().timeout(SOON).work(0);
    begins.next();
    go_on.send(()).unwrap();
    assert_eq!(call.result().unwrap(), 7);
}

fn a_stream_ends_with_the_link_that_it_comes_by(release: Release) {
    let Some(server) = NatsServer::of(release, "") else {
        return;
    };
    let relay = Relay::to(&server);
    let bound = relay.bound(&server, "lab", "name=press");
    let work = Work::bind("jrpc", format!("restart:0.05:{bound}")).unwrap();
    let (go_on, goes_on) = inbox::<()>();
    work.count.connect(move |_, to| {
        let goes_on = goes_on.clone();
        let waits = move |number: &u32| {
            if *number == 3 {
                goes_on.next();
            }
        };
        Stream::iter((0..to).inspect(waits))
    });
    work.start().unwrap();
    let hub = WorkInverse::bind("jrpc", server.bound("lab", "name=hub")).unwrap();
    hub.start().unwrap();
    for any in [false, true] {
        eventually("it is there", || hub.peers().len() == 1);
        let mut items = match any {
            true => hub.any().count(5),
            false => hub.to("press").count(5),
        };
        for number in 0..3 {
            assert_eq!(items.next().unwrap().unwrap(), number);
        }
        relay.cut();
        let next = bounded("the stream ends", move || items.next());
        let error = next.unwrap().unwrap_err();
        assert!(matches!(error, Error::Disconnected { .. }), "{error}");
        go_on.send(()).unwrap();
    }
    eventually("it is there", || hub.peers().len() == 1);
    let items = hub.any().count(3);
    assert_eq!(items.map(Result::unwrap).collect::<Vec<_>>(), [0, 1, 2]);
}
