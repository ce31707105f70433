//! Juggler over WebSocket, between two sides of the library and against recorded frames.

mod hostile;
mod hostile_state;
mod state;
mod vectors;

use std::net::{SocketAddr, TcpListener, TcpStream};

use quickrpc::{BoxError, DisconnectReason, Error, Limits, Processing, Value, dynamic, remote_api};
use quickrpc_tests::{LabInverse, SOON, bounded, inbox, server_on, value};
use serde_json::json;
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

use crate::{call_error, settled};

const SERVER: &str = "wsserv:127.0.0.1:0";

/// What a server of 0.6 and 0.7 can have.
#[remote_api]
trait Cabin {
    /// Adds two numbers.
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;

    /// Gives any value back.
    #[incoming]
    fn nested(&self, value: Value) -> Value;

    /// Fails with the message.
    #[incoming]
    fn fail(&self, message: &str) -> Result<String, BoxError>;

    /// Has it passed on.
    #[incoming]
    fn tell(&self, text: &str) -> ();

    /// What somebody has told.
    #[outgoing]
    fn told(&self, text: &str);
}

/// Another implementation, of WebSocket at least.
struct Other(WebSocket<TcpStream>);

impl Other {
    #[track_caller]
    fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).expect("the server accepts");
        stream.set_read_timeout(Some(SOON)).unwrap();
        let request = format!("ws://{addr}/ws").into_client_request().unwrap();
        let (socket, _) = tungstenite::client(request, stream).expect("a handshake");
        Other(socket)
    }

    #[track_caller]
    fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = listener.accept().expect("a client");
        stream.set_read_timeout(Some(SOON)).unwrap();
        Other(tungstenite::accept(stream).expect("a handshake"))
    }

    #[track_caller]
    fn say(&mut self, text: impl Into<String>) {
        let message = Message::text(text.into());
        self.0.send(message).expect("somebody reads");
    }

    #[track_caller]
    fn text(&mut self) -> String {
        match self.0.read().expect("a message") {
            Message::Text(text) => text.as_str().to_owned(),
            other => panic!("{other:?} in the place of a text"),
        }
    }

    /// The code with which the other side closes.
    #[track_caller]
    fn closed(&mut self) -> u16 {
        match self.0.read().expect("a message") {
            Message::Close(Some(frame)) => {
                assert_eq!(frame.reason.as_str(), "", "there are no words for errors");
                frame.code.into()
            }
            other => panic!("{other:?} in the place of the end"),
        }
    }
}

fn cabin(codec: &str) -> (Cabin, SocketAddr) {
    let api = Cabin::bind(codec, SERVER).unwrap();
    api.add.connect(|_sender, a, b| a + b);
    api.nested.connect(|_sender, value| value);
    api.fail
        .connect(|_sender, message| Err::<String, BoxError>(message.into()));
    let everybody = api.all();
    api.tell.connect(move |_sender, text| everybody.told(text));
    api.start().unwrap();
    let addr = api.local_addrs()[0];
    (api, addr)
}

fn guest(codec: &str, addr: SocketAddr) -> CabinInverse {
    let api = CabinInverse::bind(codec, format!("ws:{addr}").as_str()).unwrap();
    api.start().unwrap();
    api
}

#[test]
fn a_client_calls_and_a_server_notifies() {
    for codec in [
        "juggler:0.6",
        "juggler:0.7",
        "juggler:0.7?max_segment_size=5",
    ] {
        let (_cabin, addr) = cabin(codec);
        let guest = guest(codec, addr);
        let (heard, told) = inbox();
        guest
            .told
            .connect(move |_sender, text| heard.send(text.to_owned()).unwrap());
        assert_eq!(settled(guest.all().add(1, 2)).unwrap(), 3);
        let any = value(json!({"ä": [null, 1.5, {"😀": "\u{1F600}x"}], "": {}}));
        assert_eq!(settled(guest.all().nested(any.clone())).unwrap(), any);
        let failed = call_error(settled(guest.all().fail("on purpose")));
        assert_eq!(failed.message, "on purpose");
        settled(guest.all().tell("ü")).unwrap();
        assert_eq!(told.next(), "ü");
    }
}

