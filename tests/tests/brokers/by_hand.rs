//! A client of MQTT that is written by hand.

use std::io::{Read, Write};
use std::net::TcpStream;

use quickrpc_tests::{Mosquitto, SOON, eventually, inbox};

use crate::parts::{Shop, client, publish, sees};

/// A client of MQTT that is written by hand, and can say what no library says.
struct ByHand(TcpStream);

impl ByHand {
    fn new(server: &Mosquitto, filter: &str) -> Self {
        let stream = TcpStream::connect(server.addr()).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let mut hand = ByHand(stream);
        hand.say(0x10, b"\0\x04MQTT\x05\x02\0\0\0\0\x04hand");
        assert_eq!(hand.packet().0, 0x20);
        let length = u8::try_from(filter.len()).unwrap();
        let subscribe = [b"\0\x01\0\0", &[length][..], filter.as_bytes(), b"\x01"].concat();
        hand.say(0x82, &subscribe);
        assert_eq!(hand.packet().0, 0x90);
        hand
    }

    fn say(&mut self, first: u8, body: &[u8]) {
        let (low, high) = (body.len() % 128, body.len() / 128);
        let mut packet = vec![
            first,
            u8::try_from(low).unwrap() | 0x80,
            high.try_into().unwrap(),
        ];
        packet.extend_from_slice(body);
        self.0.write_all(&packet).unwrap();
    }

    fn packet(&mut self) -> (u8, Vec<u8>) {
        let mut byte = || {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap();
            byte[0]
        };
        let first = byte();
        let (mut length, mut shift) = (0, 0);
        loop {
            let part = byte();
            length |= usize::from(part & 0x7f) << shift;
            shift += 7;
            if part & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        (first, body)
    }

    /// The next message that somebody has sent.
    fn message(&mut self) -> Vec<u8> {
        loop {
            let (first, body) = self.packet();
            if first >> 4 == 3 {
                return body;
            }
        }
    }

    /// Says something, with these bytes as properties. Messages are acknowledged as they like.
    fn publish(&mut self, (first, topic): (u8, &str), properties: &[u8], payload: &[u8]) {
        let length = u16::try_from(topic.len()).unwrap().to_be_bytes();
        let mut body = [&length, topic.as_bytes(), b"\0\x07"].concat();
        body.push(u8::try_from(properties.len()).unwrap());
        body.extend_from_slice(properties);
        body.extend_from_slice(payload);
        self.say(first, &body);
    }

    /// Says it again, as one does who has not heard that it has arrived.
    fn repeat(&mut self, message: &[u8]) {
        self.say(0x3a, message);
        while self.packet().0 != 0x40 {}
    }
}

#[test]
fn a_call_that_the_broker_brings_again_is_not_run_again() {
    let Some(server) = Mosquitto::start() else {
        return;
    };
    let shop = Shop::bind("jrpc", server.bound("lab", "name=shop")).unwrap();
    let ((begun, begins), (go, goes)) = (inbox(), inbox());
    shop.add.connect(move |_, a, b| {
        begun.send(a).unwrap();
        goes.next();
        a + b
    });
    let (said, heard) = inbox();
    shop.say
        .connect(move |_, text| said.send(text.to_owned()).unwrap());
    shop.start().unwrap();
    let hub = client(&server, "hub");
    sees(&hub, 1);
    let mut hand = ByHand::new(&server, "lab/any/#");
    let say = r#"{"jsonrpc":"2.0","method":"say","params":{"text":"now"}}"#;
    let arrived = || {
        publish(&server, &["-t", "lab/to/shop/say", "-m", say]);
        assert_eq!(heard.next(), "now");
    };
    for a in 0..3 {
        let call = hub.any().add(a, 1);
        assert_eq!(begins.next(), a);
        let message = hand.message();
        // While it runs, and when it has been answered.
        for _ in 0..3 {
            hand.repeat(&message);
        }
        go.send(()).unwrap();
        assert_eq!(call.result().unwrap(), a + 1);
        hand.repeat(&message);
        arrived();
    }
    // What was repeated would have run before this one.
    go.send(()).unwrap();
    assert_eq!(hub.to("shop").add(9, 1).result().unwrap(), 10);
    assert_eq!(begins.so_far(), [9]);
}

/// Mosquitto passes on what it does not look at, and keeps it for those who come.
#[test]
fn a_message_that_cannot_be_read_ends_nothing() {
    let Some(server) = Mosquitto::start() else {
        return;
    };
    let shop = Shop::bind("jrpc", server.bound("lab", "name=shop")).unwrap();
    shop.add.connect(|_, a, b| a + b);
    shop.start().unwrap();
    let hub = client(&server, "hub");
    sees(&hub, 1);
    let (left, leaves) = inbox();
    hub.on_status(move |status| left.send(status.to_string()).unwrap_or_default());
    let mut hand = ByHand::new(&server, "lab/in/me/#");
    // A payload format indicator of 2 (MQTT 5, section 3.3.2.3.2).
    for topic in ["lab/all/say", "lab/to/hub/say", "lab/here/evil/t"] {
        hand.publish((0x33, topic), &[1, 2], b"x");
        while hand.packet().0 != 0x40 {}
    }
    for a in 0..3 {
        assert_eq!(hub.to("shop").add(a, 1).result().unwrap(), a + 1);
    }
    let late = client(&server, "late");
    sees(&late, 2);
    assert_eq!(late.any().add(1, 2).result().unwrap(), 3);
    assert_eq!(leaves.so_far(), Vec::<String>::new());
}

/// Who counts nothing has a response topic for each call.
#[test]
fn calls_with_the_same_id_are_told_apart_by_where_their_answers_go() {
    let Some(server) = Mosquitto::start() else {
        return;
    };
    let shop = Shop::bind("jrpc", server.bound("lab", "name=shop")).unwrap();
    shop.add.connect(|_, a, b| a + b);
    shop.start().unwrap();
    let mut hand = ByHand::new(&server, "lab/in/me/#");
    for a in 0..3_u8 {
        let reply = format!("lab/in/me/tok/c{a}");
        let length = u8::try_from(reply.len()).unwrap();
        let properties = [&[8, 0, length][..], reply.as_bytes()].concat();
        let call =
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"add","params":{{"a":{a},"b":1}}}}"#);
        let to = (0x32, "lab/to/shop/add");
        hand.publish(to, &properties, call.as_bytes());
        let message = hand.message();
        let (topic, _) = counted(&message);
        assert_eq!(topic, reply.as_bytes());
        let answer = format!(r#"{{"jsonrpc":"2.0","result":{},"id":1}}"#, a + 1);
        assert!(message.ends_with(answer.as_bytes()), "{message:?}");
    }
}

