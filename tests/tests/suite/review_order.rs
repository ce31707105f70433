//! Callbacks take their turn: none is lost at a stop, none interrupts a handler.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use quickrpc::{Error, Processing, Promise, Sender, remote_api};
use quickrpc_tests::{Lab, SOON, Telnet, inbox};

fn lab(codec: &str, processing: Processing) -> Lab {
    let lab = Lab::builder().codec(codec);
    let lab = lab.transport("tcpserv:127.0.0.1:0").processing(processing);
    let lab = lab.build().unwrap();
    lab.start().unwrap();
    lab
}

#[test]
fn callbacks_hear_of_a_stop() {
    for processing in [Processing::Inline, Processing::Queue, Processing::Pool(2)] {
        let lab = lab("jrpc", processing);
        let (came, connected) = inbox();
        lab.on_connect(move |_peer| came.send(()).unwrap());
        let _person = Telnet::connect(lab.local_addrs()[0]);
        connected.next();
        let (failed, failures) = inbox();
        for _ in 0..10 {
            let failed = failed.clone();
            let promise = lab.all().question("");
            promise.then(|_| (), move |error| failed.send(error).unwrap());
        }
        lab.stop().unwrap();
        for error in failures.take(10) {
            assert!(matches!(error, Error::Stopped), "{error:?}");
        }
    }
}

#[test]
fn a_callback_does_not_interrupt_the_handler_that_causes_it() {
    for processing in [Processing::Inline, Processing::Queue] {
        let lab = lab("terse", processing);
        let (came, connected) = inbox();
        lab.on_connect(move |peer: &Sender| came.send(peer.clone()).unwrap());
        let out = lab.all();
        let (log, logged) = inbox();
        let after = log.clone();
        lab.notify.connect(move |sender, _text| {
            let log = log.clone();
            let promise = out.to(sender).question("");
            promise.then(|_| (), move |_| log.send("callback").unwrap());
            out.disconnect(sender).unwrap();
            after.send("end of the handler").unwrap();
        });
        let mut person = Telnet::connect(lab.local_addrs()[0]);
        connected.next();
        person.send("notify\n");
        assert_eq!(logged.take(2), ["end of the handler", "callback"]);
    }
}

#[remote_api]
trait Late {
    #[incoming]
    fn note(&self) -> ();
    #[incoming]
    fn tell(&self);
    #[incoming]
    fn later(&self) -> i64;
}

#[test]
fn a_batch_is_answered_once_when_all_of_it_is_there() {
    let api = Late::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    api.tell.connect(|_sender| Promise::<()>::ready(()));
    let kept = Arc::new(Mutex::new(None));
    let (asked, asks) = mpsc::channel();
    let keep = Arc::clone(&kept);
    api.later.connect(move |_sender| {
        let (promise, resolver) = Promise::pair();
        *keep.lock().unwrap() = Some(resolver);
        asked.send(()).unwrap();
        promise
    });
    api.note.connect(|_sender| ());
    api.start().unwrap();
    let mut person = Telnet::connect(api.local_addrs()[0]);
    person.send(
        "[{\"jsonrpc\":\"2.0\",\"method\":\"tell\"},\
          {\"jsonrpc\":\"2.0\",\"method\":\"note\",\"id\":1},\
          {\"jsonrpc\":\"2.0\",\"method\":\"later\",\"id\":2}]\0",
    );
    asks.recv_timeout(SOON).unwrap();
    kept.lock().unwrap().take().unwrap().set_result(5).unwrap();
    let answers = person.json();
    assert_eq!(answers.as_array().map(Vec::len), Some(2), "{answers}");
}

#[test]
fn one_missing_receiver_does_not_spoil_the_call_to_the_other() {
    let (near, far) = Lab::pair();
    let _served = quickrpc_tests::serve(&near);
    let name = far.peers()[0].name().to_owned();
    let promise = far.to([name.as_str(), "nobody"]).timeout(SOON).add(1, 2);
    assert_eq!(crate::settled(promise).unwrap(), 3);
    let promise = far.to([name.as_str(), "nobody", "none"]).add(1, 2);
    assert_eq!(crate::settled(promise).unwrap(), 3);
}

#[test]
fn a_stop_flushes_what_is_left_for_those_who_have_ended() {
    let lab = lab("terse", Processing::Inline);
    let _served = quickrpc_tests::serve(&lab);
    let (gone, ended) = inbox();
    lab.on_disconnect(move |_peer, _reason| gone.send(()).unwrap());
    let mut person = Telnet::connect(lab.local_addrs()[0]);
    // More than the system buffers for one who does not read.
    let text = "x".repeat(7 << 20);
    person.send(format!("notify text:\"{text}\"\n"));
    person.close_write();
    ended.next();
    let stopping = std::thread::spawn(move || lab.stop());
    assert_eq!(
        person.rest().len(),
        text.len() + "notified text:\"\"\n".len()
    );
    stopping.join().unwrap().unwrap();
}

#[test]
fn limits_of_time_may_be_as_good_as_none() {
    let never = std::time::Duration::MAX;
    let limits = quickrpc::Limits {
        connect: never,
        stall: never,
        stop: never,
        ..quickrpc::Limits::default()
    };
    let (api, addr, _served) = quickrpc_tests::server("jrpc");
    let caller = quickrpc_tests::LabInverse::builder()
        .transport(format!("tcp:{addr}").as_str())
        .limits(limits)
        .call_timeout(never)
        .build()
        .unwrap();
    caller.start().unwrap();
    assert_eq!(crate::settled(caller.all().add(1, 2)).unwrap(), 3);
    drop(api);
    caller.stop().unwrap();
}
