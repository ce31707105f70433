//! Properties, which are the state that Juggler shows.

use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::*;

#[remote_api]
trait Supply {
    /// Volts at the output.
    #[incoming(property)]
    fn measured(&self) -> f64;

    /// Volts to be held.
    #[incoming(property, writable)]
    fn voltage(&self) -> f64;
}

/// Whose state is one value.
#[remote_api]
trait Board {
    /// The whole of it.
    #[incoming(property, writable)]
    #[name = ""]
    fn state(&self) -> Value;
}

/// What clients have, too, in 0.5.
#[remote_api]
trait Guest {
    #[outgoing(property)]
    fn seat(&self) -> Option<String>;
}

impl Other {
    /// The patch that comes next.
    #[track_caller]
    fn patch(&mut self, codec: &str) -> Json {
        let text = self.text();
        let (header, kind, member) = match codec.get(..11) {
            Some("juggler:0.5") => ("", "DATA", "payload"),
            Some("juggler:0.6") => ("", "state", "diff"),
            _ => ("0", "state", "diff"),
        };
        let message: Json = serde_json::from_str(text.strip_prefix(header).unwrap()).unwrap();
        assert_eq!(message["type"], kind, "{text}");
        assert_eq!(message.as_object().unwrap().len(), 2, "{text}");
        message[member].clone()
    }

    /// Until it sees this state, of which members alone are replaced; after so many patches.
    #[track_caller]
    fn sees(&mut self, codec: &str, state: &Json) -> usize {
        let (mut seen, mut patches) = (json!({}), 0);
        while seen != *state {
            for operation in self.patch(codec).as_array().unwrap() {
                match operation["path"].as_str().unwrap() {
                    "" => seen = operation["value"].clone(),
                    member => seen[&member[1..]] = operation["value"].clone(),
                }
            }
            patches += 1;
        }
        patches
    }
}

const ALL: [&str; 3] = ["juggler:0.5", "juggler:0.6", "juggler:0.7"];

fn supply(codec: &str) -> (Supply, SocketAddr) {
    let supply = Supply::bind(codec, SERVER).unwrap();
    supply.start().unwrap();
    let addr = supply.local_addrs()[0];
    (supply, addr)
}

/// Not started yet.
fn lab(codec: &str, addr: SocketAddr) -> SupplyInverse {
    SupplyInverse::bind(codec, format!("ws:{addr}").as_str()).unwrap()
}

#[test]
fn a_property_is_a_member_of_the_state() {
    for codec in ALL {
        let (supply, addr) = supply(&format!("{codec}?autoflush_delay=20ms"));
        supply.voltage.set(5.0).unwrap();
        let mut other = Other::connect(addr);
        let first = json!([{"op": "replace", "path": "", "value": {"voltage": 5.0}}]);
        assert_eq!(other.patch(codec), first, "{codec}");
        supply.measured.set(4.5).unwrap();
        let second = json!([{"op": "add", "path": "/measured", "value": 4.5}]);
        assert_eq!(other.patch(codec), second);
        supply.measured.set(4.5).unwrap();
        supply.voltage.set(6.0).unwrap();
        let third = json!([{"op": "replace", "path": "/voltage", "value": 6.0}]);
        assert_eq!(other.patch(codec), third, "equal values are not told");
        // Who comes later is shown the whole.
        let mut late = Other::connect(addr);
        late.sees(codec, &json!({"measured": 4.5, "voltage": 6.0}));
    }
}

#[test]
fn our_own_clients_hear_read_and_write() {
    for codec in ALL {
        let codec = format!("{codec}?autoflush_delay=10ms");
        let (supply, addr) = supply(&codec);
        supply.voltage.set(5.0).unwrap();
        supply
            .voltage
            .on_write(|_sender, volts| match *volts < 30.0 {
                true => Ok(()),
                false => Err("too high"),
            });
        let lab = lab(&codec, addr);
        // Before it can be told anything.
        let volts = lab.voltage.subscribe();
        lab.start().unwrap();
        // What is not told yet is asked for.
        assert_eq!(settled(lab.all().voltage()).unwrap(), 5.0);
        assert_eq!(volts.receiver().recv_timeout(SOON).unwrap().1, 5.0);
        settled(lab.all().set_voltage(6.0)).unwrap();
        assert_eq!(volts.receiver().recv_timeout(SOON).unwrap().1, 6.0);
        assert_eq!(settled(lab.all().voltage()).unwrap(), 6.0);
        assert_eq!(lab.voltage.latest(&lab.peers()[0]), Some(6.0));
        let each = lab.all().each().voltage();
        assert_eq!(each.into_iter().count(), 1);
        let refused = call_error(settled(lab.all().set_voltage(60.0)));
        assert_eq!(refused.message, "too high");
        let none = call_error(settled(lab.all().measured()));
        assert!(none.message.contains("no value yet"), "{none}");
        supply.measured.on_read(|_sender| 1.5);
        assert_eq!(settled(lab.all().measured()).unwrap(), 1.5);
    }
}

