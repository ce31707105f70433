//! Those who want to do harm: on the other side, and in between.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use quickrpc::{DisconnectReason, Error};
use quickrpc_tests::{
    Authority, Inbox, Lab, LabInverse, SOON, Telnet, TlsStream, bounded, eventually, inbox,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::{Person, reasons, server};
use crate::settled;

/// A client whose bytes can be changed on their way.
struct Forger {
    tls: ClientConnection,
    stream: TcpStream,
}

impl Forger {
    fn new(addr: SocketAddr, authority: &Authority) -> Self {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_file(authority.file()).unwrap();
        roots.add(root).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        Forger {
            tls: ClientConnection::new(config.into(), name).unwrap(),
            stream,
        }
    }

    /// After its handshake.
    fn connect(addr: SocketAddr, authority: &Authority) -> Self {
        let mut forger = Forger::new(addr, authority);
        while forger.tls.is_handshaking() {
            forger.tls.complete_io(&mut forger.stream).unwrap();
        }
        // Its answer says that the server has let us in, whoever comes next.
        let call = forger.seal("add[0] a:1 b:2\n");
        forger.send(call);
        forger.record();
        forger
    }

    /// What would be sent.
    fn outgoing(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut bytes).unwrap();
        }
        bytes
    }

    /// The record of a text.
    fn seal(&mut self, text: &str) -> Vec<u8> {
        self.tls.writer().write_all(text.as_bytes()).unwrap();
        self.outgoing()
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream
            .write_all(bytes.as_ref())
            .expect("the server reads");
    }

    /// A record of the server, as it came.
    fn record(&mut self) -> Vec<u8> {
        let mut record = vec![0; 5];
        self.stream.read_exact(&mut record).unwrap();
        let length = u16::from_be_bytes([record[3], record[4]]);
        record.resize(5 + usize::from(length), 0);
        self.stream.read_exact(&mut record[5..]).unwrap();
        record
    }

    fn end(&mut self) {
        // The server may have closed it before.
        let _ = self.stream.shutdown(Shutdown::Write);
        let mut rest = Vec::new();
        let _ = self.stream.read_to_end(&mut rest);
    }
}

/// A server that notes who was let in, and what was called.
struct Target {
    authority: Authority,
    addr: SocketAddr,
    notes: Inbox<(String, String)>,
    ends: Inbox<DisconnectReason>,
    api: Lab,
}

impl Target {
    fn new() -> Self {
        let authority = Authority::new("lab");
        let (api, addr, served) = server("terse", &authority, "");
        Target {
            addr,
            notes: served.notes,
            ends: reasons(&api),
            authority,
            api,
        }
    }

    fn forger(&self) -> Forger {
        Forger::connect(self.addr, &self.authority)
    }

    /// The connection has ended, by something that is wrong.
    #[track_caller]
    fn refuses(&self, what: &str, forger: &mut Forger) {
        forger.end();
        let reason = self.ends.next();
        assert!(
            matches!(reason, DisconnectReason::Lost(_)),
            "{what}: {reason:?}"
        );
    }
}

#[test]
fn a_flipped_bit_anywhere_calls_nothing() {
    let target = Target::new();
    let mut good = Person::connect(target.addr, &target.authority);
    let length = target.forger().seal("notify text:\"x\"\n").len();
    assert!(length > 30);
    // That of the first one, which has sent nothing.
    target.ends.next();
    // Of its type and version nothing depends (RFC 8446, section 5.2).
    for position in 3..length {
        let mut forger = target.forger();
        let mut record = forger.seal("notify text:\"x\"\n");
        record[position] ^= 1 << (position % 8);
        forger.send(&record);
        target.refuses(&format!("byte {position}"), &mut forger);
    }
    assert!(target.notes.so_far().is_empty());
    good.say("add[1] a:1 b:2");
    assert_eq!(good.line(), "[1]:3");
}