#[test]
fn both_sides_of_the_fifth_call_each_other() {
    let (api, addr, served) = server_on("juggler:0.5", SERVER);
    let transport = format!("ws:{addr}");
    let lab = LabInverse::bind("juggler:0.5", transport.as_str()).unwrap();
    let (heard, notified) = inbox();
    lab.question.connect(|_sender, text| text.to_uppercase());
    lab.notified
        .connect(move |_sender, text| heard.send(text.to_owned()).unwrap());
    lab.start().unwrap();
    assert_eq!(settled(lab.all().add(1, 2)).unwrap(), 3);
    assert_eq!(settled(lab.all().ask("b")).unwrap(), "B");
    assert_eq!(settled(api.all().question("a")).unwrap(), "A");
    let failed = call_error(settled(lab.all().fail("on purpose")));
    assert_eq!(failed.message, "on purpose");
    lab.all().notify("note").unwrap();
    assert_eq!(served.notes.next().1, "note");
    assert_eq!(notified.next(), "note");
}

#[test]
fn a_server_tells_the_generation_of_each_client() {
    let (api, addr, _served) = server_on_any();
    let transport = format!("ws:{addr}");
    for codec in ["juggler:0.5", "juggler:0.6", "juggler:0.7", "juggler"] {
        let client = dynamic::Api::bind(codec, transport.as_str()).unwrap();
        let (heard, told) = inbox();
        client.on("told", move |_sender, args| heard.send(args).unwrap());
        client.start().unwrap();
        let sum = client.call("add", [1, 2]);
        assert_eq!(settled(sum).unwrap(), Value::from(3), "{codec}");
        let peer = api.peers().remove(0);
        api.to(&peer).notify("told", [codec]).unwrap();
        assert_eq!(told.next()[0], Value::from(codec));
        let (gone, ends) = inbox();
        api.on_disconnect(move |_, _| {
            let _ = gone.send(());
        });
        client.stop().unwrap();
        ends.next();
    }
}

/// A server of whatever generation, whose `add` takes numbers by their places.
fn server_on_any() -> (dynamic::Api, SocketAddr, ()) {
    let api = dynamic::Api::bind("juggler", SERVER).unwrap();
    api.on("add", |_sender, args| {
        let number = |at: usize| args[at].as_i64().unwrap_or_default();
        Value::from(number(0) + number(1))
    });
    api.start().unwrap();
    let addr = api.local_addrs()[0];
    (api, addr, ())
}

#[test]
fn what_juggler_has_not_is_said_when_it_is_bound() {
    #[remote_api]
    trait Asking {
        #[outgoing]
        fn who(&self) -> String;
    }
    #[remote_api]
    trait Noting {
        #[outgoing]
        fn note(&self, text: &str);
    }
    for codec in ["juggler:0.6", "juggler:0.7"] {
        let refused = Asking::bind(codec, SERVER).unwrap_err();
        assert!(matches!(&refused, Error::Unsupported { method, .. } if &**method == "who"));
        let text = refused.to_string();
        assert!(
            text.starts_with(&format!("`{codec}` cannot send `who`: ")),
            "{text}"
        );
        let refused = Noting::bind(codec, "ws:127.0.0.1:1").unwrap_err();
        assert!(matches!(&refused, Error::Unsupported { method, .. } if &**method == "note"));
        Asking::bind(codec, "ws:127.0.0.1:1").unwrap();
        Noting::bind(codec, SERVER).unwrap();
    }
    Asking::bind("juggler:0.5", SERVER).unwrap();
    // Of some of the peers it is known when they are there.
    let asking = Asking::bind("juggler", SERVER).unwrap();
    asking.start().unwrap();
    let (came, comers) = inbox();
    asking.on_connect(move |peer| came.send(peer.clone()).unwrap());
    let mut other = Other::connect(asking.local_addrs()[0]);
    other.say("2");
    let peer = comers.next();
    let refused = settled(asking.to(&peer).who()).unwrap_err();
    assert!(matches!(refused, Error::Unsupported { .. }), "{refused}");
    assert_eq!(other.text(), "3");
}

#[test]
fn large_messages_leave_in_pieces_and_come_together_again() {
    let (_cabin, addr) = cabin("juggler:0.7?ping_delay=off");
    let guest = guest("juggler:0.7?max_segment_size=1000", addr);
    // Characters of four bytes, which do not fit the pieces.
    let large = Value::from("a😀".repeat(2 << 20));
    assert_eq!(settled(guest.all().nested(large.clone())).unwrap(), large);

    let mut other = Other::connect(addr);
    let words = "é".repeat(100_000);
    other.say(format!(
        r#"1{{"type":"request","id":1,"name":"nested","data":{{"value":"{words}"#
    ));
    other.say("2between");
    assert_eq!(other.text(), "3between");
    other.say("1");
    other.say("0\"}}");
    let first = other.text();
    assert!(
        first.starts_with('1') && first.len() <= 65_537,
        "{}",
        first.len()
    );
    let mut whole = first[1..].to_owned();
    loop {
        let piece = other.text();
        whole.push_str(&piece[1..]);
        if piece.starts_with('0') {
            break;
        }
    }
    let whole: serde_json::Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(
        whole,
        json!({"type": "response", "id": 1, "data": words, "success": true})
    );
}

