//! Properties: values of one side that the other side reads, hears changes of, and may write.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use quickrpc::dynamic::{self, Access};
use quickrpc::{
    BoxError, CallError, Direction, Error, Limits, Processing, Promise, Sender, Value, remote_api,
};
use quickrpc_tests::{Inbox, KeyFile, SOON, Telnet, bounded, eventually, inbox, own_bus};

use crate::{call_error, settled};

/// A power supply.
#[remote_api]
pub trait Supply {
    /// Volts at the output, as measured.
    #[incoming(property)]
    fn measured(&self) -> f64;

    /// Volts to be held.
    #[incoming(property, writable)]
    fn voltage(&self) -> f64;

    /// What stands at the display.
    #[incoming(property, writable)]
    fn text(&self) -> String;

    /// A picture of the display.
    #[incoming(property, writable)]
    fn picture(&self) -> Option<Vec<u8>>;

    /// What the one at the other side has in mind.
    #[outgoing(property, writable)]
    fn wish(&self) -> HashMap<String, u32>;

    /// A call beside them.
    #[incoming]
    fn reset(&self) -> ();
}

fn server() -> (Supply, SocketAddr) {
    server_with("jrpc", Limits::default())
}

fn server_with(codec: &str, limits: Limits) -> (Supply, SocketAddr) {
    let supply = Supply::builder()
        .codec(codec)
        .transport("tcpserv:127.0.0.1:0")
        .limits(limits)
        .build()
        .unwrap();
    supply.start().unwrap();
    let addr = supply.local_addrs()[0];
    (supply, addr)
}

fn client(addr: SocketAddr) -> SupplyInverse {
    SupplyInverse::bind("jrpc", format!("tcp:{addr}")).unwrap()
}

/// What a client hears of the voltage, once it is started.
fn voltages(lab: &SupplyInverse) -> Inbox<f64> {
    let (told, heard) = inbox();
    lab.voltage.connect(move |_sender, volts| {
        told.send(volts).unwrap();
    });
    heard
}

#[test]
fn is_read_written_and_told() {
    let (supply, lab) = Supply::pair();
    let heard = voltages(&lab);
    assert_eq!(supply.voltage.get(), None);
    supply.voltage.set(5.0).unwrap();
    assert_eq!(supply.voltage.get(), Some(5.0));
    assert_eq!(heard.next(), 5.0);
    assert_eq!(settled(lab.all().voltage()).unwrap(), 5.0);

    settled(lab.all().set_voltage(6.0)).unwrap();
    assert_eq!(supply.voltage.get(), Some(6.0));
    assert_eq!(heard.next(), 6.0, "the writer is told as well");
    let peer = lab.peers().remove(0);
    assert_eq!(lab.voltage.latest(&peer), Some(6.0));
    assert_eq!(lab.voltage.latest(peer.name()), Some(6.0));
    assert_eq!(lab.voltage.latest("nobody"), None);
    assert_eq!(lab.measured.latest(&peer), None, "it was never set");

    let each = lab.all().each().voltage().results().next().unwrap();
    assert_eq!(each.1.unwrap(), 6.0);
    for (_, written) in lab.all().each().set_voltage(7.0).results() {
        written.unwrap();
    }
    assert_eq!(heard.next(), 7.0);
    assert!(supply.unhandled_calls() == ["reset"] && lab.unhandled_calls().is_empty());
}

#[test]
fn without_a_value_a_read_is_an_error() {
    let (_supply, lab) = Supply::pair();
    let error = call_error(settled(lab.all().voltage()));
    assert_eq!(error.message, "`voltage` has no value yet");
}

#[test]
fn goes_the_other_way_as_well() {
    let (supply, lab) = Supply::pair();
    let (told, heard) = inbox();
    supply.wish.connect(move |sender, wish| {
        told.send((sender.to_string(), wish)).unwrap();
    });
    let wish = HashMap::from([("volts".to_owned(), 5)]);
    lab.wish.set(wish.clone()).unwrap();
    let peer = supply.peers().remove(0);
    assert_eq!(heard.next(), (peer.to_string(), wish.clone()));
    assert_eq!(supply.wish.latest(&peer), Some(wish.clone()));
    assert_eq!(settled(supply.to(&peer).wish()).unwrap(), wish);
    settled(supply.all().set_wish(HashMap::new())).unwrap();
    assert_eq!(lab.wish.get(), Some(HashMap::new()));
}

