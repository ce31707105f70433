//! Callbacks that stay on the thread of a program with a loop of its own.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use quickrpc::{Error, Processing, Promise, Stream, TransportState, Value, dynamic, remote_api};
use quickrpc_tests::{Inbox, SOON, inbox, own_bus};

use crate::settled;

#[remote_api]
trait Window {
    #[incoming]
    fn show(&self, text: &str);
    #[incoming(property, writable)]
    fn title(&self) -> String;
    #[incoming]
    fn paint(&self, lines: Stream<u32>) -> ();
    #[outgoing]
    fn measure(&self) -> u32;
    #[outgoing]
    fn calibrate(&self, to: u32) -> Stream<u32, String>;
    #[outgoing]
    fn sum(&self, numbers: Stream<u32>) -> u32;
    #[outgoing(property)]
    fn zoom(&self) -> u32;
}

/// A window with its own loop, and what wakes it.
fn window() -> (Window, WindowInverse, Inbox<()>) {
    let bus = own_bus();
    let window = Window::builder()
        .transport(format!("internal:{bus}:window"))
        .processing(Processing::Manual)
        .build()
        .unwrap();
    let (wake, woken) = inbox();
    window.on_pending(move || wake.send(()).unwrap());
    let client = WindowInverse::bind("jrpc", format!("internal:{bus}:client")).unwrap();
    (window, client, woken)
}

#[test]
fn events_are_heard_where_the_loop_is() {
    let (window, client, woken) = window();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let note = |what: &'static str| {
        let seen = Rc::clone(&seen);
        move |peer: &str| seen.borrow_mut().push(format!("{what} {peer}"))
    };
    let (connected, gone, failed) = (note("came"), note("gone"), note("error"));
    window.on_connect_local(move |peer| connected(peer));
    window.on_disconnect_local(move |peer, _reason| gone(peer));
    window.on_error_local(move |peer, _error, method| failed(&format!("{peer} {method:?}")));
    window
        .show
        .connect_local(|_sender, _text| Err::<(), _>("no screen"));
    window.start().unwrap();
    client.start().unwrap();
    client.all().show("hi").unwrap();
    client.stop().unwrap();
    while seen.borrow().len() < 3 {
        woken.next();
        window.process_pending();
    }
    let mut seen = seen.borrow().clone();
    assert_eq!(seen[0], "came client");
    seen.sort();
    assert_eq!(
        seen,
        ["came client", "error client Some(\"show\")", "gone client"]
    );
}

#[test]
fn states_of_transports_are_heard_there_too() {
    let window = Window::builder()
        .transport("restart:60:tcp:127.0.0.1:1")
        .processing(Processing::Manual)
        .build()
        .unwrap();
    let (wake, woken) = inbox();
    window.on_pending(move || wake.send(()).unwrap());
    let seen = Rc::new(RefCell::new(0));
    let count = Rc::clone(&seen);
    window.on_status_local(move |status| {
        if let TransportState::Down { .. } = status.state {
            *count.borrow_mut() += 1;
        }
    });
    window.start().unwrap();
    while *seen.borrow() == 0 {
        woken.next();
        window.process_pending();
    }
}

#[test]
fn answers_come_to_the_loop() {
    let (window, client, woken) = window();
    client.measure.connect(|_sender| 7);
    window.start().unwrap();
    client.start().unwrap();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let (value, made, error) = (Rc::clone(&seen), Rc::clone(&seen), Rc::clone(&seen));
    let note = move |failed: Error| error.borrow_mut().push(failed.to_string());
    let everybody = window.all();
    everybody.measure().then_local(
        move |volts| value.borrow_mut().push(volts.to_string()),
        note.clone(),
    );
    everybody.measure().map(|volts| 10 * volts).then_local(
        move |volts| made.borrow_mut().push(volts.to_string()),
        note.clone(),
    );
    // Such a call waits for nobody.
    window
        .to("nobody")
        .measure()
        .then_local(|_volts| unreachable!("nobody answers"), note);
    while seen.borrow().len() < 3 {
        woken.next();
        window.process_pending();
    }
    let mut seen = seen.borrow().clone();
    seen.sort();
    assert_eq!(seen[..2], ["7", "70"]);
    assert!(seen[2].contains("nobody"), "{seen:?}");
}