#[test]
fn a_flipped_bit_in_the_handshake_lets_nobody_in() {
    let target = Target::new();
    let length = Forger::new(target.addr, &target.authority).outgoing().len();
    assert!(length > 100);
    for position in (0..length).step_by(7) {
        let mut forger = Forger::new(target.addr, &target.authority);
        let mut hello = forger.outgoing();
        hello[position] ^= 1 << (position % 8);
        forger.send(&hello);
        // Where it changes how long something is, the server waits for the rest.
        let _ = forger.stream.shutdown(Shutdown::Write);
        assert!(!finish(&mut forger), "byte {position}");
    }
    let mut good = Person::connect(target.addr, &target.authority);
    good.say("add[1] a:1 b:2");
    assert_eq!(good.line(), "[1]:3");
    assert!(target.ends.so_far().is_empty(), "nobody else was a peer");
}

/// Whether the client believes that its handshake was right, and the server said so.
fn finish(forger: &mut Forger) -> bool {
    let mut answer = Vec::new();
    let _ = forger.stream.read_to_end(&mut answer);
    let mut rest = answer.as_slice();
    while !rest.is_empty() && forger.tls.read_tls(&mut rest).is_ok() {
        if forger.tls.process_new_packets().is_err() {
            return false;
        }
    }
    !forger.tls.is_handshaking()
}

#[test]
fn records_cannot_be_played_again_swapped_left_out_or_sent_back() {
    let target = Target::new();
    let heard = |expected: &[&str]| {
        for text in expected {
            assert_eq!(target.notes.next().1, *text);
        }
        assert!(target.notes.so_far().is_empty());
    };
    let mut forger = target.forger();
    let record = forger.seal("notify text:\"once\"\n");
    forger.send(&record);
    heard(&["once"]);
    forger.send(&record);
    target.refuses("twice", &mut forger);
    let mut forger = target.forger();
    let records = ["one", "two"].map(|text| forger.seal(&format!("notify text:\"{text}\"\n")));
    forger.send([&records[1][..], &records[0]].concat());
    target.refuses("swapped", &mut forger);
    let mut forger = target.forger();
    let records = ["one", "two"].map(|text| forger.seal(&format!("notify text:\"{text}\"\n")));
    forger.send(&records[1]);
    target.refuses("left out", &mut forger);
    heard(&[]);
    // Of another connection.
    let mut forger = target.forger();
    let mut other = target.forger();
    forger.send(other.seal("notify text:\"x\"\n"));
    target.refuses("another's", &mut forger);
    let successor = other.seal("notify text:\"y\"\n");
    other.send(successor);
    target.refuses("its successor", &mut other);
    heard(&[]);
    // The server's own.
    let mut forger = target.forger();
    let call = forger.seal("echo[1] text:\"notify\"\n");
    forger.send(&call);
    let answer = forger.record();
    forger.send(answer);
    target.refuses("sent back", &mut forger);
    heard(&[]);
}

#[test]
fn nothing_is_taken_in_plain_text() {
    let target = Target::new();
    let mut forger = target.forger();
    forger.send("notify text:\"x\"\n");
    target.refuses("plain", &mut forger);
    // As if it were a record.
    let text = b"notify text:\"x\"\n";
    let mut forger = target.forger();
    forger.send([&[0x17, 3, 3, 0, text.len() as u8][..], text].concat());
    target.refuses("a record in plain text", &mut forger);
    // And an alert that anybody can make is no end of the input.
    let mut forger = target.forger();
    forger.send([0x15, 3, 3, 0, 2, 1, 0]);
    target.refuses("an alert", &mut forger);
    assert!(target.notes.so_far().is_empty());
}

/// rustls answers a record that is wrong by an alert, and asserts that it has not ended before.
#[test]
fn a_changed_record_behind_our_end_is_thrown_away() {
    let target = Target::new();
    let mut good = Person::connect(target.addr, &target.authority);
    good.say("add[1] a:1 b:2");
    assert_eq!(good.line(), "[1]:3");
    let mut forger = target.forger();
    let mut record = forger.seal("notify text:\"x\"\n");
    record[20] ^= 1;
    let peer = target.api.peers().pop().expect("the forger");
    target.api.disconnect(&peer).unwrap();
    let mut rest = Vec::new();
    forger.stream.read_to_end(&mut rest).unwrap();
    assert!(!rest.is_empty(), "the farewell");
    forger.send(&record);
    forger.end();
    good.say("add[2] a:1 b:2");
    assert_eq!(good.line(), "[2]:3");
    assert!(target.notes.so_far().is_empty());
    let api = target.api;
    bounded("stop", move || api.stop()).unwrap();
}

