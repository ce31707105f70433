//! What properties take: of memory, of a pipe, and of handles.

use std::io::{BufRead, BufReader};
use std::net::Shutdown;
use std::sync::{Arc, Mutex, mpsc};

use quickrpc::transport::{Entry, Transport};
use quickrpc::{BoxError, DisconnectReason, Limits, remote_api};
use quickrpc_tests::{DatagramPort, PairStream, SOON, Telnet, eventually, inbox, stream_pair};

use super::{Supply, SupplyInverse};
use crate::settled;

/// One end of a pair of sockets, as a transport with threads of its own.
#[derive(Debug)]
struct Plug(PairStream);

impl Transport for Plug {
    fn expression(&self) -> String {
        String::from("plug:")
    }

    fn open(&self, entry: Entry) -> Result<(), BoxError> {
        entry.connect("peer", self.0.try_clone()?, self.0.try_clone()?)?;
        Ok(())
    }

    fn close(&self) {
        // It may be closed from the other side.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// Over threads that write, too, only the newest value waits.
#[test]
fn a_burst_over_a_pipe() {
    const SIZE: usize = 100 << 10;
    let (near, far) = stream_pair();
    let supply = Supply::builder()
        .codec("terse")
        .transport(Plug(near))
        .build()
        .unwrap();
    supply.start().unwrap();
    eventually("the peer is there", || !supply.peers().is_empty());
    for number in 0..100 {
        let text = format!("{number:03}{}", "x".repeat(SIZE));
        supply.text.set(text).unwrap();
    }
    far.set_read_timeout(Some(SOON)).unwrap();
    let mut numbers = Vec::new();
    for line in BufReader::new(&far).lines() {
        let line = line.unwrap();
        let number = line.strip_prefix("text_changed value:\"").unwrap();
        numbers.push(number[..3].parse::<u32>().unwrap());
        if numbers.last() == Some(&99) {
            break;
        }
    }
    assert!(numbers.is_sorted() && numbers.len() < 20, "{numbers:?}");
}

/// Addresses are told each change, and read and write like others.
#[test]
fn of_addresses() {
    let port = DatagramPort::new();
    let supply = Supply::bind("terse", port.wire(1)).unwrap();
    supply.start().unwrap();
    let raw = port.overhear();
    let lab = SupplyInverse::bind("terse", port.wire(2)).unwrap();
    let told = lab.voltage.subscribe();
    lab.start().unwrap();
    supply.voltage.set(5.0).unwrap();
    assert_eq!(raw.receive(), "voltage_changed value:5.0\n");
    let (sender, volts) = told.recv_timeout(SOON).unwrap();
    assert_eq!((sender.name(), volts), ("127.0.0.1", 5.0));
    assert_eq!(lab.voltage.latest(&sender), Some(5.0));
    settled(lab.to("127.0.0.1").set_voltage(6.0)).unwrap();
    assert_eq!(told.recv_timeout(SOON).unwrap().1, 6.0);
    assert_eq!(settled(lab.to(&sender).voltage()).unwrap(), 6.0);
}

/// The last values of peers are memory that they take, and whoever takes most has to go.
#[test]
fn values_of_peers_count_as_their_memory() {
    #[remote_api]
    trait Hub {
        #[outgoing(property)]
        fn note(&self) -> String;
        #[incoming]
        fn add(&self, a: i64, b: i64) -> i64;
    }
    let limits = Limits {
        buffered_total: 1 << 20,
        ..Limits::default()
    };
    let hub = Hub::builder()
        .codec("terse")
        .transport("tcpserv:127.0.0.1:0")
        .limits(limits)
        .build()
        .unwrap();
    hub.add.connect(|_, a, b| a + b);
    let (lost, gone) = inbox();
    hub.on_disconnect(move |peer, reason| {
        lost.send((peer.to_string(), reason.clone())).unwrap();
    });
    hub.start().unwrap();
    let addr = hub.local_addrs()[0];
    let mut small = Telnet::connect(addr);
    small.send("note_changed value:\"small\"\nadd[1] a:1 b:2\n");
    assert_eq!(small.line(), "[1]:3");
    // While a value is read, it counts as input as well: there is room for two values and that.
    let text = "x".repeat(250 << 10);
    // The same peer again and again takes no more than once.
    let mut first = Telnet::connect(addr);
    for i in 0..10 {
        // One after the other: how many of them wait as input is up to the system.
        first.send(format!("note_changed value:\"{text}\"\nadd[{i}] a:1 b:2\n"));
        assert_eq!(first.line(), format!("[{i}]:3"));
    }
    let mut second = Telnet::connect(addr);
    let large = text.repeat(4);
    second.send(format!("note_changed value:\"{large}\"\n"));
    let (name, reason) = gone.next();
    assert_eq!(name, second.name());
    assert!(
        matches!(reason, DisconnectReason::OutOfMemory { .. }),
        "{reason}"
    );
    // What it took is free again, and nobody else had to go.
    let mut third = Telnet::connect(addr);
    third.send(format!("note_changed value:\"{text}\"\nadd[1] a:1 b:2\n"));
    assert_eq!(third.line(), "[1]:3");
    small.send("add[2] a:1 b:2\n");
    assert_eq!(small.line(), "[2]:3");
    assert!(gone.so_far().is_empty());
    assert_eq!(hub.note.latest(small.name().as_str()).unwrap(), "small");
}

/// Handlers may own the property: nothing keeps another alive for ever.
#[test]
fn handlers_own_properties_and_are_dropped_with_the_api() {
    let (supply, lab) = Supply::pair();
    let kept = Arc::new(());
    let (voltage, own) = (supply.voltage.clone(), Arc::clone(&kept));
    supply.voltage.on_write(move |_, volts| {
        let _ = (&own, volts);
        voltage.set(1.0)
    });
    let (voltage, own) = (supply.voltage.clone(), Arc::clone(&kept));
    supply.measured.on_read(move |_| {
        let _ = &own;
        voltage.get()
    });
    let (remote, own) = (lab.voltage.clone(), Arc::clone(&kept));
    lab.voltage.connect(move |sender, _| {
        let _ = &own;
        let _ = remote.latest(sender);
    });
    settled(lab.all().set_voltage(5.0)).unwrap();
    let (voltage, remote) = (supply.voltage.clone(), lab.voltage.clone());
    drop((supply, lab));
    assert_eq!(Arc::strong_count(&kept), 1);
    // A handle that is left over works on, for itself.
    voltage.set(9.0).unwrap();
    assert_eq!(voltage.get(), Some(9.0));
    assert_eq!(remote.latest("inverse"), None);
}

/// A type that sets the property while it is written, or that panics, does no harm.
#[test]
fn types_with_a_will_of_their_own() {
    type Set = Box<dyn Fn() + Send + Sync>;
    static WITHIN: Mutex<Option<Set>> = Mutex::new(None);
    #[derive(Clone)]
    struct Wild(u32);
    impl serde::Serialize for Wild {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let within = WITHIN.lock().unwrap().take();
            if let Some(set) = within {
                set();
            }
            assert_ne!(self.0, 7, "in a test");
            serializer.serialize_u32(self.0)
        }
    }
    impl<'de> serde::Deserialize<'de> for Wild {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            u32::deserialize(deserializer).map(Wild)
        }
    }
    #[remote_api]
    trait Zoo {
        #[incoming(property, writable)]
        fn wild(&self) -> Wild;
    }
    let (zoo, visitor) = Zoo::pair();
    let (told, heard) = mpsc::channel();
    visitor
        .wild
        .connect(move |_, wild| told.send(wild.0).unwrap());
    zoo.wild.set(Wild(1)).unwrap();
    assert_eq!(heard.recv_timeout(SOON).unwrap(), 1);
    let inner = zoo.wild.clone();
    *WITHIN.lock().unwrap() = Some(Box::new(move || inner.set(Wild(2)).unwrap()));
    zoo.wild.set(Wild(3)).unwrap();
    assert_eq!(heard.recv_timeout(SOON).unwrap(), 2);
    assert_eq!(heard.recv_timeout(SOON).unwrap(), 3);
    // At the one who sets it, or writes it.
    let inner = zoo.wild.clone();
    let panicked = std::thread::spawn(move || inner.set(Wild(7)).is_ok()).join();
    assert!(panicked.is_err());
    zoo.wild.set(Wild(4)).unwrap();
    assert_eq!(heard.recv_timeout(SOON).unwrap(), 4);
    assert_eq!(settled(visitor.all().wild()).unwrap().0, 4);
}
