//! ZeroMQ between two sides of the library, and with sockets that say what they like.

mod hostile;
mod sealed;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use quickrpc::{DisconnectReason, Error, Limits, Value, dynamic};
use quickrpc_tests::{Lab, LabInverse, OwnDir, OwnPort, SOON, eventually, inbox, serve};
use serde_json::json;

use crate::settled;

/// The other end of a connection, byte by byte.
pub(crate) struct Raw(TcpStream);

/// What a side begins with.
fn greeting() -> Vec<u8> {
    let mut bytes = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1];
    bytes.extend(b"NULL");
    bytes.resize(64, 0);
    bytes
}

pub(crate) fn frame(flags: u8, body: &[u8]) -> Vec<u8> {
    match u8::try_from(body.len()) {
        Ok(length) => [&[flags, length], body].concat(),
        Err(_) => {
            let length = (body.len() as u64).to_be_bytes();
            [&[flags | 2], &length[..], body].concat()
        }
    }
}

fn command(name: &str, data: &[u8]) -> Vec<u8> {
    let body = [&[name.len() as u8], name.as_bytes(), data].concat();
    frame(4, &body)
}

fn ready(kind: &str, id: &[u8]) -> Vec<u8> {
    let mut data = b"\x0bSocket-Type\0\0\0".to_vec();
    data.push(kind.len() as u8);
    data.extend(kind.as_bytes());
    data.extend(b"\x08Identity");
    data.extend((id.len() as u32).to_be_bytes());
    data.extend(id);
    command("READY", &data)
}

fn call(id: u64) -> Vec<u8> {
    let call = json!({"jsonrpc": "2.0", "method": "add", "params": {"a": 1, "b": id}, "id": id});
    call.to_string().into_bytes()
}

impl Raw {
    #[track_caller]
    fn connect(addr: SocketAddr) -> Self {
        Raw::on(TcpStream::connect(addr).expect("the server accepts"))
    }

    fn on(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.set_write_timeout(Some(SOON)).unwrap();
        Raw(stream)
    }

    /// One that has greeted.
    #[track_caller]
    pub(crate) fn greeted(addr: SocketAddr, kind: &str, id: &[u8]) -> Self {
        let mut raw = Raw::connect(addr);
        raw.greet(kind, id);
        raw
    }

    #[track_caller]
    fn greet(&mut self, kind: &str, id: &[u8]) {
        self.say(&greeting());
        self.say(&ready(kind, id));
        self.take(64);
        let (flags, body) = self.frame();
        assert_eq!((flags & 4, &body[..6]), (4, &b"\x05READY"[..]));
    }

    /// What it says may find nobody any more.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).ok();
    }

    #[track_caller]
    fn take(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).expect("so many bytes");
        bytes
    }

    #[track_caller]
    pub(crate) fn frame(&mut self) -> (u8, Vec<u8>) {
        let flags = self.take(1)[0];
        let length = match flags & 2 {
            0 => u64::from(self.take(1)[0]),
            _ => u64::from_be_bytes(self.take(8).try_into().unwrap()),
        };
        (flags, self.take(length.try_into().unwrap()))
    }

    /// Calls, and is answered.
    #[track_caller]
    fn works(&mut self, id: u64) {
        self.say(&frame(0, &call(id)));
        let (_, body) = self.frame();
        let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (&answer["id"], &answer["result"]),
            (&json!(id), &json!(id + 1))
        );
    }

    /// The end, past all that was sent before.
    #[track_caller]
    fn expect_closed(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            Err(error) => panic!("it is not closed: {error}"),
        }
        rest
    }
}

fn server(options: &str) -> (Lab, SocketAddr) {
    let lab = Lab::bind("jrpc", format!("zmqserv:127.0.0.1:0{options}").as_str()).unwrap();
    serve(&lab);
    lab.start().unwrap();
    let addr = lab.local_addrs()[0];
    (lab, addr)
}

#[test]
fn calls_both_ways_over_tcp_and_unix() {
    let dir = OwnDir::new();
    let path = dir.path("lab");
    let mut wires = vec![(
        String::from("zmqserv:127.0.0.1:0?id=hub"),
        String::from("zmq:"),
    )];
    if cfg!(unix) {
        let path = path.display();
        wires.push((
            format!("zmqserv+unix:{path}?mode=600"),
            format!("zmq+unix:{path}"),
        ));
    }
    for (theirs, mut ours) in wires {
        for (codec, security) in [
            ("jrpc", "null"),
            ("terse", "null"),
            ("jrpc:content-length", "null"),
            ("jrpc", "blindly_believe_everything:anna"),
        ] {
            let lab = Lab::builder()
                .codec(codec)
                .security(security)
                .transport(theirs.as_str())
                .build()
                .unwrap();
            serve(&lab);
            lab.start().unwrap();
            if let [addr] = lab.local_addrs()[..] {
                ours = format!("zmq:{addr}");
            }
            let client = LabInverse::builder()
                .codec(codec)
                .security(security)
                .transport(format!("{ours}?id=anna").as_str())
                .build()
                .unwrap();
            client.question.connect(|_sender, text| format!("{text}!"));
            let (heard, notified) = inbox();
            client
                .notified
                .connect(move |_sender, text| heard.send(text.to_owned()).unwrap());
            client.start().unwrap();
            assert_eq!(
                settled(client.all().add(2, 3)).unwrap(),
                5,
                "{theirs} {codec}"
            );
            let large = "x".repeat(300_000);
            assert_eq!(settled(client.all().echo(&large)).unwrap(), large);
            assert_eq!(settled(client.all().ask("well")).unwrap(), "well!");
            client.all().notify("news").unwrap();
            assert_eq!(notified.next(), "news");
            let calls = client
                .all()
                .batch(|client| (0..100).map(|n| client.add(n, 1)).collect::<Vec<_>>());
            for (n, call) in (1..).zip(calls) {
                assert_eq!(settled(call).unwrap(), n);
            }
            eventually("the client is known", || lab.peers().len() == 1);
            assert_eq!(lab.peers()[0].name(), "anna");
            assert_eq!(settled(lab.to("anna").question("why")).unwrap(), "why!");
        }
    }
}