#[test]
fn the_property_without_a_name_is_the_whole() {
    for codec in ALL {
        let board = Board::bind(format!("{codec}?autoflush_delay=0").as_str(), SERVER).unwrap();
        board.start().unwrap();
        let addr = board.local_addrs()[0];
        let player = BoardInverse::bind(codec, format!("ws:{addr}").as_str()).unwrap();
        let states = player.state.subscribe();
        player.start().unwrap();
        let mut other = Other::connect(addr);
        // It is there, and hears of nothing: null is how a state begins.
        for (state, patch) in [
            (
                json!([1, 2, {"a": 3}]),
                json!([{"op": "replace", "path": "", "value": [1, 2, {"a": 3}]}]),
            ),
            (
                json!([1, 2, {"a": 4}]),
                json!([{"op": "replace", "path": "/2/a", "value": 4}]),
            ),
            (
                json!([0, 1, 2, {"a": 4}]),
                json!([
                    {"op": "replace", "path": "/0", "value": 0},
                    {"op": "replace", "path": "/1", "value": 1},
                    {"op": "replace", "path": "/2", "value": 2},
                    {"op": "add", "path": "/3", "value": {"a": 4}}
                ]),
            ),
            (
                json!(null),
                json!([{"op": "replace", "path": "", "value": null}]),
            ),
        ] {
            board.state.set(value(state.clone())).unwrap();
            let told = other.patch(codec);
            if state.as_array().is_none_or(|list| list.len() < 4) {
                assert_eq!(told, patch, "{codec}");
            }
            assert_eq!(
                states.receiver().recv_timeout(SOON).unwrap().1,
                value(state)
            );
        }
        settled(player.all().set_state(Value::from("written"))).unwrap();
        assert_eq!(
            states.receiver().recv_timeout(SOON).unwrap().1,
            Value::from("written")
        );
        assert_eq!(
            settled(player.all().state()).unwrap(),
            Value::from("written")
        );
        assert_eq!(board.state.get(), Some(Value::from("written")));
    }
}

#[test]
fn changes_within_the_delay_are_one_patch() {
    for codec in ALL {
        let (supply, addr) = supply(&format!("{codec}?autoflush_delay=300ms"));
        let (came, comers) = inbox();
        supply.on_connect(move |_| came.send(()).unwrap());
        let [mut other, mut other2] = [(); 2].map(|()| Other::connect(addr));
        comers.take(2);
        let began = Instant::now();
        for volts in 0..100 {
            supply.voltage.set(f64::from(volts)).unwrap();
            supply.measured.set(f64::from(volts) / 2.0).unwrap();
        }
        let whole = json!({"measured": 49.5, "voltage": 99.0});
        // One, where this thread is not held up for long.
        for other in [&mut other, &mut other2] {
            let patches = other.sees(codec, &whole);
            assert!(patches < 20, "{patches} for 200 changes");
        }
        // It is not extended by changes that follow.
        let stop = Instant::now() + SOON;
        let (done, is_done) = inbox::<()>();
        let voltage = supply.voltage.clone();
        let setter = std::thread::spawn(move || {
            for volts in 100.. {
                if !is_done.so_far().is_empty() || Instant::now() > stop {
                    return;
                }
                voltage.set(f64::from(volts)).unwrap();
                std::thread::yield_now();
            }
        });
        let patches: Vec<_> = (0..2).map(|_| other.patch(codec)).collect();
        done.send(()).unwrap();
        setter.join().unwrap();
        assert!(
            patches
                .iter()
                .all(|patch| patch.as_array().unwrap().len() == 1)
        );
        assert!(began.elapsed() > Duration::from_millis(900), "{patches:?}");
    }
}