#[test]
fn values_of_all_kinds() {
    let (supply, lab) = Supply::pair();
    let pictures = lab.picture.subscribe();
    supply.picture.set(Some(vec![0, 255])).unwrap();
    assert_eq!(pictures.recv_timeout(SOON).unwrap().1, Some(vec![0, 255]));
    assert_eq!(settled(lab.all().picture()).unwrap(), Some(vec![0, 255]));
    settled(lab.all().set_picture(None)).unwrap();
    assert_eq!(supply.picture.get(), Some(None));
    assert_eq!(pictures.recv_timeout(SOON).unwrap().1, None);
    assert_eq!(settled(lab.all().picture()).unwrap(), None);
    settled(lab.all().set_text("größer\0".to_owned())).unwrap();
    assert_eq!(supply.text.get().unwrap(), "größer\0");
}

#[test]
fn is_told_when_somebody_connects() {
    let (supply, addr) = server();
    supply.voltage.set(1.0).unwrap();
    supply.voltage.set(5.0).unwrap();
    supply
        .measured
        .on_read(|sender: &Sender| match sender.is_empty() {
            true => 0.0,
            false => 4.99,
        });
    let (told, connected) = inbox();
    supply.on_connect(move |_peer| told.send(()).unwrap());
    let lab = client(addr);
    let heard = voltages(&lab);
    let measured = lab.measured.subscribe();
    lab.start().unwrap();
    assert_eq!(heard.next(), 5.0, "the newest, and nothing of before");
    assert_eq!(
        measured.recv_timeout(SOON).unwrap().1,
        4.99,
        "what a reader gets"
    );
    connected.next();
    assert_eq!(settled(lab.all().measured()).unwrap(), 4.99);
    supply.measured.set(4.5).unwrap();
    assert_eq!(measured.recv_timeout(SOON).unwrap().1, 4.5);
    assert_eq!(
        settled(lab.all().measured()).unwrap(),
        4.99,
        "reads are the handler's"
    );
    assert!(heard.so_far().is_empty());
}

#[test]
fn equal_values_are_not_told_again() {
    let (supply, lab) = Supply::pair();
    let heard = voltages(&lab);
    let (told, wishes) = inbox();
    supply.wish.connect(move |_, wish| told.send(wish).unwrap());
    for volts in [1.0, 1.0, 2.0, f64::NAN, f64::NAN, 2.0] {
        supply.voltage.set(volts).unwrap();
    }
    settled(lab.all().set_voltage(2.0)).unwrap();
    supply.voltage.set(3.0).unwrap();
    let told = heard.take(5);
    assert!(told[2].is_nan());
    assert_eq!([told[0], told[1], told[3], told[4]], [1.0, 2.0, 2.0, 3.0]);

    // The same entries in whichever order.
    let wish = |numbers: &mut dyn Iterator<Item = u32>| -> HashMap<String, u32> {
        numbers.map(|number| (number.to_string(), number)).collect()
    };
    lab.wish.set(wish(&mut (10..60))).unwrap();
    for _ in 0..10 {
        lab.wish.set(wish(&mut (10..60).rev())).unwrap();
    }
    lab.wish.set(HashMap::new()).unwrap();
    assert_eq!(wishes.next().len(), 50);
    assert!(wishes.next().is_empty());
}

#[test]
fn a_write_may_be_refused() {
    let (supply, lab) = Supply::pair();
    supply.voltage.set(5.0).unwrap();
    let handler = supply.voltage.on_write(|_sender, volts| {
        if *volts < 30.0 {
            Ok(())
        } else {
            Err("too high")
        }
    });
    let heard = voltages(&lab);
    let error = call_error(settled(lab.all().set_voltage(30.0)));
    assert_eq!(
        (error.code, &*error.message),
        (CallError::HANDLER_ERROR, "too high")
    );
    assert_eq!(supply.voltage.get(), Some(5.0));
    settled(lab.all().set_voltage(29.0)).unwrap();
    assert_eq!(supply.voltage.get(), Some(29.0));
    supply.voltage.set(100.0).unwrap();

    // The last one counts, while it is connected.
    let stricter = supply
        .voltage
        .on_write(|_, _| Err::<(), _>(CallError::new(7, "never").with_data("data")));
    let error = call_error(settled(lab.all().set_voltage(1.0)));
    assert_eq!((error.code, error.data), (7, Some("data".into())));
    stricter.disconnect();
    settled(lab.all().set_voltage(1.0)).unwrap();
    handler.disconnect();
    settled(lab.all().set_voltage(31.0)).unwrap();
    let told = loop {
        let told = heard.next();
        if told == 31.0 {
            break heard.so_far();
        }
        assert!(told != 30.0);
    };
    assert!(told.is_empty());

    // What is no value is refused before.
    let raw = dynamic_client(&supply);
    for args in [
        Value::from_iter([("value", "high")]),
        Value::from_iter([("volts", 1)]),
        Value::Null,
    ] {
        let error = call_error(settled(raw.call("set_voltage", args)));
        assert_eq!(error.code, CallError::INVALID_PARAMS, "{}", error.message);
    }
    let error = call_error(settled(
        raw.call("get_voltage", [("x", 1)].into_iter().collect::<Value>()),
    ));
    assert_eq!(error.code, CallError::INVALID_PARAMS);
    let error = call_error(settled(raw.call("set_measured", [1].to_vec())));
    assert_eq!(
        error.code,
        CallError::METHOD_NOT_FOUND,
        "it is not writable"
    );
    assert_eq!(supply.voltage.get(), Some(31.0));
}