/// Items that a peer sends, as results and as arguments; and answers to calls that give streams.
#[test]
fn items_come_to_the_loop() {
    let (window, client, woken) = window();
    client.calibrate.connect(|_sender, to| {
        Stream::future(move |items| async move {
            for number in 0..to {
                items.send_async(number).await?;
            }
            Ok(String::from("calibrated"))
        })
    });
    client.sum.connect(|_sender, numbers| {
        let sum = Arc::new(AtomicU32::new(0));
        let all = Arc::clone(&sum);
        let end = numbers.each(move |number| {
            all.fetch_add(number, Ordering::SeqCst);
        });
        end.map(move |()| sum.load(Ordering::SeqCst))
    });
    let seen = Rc::new(RefCell::new(Vec::new()));
    let ends = Rc::new(RefCell::new(Vec::new()));
    let (items, painted) = (Rc::clone(&seen), Rc::clone(&seen));
    let painting = Rc::new(RefCell::new(None));
    let begun = Rc::clone(&painting);
    window.paint.connect_local(move |_sender, lines| {
        let painted = Rc::clone(&painted);
        let end = lines.each_local(move |line| painted.borrow_mut().push(1000 + line));
        *begun.borrow_mut() = Some(end);
    });
    window.start().unwrap();
    client.start().unwrap();
    let error = |failed: Error| panic!("{failed}");
    let end = Rc::clone(&ends);
    window
        .all()
        .calibrate(200)
        .each_local(move |item| items.borrow_mut().push(item))
        .then_local(move |text| end.borrow_mut().push(text), error);
    let end = Rc::clone(&ends);
    window
        .all()
        .sum(Stream::iter(1..=4))
        .then_local(move |sum| end.borrow_mut().push(sum.to_string()), error);
    let painted = client.all().paint(Stream::iter(0..100));
    while ends.borrow().len() < 2 || seen.borrow().len() < 300 {
        woken.next();
        window.process_pending();
    }
    painted.result().unwrap();
    let mut ends = ends.borrow().clone();
    ends.sort();
    assert_eq!(ends, ["10", "calibrated"]);
    let (painted, items): (Vec<u32>, _) = seen.borrow().iter().partition(|item| **item >= 1000);
    assert_eq!(items, (0..200).collect::<Vec<_>>());
    assert_eq!(painted, (1000..1100).collect::<Vec<_>>());
}

#[test]
fn elsewhere_it_is_said_at_once() {
    let (window, client) = Window::pair();
    let seen = Rc::new(RefCell::new(None));
    let error = Rc::clone(&seen);
    let (pending, resolver) = Promise::<u32>::pair();
    pending.then_local(
        |_value| unreachable!("it has none"),
        move |failed| drop(error.replace(Some(failed))),
    );
    assert!(matches!(*seen.borrow(), Some(Error::Config(_))));
    drop(resolver);
    let value = Rc::clone(&seen);
    Promise::ready(5).then_local(
        move |_five| drop(value.replace(None)),
        |error| panic!("{error}"),
    );
    assert!(seen.borrow().is_none());
    client
        .calibrate
        .connect(|_sender, _to| Stream::failed(Error::Done));
    let items = window.all().calibrate(1);
    let refused = items.each_local(|_item| unreachable!("nobody runs it"));
    assert!(matches!(refused.result(), Err(Error::Config(_))));
}

/// Each kind of them, without `Manual`.
#[test]
fn without_a_loop_it_does_not_start() {
    type Connects = fn(&Window);
    let kinds: [(&str, Connects); 8] = [
        ("show", |w| drop(w.show.connect_local(|_, _| ()))),
        ("title", |w| {
            drop(w.title.on_write_local(|_, _| Ok::<(), &str>(())));
        }),
        ("title", |w| drop(w.title.on_read_local(|_| String::new()))),
        ("zoom", |w| drop(w.zoom.connect_local(|_, _| ()))),
        ("on_connect", |w| w.on_connect_local(|_| ())),
        ("on_disconnect", |w| w.on_disconnect_local(|_, _| ())),
        ("on_error", |w| w.on_error_local(|_, _, _| ())),
        ("on_status", |w| w.on_status_local(|_| ())),
    ];
    for processing in [Processing::Inline, Processing::Queue, Processing::Pool(2)] {
        for (name, connect) in kinds {
            let window = Window::builder()
                .transport(format!("internal:{}:window", own_bus()))
                .processing(processing)
                .build()
                .unwrap();
            connect(&window);
            let error = window.start().unwrap_err();
            let text = error.to_string();
            let says = text.contains(&format!("`{name}`")) && text.contains("Processing::Manual");
            assert!(matches!(error, Error::Config(_)) && says, "{name}: {text}");
        }
    }
    let api = dynamic::Api::bind("jrpc", format!("internal:{}:x", own_bus())).unwrap();
    api.on_local("show", |_sender, _args| ());
    assert!(matches!(api.start(), Err(Error::Config(_))));
}

#[test]
fn a_method_without_a_declaration_stays_too() {
    let bus = own_bus();
    let api = dynamic::Api::builder()
        .transport(format!("internal:{bus}:server"))
        .processing(Processing::Manual)
        .build_dynamic()
        .unwrap();
    let (wake, woken) = inbox();
    api.on_pending(move || wake.send(()).unwrap());
    let count = Rc::new(RefCell::new(0));
    let counted = Rc::clone(&count);
    api.on_local("count", move |_sender, _args| {
        *counted.borrow_mut() += 1;
        Value::from(*counted.borrow())
    });
    api.start().unwrap();
    let client = dynamic::Api::bind("jrpc", format!("internal:{bus}:client")).unwrap();
    client.start().unwrap();
    let call = client.all().timeout(SOON).call("count", ());
    while *count.borrow() == 0 {
        woken.next();
        api.process_pending();
    }
    assert_eq!(settled(call).unwrap(), Value::from(1));
}
