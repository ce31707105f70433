//! Somebody between a client and a server, who passes on what he likes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

use quickrpc::Error;
use quickrpc_tests::{Inbox, LabInverse, SOON, inbox};

use crate::hmac::Hub;
use crate::settled;

/// The two connections.
pub(crate) struct Between {
    pub(crate) client: TcpStream,
    pub(crate) server: TcpStream,
}

impl Between {
    fn accept(listener: &TcpListener, server: SocketAddr) -> Self {
        let (client, _) = listener.accept().unwrap();
        let server = TcpStream::connect(server).unwrap();
        for stream in [&client, &server] {
            stream.set_read_timeout(Some(SOON)).unwrap();
        }
        Between { client, server }
    }

    /// Passes on what both say until the client is done with the greeting. Gives all of it.
    fn greet(&mut self, is_done: impl Fn() -> bool) -> Vec<u8> {
        let mut seen = Vec::new();
        for stream in [&self.client, &self.server] {
            stream.set_nonblocking(true).unwrap();
        }
        let mut buffer = [0; 4096];
        let end = Instant::now() + SOON;
        while !is_done() {
            assert!(Instant::now() < end, "no greeting within {SOON:?}");
            for (from, to) in [(&self.client, &self.server), (&self.server, &self.client)] {
                let (mut from, mut to) = (from, to);
                if let Ok(count) = from.read(&mut buffer) {
                    to.write_all(&buffer[..count]).unwrap();
                    seen.extend_from_slice(&buffer[..count]);
                }
            }
            std::thread::yield_now();
        }
        for stream in [&self.client, &self.server] {
            stream.set_nonblocking(false).unwrap();
        }
        seen
    }
}

/// So many telegrams, with their delimiters.
pub(crate) fn telegrams(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let (mut bytes, mut byte, mut ends) = (Vec::new(), [0], 0);
    while ends < count {
        stream.read_exact(&mut byte).expect("a message");
        bytes.push(byte[0]);
        ends += usize::from(byte[0] == 0);
    }
    bytes
}

/// A client of a server, both greeted, with somebody in between.
pub(crate) struct Client {
    pub(crate) lab: LabInverse,
    pub(crate) between: Between,
    pub(crate) errors: Inbox<Error>,
    /// What was said in the greeting.
    pub(crate) seen: Vec<u8>,
}

pub(crate) fn intercepted(hub: &Hub, security: &str) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let lab = LabInverse::builder()
        .security(security)
        .transport(format!("tcp:{}", listener.local_addr().unwrap()))
        .build()
        .unwrap();
    let (failed, errors) = inbox();
    lab.on_error(move |_sender, error, _in_reply_to| failed.send(error.clone()).unwrap());
    let before = hub.lab.peers();
    let started = lab.start_nonblocking();
    let mut between = Between::accept(&listener, hub.lab.local_addrs()[0]);
    let has_come = || hub.lab.peers().iter().any(|peer| !before.contains(peer));
    let seen = between.greet(|| lab.is_running() && has_come());
    settled(started).unwrap();
    Client {
        lab,
        between,
        errors,
        seen,
    }
}