/// An API without a trait that is connected to this one.
fn dynamic_client(supply: &Supply) -> dynamic::Api {
    supply.add_transport("tcpserv:127.0.0.1:0").unwrap();
    let addr = *supply.local_addrs().last().unwrap();
    let client = dynamic::Api::bind("jrpc", format!("tcp:{addr}")).unwrap();
    client.start().unwrap();
    client
}

#[test]
fn a_write_may_be_accepted_later() {
    let (supply, lab) = Supply::pair();
    let (told, resolvers) = inbox();
    supply.voltage.on_write(move |_, _| {
        let (promise, resolver) = Promise::<()>::pair();
        told.send(resolver).unwrap();
        promise
    });
    let heard = voltages(&lab);
    let (first, second) = (lab.all().set_voltage(1.0), lab.all().set_voltage(2.0));
    let (accepts, refuses) = (resolvers.next(), resolvers.next());
    assert_eq!(supply.voltage.get(), None);
    refuses.set_error("no").unwrap();
    assert_eq!(call_error(settled(second)).message, "no");
    accepts.set_result(()).unwrap();
    settled(first).unwrap();
    assert_eq!((supply.voltage.get(), heard.next()), (Some(1.0), 1.0));
}

#[test]
fn handlers_that_panic_harm_nobody() {
    let (supply, lab) = Supply::pair();
    supply.voltage.set(5.0).unwrap();
    supply.voltage.on_write(|_, volts| assert!(*volts < 30.0));
    let reads = supply.voltage.on_read(|_| -> f64 { panic!("in a test") });
    assert_eq!(
        call_error(settled(lab.all().voltage())).code,
        CallError::INTERNAL_ERROR
    );
    assert_eq!(
        call_error(settled(lab.all().set_voltage(31.0))).code,
        CallError::INTERNAL_ERROR
    );
    // Who comes is told what was set.
    let other = dynamic_client(&supply);
    let voltage = other.remote_property("voltage").subscribe();
    supply.voltage.set(6.0).unwrap();
    assert!(voltage.recv_timeout(SOON).is_ok());
    reads.disconnect();
    assert_eq!(settled(lab.all().voltage()).unwrap(), 6.0);
}

/// Of a burst, a peer that does not read is told few, and the newest last; the others all.
#[test]
fn a_burst_does_not_fill_a_queue() {
    const SIZE: usize = 100 << 10;
    let limits = Limits {
        peer_queue: 256 << 10,
        stall: Duration::from_millis(1),
        ..Limits::default()
    };
    let (supply, addr) = server_with("terse", limits);
    let (told, connected) = inbox();
    supply.on_connect(move |peer| told.send(peer.clone()).unwrap());
    let (lost, gone) = inbox();
    supply.on_disconnect(move |_, reason| lost.send(reason.to_string()).unwrap());
    let mut deaf = Telnet::narrow(addr);
    let deaf_peer = connected.next();
    let lab = SupplyInverse::bind("terse", format!("tcp:{addr}")).unwrap();
    let texts = lab.text.subscribe();
    lab.start().unwrap();
    connected.next();
    let text = |number: usize| format!("{number:03}{}", "x".repeat(SIZE));
    for number in 0..100 {
        supply.text.set(text(number)).unwrap();
        assert!(
            texts.recv_timeout(SOON).unwrap().1 == text(number),
            "in time"
        );
    }
    // It is still there, and reads.
    assert!(supply.peers().contains(&deaf_peer) && gone.so_far().is_empty());
    let mut numbers = Vec::new();
    while numbers.last() != Some(&99) {
        let line = deaf.line();
        let number = line.strip_prefix("text_changed value:\"").unwrap();
        numbers.push(number[..3].parse::<u32>().unwrap());
    }
    assert!(numbers.is_sorted() && numbers.len() < 50, "{numbers:?}");
    supply.text.set("short".to_owned()).unwrap();
    assert_eq!(deaf.line(), "text_changed value:\"short\"");
    assert!(gone.so_far().is_empty());
}