#[test]
fn what_a_socket_cannot_say_is_known_when_it_is_built() {
    for (transport, why) in [
        ("zmqserv::0?type=pub", "a PUB hears no answers"),
        ("zmqserv::0?type=push", "a PUSH hears no answers"),
        ("zmq:h:1?type=sub", "a SUB says nothing"),
        ("zmq:h:1?type=pull", "a PULL says nothing"),
        ("zmq:h:1?type=rep", "a REP only answers"),
        ("zmq:h:1?type=req", "a REQ expects an answer"),
    ] {
        let built = Lab::bind("jrpc", transport);
        let error = built.err().unwrap();
        assert!(error.to_string().contains(why), "{transport}: {error}");
    }
    // Signatures and the like leave at any time.
    for transport in ["zmq:h:1?type=req", "zmqserv::0?type=pub"] {
        let built = LabInverse::builder()
            .security("blindly_believe_everything:anna")
            .transport(transport)
            .build();
        let error = built.err().unwrap().to_string();
        assert!(error.contains("`dealer` and `router`"), "{error}");
    }
    let built = dynamic::Api::bind("zonis:cog?secret_env=X", "zmq:h:1");
    let error = built.err().unwrap().to_string();
    assert!(
        error.contains("zonis") || error.contains("WebSocket"),
        "{error}"
    );
}

#[test]
fn those_who_have_subscribed_are_told() {
    let api = dynamic::Api::bind("jrpc", "zmqserv:127.0.0.1:0?type=pub").unwrap();
    let (come, came) = inbox();
    api.on_connect(move |_peer| come.send(()).unwrap());
    api.start().unwrap();
    let addr = api.local_addrs()[0];
    let mut raw = Raw::greeted(addr, "SUB", b"");
    came.next();
    raw.say(&command("SUBSCRIBE", br#"{"jsonrpc":"2.0","method":"b"#));
    // The question is answered behind the subscription.
    raw.say(&command("PING", b"\0\0?"));
    assert_eq!(raw.frame(), (4, b"\x04PONG?".to_vec()));
    for name in ["a", "b", "bc", "a"] {
        api.notify(name, json!({})).unwrap();
    }
    raw.say(&command("PING", b"\0\0!"));
    for name in ["b", "bc"] {
        let (_, body) = raw.frame();
        let said: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(said["method"], name);
    }
    assert_eq!(raw.frame(), (4, b"\x04PONG!".to_vec()));
}

/// Who cannot be told a change asks, and is no trouble.
#[test]
fn a_property_is_told_to_those_who_can_be_told() {
    let api = dynamic::Api::bind("jrpc", "zmqserv:127.0.0.1:0").unwrap();
    let volts = api.property("volts", dynamic::Access::Writable);
    volts.set(Value::from(1)).unwrap();
    let ((come, came), (mourn, trouble)) = (inbox(), inbox());
    api.on_connect(move |peer| come.send(peer.name().to_owned()).unwrap());
    api.on_error(move |_peer, error, _method| mourn.send(error.to_string()).unwrap());
    api.start().unwrap();
    let addr = api.local_addrs()[0];
    let mut asks = Raw::greeted(addr, "REQ", b"asks");
    let mut hears = Raw::greeted(addr, "DEALER", b"hears");
    came.take(2);
    let told = |raw: &mut Raw| {
        let (_, body) = raw.frame();
        let said: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(said["method"], "volts_changed");
        said["params"]["value"].clone()
    };
    assert_eq!(told(&mut hears), 1);
    volts.set(Value::from(2)).unwrap();
    assert_eq!(told(&mut hears), 2);
    let get = br#"{"jsonrpc":"2.0","method":"get_volts","id":1}"#;
    asks.say(&[frame(1, b""), frame(0, get)].concat());
    assert_eq!(asks.frame(), (1, Vec::new()));
    let (_, body) = asks.frame();
    let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(answer["result"], 2);
    assert_eq!(trouble.so_far(), Vec::<String>::new());
}

#[test]
fn a_client_of_ours_greets_like_libzmq() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let api = dynamic::Api::bind("jrpc", format!("zmq:{addr}?id=lab&keepalive=50ms").as_str());
    let api = api.unwrap();
    let server = std::thread::spawn(move || {
        let mut raw = Raw::on(listener.accept().unwrap().0);
        // Byte by byte, and of ZMTP 3.0.
        let mut greeting = greeting();
        greeting[11] = 0;
        let hello = [greeting, ready("ROUTER", b"hub")].concat();
        for byte in hello {
            raw.say(&[byte]);
        }
        raw.take(64);
        assert_eq!(raw.frame(), (4, ready("DEALER", b"lab")[2..].to_vec()));
        let (_, body) = raw.frame();
        raw.say(&frame(0, &body));
        assert_eq!(
            raw.frame(),
            (4, b"\x04PING\0\0".to_vec()),
            "nothing else was said"
        );
        raw
    });
    api.on("echo", |_sender, args: Value| args);
    api.start().unwrap();
    assert_eq!(api.peers()[0].name(), "hub");
    api.notify("note", json!({})).unwrap();
    server.join().unwrap();
}
