//! What a property is elsewhere: on the wire, in the description, for a server, without a trait.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use quickrpc::dynamic::{self, Access};
use quickrpc::{BoxError, CallError, Direction, Limits, Sender, remote_api};
use quickrpc_tests::{SOON, Telnet, eventually, inbox, own_bus};

use super::{Supply, SupplyInverse, server, server_with};
use crate::{call_error, settled};

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
    supply.start().unwrap();
    lab.start().unwrap();
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
