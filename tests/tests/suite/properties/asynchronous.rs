//! Properties that futures read and decide about, and servers of `async fn`s that have some.

use std::num::ParseIntError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use quickrpc::{BoxError, Error, Processing, Promise, Resolver, Sender, remote_api};
use quickrpc_tests::{Inbox, SOON, eventually, inbox};

use super::{Supply, SupplyInverse, client};
use crate::asynchronous::spawn;
use crate::{call_error, settled};

#[remote_api]
trait Small {
    /// Volts to be held.
    #[incoming(property, writable)]
    fn voltage(&self) -> f64;
    /// Degrees, if the sensor works.
    #[incoming(property, writable)]
    fn degrees(&self) -> Result<i32, ParseIntError>;
    #[incoming(property)]
    fn r#type(&self) -> String;
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
}

/// A server of both properties and calls.
#[derive(Default)]
struct Bench {
    volts: Mutex<f64>,
    broken: AtomicBool,
}

impl SmallIncomingAsync for Bench {
    async fn voltage(&self, _sender: Sender) -> f64 {
        turns().await;
        *self.volts.lock().unwrap()
    }

    async fn set_voltage(&self, _sender: Sender, value: f64) -> Result<(), BoxError> {
        turns().await;
        if value > 30.0 {
            return Err("too high".into());
        }
        *self.volts.lock().unwrap() = value;
        Ok(())
    }

    async fn degrees(&self, _sender: Sender) -> Result<i32, ParseIntError> {
        match self.broken.load(Ordering::Relaxed) {
            true => "no".parse(),
            false => Ok(20),
        }
    }

    async fn set_degrees(&self, _sender: Sender, value: i32) -> Result<(), ParseIntError> {
        value.to_string().parse::<i8>().map(|_| ())
    }

    async fn r#type(&self, sender: Sender) -> String {
        format!("for {sender}")
    }

    async fn add(&self, _sender: Sender, a: i64, b: i64) -> i64 {
        a + b
    }
}

