//! MessagePack-RPC over real connections; for every transport, see `matrix`.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use quickrpc::dynamic::{Access, Api};
use quickrpc::msgpack::Ext;
use quickrpc::{Bytes, CallError, DisconnectReason, Error, Limits, Value, remote_api};
use quickrpc_tests::{DatagramPort, KeyFile, Lab, LabInverse, SOON, inbox, serve, server};
use serde_json::{Value as Json, json};

use crate::{call_error, settled};

/// A peer that knows nothing but the format.
struct Raw(TcpStream);

impl Raw {
    fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        Raw(stream)
    }

    fn send(&mut self, message: &Json) {
        self.write(&rmp_serde::to_vec(message).unwrap());
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    #[track_caller]
    fn next(&mut self) -> Json {
        rmp_serde::from_read(&mut self.0).expect("a message")
    }

    /// Nothing comes any more.
    #[track_caller]
    fn is_cut_off(&mut self) {
        match self.0.read(&mut [0; 1]) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("{other:?}"),
        }
    }
}

#[remote_api]
trait Shop {
    #[incoming]
    fn price(&self, name: &str, #[default(1)] count: u32, discount: Option<f64>) -> f64;

    #[incoming]
    fn image(&self, data: Bytes) -> Bytes;

    #[incoming]
    fn handle(&self, handle: Ext) -> Ext;

    #[incoming]
    fn ages(&self, of: BTreeMap<u32, i64>) -> BTreeMap<u32, i64>;

    #[incoming]
    #[require(role = "owner")]
    fn close(&self) -> ();

    #[incoming(property, writable)]
    fn slogan(&self) -> String;
}

fn serve_shop(codec: &str) -> (Shop, SocketAddr) {
    let shop = Shop::bind(codec, "tcpserv:127.0.0.1:0").unwrap();
    shop.price.connect(|_sender, name, count, discount| {
        f64::from(count) * name.len() as f64 - discount.unwrap_or(0.0)
    });
    shop.image.connect(|_sender, data| data);
    shop.handle.connect(|_sender, handle| handle);
    shop.ages.connect(|_sender, of| of);
    shop.slogan.set("fresh".into()).unwrap();
    shop.slogan.on_write(|_sender, text| match text.len() < 20 {
        true => Ok(()),
        false => Err("too long"),
    });
    shop.start().unwrap();
    let addr = shop.local_addrs()[0];
    (shop, addr)
}

#[test]
fn others_call_by_position_and_by_name() {
    let (_shop, addr) = serve_shop("msgpack");
    let mut raw = Raw::connect(addr);
    // The value is told to who connects.
    assert_eq!(raw.next(), json!([2, "slogan_changed", ["fresh"]]));
    for (params, result) in [
        (json!(["ab", 3, 0.5]), 5.5),
        (json!(["ab"]), 2.0),
        (json!({"name": "ab", "count": 2}), 4.0),
        (json!({"discount": 1, "name": "ab"}), 1.0),
        (json!(["ab", 3, null]), 6.0),
    ] {
        raw.send(&json!([0, 4_000_000_000_u32, "price", params]));
        assert_eq!(raw.next(), json!([1, 4_000_000_000_u32, null, result]));
    }
    for (message, error) in [
        (
            json!([0, 1, "pirce", []]),
            json!("-32601: unknown method `pirce`"),
        ),
        (
            json!([0, 1, "price", []]),
            json!("-32602: missing argument `name`; `price` takes `name`, `count`, `discount`"),
        ),
        (
            json!([0, 1, "price", ["a", 1, 0.0, 5]]),
            json!("-32602: too many arguments; `price` takes `name`, `count`, `discount`"),
        ),
        (
            json!([0, 1, "price", [5]]),
            json!(
                "-32602: argument `name` of `price`: invalid type: integer `5`, expected a string"
            ),
        ),
        (
            json!([0, 1, "close", []]),
            json!("-32001: `close` needs the role `owner`"),
        ),
        (
            json!([0, 1, "set_slogan", ["fresh and cheap since 1950"]]),
            json!("too long"),
        ),
    ] {
        raw.send(&message);
        assert_eq!(raw.next(), json!([1, 1, error, null]));
    }
    raw.send(&json!([0, 2, "set_slogan", ["cheap"]]));
    let (one, other) = (raw.next(), raw.next());
    let both = [
        json!([1, 2, null, null]),
        json!([2, "slogan_changed", ["cheap"]]),
    ];
    assert!(both.contains(&one) && both.contains(&other) && one != other);
    raw.send(&json!([0, 3, "get_slogan", []]));
    assert_eq!(raw.next(), json!([1, 3, null, "cheap"]));
}

#[test]
fn both_sides_of_a_declaration() {
    for codec in ["msgpack", "msgpack?named=on"] {
        let (_shop, addr) = serve_shop(codec);
        let client = ShopInverse::bind(codec, format!("tcp:{addr}")).unwrap();
        let (seen, slogans) = inbox();
        client.slogan.connect(move |_sender, text| {
            let _ = seen.send(text.clone());
        });
        client.start().unwrap();
        let shop = client.all();
        assert_eq!(slogans.next(), "fresh");
        assert_eq!(settled(shop.price("ab", 3, None)).unwrap(), 6.0);
        assert_eq!(settled(shop.price("ab", 1, Some(0.5))).unwrap(), 1.5);
        let data = Bytes::from(vec![0x94; 70_000]);
        assert_eq!(settled(shop.image(data.clone())).unwrap(), data);
        let window = Ext::pack(1, &1000).unwrap();
        assert_eq!(settled(shop.handle(window.clone())).unwrap(), window);
        let ages = BTreeMap::from([(1, -1), (300, i64::MAX)]);
        assert_eq!(settled(shop.ages(ages.clone())).unwrap(), ages);
        let error = call_error(settled(shop.close()));
        assert_eq!(error.code, CallError::FORBIDDEN);
        settled(shop.set_slogan("cheap".into())).unwrap();
        assert_eq!(slogans.next(), "cheap");
        assert_eq!(settled(shop.slogan()).unwrap(), "cheap");
        let error = call_error(settled(shop.set_slogan("x".repeat(20))));
        assert_eq!((error.code, &*error.message), (-32000, "too long"));
    }
}

#[test]
fn without_a_declaration() {
    let server = Api::bind("msgpack", "tcpserv:127.0.0.1:0").unwrap();
    server.on("echo", |_sender, args| args);
    server.property("volts", Access::Writable);
    server.start().unwrap();
    let transport = format!("tcp:{}", server.local_addrs()[0]);
    let client = Api::bind("msgpack", &*transport).unwrap();
    client.start().unwrap();
    let handle = Ext::pack(0, &7).unwrap();
    let args = Value::List(vec![1.into(), quickrpc::to_value(&handle).unwrap()]);
    assert_eq!(settled(client.call("echo", args.clone())).unwrap(), args);
    settled(client.all().write("volts", 5)).unwrap();
    assert_eq!(settled(client.all().read("volts")).unwrap(), 5.into());
    // The order of names in a map is not that of a declaration.
    let named = Value::from_iter([("a", 1)]);
    let error = settled(client.call("echo", &named)).unwrap_err();
    assert!(error.to_string().contains("msgpack?named=on"), "{error}");
    let client = Api::bind("msgpack?named=on", &*transport).unwrap();
    client.start().unwrap();
    assert_eq!(settled(client.call("echo", &named)).unwrap(), named);
}

#[test]
fn security_providers_carry_bytes() {
    let keys = KeyFile::of(&["hub", "guest"]);
    for provider in ["hmac", "seal"] {
        for carrier in ["tcp", "ws"] {
            let security = |user: &str| format!("{provider}:{user}?keys={}", keys.path());
            let hub = Lab::builder()
                .codec("msgpack")
                .security(security("hub"))
                .transport(format!("{carrier}serv:127.0.0.1:0"))
                .build()
                .unwrap();
            let _served = serve(&hub);
            hub.start().unwrap();
            let guest = LabInverse::builder()
                .codec("msgpack")
                .security(security("guest"))
                .transport(format!("{carrier}:{}", hub.local_addrs()[0]))
                .build()
                .unwrap();
            guest.start().unwrap();
            let data: Vec<u8> = (0..=255).cycle().take(100_000).collect();
            assert_eq!(settled(guest.all().blob(&data)).unwrap(), data);
            assert_eq!(settled(guest.all().add(2, 3)).unwrap(), 5);
        }
    }
}

/// Somebody has taken the wrong codec: both sides are told which one it is.
#[test]
fn the_wrong_codec() {
    for (serves, calls, expected) in [
        ("msgpack", "jrpc", "looks like JSON: use the codec `jrpc`"),
        ("msgpack", "jrpc:content-length", "looks like text"),
        ("msgpack", "terse", "looks like text"),
        ("jrpc", "msgpack", "speaks MessagePack-RPC"),
        ("jrpc:content-length", "msgpack", "speaks MessagePack-RPC"),
        ("terse", "msgpack", "speaks MessagePack-RPC"),
    ] {
        let lab = Lab::bind(serves, "tcpserv:127.0.0.1:0").unwrap();
        let (seen, errors) = inbox();
        lab.on_error(move |_sender, error, _in_reply_to| {
            let _ = seen.send(error.to_string());
        });
        let (gone, reasons) = inbox();
        lab.on_disconnect(move |_sender, reason| {
            let _ = gone.send(reason.clone());
        });
        lab.start().unwrap();
        let client = LabInverse::bind(calls, format!("tcp:{}", lab.local_addrs()[0])).unwrap();
        client.start().unwrap();
        let error = settled(client.all().add(2, 3)).unwrap_err();
        assert!(matches!(error, Error::Disconnected { .. }), "{error:?}");
        let text = errors.next();
        assert!(text.contains(expected), "{text}");
        let reason = reasons.next();
        assert!(matches!(reason, DisconnectReason::Garbled(_)), "{reason:?}");
    }
}

#[test]
fn what_is_wrong_in_a_message_is_told_and_the_next_one_is_heard() {
    let (lab, addr, _served) = server("msgpack");
    let (seen, errors) = inbox();
    lab.on_error(move |_sender, error, _in_reply_to| {
        let _ = seen.send(error.to_string());
    });
    let mut raw = Raw::connect(addr);
    for (message, expected) in [
        (json!([]), "expected `[0, id, method, params]`"),
        (
            json!([7, 1, "add", []]),
            "expected `[0, id, method, params]`",
        ),
        (
            json!([0, "x", "add", []]),
            "an id must be a positive integer",
        ),
        (json!([2, "nobody", []]), "unknown method `nobody`"),
    ] {
        raw.send(&message);
        let text = errors.next();
        assert!(text.contains(expected), "{text}");
    }
    // Deeper than anybody may nest.
    let deep = [&b"\x94\0\x07\xa4echo"[..], &[0x91; 5000], &[0xc0]].concat();
    raw.write(&deep);
    let answer = raw.next();
    assert_eq!(answer[1], 7);
    assert!(
        answer[2].as_str().unwrap().starts_with("-32602: "),
        "{answer}"
    );
    // An answer that nobody waits for, and one whose error nests deeply.
    raw.send(&json!([1, 99, null, 5]));
    raw.write(&[&b"\x94\x01\x63"[..], &[0x91; 5000], &[0xc0, 0xc0]].concat());
    assert!(errors.next().contains("nested deeper"));
    raw.send(&json!([0, 8, "add", [2, 3]]));
    assert_eq!(raw.next(), json!([1, 8, null, 5]));
}

#[test]
fn sizes_that_are_lies_end_the_connection_at_once() {
    let limits = Limits {
        message_size: 1000,
        ..Limits::default()
    };
    let lab = Lab::builder()
        .codec("msgpack")
        .transport("tcpserv:127.0.0.1:0")
        .limits(limits)
        .build()
        .unwrap();
    let (gone, reasons) = inbox();
    lab.on_disconnect(move |_sender, reason| {
        let _ = gone.send(reason.clone());
    });
    lab.start().unwrap();
    for head in [
        &b"\x94\0\x01\xdb\xff\xff\xff\xff"[..],
        b"\x94\0\x01\xa3add\xc6\xff\xff\xff\xff",
        b"\x94\0\x01\xa3add\xdd\xff\xff\xff\xff",
        b"\x94\0\x01\xa3add\xdf\xff\xff\xff\xff",
        b"\x94\0\x01\xa3add\xc9\xff\xff\xff\xff",
        b"\xdd\xff\xff\xff\xff",
        b"\x94\0\x01\xa3add\xdc\x03\xe8",
    ] {
        let mut raw = Raw::connect(lab.local_addrs()[0]);
        raw.write(head);
        raw.is_cut_off();
        let reason = reasons.next();
        let expected = matches!(reason, DisconnectReason::MessageTooLarge { limit: 1000 });
        assert!(expected, "{reason:?}");
    }
    let mut raw = Raw::connect(lab.local_addrs()[0]);
    raw.write(b"\x94\0\x01\xc1");
    raw.is_cut_off();
    let reason = reasons.next();
    assert!(matches!(reason, DisconnectReason::Garbled(_)), "{reason:?}");
}

#[test]
fn datagrams_have_whole_messages() {
    let port = DatagramPort::new();
    let lab = Lab::bind("msgpack", port.wire(1)).unwrap();
    let served = serve(&lab);
    let (seen, errors) = inbox();
    lab.on_error(move |_sender, error, _in_reply_to| {
        let _ = seen.send(error.to_string());
    });
    lab.start().unwrap();
    let raw = port.raw(2);
    let note = |text: &str| rmp_serde::to_vec(&json!([2, "notify", [text]])).unwrap();
    raw.send(1, [note("one"), note("two")].concat());
    assert_eq!(served.notes.next().1, "one");
    assert_eq!(served.notes.next().1, "two");
    let three = note("three");
    raw.send(1, &three[..three.len() - 1]);
    let text = errors.next();
    assert!(text.contains("a datagram ended within a message"), "{text}");
    raw.send(
        1,
        br#"{"jsonrpc":"2.0","method":"notify","params":{"text":"a"}}"#,
    );
    let text = errors.next();
    assert!(text.contains("looks like JSON"), "{text}");
    raw.send(1, note("four"));
    assert_eq!(served.notes.next().1, "four");
}