/// A number of two bytes, and so many bytes behind it.
fn counted(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, rest) = bytes.split_at(2);
    rest.split_at(usize::from(u16::from_be_bytes(length.try_into().unwrap())))
}

#[test]
fn a_thousand_peers_are_known_and_answer() {
    const PEERS: usize = 1_000;
    let config = "allow_anonymous true\nmax_queued_messages 0\n";
    let Some(server) = Mosquitto::with(config, &[]) else {
        return;
    };
    // They are all behind one connection, which nobody can see.
    let mut hand = ByHand::new(&server, "lab/to/#");
    let here = |peer: usize| format!("lab/here/p{peer}/t");
    for peer in 0..PEERS {
        hand.publish((0x33, &here(peer)), b"", b"1");
    }
    let hub = client(&server, "hub");
    sees(&hub, PEERS);
    let answering = std::thread::spawn(move || {
        let mut answered = 0;
        while answered < PEERS {
            let message = hand.message();
            let (topic, rest) = counted(&message);
            let topic = std::str::from_utf8(topic).unwrap();
            let name = topic.split('/').nth(2).unwrap();
            if !topic.ends_with("/who") {
                // Whether it is there.
                continue;
            }
            answered += 1;
            // Behind its number: the properties, which are fewer than 128 bytes, and the call.
            hand.say(0x40, &rest[..2]);
            let (properties, call) = rest[3..].split_at(usize::from(rest[2]));
            assert_eq!(properties[0], 8, "a response topic is first");
            let (reply, correlation) = counted(&properties[1..]);
            let reply = std::str::from_utf8(reply).unwrap();
            let call: serde_json::Value = serde_json::from_slice(call).unwrap();
            let answer = format!(
                r#"{{"jsonrpc":"2.0","id":{},"result":"{name}"}}"#,
                call["id"]
            );
            hand.publish((0x32, reply), correlation, answer.as_bytes());
        }
        hand
    });
    let each = hub.all().timeout(SOON).each().who();
    let mut names = Vec::new();
    for (peer, who) in each {
        assert_eq!(who.result().unwrap(), peer.name());
        names.push(peer.name().to_owned());
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), PEERS);
    let mut hand = answering.join().unwrap();
    for peer in 0..PEERS {
        hand.publish((0x33, &here(peer)), b"", b"");
    }
    eventually("all have gone", || hub.peers().is_empty());
}