#[test]
fn both_sides_of_the_fifth_have_properties() {
    let codec = "juggler:0.5?autoflush_delay=0";
    let host = Guest::bind(codec, SERVER).unwrap();
    host.start().unwrap();
    let transport = format!("ws:{}", host.local_addrs()[0]);
    let guest = GuestInverse::bind(codec, transport.as_str()).unwrap();
    guest.seat.set(Some("A1".into())).unwrap();
    let seats = host.seat.subscribe();
    guest.start().unwrap();
    assert_eq!(
        seats.receiver().recv_timeout(SOON).unwrap().1.as_deref(),
        Some("A1")
    );
    guest.seat.set(None).unwrap();
    assert_eq!(seats.receiver().recv_timeout(SOON).unwrap().1, None);
    let peer = host.peers().remove(0);
    assert_eq!(settled(host.to(&peer).seat()).unwrap(), None);
}

#[test]
fn clients_of_the_others_have_no_properties() {
    for codec in ["juggler:0.6", "juggler:0.7", "juggler"] {
        let refused = GuestInverse::bind(codec, "ws:127.0.0.1:1").unwrap_err();
        let text = refused.to_string();
        assert!(
            matches!(&refused, Error::Unsupported { method, .. } if &**method == "seat")
                && text.contains("only servers have properties"),
            "{text}"
        );
        Supply::bind(codec, SERVER).unwrap();
        SupplyInverse::bind(codec, "ws:127.0.0.1:1").unwrap();
    }
    for codec in ["juggler:0.6", "juggler:0.7"] {
        Guest::bind(codec, SERVER).unwrap_err();
    }
}

#[test]
fn what_cannot_be_shown_is_told_to_the_program() {
    let codec = "juggler:0.7?autoflush_delay=0";
    let api = dynamic::Api::bind(codec, SERVER).unwrap();
    let (failed, failures) = inbox();
    api.on_error(move |_peer, error, _| failed.send(error.to_string()).unwrap());
    let property = api.property("x", dynamic::Access::ReadOnly);
    api.start().unwrap();
    let mut other = Other::connect(api.local_addrs()[0]);
    let (came, comers) = inbox();
    api.on_connect(move |_| came.send(()).unwrap());
    let _second = Other::connect(api.local_addrs()[0]);
    comers.next();
    property.set(f64::NAN.into()).unwrap();
    assert!(failures.next().contains("NaN"));
    property.set(1.into()).unwrap();
    let patch = json!([{"op": "replace", "path": "", "value": {"x": 1}}]);
    assert_eq!(other.patch(codec), patch);
}

#[test]
fn what_is_shown_is_heard_as_changes_of_properties() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = dynamic::Api::bind(
        "juggler:0.7",
        format!("ws:{}", listener.local_addr().unwrap()).as_str(),
    );
    let client = client.unwrap();
    let (a, whole) = (client.remote_property("a"), client.remote_property(""));
    let (a, whole) = (a.subscribe(), whole.subscribe());
    let accepted = std::thread::spawn(move || Other::accept(&listener));
    client.start().unwrap();
    let mut other = accepted.join().unwrap();
    let mut say = |patch: Json| other.say(format!("0{}", json!({"type": "state", "diff": patch})));
    let next = |changes: &quickrpc::Subscription<(quickrpc::Sender, Value)>| {
        changes.receiver().recv_timeout(SOON).unwrap().1
    };
    say(json!([{"op": "replace", "path": "", "value": {"b": 1}}]));
    assert_eq!(next(&whole), value(json!({"b": 1})));
    say(json!([{"op": "add", "path": "/a", "value": [1]}]));
    assert_eq!(next(&whole), value(json!({"a": [1], "b": 1})));
    assert_eq!(next(&a), value(json!([1])));
    say(json!([{"op": "replace", "path": "", "value": {"a": [1]}}]));
    assert_eq!(next(&whole), value(json!({"a": [1]})));
    say(json!([{"op": "move", "from": "/a", "path": "/b"}]));
    assert_eq!(next(&whole), value(json!({"b": [1]})));
    assert_eq!(next(&a), Value::Null, "the same in between was no change");
    assert_eq!(settled(client.all().read("b")).unwrap(), value(json!([1])));
    assert_eq!(
        settled(client.all().read("")).unwrap(),
        value(json!({"b": [1]}))
    );
}

#[test]
fn what_waits_for_the_delay_leaves_before_an_end() {
    for codec in ALL {
        let (supply, addr) = supply(&format!("{codec}?autoflush_delay=60s"));
        let (came, comers) = inbox();
        supply.on_connect(move |peer| came.send(peer.clone()).unwrap());
        let mut others = [(); 2].map(|()| Other::connect(addr));
        let peers = comers.take(2);
        supply.voltage.set(1.0).unwrap();
        supply.disconnect(&peers[0]).unwrap();
        supply.stop().unwrap();
        for other in &mut others {
            other.sees(codec, &json!({"voltage": 1.0}));
        }
    }
}
