//! Who gets a call, and what happens when that is nobody.

use std::time::{Duration, Instant};

use quickrpc::{CallError, Error, Handle, Promise, Sender, remote_api};
use quickrpc_tests::{Inbox, Lab, LabInverse, SOON, Telnet, client, inbox, server};

use crate::{call_error, settled};

/// A hub, and guests that answer `question` with their own names.
struct Party {
    hub: Lab,
    arrived: Inbox<Sender>,
    guests: Vec<(LabInverse, Sender, Inbox<String>)>,
}

impl Party {
    fn of(names: &[&'static str]) -> Party {
        let hub = Lab::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
        let (seen, arrived) = inbox();
        hub.on_connect(move |peer| {
            seen.send(peer.clone()).unwrap();
        });
        hub.start().unwrap();
        let mut party = Party {
            hub,
            arrived,
            guests: Vec::new(),
        };
        for name in names {
            party.join(name);
        }
        party
    }

    fn join(&mut self, name: &'static str) {
        let addr = self.hub.local_addrs()[0];
        let guest = LabInverse::bind("jrpc", format!("tcp:{addr}").as_str()).unwrap();
        let (heard, notes) = inbox();
        guest.notified.connect(move |_sender, text| {
            let _ = heard.send(text.to_owned());
        });
        guest.question.connect(move |_sender, text| match text {
            "fail" => Err(CallError::new(1, name)),
            text if text.starts_with("only ") && !text.ends_with(name) => {
                Err(CallError::new(2, name))
            }
            _ => Ok(String::from(name)),
        });
        guest.start().unwrap();
        self.guests.push((guest, self.arrived.next(), notes));
    }

    fn peer(&self, number: usize) -> &Sender {
        &self.guests[number].1
    }

    fn heard(&self, number: usize) -> String {
        self.guests[number].2.next()
    }
}

#[test]
fn all_reaches_everybody() {
    let party = Party::of(&["ann", "bob", "cat"]);
    party.hub.all().notified("hello").unwrap();
    for number in 0..3 {
        assert_eq!(party.heard(number), "hello");
    }
}

#[test]
fn one_receiver_by_sender_or_by_name() {
    let party = Party::of(&["ann", "bob"]);
    let bob = party.peer(1);
    party.hub.to(bob).notified("as a sender").unwrap();
    party.hub.to(bob.name()).notified("as a name").unwrap();
    party.hub.all().to(bob).notified("over the handle").unwrap();
    party.hub.all().notified("to all").unwrap();
    let expected = ["as a sender", "as a name", "over the handle", "to all"];
    assert_eq!(party.guests[1].2.take(4), expected);
    assert_eq!(party.heard(0), "to all");
    assert_eq!(settled(party.hub.to(bob).question("")).unwrap(), "bob");
}

#[test]
fn lists_of_receivers() {
    let party = Party::of(&["ann", "bob", "cat"]);
    let hub = &party.hub;
    let (ann, cat) = (party.peer(0), party.peer(2));
    hub.to([ann, cat]).notified("senders").unwrap();
    hub.to(vec![ann.name(), cat.name()])
        .notified("names")
        .unwrap();
    hub.to(std::slice::from_ref(ann)).notified("one").unwrap();
    hub.all().notified("all").unwrap();
    assert_eq!(
        party.guests[0].2.take(4),
        ["senders", "names", "one", "all"]
    );
    assert_eq!(party.heard(1), "all");
    assert_eq!(party.guests[2].2.take(3), ["senders", "names", "all"]);
}

#[test]
fn the_first_result_of_several_wins() {
    let party = Party::of(&["ann", "bob", "cat"]);
    for name in ["ann", "bob", "cat"] {
        let question = format!("only {name}");
        assert_eq!(settled(party.hub.all().question(&question)).unwrap(), name);
    }
    let error = call_error(settled(party.hub.all().question("fail")));
    assert_eq!(error.code, 1);
}

#[test]
fn each_asks_everybody_for_an_answer_of_his_own() {
    let party = Party::of(&["ann", "bob", "cat"]);
    let promises = party.hub.all().each().question("only bob");
    let mut results: Vec<_> = promises
        .results()
        .map(|(peer, result)| (peer, result.map_err(|error| error.to_string())))
        .collect();
    assert_eq!(results.len(), 3);
    for (number, name) in ["ann", "bob", "cat"].into_iter().enumerate() {
        let found = results.iter().position(|r| &r.0 == party.peer(number));
        let (_, result) = results.swap_remove(found.expect("one result for each peer"));
        match name {
            "bob" => assert_eq!(result.as_deref(), Ok("bob")),
            _ => assert!(result.unwrap_err().contains(name)),
        }
    }
    let sent = party.hub.all().each().notified("each");
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|(_, result)| result.is_ok()));
    assert_eq!(party.heard(2), "each");
}

#[test]
fn with_nobody_there_a_notification_is_no_error_but_a_call_is() {
    let party = Party::of(&[]);
    party.hub.all().notified("hello").unwrap();
    let started = Instant::now();
    let result = settled(party.hub.all().question(""));
    assert!(matches!(result, Err(Error::NoPeer { .. })), "{result:?}");
    assert!(started.elapsed() < SOON / 4);
    assert!(party.hub.all().each().question("").is_empty());
}