/// Several properties of one peer without room: a mark for each.
#[test]
fn each_property_waits_for_itself() {
    let (supply, addr) = server_with("terse", Limits::default());
    let (told, connected) = inbox();
    supply.on_connect(move |_| told.send(()).unwrap());
    let mut deaf = Telnet::narrow(addr);
    connected.next();
    for number in 0..100 {
        supply
            .text
            .set(format!("{number:03}{}", "x".repeat(100 << 10)))
            .unwrap();
        supply.voltage.set(number.into()).unwrap();
        supply.measured.set(f64::from(number) + 0.5).unwrap();
    }
    let mut last = HashMap::new();
    while last.len() < 3
        || last["text_changed"] != "\"099"
        || last["voltage_changed"] != "99.0"
        || last["measured_changed"] != "99.5"
    {
        let line = deaf.line();
        let (name, value) = line.split_once(" value:").unwrap();
        last.insert(name.to_owned(), value.get(..4).unwrap_or(value).to_owned());
    }
    // Calls were not in the way, and are not now.
    deaf.send("get_voltage[1]\n");
    assert_eq!(deaf.line(), "[1]:99.0");
}

/// Whoever sets: all peers hear the same order, and the last is what is there.
#[test]
fn several_set_at_once() {
    let (supply, addr) = server();
    let labs: Vec<_> = (0..3).map(|_| client(addr)).collect();
    let heard: Vec<_> = labs.iter().map(voltages).collect();
    for lab in &labs {
        lab.start().unwrap();
    }
    eventually("all are connected", || supply.peers().len() == 3);
    let setters: Vec<_> = (0..4)
        .map(|thread| {
            let voltage = supply.voltage.clone();
            thread::spawn(move || {
                for number in 0..250 {
                    voltage.set(f64::from(thread * 1000 + number)).unwrap();
                }
            })
        })
        .collect();
    for setter in setters {
        bounded("setting", move || setter.join().unwrap());
    }
    let last = supply.voltage.get().unwrap();
    let all: Vec<Vec<f64>> = heard
        .iter()
        .map(|heard| {
            let mut all = vec![heard.next()];
            while all.last() != Some(&last) {
                all.push(heard.next());
            }
            all
        })
        .collect();
    for one in &all {
        // One thread's values come in its order.
        for thread in 0..4 {
            let own = one.iter().filter(|value| **value as i32 / 1000 == thread);
            assert!(own.is_sorted());
        }
        for other in &all {
            let places: HashMap<u64, usize> = other
                .iter()
                .enumerate()
                .map(|(place, value)| (value.to_bits(), place))
                .collect();
            let common = one.iter().filter_map(|value| places.get(&value.to_bits()));
            assert!(common.is_sorted(), "two orders");
        }
    }
}

/// Setting within handlers, of writes and of changes, waits for nothing.
#[test]
fn handlers_may_set() {
    let (supply, lab) = Supply::pair();
    let (text, measured) = (supply.text.clone(), supply.measured.clone());
    supply.voltage.on_write(move |_, volts| {
        text.set(format!("{volts} V"))?;
        measured.set(*volts - 0.01)?;
        quickrpc::ok(())
    });
    let texts = lab.text.subscribe();
    settled(lab.all().set_voltage(5.0)).unwrap();
    assert_eq!(texts.recv_timeout(SOON).unwrap().1, "5 V");
    assert_eq!(supply.measured.get(), Some(4.99));
}

/// A program that comes back is told again; what it had told before is forgotten.
#[test]
fn reconnection() {
    let (supply, addr) = server();
    supply.voltage.set(5.0).unwrap();
    let lab = SupplyInverse::bind("jrpc", format!("restart:0.01:tcp:{addr}")).unwrap();
    let (told, heard) = inbox();
    lab.voltage.connect(move |sender, volts| {
        told.send((sender.clone(), volts)).unwrap();
    });
    let (lost, gone) = inbox();
    lab.on_disconnect(move |_, _| lost.send(()).unwrap());
    lab.start().unwrap();
    let (first, volts) = heard.next();
    assert_eq!(volts, 5.0);
    supply.disconnect(&supply.peers()[0]).unwrap();
    supply.voltage.set(6.0).unwrap();
    let (second, volts) = loop {
        let (sender, volts) = heard.next();
        if sender != first {
            break (sender, volts);
        }
    };
    assert_eq!(volts, 6.0);
    gone.next();
    eventually("it is forgotten", || lab.voltage.latest(&first).is_none());
    assert_eq!(lab.voltage.latest(&second), Some(6.0));
    assert_eq!(lab.voltage.latest(second.name()), Some(6.0));

    // The other way round: the owner starts anew.
    supply.stop().unwrap();
    supply.voltage.set(7.0).unwrap();
    supply.set_transport(format!("tcpserv:{addr}")).unwrap();
    supply.start().unwrap();
    assert_eq!(heard.next().1, 7.0);
}

