//! Properties with Python peers, to which they are three calls.

use quickrpc::{Error, remote_api};
use quickrpc_tests::{Peer, inbox};

use crate::{python, settled};

#[remote_api]
trait Supply {
    /// Volts to be held.
    #[incoming(property, writable)]
    fn voltage(&self) -> f64;
    /// What the peer has never heard of.
    #[incoming(property)]
    fn measured(&self) -> f64;
}

fn peer(role: &str, transport: &str, codec: &str) -> Option<Peer> {
    let mut command = python()?.script("property_peer.py");
    Some(Peer::start(command.args([role, transport, codec])))
}

#[test]
fn of_ours() {
    for codec in ["jrpc", "jrpc:\n"] {
        let supply = Supply::bind(codec, "tcpserv:127.0.0.1:0").unwrap();
        supply.voltage.set(5.0).unwrap();
        supply.measured.set(4.99).unwrap();
        supply.voltage.on_write(|_, volts| match *volts < 30.0 {
            true => Ok(()),
            false => Err("too high"),
        });
        supply.start().unwrap();
        let address = supply.local_addrs()[0];
        let Some(mut peer) = peer("other", &format!("tcp:{address}"), codec) else {
            return;
        };
        // A property that it does not know is a message to nobody, and no more than that.
        let mut told = [
            peer.expect_one_of(&["changed", "message_error"]),
            peer.expect_one_of(&["changed", "message_error"]),
        ];
        told.sort_by_key(|event| event["event"].to_string());
        assert_eq!(told[0]["value"], 5.0, "{codec}");
        assert!(
            told[1]["text"].to_string().contains("measured_changed"),
            "{told:?}"
        );
        assert_eq!(peer.result("get_voltage"), 5.0);
        peer.command("set_voltage value=6.5");
        assert_eq!(peer.expect("changed")["value"], 6.5);
        assert_eq!(supply.voltage.get(), Some(6.5));
        let refused = peer.outcome("set_voltage value=60");
        assert_eq!(refused["message"], "too high", "{codec}: {refused}");
        supply.voltage.set(7.0).unwrap();
        assert_eq!(peer.expect("changed")["value"], 7.0);
    }
}

#[test]
fn of_theirs() {
    for codec in ["jrpc", "jrpc:\n"] {
        let Some(mut peer) = peer("owner", "tcpserv:127.0.0.1:0", codec) else {
            return;
        };
        let ready = peer.expect("ready");
        let transport = format!("tcp:{}", ready["address"].as_str().unwrap());
        let lab = SupplyInverse::bind(codec, transport).unwrap();
        let (told, heard) = inbox();
        lab.voltage
            .connect(move |_, volts| told.send(volts).unwrap());
        lab.start().unwrap();
        assert_eq!(settled(lab.all().voltage()).unwrap(), 5.0, "{codec}");
        settled(lab.all().set_voltage(6.5)).unwrap();
        assert_eq!(heard.next(), 6.5);
        assert_eq!(lab.voltage.latest(&lab.peers()[0]), Some(6.5));
        let Err(Error::Call(error)) = settled(lab.all().set_voltage(60.0)) else {
            panic!("{codec}: it was not refused");
        };
        assert!(error.message.contains("too high"), "{codec}: {error}");
        peer.command("voltage_changed value=8.5");
        assert_eq!(heard.next(), 8.5);
    }
}
