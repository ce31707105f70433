//! Properties: values of one side that the other side reads, hears changes of, and may write.

mod asynchronous;
mod forms;
mod local;
mod resources;
mod told;
mod writes;

use std::collections::HashMap;
use std::net::SocketAddr;

use quickrpc::{Limits, remote_api};
use quickrpc_tests::{Inbox, SOON, inbox};

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