#[test]
fn people_take_part() {
    let (supply, addr) = server_with("terse", Limits::default());
    supply.voltage.set(5.0).unwrap();
    supply.voltage.on_write(|_, volts| {
        if *volts < 30.0 {
            Ok(())
        } else {
            Err("too high")
        }
    });
    let mut person = Telnet::connect(addr);
    assert_eq!(person.line(), "voltage_changed value:5.0");
    person.send("get_voltage[1]\nset_voltage[2] value:6\n");
    assert_eq!(person.line(), "[1]:5.0");
    assert_eq!(person.line(), "voltage_changed value:6.0");
    assert_eq!(person.line(), "[2]:null");
    person.send("set_voltage[3] value:60\nset_voltage value:7.5\n");
    assert_eq!(
        person.line(),
        "[3]! message:\"too high\" details:null code:-32000".replace(" details:null", "")
    );
    assert_eq!(person.line(), "voltage_changed value:7.5");
    assert_eq!(supply.voltage.get(), Some(7.5));
}

#[test]
fn what_travels_are_calls() {
    let (supply, addr) = server();
    let mut peer = Telnet::connect(addr);
    supply.on_error(|_, _, _| {});
    peer.send("{\"jsonrpc\":\"2.0\",\"method\":\"get_voltage\",\"params\":{},\"id\":1}\0");
    assert_eq!(
        peer.json()["error"]["message"],
        "`voltage` has no value yet"
    );
    supply.voltage.set(5.5).unwrap();
    let change = peer.json();
    let expected = serde_json::json!(
        {"jsonrpc": "2.0", "method": "voltage_changed", "params": {"value": 5.5}}
    );
    assert_eq!(change, expected);
    // A peer tells of its own, and is asked.
    let (told, heard) = inbox();
    supply.wish.connect(move |_, wish| told.send(wish).unwrap());
    peer.send(
        "{\"jsonrpc\":\"2.0\",\"method\":\"wish_changed\",\"params\":{\"value\":{\"a\":1}}}\0",
    );
    assert_eq!(heard.next()["a"], 1);
    let wish = supply.all().wish();
    let call = peer.json();
    assert_eq!(
        (call["method"].as_str(), &call["params"]),
        (Some("get_wish"), &serde_json::json!({}))
    );
    peer.send(format!(
        "{{\"jsonrpc\":\"2.0\",\"result\":{{}},\"id\":{}}}\0",
        call["id"]
    ));
    assert!(settled(wish).unwrap().is_empty());
    let written = supply.all().set_wish(HashMap::new());
    let call = peer.json();
    assert_eq!(
        (call["method"].as_str(), &call["params"]),
        (Some("set_wish"), &serde_json::json!({"value": {}}))
    );
    peer.send(format!(
        "{{\"jsonrpc\":\"2.0\",\"result\":null,\"id\":{}}}\0",
        call["id"]
    ));
    settled(written).unwrap();
    // What is no value of the type is trouble, and changes nothing.
    peer.send("{\"jsonrpc\":\"2.0\",\"method\":\"wish_changed\",\"params\":{\"value\":7}}\0");
    peer.send(
        "{\"jsonrpc\":\"2.0\",\"method\":\"wish_changed\",\"params\":{\"value\":{\"b\":2}}}\0",
    );
    assert_eq!(heard.next()["b"], 2);
    assert_eq!(supply.wish.latest(&supply.peers()[0]).unwrap()["b"], 2);
}

/// A server of both properties and calls.
#[derive(Default)]
struct Bench {
    volts: std::sync::Mutex<f64>,
    broken: Arc<AtomicBool>,
}

#[remote_api]
trait Small {
    /// Volts to be held.
    #[incoming(property, writable)]
    fn voltage(&self) -> f64;
    /// Degrees, if the sensor works.
    #[incoming(property, writable)]
    fn degrees(&self) -> Result<i32, std::num::ParseIntError>;
    #[incoming(property)]
    fn r#type(&self) -> String;
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
}