#[test]
fn an_unknown_name_is_an_error_that_says_which() {
    let party = Party::of(&["ann"]);
    let error = party.hub.to("nobody").notified("hello").unwrap_err();
    assert!(matches!(error, Error::UnknownPeer { .. }), "{error:?}");
    assert!(error.to_string().contains("nobody"));
    assert!(error.to_string().contains(party.peer(0).name()));
    let result = settled(party.hub.to("nobody").question(""));
    assert!(matches!(result, Err(Error::UnknownPeer { .. })));
}

#[test]
fn a_name_that_two_have_is_ambiguous() {
    let (_api, addr, _served) = server("jrpc");
    let twice = format!("mux:(tcp:{addr})(tcp:{addr})");
    let hub = LabInverse::bind("jrpc", twice.as_str()).unwrap();
    hub.start().unwrap();
    let name = addr.to_string();
    let error = hub.to(&name).notify("hello").unwrap_err();
    let Error::AmbiguousPeer { candidates, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(candidates.len(), 2);
    for form in candidates.iter() {
        assert!(error.to_string().contains(form));
        assert_eq!(settled(hub.to(form).add(1, 2)).unwrap(), 3);
    }
    for peer in hub.peers() {
        assert_eq!(settled(hub.to(&peer).add(1, 2)).unwrap(), 3);
    }
}

#[test]
fn a_peer_that_is_gone_stays_gone() {
    let (api, addr, _served) = server("terse");
    let (seen, arrived) = inbox();
    let (gone, ended) = inbox();
    api.on_connect(move |peer| seen.send(peer.clone()).unwrap());
    api.on_disconnect(move |_peer, _reason| gone.send(()).unwrap());
    let first = Telnet::connect(addr);
    let peer = arrived.next();
    drop(first);
    ended.next();
    let _second = Telnet::connect(addr);
    arrived.next();
    let error = api.to(&peer).notified("hello").unwrap_err();
    assert!(matches!(error, Error::Disconnected { .. }), "{error:?}");
    let result = settled(api.to(&peer).question("hello"));
    assert!(matches!(result, Err(Error::Disconnected { .. })));
}

#[test]
fn the_others_still_get_the_message() {
    let party = Party::of(&["ann"]);
    let ann = party.peer(0).name();
    let receivers = ["nobody", ann, "no one"];
    let error = party.hub.to(receivers).notified("hello").unwrap_err();
    let Error::Partial(failures) = &error else {
        panic!("{error:?}");
    };
    let names: Vec<_> = failures.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["nobody", "no one"]);
    assert_eq!(party.heard(0), "hello");
    let error = party.hub.to([ann, "nobody"]).notified("again").unwrap_err();
    assert!(error.to_string().contains("nobody"), "{error}");
    assert_eq!(party.heard(0), "again");
    // Whoever is there is asked all the same.
    let answer = party.hub.to([ann, "nobody"]).question("");
    assert_eq!(settled(answer).unwrap(), "ann");
}

#[test]
fn the_deadline_of_a_handle() {
    let api = Lab::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    let (waiting, resolvers) = inbox();
    api.add.connect(|_sender, a, b| a + b);
    api.nested.connect(move |_sender, _value| {
        let (promise, resolver) = Promise::pair();
        waiting.send(resolver).unwrap();
        promise
    });
    api.start().unwrap();
    let caller = client("jrpc", api.local_addrs()[0]);
    let hub = caller.all().timeout(Duration::from_millis(50));
    let result = settled(hub.nested(quickrpc::Value::Null));
    let Err(Error::Timeout { method, after, .. }) = &result else {
        panic!("{result:?}");
    };
    assert_eq!(&**method, "nested");
    assert!(*after >= Duration::from_millis(50));
    // A late answer is dropped quietly, and the next call works.
    let late = resolvers.next();
    late.set_result(quickrpc::Value::Null).ok();
    assert_eq!(settled(caller.all().add(1, 2)).unwrap(), 3);
}

#[test]
fn the_deadline_of_an_api() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = silent.local_addr().unwrap();
    let caller = LabInverse::builder()
        .codec("terse")
        .transport(format!("tcp:{addr}").as_str())
        .call_timeout(Duration::from_millis(50))
        .build()
        .unwrap();
    caller.start().unwrap();
    let result = settled(caller.all().add(1, 2));
    assert!(matches!(result, Err(Error::Timeout { .. })), "{result:?}");
}

/// Calls with the names of the handle's own methods.
#[remote_api]
trait Collides {
    #[outgoing]
    fn timeout(&self, seconds: i64);

    #[outgoing]
    fn peers(&self) -> i64;

    #[outgoing]
    fn start(&self);
}

#[test]
fn the_handles_own_methods_stay_reachable() {
    let (api, other) = Collides::pair();
    let (seen, log) = inbox();
    other.timeout.connect(move |_sender, seconds| {
        seen.send(seconds).unwrap();
    });
    other.peers.connect(|_sender| 17_i64);
    let all = api.all();
    let patient = Handle::timeout(&all, SOON);
    patient.timeout(3).unwrap();
    assert_eq!(log.next(), 3);
    assert_eq!(settled(patient.peers()).unwrap(), 17);
    assert_eq!(Handle::peers(&all).len(), 1);
    all.start().unwrap();
}

#[test]
fn an_empty_list_of_receivers_is_said_to_be_one() {
    let party = Party::of(&["ann"]);
    let nobody: [&str; 0] = [];
    let result = settled(party.hub.to(nobody).question(""));
    let error = result.unwrap_err();
    assert!(matches!(error, Error::NoPeer { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "`question` was sent to an empty list of peers, which nobody can answer"
    );
    party.hub.to(nobody).notified("hello").unwrap();
}
