//! Handlers that stay on the thread of the program.

use std::cell::Cell;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use quickrpc::{Error, Processing, Promise};
use quickrpc_tests::SOON;

use super::{Supply, client};
use crate::{call_error, settled};

/// A supply with a loop of its own.
fn manual() -> Supply {
    let supply = Supply::builder().transport("tcpserv:127.0.0.1:0");
    supply.processing(Processing::Manual).build().unwrap()
}

/// The result of a call that this thread has to handle.
#[track_caller]
fn handled<T: Send + 'static>(supply: &Supply, promise: &Promise<T>) -> T {
    let until = Instant::now() + SOON;
    while Instant::now() < until {
        supply.process_pending();
        match promise.result_timeout(Duration::from_millis(10)) {
            Err(Error::Timeout { .. }) => {}
            result => return result.unwrap(),
        }
    }
    panic!("not answered");
}

#[test]
fn reads_and_writes_are_handled_on_the_thread_of_the_program() {
    let supply = manual();
    let here = thread::current().id();
    let display = Rc::new(Cell::new(1.0));
    let shown = Rc::clone(&display);
    supply.voltage.on_read_local(move |_sender| {
        assert_eq!(thread::current().id(), here);
        shown.get()
    });
    let shown = Rc::clone(&display);
    let strict = supply.voltage.on_write_local(move |_sender, volts| {
        assert_eq!(thread::current().id(), here);
        shown.set(*volts);
    });
    supply.start().unwrap();
    let lab = client(supply.local_addrs()[0]);
    lab.start().unwrap();
    assert_eq!(handled(&supply, &lab.all().voltage()), 1.0);
    handled(&supply, &lab.all().set_voltage(6.0));
    assert_eq!((display.get(), supply.voltage.get()), (6.0, Some(6.0)));
    strict.disconnect();
    handled(&supply, &lab.all().set_voltage(7.0));
    assert_eq!((display.get(), supply.voltage.get()), (6.0, Some(7.0)));
}

#[test]
fn without_manual_processing_it_does_not_start() {
    let supply = || Supply::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    let refused = |supply: &Supply, name: &str| {
        let Err(Error::Config(text)) = supply.start() else {
            panic!("started");
        };
        assert!(text.contains(&format!("`{name}`")), "{text}");
        assert!(text.contains("Processing::Manual"), "{text}");
        let later = settled(supply.start_nonblocking());
        assert!(matches!(later, Err(Error::Config(_))));
    };
    let one = supply();
    let connection = one.reset.connect_local(|_| ());
    refused(&one, "reset");
    connection.disconnect();
    one.start().unwrap();

    let two = supply();
    let reads = two.measured.on_read_local(|_| 5.0);
    refused(&two, "measured");
    reads.disconnect();
    two.voltage.on_write_local(|_, _| ());
    refused(&two, "voltage");

    let three = supply();
    three.wish.connect_local(|_, _| ());
    refused(&three, "wish");
}

#[test]
fn elsewhere_than_on_its_thread_it_is_not_called() {
    let (supply, lab) = Supply::pair();
    let supply = thread::spawn(move || {
        supply.voltage.on_read_local(|_| 5.0);
        supply.voltage.on_write_local(|_, _| ());
        supply
    })
    .join()
    .unwrap();
    supply.voltage.set(1.0).unwrap();
    assert_eq!(settled(lab.all().voltage()).unwrap(), 1.0);
    let error = call_error(settled(lab.all().set_voltage(2.0)));
    assert_eq!(error.message, "`voltage` was not taken");
    assert_eq!(supply.voltage.get(), Some(1.0));
}