impl SmallIncoming for Bench {
    fn voltage(&self, _sender: &Sender) -> f64 {
        *self.volts.lock().unwrap()
    }
    fn set_voltage(&self, _sender: &Sender, value: &f64) -> Result<(), BoxError> {
        if *value > 30.0 {
            return Err("too high".into());
        }
        *self.volts.lock().unwrap() = *value;
        Ok(())
    }
    fn degrees(&self, _sender: &Sender) -> Result<i32, std::num::ParseIntError> {
        match self.broken.load(Ordering::Relaxed) {
            true => "no".parse(),
            false => Ok(20),
        }
    }
    fn set_degrees(&self, _sender: &Sender, value: &i32) -> Result<(), std::num::ParseIntError> {
        value.to_string().parse::<i8>().map(|_| ())
    }
    fn r#type(&self, sender: &Sender) -> String {
        format!("for {sender}")
    }
    fn add(&self, _sender: &Sender, a: i64, b: i64) -> i64 {
        a + b
    }
}

#[test]
fn a_server_has_properties() {
    let (small, lab) = Small::pair();
    let bench = Bench::default();
    let broken = Arc::clone(&bench.broken);
    let serving = small.serve(bench);
    let told = lab.voltage.subscribe();
    assert_eq!(settled(lab.all().voltage()).unwrap(), 0.0);
    settled(lab.all().set_voltage(5.0)).unwrap();
    assert_eq!(settled(lab.all().voltage()).unwrap(), 5.0);
    assert_eq!(told.recv_timeout(SOON).unwrap().1, 5.0);
    assert_eq!(
        call_error(settled(lab.all().set_voltage(31.0))).message,
        "too high"
    );
    assert_eq!(settled(lab.all().degrees()).unwrap(), 20);
    broken.store(true, Ordering::Relaxed);
    assert!(
        call_error(settled(lab.all().degrees()))
            .message
            .contains("digit")
    );
    assert!(
        call_error(settled(lab.all().set_degrees(200)))
            .message
            .contains("large")
    );
    settled(lab.all().set_degrees(100)).unwrap();
    assert_eq!(small.degrees.get(), Some(100));
    assert!(settled(lab.all().r#type()).unwrap().starts_with("for "));
    assert_eq!(settled(lab.all().add(1, 2)).unwrap(), 3);
    serving.disconnect();
    assert_eq!(settled(lab.all().degrees()).unwrap(), 100, "what was set");
}

#[test]
fn the_description_tells() {
    let [measured, voltage, _, picture, wish] = Supply::DESCRIPTION.properties else {
        panic!("other properties");
    };
    assert_eq!(
        (voltage.name, voltage.wire_name, voltage.type_name),
        ("voltage", "voltage", "f64")
    );
    assert_eq!(
        (voltage.docs, voltage.direction),
        ("Volts to be held.", Direction::Incoming)
    );
    assert!(voltage.writable && !measured.writable && measured.calls.write.is_none());
    assert_eq!(wish.direction, Direction::Outgoing);
    let calls = voltage.calls;
    let write = calls.write.unwrap();
    assert_eq!(
        [
            calls.read.wire_name,
            write.wire_name,
            calls.change.wire_name
        ],
        ["get_voltage", "set_voltage", "voltage_changed"]
    );
    assert_eq!(
        (calls.read.result, write.result, calls.change.result),
        (Some("f64"), Some("()"), None)
    );
    assert_eq!(write.arguments[0].wire_name, "value");
    assert!(picture.calls.change.arguments[0].optional);
    let directions = [
        calls.read.direction,
        write.direction,
        calls.change.direction,
    ];
    assert_eq!(
        directions,
        [
            Direction::Incoming,
            Direction::Incoming,
            Direction::Outgoing
        ]
    );
    let inverse = SupplyInverse::DESCRIPTION.properties[1];
    assert_eq!(
        (
            inverse.direction,
            inverse.calls.read.direction,
            inverse.calls.change.direction
        ),
        (
            Direction::Outgoing,
            Direction::Outgoing,
            Direction::Incoming
        )
    );
    // They are no calls.
    assert_eq!(Supply::DESCRIPTION.calls.len(), 1);
    assert_eq!(
        Small::DESCRIPTION.properties[2].calls.read.wire_name,
        "get_type"
    );
}

#[test]
fn names_follow_the_rules_of_calls() {
    #[remote_api(rename_all = "camelCase", prefix = "lab.", positional)]
    trait Renamed {
        #[incoming(property, writable)]
        fn output_voltage(&self) -> f64;
        #[incoming(property, writable)]
        #[name = "deep.down.Name"]
        fn named(&self) -> i32;
    }
    let [voltage, named] = Renamed::DESCRIPTION.properties else {
        panic!("other properties");
    };
    let names = |property: &quickrpc::PropertyDescription| {
        let calls = property.calls;
        [calls.read, calls.write.unwrap(), calls.change].map(|call| call.wire_name)
    };
    assert_eq!(voltage.wire_name, "lab.outputVoltage");
    assert_eq!(
        names(voltage),
        [
            "lab.getOutputVoltage",
            "lab.setOutputVoltage",
            "lab.outputVoltageChanged"
        ]
    );
    assert_eq!(
        names(named),
        [
            "deep.down.get_Name",
            "deep.down.set_Name",
            "deep.down.Name_changed"
        ]
    );
    let (api, other) = Renamed::pair();
    let told = other.named.subscribe();
    settled(other.all().set_named(7)).unwrap();
    assert_eq!(
        (api.named.get(), told.recv_timeout(SOON).unwrap().1),
        (Some(7), 7)
    );
}

#[test]
fn without_a_trait() {
    let bus = own_bus();
    let supply = dynamic::Api::bind("jrpc", format!("internal:{bus}:supply")).unwrap();
    let lab = SupplyInverse::bind("jrpc", format!("internal:{bus}:lab")).unwrap();
    let told = lab.voltage.subscribe();
    (supply.start().unwrap(), lab.start().unwrap());
    eventually("they are connected", || !supply.peers().is_empty());
    // Somebody is there already.
    let voltage = supply.property("voltage", Access::Writable);
    voltage.set(5.0.into()).unwrap();
    assert_eq!(told.recv_timeout(SOON).unwrap().1, 5.0);
    voltage.on_write(|_, value| value.as_f64().map(drop).ok_or("no number"));
    settled(lab.all().set_voltage(6.0)).unwrap();
    assert_eq!(told.recv_timeout(SOON).unwrap().1, 6.0);
    assert_eq!(
        supply.property("voltage", Access::Writable).get(),
        Some(6.0.into())
    );
    supply
        .property("measured", Access::ReadOnly)
        .set(1.into())
        .unwrap();
    assert_eq!(settled(lab.all().measured()).unwrap(), 1.0);

    let (told, wishes) = inbox();
    supply
        .remote_property("wish")
        .connect(move |_, wish| told.send(wish).unwrap());
    lab.wish.set(HashMap::from([("a".to_owned(), 1)])).unwrap();
    assert_eq!(wishes.next()["a"].as_i64(), Some(1));
    assert_eq!(
        settled(supply.all().read("wish")).unwrap()["a"].as_i64(),
        Some(1)
    );
    settled(supply.all().write("wish", HashMap::from([("b", 2)]))).unwrap();
    assert_eq!(lab.wish.get().unwrap()["b"], 2);
    let error = call_error(settled(supply.all().write("wish", "text")));
    assert_eq!(error.code, CallError::INVALID_PARAMS);
}

#[test]
fn is_for_those_who_may() {
    #[remote_api]
    trait Guarded {
        #[incoming(property, writable)]
        #[require(write_role = "operator")]
        fn voltage(&self) -> f64;
        #[incoming(property, writable)]
        #[require(role = "guest", write_role = "operator")]
        fn current(&self) -> f64;
        #[incoming(property, writable)]
        #[require(role = "operator")]
        fn secret(&self) -> f64;
        #[incoming]
        fn done(&self) -> ();
    }
    let secret = Guarded::DESCRIPTION.properties[2];
    assert_eq!((secret.role, secret.write_role), (Some("operator"), None));
    assert_eq!(secret.calls.write.unwrap().role, Some("operator"));

    let table = |user: &str| KeyFile::table(user, user, &format!("roles = [\"{user}\"]"));
    let keys = KeyFile::with(&["hub", "operator", "guest"].map(table).concat());
    let hub = Guarded::builder()
        .security(keys.hmac("hub"))
        .transport("tcpserv:127.0.0.1:0")
        .build()
        .unwrap();
    hub.on_error(|_, _, _| {});
    hub.done.connect(|_| ());
    hub.start().unwrap();
    let transport = format!("tcp:{}", hub.local_addrs()[0]);
    let client = |user: &str| {
        let client = GuardedInverse::builder()
            .security(keys.hmac(user))
            .transport(&transport)
            .build()
            .unwrap();
        let (told, heard) = inbox();
        let (a, b, c) = (told.clone(), told.clone(), told);
        client
            .voltage
            .connect(move |_, value| a.send(("voltage", value)).unwrap());
        client
            .current
            .connect(move |_, value| b.send(("current", value)).unwrap());
        client
            .secret
            .connect(move |_, value| c.send(("secret", value)).unwrap());
        client.start().unwrap();
        (client, heard)
    };
    hub.voltage.set(1.0).unwrap();
    hub.current.set(1.0).unwrap();
    hub.secret.set(1.0).unwrap();
    let (operator, told) = client("operator");
    assert_eq!(told.take(2), [("voltage", 1.0), ("secret", 1.0)]);
    let (guest, heard) = client("guest");
    assert_eq!(heard.take(2), [("voltage", 1.0), ("current", 1.0)]);

    settled(operator.all().set_current(2.0)).unwrap();
    settled(operator.all().set_secret(2.0)).unwrap();
    settled(operator.all().set_voltage(2.0)).unwrap();
    assert_eq!(heard.take(2), [("current", 2.0), ("voltage", 2.0)]);
    assert_eq!(told.take(2), [("secret", 2.0), ("voltage", 2.0)]);
    let all = guest.all();
    for refused in [
        all.set_voltage(3.0),
        all.set_current(3.0),
        all.set_secret(3.0),
    ] {
        let error = call_error(settled(refused));
        assert_eq!(error.code, CallError::FORBIDDEN);
        assert!(error.message.ends_with("needs the role `operator`"));
    }
    assert_eq!(call_error(settled(all.secret())).code, CallError::FORBIDDEN);
    assert_eq!(
        call_error(settled(operator.all().current())).code,
        CallError::FORBIDDEN
    );
    assert_eq!(settled(all.voltage()).unwrap(), 2.0);
    assert_eq!(settled(all.current()).unwrap(), 2.0);
    settled(all.done()).unwrap();
    assert!(heard.so_far().is_empty() && told.so_far().is_empty());
}

#[test]
fn rules_decide_about_what_is_told() {
    let (supply, addr) = server();
    supply.authorize(|_, method| method != "get_text" && method != "set_voltage");
    supply.on_error(|_, _, _| {});
    supply.text.set("secret".to_owned()).unwrap();
    let lab = client(addr);
    let texts = lab.text.subscribe();
    let heard = voltages(&lab);
    lab.start().unwrap();
    supply.text.set("more".to_owned()).unwrap();
    supply.voltage.set(5.0).unwrap();
    heard.next();
    assert_eq!(
        call_error(settled(lab.all().text())).code,
        CallError::FORBIDDEN
    );
    assert_eq!(
        call_error(settled(lab.all().set_voltage(1.0))).code,
        CallError::FORBIDDEN
    );
    settled(lab.all().set_text("mine".to_owned())).unwrap();
    supply.voltage.set(6.0).unwrap();
    heard.next();
    assert!(texts.is_empty());
}

#[test]
fn every_mode_of_processing() {
    for processing in [Processing::Queue, Processing::Pool(3)] {
        let supply = Supply::builder()
            .transport("tcpserv:127.0.0.1:0")
            .processing(processing)
            .build()
            .unwrap();
        supply.voltage.set(5.0).unwrap();
        supply.voltage.on_write(|_, volts| {
            if *volts < 30.0 {
                Ok(())
            } else {
                Err("too high")
            }
        });
        supply.start().unwrap();
        let lab = client(supply.local_addrs()[0]);
        let heard = voltages(&lab);
        lab.start().unwrap();
        assert_eq!(heard.next(), 5.0);
        settled(lab.all().set_voltage(6.0)).unwrap();
        assert_eq!(heard.next(), 6.0);
    }
    let supply = Supply::builder()
        .transport("tcpserv:127.0.0.1:0")
        .processing(Processing::Manual)
        .build()
        .unwrap();
    supply.voltage.set(5.0).unwrap();
    let (wake, pending) = inbox();
    supply.on_pending(move || wake.send(()).unwrap());
    supply.start().unwrap();
    let lab = client(supply.local_addrs()[0]);
    let heard = voltages(&lab);
    lab.start().unwrap();
    pending.next();
    supply.process_pending();
    assert_eq!(heard.next(), 5.0);
    supply.voltage.set(6.0).unwrap();
    assert_eq!(heard.next(), 6.0, "changes need no turn");
}

#[test]
fn a_value_that_cannot_travel_is_an_error_here() {
    #[derive(Clone)]
    struct Odd(bool);
    impl serde::Serialize for Odd {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self.0 {
                true => serializer.serialize_bool(true),
                false => Err(serde::ser::Error::custom("in a test")),
            }
        }
    }
    impl<'de> serde::Deserialize<'de> for Odd {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            bool::deserialize(deserializer).map(Odd)
        }
    }
    #[remote_api]
    trait Oddity {
        #[incoming(property, writable)]
        fn odd(&self) -> Odd;
    }
    let (api, other) = Oddity::pair();
    api.odd.set(Odd(true)).unwrap();
    let error = api.odd.set(Odd(false)).unwrap_err();
    assert!(matches!(error, Error::Encode { .. }), "{error}");
    assert!(api.odd.get().unwrap().0, "the one before stays");
    assert!(settled(other.all().odd()).unwrap().0);
    let unsent = settled(other.all().set_odd(Odd(false)));
    assert!(matches!(unsent, Err(Error::Encode { .. })));
}