#[test]
fn half_a_record_is_no_record() {
    let target = Target::new();
    for part in [1, 4, 5, 6, 20] {
        let mut forger = target.forger();
        let record = forger.seal("notify text:\"x\"\n");
        forger.send(&record[..part]);
        target.refuses(&format!("{part} bytes"), &mut forger);
    }
    assert!(target.notes.so_far().is_empty());
}

#[test]
fn everything_byte_by_byte() {
    let target = Target::new();
    let mut forger = Forger::new(target.addr, &target.authority);
    while forger.tls.is_handshaking() {
        for byte in forger.outgoing() {
            forger.send([byte]);
        }
        if forger.tls.is_handshaking() {
            assert!(forger.tls.read_tls(&mut forger.stream).unwrap() > 0);
            forger.tls.process_new_packets().unwrap();
        }
    }
    let mut bytes = forger.outgoing();
    bytes.extend(forger.seal("notify text:\"slow\"\n"));
    for byte in bytes {
        forger.send([byte]);
    }
    assert_eq!(target.notes.next().1, "slow");
}

#[test]
fn rubbish_ends_a_handshake_at_once_and_harms_nobody() {
    let target = Target::new();
    let mut good = Person::connect(target.addr, &target.authority);
    let huge = [&[0x16, 3, 1, 0xff, 0xff][..], &[0; 70_000]].concat();
    let hello_of_16_mib = [0x16, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff];
    let mut endless = Vec::new();
    // A hello in many records, each of them small, which would never be complete.
    for part in 0..20_000 {
        let first = [0x16, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff];
        let more = [0x16, 3, 1, 0, 4, 0, 0, 0, 0];
        endless.extend(if part == 0 { first } else { more });
    }
    let cases: [(&str, Vec<u8>); 8] = [
        ("zeros", vec![0; 1000]),
        ("text", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("a huge record", huge),
        (
            "a huge hello",
            [&hello_of_16_mib[..], &[0; 0x4000 - 4]].concat(),
        ),
        ("a hello in pieces", endless),
        ("an alert", vec![0x15, 3, 1, 0, 2, 2, 40]),
        (
            "data before the handshake",
            [&[0x17, 3, 3, 0, 5][..], b"hello"].concat(),
        ),
        (
            "SSL 2",
            vec![
                0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10, 1, 0, 0x80, 7, 0,
            ],
        ),
    ];
    for (what, bytes) in cases {
        let mut person = Telnet::connect(target.addr);
        person.try_send(&bytes);
        let began = Instant::now();
        person.expect_closed();
        // Not only when its time was over, which is 10 seconds.
        assert!(began.elapsed().as_secs() < 8, "{what}");
    }
    good.say("add[1] a:1 b:2");
    assert_eq!(good.line(), "[1]:3");
    assert!(target.ends.so_far().is_empty(), "nobody of them was a peer");
}

#[test]
fn handshakes_that_never_finish_harm_nobody() {
    let authority = Authority::new("lab");
    let (api, addr, _served) = server("terse", &authority, "&greeting=3&connections=1100");
    let mut hello = Forger::new(addr, &authority).outgoing();
    hello.truncate(hello.len() / 2);
    let mut slow: Vec<Telnet> = (0..1000).map(|_| Telnet::connect(addr)).collect();
    for (number, one) in slow.iter_mut().enumerate() {
        // The server may be done with the first ones on a slow machine.
        one.try_send(&hello[..number % hello.len()]);
    }
    let mut person = Person::connect(addr, &authority);
    person.say("add[1] a:1 b:2");
    assert_eq!(person.line(), "[1]:3");
    for one in &mut slow {
        one.expect_closed();
    }
    person.say("add[2] a:1 b:2");
    assert_eq!(person.line(), "[2]:3");
    assert_eq!(api.peers().len(), 1);
}

#[test]
fn handshakes_count_as_connections() {
    let authority = Authority::new("lab");
    let (_api, addr, _served) = server("terse", &authority, "&connections=2");
    let mut one = Telnet::connect(addr);
    one.send([0x16]);
    let mut two = Person::connect(addr, &authority);
    two.say("add[1] a:1 b:2");
    assert_eq!(two.line(), "[1]:3");
    Telnet::connect(addr).expect_closed();
    // One that is over makes room.
    drop(one);
    eventually("room", || {
        let mut stream = TlsStream::connect(addr, &authority.file());
        stream.handshake().is_ok()
    });
}

/// Empty records and changes of keys cost their sender as much as the server, and nobody else.
#[test]
fn a_flood_of_nothing_delays_nobody_for_long() {
    let target = Target::new();
    let mut good = Person::connect(target.addr, &target.authority);
    let mut flood = TlsStream::connect(target.addr, &target.authority.file());
    flood.handshake().unwrap();
    let flooding = thread::spawn(move || {
        for _ in 0..20_000 {
            flood.update_keys();
            if flood.flush().is_err() {
                return;
            }
        }
    });
    for id in 0..100 {
        good.say(&format!("add[{id}] a:1 b:2"));
        assert_eq!(good.line(), format!("[{id}]:3"));
    }
    bounded("the flood", || flooding.join()).unwrap();
}

/// The same for who is in the middle of a client and its server.
#[test]
fn a_client_takes_no_changed_bytes() {
    const CASES: usize = 30;
    let authority = Authority::new("lab");
    let identity = authority.server();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = super::client_of(&authority, listener.local_addr().unwrap());
    let serving = thread::spawn(move || {
        for position in 0..CASES {
            let (near, far) = pair();
            let harm = Arc::new(AtomicBool::new(false));
            let client = listener.accept().unwrap().0;
            let between = in_between(client, far, position, Arc::clone(&harm));
            let mut tls = TlsStream::server(near, &identity, None);
            let mut call = [0; "add[1] a:1 b:2\n".len()];
            tls.read_exact(&mut call).unwrap();
            harm.store(true, Ordering::SeqCst);
            tls.write_all(b"[1]:3\n").unwrap();
            // An alert, or the end.
            let _ = tls.read(&mut call);
            let _ = tls.below().shutdown(Shutdown::Both);
            between.into_iter().for_each(|one| one.join().unwrap());
        }
    });
    for position in 0..CASES {
        let client = LabInverse::bind("terse", client.as_str()).unwrap();
        let (gone, ends) = inbox();
        client.on_disconnect(move |_peer, reason| {
            let _ = gone.send(reason.clone());
        });
        client.start().unwrap();
        let answer = settled(client.all().add(1, 2));
        assert!(
            matches!(answer, Err(Error::Disconnected { .. })),
            "byte {position}: {answer:?}"
        );
        let reason = ends.next();
        assert!(
            matches!(reason, DisconnectReason::Lost(_)),
            "byte {position}: {reason:?}"
        );
    }
    bounded("the server", || serving.join()).unwrap();
}

/// Passes on what a client and its server say; once it may, with one bit of the server's
/// changed. Then it ends what the client hears, which may wait for the rest of a long record.
fn in_between(
    client: TcpStream,
    server: TcpStream,
    position: usize,
    harm: Arc<AtomicBool>,
) -> [thread::JoinHandle<()>; 2] {
    let (mut from_client, mut to_server) = (clone(&client), clone(&server));
    let (mut from_server, mut to_client) = (server, client);
    let up = thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let down = thread::spawn(move || {
        let mut chunk = [0; 1 << 16];
        while let Ok(count @ 1..) = from_server.read(&mut chunk) {
            let harmed = harm.load(Ordering::SeqCst);
            if harmed {
                // Of its type and version nothing depends.
                chunk[3 + position % (count - 3)] ^= 1 << (position % 8);
            }
            if to_client.write_all(&chunk[..count]).is_err() || harmed {
                break;
            }
        }
        let _ = to_client.shutdown(Shutdown::Write);
    });
    [up, down]
}

fn clone(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("a descriptor")
}

/// Two ends of a connection.
fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (near, listener.accept().unwrap().0)
}