#[test]
fn who_says_nothing_is_asked_and_then_given_up() {
    let (cabin, addr) = cabin("juggler:0.7?ping_delay=50ms&ping_timeout=10");
    let mut other = Other::connect(addr);
    for answer in ["3", "3whatever", "2"] {
        assert_eq!(other.text(), "2");
        other.say(answer);
    }
    assert_eq!(other.text(), "3");
    drop(other);
    drop(cabin);

    let (cabin, addr) = self::cabin("juggler:0.7?ping_delay=50ms&ping_timeout=50ms");
    let (gone, ends) = inbox();
    cabin.on_disconnect(move |_, reason| gone.send(reason.clone()).unwrap());
    let mut other = Other::connect(addr);
    assert_eq!(other.text(), "2");
    assert_eq!(other.closed(), 1000);
    let reason = ends.next();
    assert!(matches!(
        &reason,
        DisconnectReason::Rejected { code: 1000, .. }
    ));
    assert!(
        reason.to_string().contains("it said nothing for 100ms"),
        "{reason}"
    );
}

#[test]
fn who_is_not_read_is_not_taken_for_silent() {
    let limits = Limits {
        waiting_messages: 1,
        ..Limits::default()
    };
    let codec = "juggler:0.7?ping_delay=50ms&ping_timeout=50ms";
    let api = dynamic::Api::builder().codec(codec).transport(SERVER);
    let api = api.limits(limits).processing(Processing::Queue);
    let api = api.build_dynamic().unwrap();
    let (go_on, may_go_on) = inbox::<()>();
    let (began, begins) = inbox();
    api.on("wait", move |_sender, args| {
        began.send(()).unwrap();
        may_go_on.next();
        args
    });
    let (gone, ends) = inbox();
    api.on_disconnect(move |peer, _| gone.send(peer.to_string()).unwrap());
    api.start().unwrap();
    let addr = api.local_addrs()[0];
    let mut waits = Other::connect(addr);
    // More than may wait, so that the last are not read.
    for id in 0..9 {
        waits.say(format!(
            r#"0{{"type":"request","id":{id},"name":"wait","data":{id}}}"#
        ));
    }
    begins.next();
    // Whoever comes now and says nothing has been given up by then.
    let mut silent = Other::connect(addr);
    assert_eq!(silent.text(), "2");
    assert_eq!(silent.closed(), 1000);
    for _ in 0..9 {
        go_on.send(()).unwrap();
    }
    let mut answers = 0;
    while answers < 9 {
        match waits.text().as_str() {
            "2" => waits.say("3"),
            answer => {
                assert!(answer.contains("\"success\":true"), "{answer}");
                answers += 1;
            }
        }
    }
    let name = silent.0.get_ref().local_addr().unwrap().to_string();
    assert_eq!(ends.next(), name);
}

#[test]
fn clients_ask_silent_servers_too() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let client = bounded("a client", move || {
        let accepted = std::thread::spawn(move || Other::accept(&listener));
        let client = guest("juggler:0.7?ping_delay=50ms&ping_timeout=50ms", addr);
        (client, accepted.join().unwrap())
    });
    let (client, mut other) = client;
    let pending = client.all().add(1, 2);
    assert!(other.text().starts_with("0{"));
    assert_eq!(other.text(), "2");
    assert_eq!(other.closed(), 1000);
    let failed = settled(pending).unwrap_err();
    assert!(matches!(failed, Error::Disconnected { .. }), "{failed}");
}

#[test]
fn numbers_that_are_none_do_not_leave() {
    for codec in ["juggler:0.5", "juggler:0.7"] {
        let api = dynamic::Api::bind(codec, SERVER).unwrap();
        api.on("nan", |_sender, _args| Value::from(f64::NAN));
        api.on("word", |_sender, args| args);
        api.start().unwrap();
        let client = dynamic::Api::bind(codec, format!("ws:{}", api.local_addrs()[0]).as_str());
        let client = client.unwrap();
        client.start().unwrap();
        let refused = settled(client.call("word", [f64::INFINITY])).unwrap_err();
        assert!(matches!(refused, Error::Encode { .. }), "{refused}");
        let words = settled(client.call("word", ["NaN, \"Infinity\\"])).unwrap();
        assert_eq!(words[0], Value::from("NaN, \"Infinity\\"));
        let failed = call_error(settled(client.call("nan", ())));
        assert!(failed.message.contains("NaN"), "{failed}");
    }
}
