//! Code of others that panics on a thread of the library: whatever was the matter of one peer costs
//! that peer at most.

use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use quickrpc::codec::{Codec, Message};
use quickrpc::security::{
    Opened, PeerContext, Sealed, SecInfo, Security, SecuritySession, Telegram,
};
use quickrpc::transport::{Entry, Transport};
use quickrpc::{BoxError, Limits, Processing, Promise, register_transport, remote_api};
use quickrpc_tests::{Lab, Lists, Telnet, bounded, eventually, inbox, serve};

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
                        // Whose answer cannot be sealed has nothing to wait for.
                        if *place != "seal" {
                            bad.try_send(CALL);
                        }
                        bad.expect_closed();
                    }
                }
                works(&mut good);
            }
            bounded("stop", move || lab.stop()).unwrap();
        }
    }
}

/// A stream in which somebody has set a trap.
struct Stream(TcpStream, Trap);

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        self.1.at("read");
        Ok(count)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1.at("write");
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1.at("flush");
        Ok(())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.1.at("drop");
    }
}

/// Hands over a peer that has a trap.
#[derive(Debug, Clone, Default)]
struct Tunnel(Trap, Ends);

/// Our end, and the other one.
type Ends = Arc<Mutex<Option<(TcpStream, TcpStream)>>>;

impl Transport for Tunnel {
    fn expression(&self) -> String {
        String::from("tunnel:")
    }

    fn open(&self, entry: Entry) -> Result<(), BoxError> {
        self.0.at("open");
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let theirs = TcpStream::connect(listener.local_addr()?)?;
        let (ours, _) = listener.accept()?;
        let reader = Stream(ours.try_clone()?, self.0.clone());
        let writer = Stream(ours.try_clone()?, self.0.clone());
        *self.1.lock().unwrap() = Some((ours, theirs));
        Ok(entry.connect("tunnel", reader, writer)?)
    }

    fn close(&self) {
        if let Some((ours, _)) = &*self.1.lock().unwrap() {
            ours.shutdown(Shutdown::Both).ok();
        }
        self.0.at("close");
    }
}

#[test]
fn in_a_transport() {
    const CALL: &str = "add[4] a:1 b:2\n";
    for place in ["open", "read", "write", "flush", "drop", "close"] {
        let tunnel = Tunnel::default();
        let (trap, made) = (tunnel.0.clone(), tunnel.clone());
        register_transport(&format!("trapped{place}"), move |_| Ok(made.clone())).unwrap();
        let lab = Lab::builder()
            .codec("terse")
            .transport(format!(
                "mux:(tcpserv:127.0.0.1:0)(restart:0.01:trapped{place}:)"
            ))
            .build()
            .unwrap();
        let _served = serve(&lab);
        let (tell, gone) = inbox();
        lab.on_disconnect(move |_peer, reason| drop(tell.send(reason.to_string())));
        if place == "open" {
            trap.set(place);
        }
        lab.start().unwrap();
        let mut good = Telnet::connect(lab.local_addrs()[0]);
        let works = |wire: &mut Telnet| {
            wire.send(CALL);
            assert_eq!(wire.line(), "[4]:3");
        };
        works(&mut good);
        let tunnels = || lab.peers().iter().any(|peer| **peer == *"tunnel");
        eventually("it is open", tunnels);
        let end = || tunnel.1.lock().unwrap().take().unwrap().1;
        if place != "open" {
            let mut bad = end();
            trap.set(place);
            bad.write_all(CALL.as_bytes()).unwrap();
            if matches!(place, "drop" | "close") {
                drop(bad);
            }
            let reason = gone.next();
            let told = reason.contains("panicked");
            assert!(
                told || matches!(place, "drop" | "close"),
                "{place}: {reason}"
            );
        }
        // It is opened again, and the others have noticed nothing.
        works(&mut good);
        eventually("it is open again", || {
            tunnels() && tunnel.1.lock().unwrap().is_some()
        });
        works(&mut Telnet::over(end()));
        assert_eq!(*trap.0.lock().unwrap(), "", "nobody went to {place}");
        bounded("stop", move || lab.stop()).unwrap();
    }
}

/// Panics when it is written, or dropped, where it is asked to.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
struct Rock(i64);

impl serde::Serialize for Rock {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert_eq!(self.0, 0, "trapped in writing");
        serializer.serialize_i64(self.0)
    }
}

#[remote_api]
trait Rocks {
    #[incoming]
    fn later(&self, number: i64) -> Rock;

    #[outgoing]
    fn take(&self, rock: Rock) -> i64;
}

#[test]
fn in_what_is_written() {
    let limits = Limits {
        pending_calls: 1,
        ..Limits::default()
    };
    let rocks = Rocks::builder()
        .codec("terse")
        .transport("tcpserv:127.0.0.1:0")
        .limits(limits)
        .build()
        .unwrap();
    // An answer that is given later, on a thread of its own.
    rocks.later.connect(|_sender, number| {
        let (promise, resolver) = Promise::pair();
        std::thread::spawn(move || resolver.set_result(Rock(number)));
        promise
    });
    rocks.start().unwrap();
    let mut wire = Telnet::connect(rocks.local_addrs()[0]);
    wire.send("later[1] number:1\n");
    let answer = wire.line();
    assert!(
        answer.starts_with("[1]") && answer.contains("panicked"),
        "{answer}"
    );
    wire.send("later[2] number:0\n");
    assert_eq!(wire.line(), "[2]:0");
    // The arguments of a call: the caller has the panic, and nothing is left of the call.
    let all = rocks.all();
    for _ in 0..3 {
        let called = std::panic::catch_unwind(AssertUnwindSafe(|| drop(all.take(Rock(1)))));
        called.unwrap_err();
    }
    let taken = all.take(Rock(0));
    assert_eq!(wire.line(), "take[4] rock:0");
    wire.send("[4]:7\n");
    assert_eq!(taken.result().unwrap(), 7);
    bounded("stop", move || rocks.stop()).unwrap();
}
