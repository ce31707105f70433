//! Peers that have proved nothing, and wires where some peers have a session and others none.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use quickrpc::security::{Opened, PeerContext, Sealed, SecInfo, Security, SecuritySession};
use quickrpc::{BoxError, Error, dynamic};
use quickrpc_tests::{KeyFile, SOON};

/// A connection that says nothing.
fn stranger(api: &dynamic::Api) -> TcpStream {
    let stream = TcpStream::connect(api.local_addrs()[0]).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

fn telegram(mut stream: &TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        match byte {
            [0] => return String::from_utf8(bytes).unwrap(),
            [byte] => bytes.push(byte),
        }
    }
}

#[test]
fn a_stranger_is_nobody() {
    let keys = KeyFile::of(&["alice"]);
    let api = dynamic::Api::builder()
        .security(keys.hmac("hub"))
        .transport("tcpserv:127.0.0.1:0")
        .build_dynamic()
        .unwrap();
    api.start().unwrap();
    let stranger = stranger(&api);
    // It is asked who it is, so that it is there now.
    while !telegram(&stranger).contains("rpc.hello") {}
    assert!(api.peers().is_empty());
    api.notify("say", ("hello",)).unwrap();
    let answer = api.call("add", (1, 2)).result();
    assert!(matches!(answer, Err(Error::NoPeer { .. })), "{answer:?}");
    drop(stranger);
}

/// Puts a letter before every message; every second peer has a session.
#[derive(Debug, Default)]
struct Letters(AtomicUsize);

#[derive(Debug)]
struct Session;

impl Security for Letters {
    fn expression(&self) -> String {
        String::from("letters:")
    }

    fn sec_out(&self, mut payload: Vec<u8>) -> Result<(Option<SecInfo>, Vec<u8>), BoxError> {
        payload.insert(0, b'P');
        Ok((None, payload))
    }

    fn sec_in<'a>(
        &self,
        payload: Cow<'a, [u8]>,
        _: Option<&SecInfo>,
    ) -> Result<(Cow<'a, [u8]>, SecInfo), BoxError> {
        Ok((payload, BTreeMap::new()))
    }

    fn session(&self, _: &PeerContext) -> Option<Box<dyn SecuritySession>> {
        let odd = self.0.fetch_add(1, Ordering::Relaxed) % 2 == 1;
        odd.then(|| Box::new(Session) as Box<dyn SecuritySession>)
    }
}

impl SecuritySession for Session {
    fn seal<'a>(&self, payload: &'a [u8]) -> Result<Sealed<'a>, BoxError> {
        Ok((None, [b"S", payload].concat().into()))
    }

    fn open<'a>(
        &self,
        payload: Cow<'a, [u8]>,
        _: Option<&SecInfo>,
    ) -> Result<Opened<'a>, BoxError> {
        Ok(Opened::Message(payload, Arc::default()))
    }
}

#[test]
fn a_message_to_all_is_made_for_each_kind_of_peer() {
    let api = dynamic::Api::builder()
        .security(Letters::default())
        .transport("tcpserv:127.0.0.1:0")
        .build_dynamic()
        .unwrap();
    let (came, peers) = crossbeam_channel::unbounded();
    api.on_connect(move |peer| drop(came.send(peer.clone())));
    api.start().unwrap();
    let mut streams = Vec::new();
    for _ in 0..4 {
        let mut stream = stranger(&api);
        // Both kinds count as connected at once.
        stream
            .write_all(b"{\"jsonrpc\":\"2.0\",\"method\":\"x\"}\0")
            .unwrap();
        peers.recv_timeout(SOON).unwrap();
        streams.push(stream);
    }
    api.notify("say", BTreeMap::from([("text", "hello")]))
        .unwrap();
    let plain = r#"{"jsonrpc":"2.0","method":"say","params":{"text":"hello"}}"#;
    for (number, stream) in streams.iter().enumerate() {
        let letter = if number % 2 == 1 { 'S' } else { 'P' };
        assert_eq!(
            telegram(stream),
            format!("{letter}{plain}"),
            "peer {number}"
        );
    }
}