/// Lets others have their turn.
async fn turns() {
    let mut is_over = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut is_over, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

#[test]
fn an_async_server_has_properties() {
    for codec in ["jrpc", "jrpc:content-length", "terse", "msgpack"] {
        for processing in [Processing::Inline, Processing::Queue, Processing::Pool(2)] {
            let server = Small::builder()
                .codec(codec)
                .transport("tcpserv:127.0.0.1:0")
                .processing(processing)
                .executor(spawn)
                .build()
                .unwrap();
            let bench = Arc::new(Bench::default());
            let serving = server.serve_async(Arc::clone(&bench));
            server.start().unwrap();
            let transport = format!("tcp:{}", server.local_addrs()[0]);
            let lab = SmallInverse::bind(codec, transport).unwrap();
            let told = lab.voltage.subscribe();
            lab.start().unwrap();
            // Who comes is told what is read.
            assert_eq!(told.recv_timeout(SOON).unwrap().1, 0.0, "{codec}");
            assert_eq!(settled(lab.all().voltage()).unwrap(), 0.0);
            settled(lab.all().set_voltage(5.0)).unwrap();
            assert_eq!(*bench.volts.lock().unwrap(), 5.0);
            assert_eq!(settled(lab.all().voltage()).unwrap(), 5.0);
            assert_eq!(told.recv_timeout(SOON).unwrap().1, 5.0, "{codec}");
            let refused = call_error(settled(lab.all().set_voltage(31.0)));
            assert_eq!(refused.message, "too high");
            assert_eq!(server.voltage.get(), Some(5.0));
            assert_eq!(settled(lab.all().degrees()).unwrap(), 20);
            bench.broken.store(true, Ordering::Relaxed);
            let broken = call_error(settled(lab.all().degrees()));
            assert!(broken.message.contains("digit"), "{broken}");
            let large = call_error(settled(lab.all().set_degrees(200)));
            assert!(large.message.contains("large"), "{large}");
            settled(lab.all().set_degrees(100)).unwrap();
            assert_eq!(server.degrees.get(), Some(100));
            assert!(settled(lab.all().r#type()).unwrap().starts_with("for "));
            assert_eq!(settled(lab.all().add(1, 2)).unwrap(), 3);
            serving.disconnect();
            assert_eq!(settled(lab.all().degrees()).unwrap(), 100, "what was set");
        }
    }
}

/// Says when it is dropped.
struct Held(Box<dyn Fn() + Send>);

impl Drop for Held {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A supply whose voltage is read by futures that wait for these resolvers, and who is held by each.
fn by_hand() -> (Supply, Inbox<Resolver<f64>>, Inbox<()>) {
    let supply = Supply::builder()
        .transport("tcpserv:127.0.0.1:0")
        .executor(spawn)
        .build()
        .unwrap();
    let (ask, asked) = inbox();
    let (drops, dropped) = inbox();
    supply.voltage.on_read_async(move |_sender| {
        let drops = drops.clone();
        let held = Held(Box::new(move || drops.send(()).unwrap_or(())));
        let (value, resolver) = Promise::pair();
        ask.send(resolver).unwrap();
        async move {
            let _held = held;
            value.await
        }
    });
    supply.start().unwrap();
    (supply, asked, dropped)
}

fn lab(supply: &Supply) -> (SupplyInverse, Inbox<f64>) {
    let lab = client(supply.local_addrs()[0]);
    let heard = super::voltages(&lab);
    lab.start().unwrap();
    (lab, heard)
}

#[test]
fn who_comes_is_told_when_it_is_read_and_of_changes_from_then_on() {
    let (supply, asked, dropped) = by_hand();
    supply.voltage.set(1.0).unwrap();
    let (_first, heard) = lab(&supply);
    let value = asked.next();
    // What is newer than the read comes behind it.
    supply.voltage.set(2.0).unwrap();
    value.set_result(1.5).unwrap();
    assert_eq!((heard.next(), heard.next()), (1.5, 2.0));
    supply.voltage.set(3.0).unwrap();
    assert_eq!(heard.next(), 3.0);
    dropped.next();
    // One that fails leaves what was set.
    let (_second, heard) = lab(&supply);
    let error = quickrpc::CallError::new(7, "no device");
    asked.next().set_error(error).unwrap();
    assert_eq!(heard.next(), 3.0);
    dropped.next();
}

#[test]
fn nobody_waits_for_a_read_whose_peer_is_gone() {
    let (supply, asked, dropped) = by_hand();
    let (lab, _heard) = lab(&supply);
    let _value = asked.next();
    drop(lab);
    dropped.next();
    eventually("it is gone", || supply.peers().is_empty());
    // Nor for one that is given up.
    let (lab, heard) = self::lab(&supply);
    asked.next().set_result(1.0).unwrap();
    assert_eq!(heard.next(), 1.0);
    dropped.next();
    let read = lab.all().voltage();
    let _value = asked.next();
    read.cancel();
    dropped.next();
}

#[test]
fn a_write_that_is_given_up_changes_nothing() {
    let (supply, lab) = Supply::builder().executor(spawn).pair();
    let (ask, asked) = inbox();
    let (drops, dropped) = inbox();
    supply.voltage.on_write_async(move |_sender, volts: f64| {
        let drops = drops.clone();
        let held = Held(Box::new(move || drops.send(()).unwrap_or(())));
        let (decided, resolver) = Promise::<()>::pair();
        ask.send((volts, resolver)).unwrap();
        async move {
            let _held = held;
            decided.await
        }
    });
    let written = lab.all().set_voltage(5.0);
    let (volts, decides) = asked.next();
    assert_eq!((volts, supply.voltage.get()), (5.0, None));
    decides.set_result(()).unwrap();
    settled(written).unwrap();
    dropped.next();
    let written = lab.all().set_voltage(6.0);
    let (_, _decides) = asked.next();
    written.cancel();
    dropped.next();
    assert_eq!(supply.voltage.get(), Some(5.0));
}

#[test]
fn a_promise_that_reads_is_told_as_well() {
    let supply = Supply::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    let (ask, asked) = inbox();
    supply.voltage.on_read(move |_sender| {
        let (value, resolver) = Promise::pair();
        ask.send(resolver).unwrap();
        value
    });
    supply.start().unwrap();
    let (_lab, heard) = lab(&supply);
    asked.next().set_result(4.5).unwrap();
    assert_eq!(heard.next(), 4.5);
}

#[test]
fn what_was_set_stands_for_none() {
    let (supply, lab) = Supply::builder().executor(spawn).pair();
    let count = AtomicUsize::new(0);
    supply.voltage.on_read_async(move |_sender| {
        let first = count.fetch_add(1, Ordering::Relaxed) == 0;
        async move { (!first).then_some(7.0) }
    });
    let error = call_error(settled(lab.all().voltage()));
    assert_eq!(error.message, "`voltage` has no value yet");
    assert_eq!(settled(lab.all().voltage()).unwrap(), 7.0);
}

#[test]
fn without_an_executor_it_does_not_start() {
    let supply = Supply::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    let reads = supply.measured.on_read_async(|_sender| async { 1.0 });
    let error = supply.start().unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Config(_)), "{text}");
    assert!(
        text.contains("`measured`") && text.contains(".executor("),
        "{text}"
    );
    reads.disconnect();
    supply.start().unwrap();
    // Connected later, it can only be the reader who hears of it.
    supply.measured.on_read_async(|_sender| async { 1.0 });
    let lab = client(supply.local_addrs()[0]);
    lab.start().unwrap();
    let error = call_error(settled(lab.all().measured()));
    assert!(error.message.contains("executor"), "{error}");
}
