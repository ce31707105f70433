//! What is told, to whom and when.

use std::collections::HashMap;
use std::thread;
use std::time::Duration;

use quickrpc::{Limits, Processing, Sender};
use quickrpc_tests::{SOON, Telnet, bounded, eventually, inbox};

use super::{Supply, SupplyInverse, client, server, server_with, voltages};
use crate::settled;

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

/// Nobody knows there who hears it, so that nothing is told again.
#[test]
fn the_newest_value_is_the_last_on_a_bus_whoever_sets() {
    let supply = Supply::bind("jrpc", "internal:newest-is-last:supply").unwrap();
    supply.start().unwrap();
    let lab = SupplyInverse::bind("jrpc", "internal:newest-is-last:lab").unwrap();
    let heard = voltages(&lab);
    let measured = lab.measured.subscribe();
    lab.start().unwrap();
    for round in 0..500 {
        thread::scope(|scope| {
            for number in 0..2 {
                let supply = &supply;
                scope.spawn(move || {
                    for step in 0..5 {
                        let volts = f64::from(round * 10 + number * 5 + step);
                        supply.voltage.set(volts).unwrap();
                    }
                });
            }
        });
        let newest = supply.voltage.get().unwrap();
        // Which comes behind all of that.
        supply.measured.set(f64::from(round)).unwrap();
        while measured.recv_timeout(SOON).unwrap().1 != f64::from(round) {}
        assert_eq!(heard.so_far().last(), Some(&newest), "round {round}");
    }
}
