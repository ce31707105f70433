//! Code of others that panics on a thread of the library: whatever was the matter of one peer costs
//! that peer at most.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use quickrpc::codec::{Codec, Message};
use quickrpc::security::{
    Opened, PeerContext, Sealed, SecInfo, Security, SecuritySession, Telegram,
};
use quickrpc::{BoxError, Processing};
use quickrpc_tests::{Lab, Lists, Telnet, bounded, eventually, serve};

/// Where to panic next.
#[derive(Debug, Clone, Default)]
struct Trap(Arc<Mutex<&'static str>>);

impl Trap {
    fn set(&self, place: &'static str) {
        *self.0.lock().unwrap() = place;
    }

    fn was_sprung(&self) {
        eventually("the panic", || self.0.lock().unwrap().is_empty());
    }

    /// Once.
    fn at(&self, place: &str) {
        let mut set = self.0.lock().unwrap();
        let here = *set == place;
        if here {
            *set = "";
        }
        drop(set);
        assert!(!here, "trapped at {place}");
    }
}

/// Lists, and a trap.
#[derive(Debug)]
struct Trapped(Lists, Trap);

impl Codec for Trapped {
    fn expression(&self) -> String {
        String::from("trapped")
    }

    fn delimiter(&self) -> &[u8] {
        self.0.delimiter()
    }

    fn encode(&self, message: &Message) -> Result<Vec<u8>, BoxError> {
        self.1.at("encode");
        self.0.encode(message)
    }

    fn decode(&self, telegram: &[u8]) -> Result<Vec<Message>, BoxError> {
        self.1.at("decode");
        self.0.decode(telegram)
    }
}

#[test]
fn in_a_codec() {
    const CALL: &str = "[\"call\", \"add\", {\"a\": 1, \"b\": 2}, 7]\n";
    for processing in [Processing::Inline, Processing::Queue] {
        let trap = Trap::default();
        let lab = Lab::builder()
            .codec(Trapped(Lists::default(), trap.clone()))
            .transport("mux:(tcpserv:127.0.0.1:0)(udp:0?bind=127.0.0.1)")
            .processing(processing)
            .build()
            .unwrap();
        let _served = serve(&lab);
        lab.start().unwrap();
        let addr = lab.local_addrs()[0];
        let mut good = Telnet::connect(addr);
        let mut works = || {
            good.send(CALL);
            assert_eq!(good.line(), "[\"reply\",7,3]");
        };
        works();
        for place in ["decode", "encode"] {
            let mut bad = Telnet::connect(addr);
            trap.set(place);
            bad.send(CALL);
            if place == "decode" {
                bad.expect_closed();
            }
            trap.was_sprung();
            works();
        }
        // One datagram is all that it costs.
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.connect(lab.local_addrs()[1]).unwrap();
        udp.set_read_timeout(Some(quickrpc_tests::SOON)).unwrap();
        trap.set("decode");
        udp.send(CALL.as_bytes()).unwrap();
        trap.was_sprung();
        works();
        bounded("stop", move || lab.stop()).unwrap();
    }
}

/// Believes everything, and has a trap. With sessions or without.
#[derive(Debug)]
struct Believes(Trap, bool);

impl Security for Believes {
    fn expression(&self) -> String {
        String::from("believes:")
    }

    fn sec_out(&self, payload: Vec<u8>) -> Result<(Option<SecInfo>, Vec<u8>), BoxError> {
        self.0.at("sec_out");
        Ok((None, payload))
    }

    fn sec_in<'a>(
        &self,
        payload: Cow<'a, [u8]>,
        _header: Option<&SecInfo>,
    ) -> Result<(Cow<'a, [u8]>, SecInfo), BoxError> {
        self.0.at("sec_in");
        Ok((payload, SecInfo::new()))
    }

    fn session(&self, _peer: &PeerContext) -> Option<Box<dyn SecuritySession>> {
        self.0.at("session");
        self.1.then(|| Box::new(Session(self.0.clone())) as _)
    }
}

#[derive(Debug)]
struct Session(Trap);

impl SecuritySession for Session {
    fn greets(&self) -> bool {
        self.0.at("greets");
        true
    }

    fn greeting(&self) -> Vec<Telegram> {
        self.0.at("greeting");
        Vec::new()
    }

    fn seal<'a>(&self, payload: &'a [u8]) -> Result<Sealed<'a>, BoxError> {
        self.0.at("seal");
        Ok((None, Cow::Borrowed(payload)))
    }

    fn open<'a>(
        &self,
        payload: Cow<'a, [u8]>,
        _header: Option<&SecInfo>,
    ) -> Result<Opened<'a>, BoxError> {
        self.0.at("open");
        Ok(Opened::Message(payload, Arc::default()))
    }
}

#[test]
fn in_a_security_provider() {
    const CALL: &str =
        "{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":{\"a\":1,\"b\":2},\"id\":1}\0";
    for processing in [Processing::Inline, Processing::Queue] {
        // Of a session that has panicked, nothing more is asked.
        let places: [(bool, &[(&str, bool)]); 2] = [
            (
                false,
                &[("sec_in", true), ("sec_out", true), ("session", false)],
            ),
            (
                true,
                &[
                    ("session", false),
                    ("greets", false),
                    ("greeting", false),
                    ("open", false),
                    ("seal", false),
                ],
            ),
        ];
        for (sessions, places) in places {
            let trap = Trap::default();
            let lab = Lab::builder()
                .security(Believes(trap.clone(), sessions))
                .transport("tcpserv:127.0.0.1:0")
                .processing(processing)
                .build()
                .unwrap();
            let _served = serve(&lab);
            lab.start().unwrap();
            let addr = lab.local_addrs()[0];
            let mut good = Telnet::connect(addr);
            let works = |wire: &mut Telnet| {
                wire.send(CALL);
                assert_eq!(wire.json()["result"], 3);
            };
            works(&mut good);
            for (place, goes_on) in places {
                trap.set(place);
                let mut bad = Telnet::connect(addr);
                bad.send(CALL);
                trap.was_sprung();
                match goes_on {
                    true => works(&mut bad),
                    false => {
                        bad.try_send(CALL);
                        bad.expect_closed();
                    }
                }
                works(&mut good);
            }
            bounded("stop", move || lab.stop()).unwrap();
        }
    }
}
