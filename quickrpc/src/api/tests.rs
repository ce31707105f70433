//! What only the inside of the runtime shows.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::api::dynamic;
use crate::{Limits, Processing};

#[test]
fn a_peer_that_is_not_read_cannot_fill_the_mailbox() {
    let limits = Limits {
        waiting_messages: 8,
        ..Limits::default()
    };
    let api = dynamic::Api::builder()
        .codec("terse")
        .transport("tcpserv:127.0.0.1:0")
        .processing(Processing::Manual)
        .limits(limits)
        .build_dynamic()
        .unwrap();
    api.start().unwrap();
    let mut peer = TcpStream::connect(api.local_addrs()[0]).unwrap();
    peer.set_nodelay(true).unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while api.peers().is_empty() {
        assert!(Instant::now() < end, "it is accepted");
        std::thread::yield_now();
    }
    let lane = api.peers()[0].id;
    // Each in a packet of its own, so that each is news to the poll thread.
    for _ in 0..2_000 {
        peer.write_all(b"nothing\n}{\n").unwrap();
        let waiting = api.core().mailbox.share(lane).messages;
        assert!(waiting <= 10, "{waiting} messages wait");
    }
}
