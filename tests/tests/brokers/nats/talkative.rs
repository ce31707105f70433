//! Programs that take themselves for a NATS server and never stop to talk.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

use quickrpc_tests::{Inbox, bounded, inbox};

use crate::parts::{Shop, ShopInverse};

const INFO: &str = "INFO {\"headers\":true,\"max_payload\":1048576}\r\n";

/// Says something again and again, until the other side has had enough.
fn never_ends(mut stream: TcpStream, said: &str) {
    let much = said.repeat(1 + (64 << 10) / said.len());
    while stream.write_all(much.as_bytes()).is_ok() {}
}

#[test]
fn a_greeting_without_end_is_an_error_that_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let flows = ["+OK\r\n", "\r\n", INFO, "PING\r\n"];
    let broker = std::thread::spawn(move || {
        for said in flows {
            let (mut stream, _) = listener.accept().unwrap();
            // It is one that could be a broker, as far as anybody sees.
            stream.write_all(INFO.as_bytes()).unwrap();
            never_ends(stream, said);
        }
    });
    for said in flows {
        let hub = ShopInverse::bind("jrpc", format!("nats:{addr}/lab?name=hub")).unwrap();
        let error = bounded("it is refused", move || hub.start().unwrap_err());
        let error = error.to_string();
        assert!(
            error.contains("more within the greeting") && error.contains("a NATS server"),
            "{said:?}: {error}"
        );
    }
    broker.join().unwrap();
}

/// A broker that lets one in, and loses him; to who comes next it never stops to talk. It says when.
fn turncoat() -> (SocketAddr, Inbox<()>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (begun, begins) = inbox();
    let broker = std::thread::spawn(move || {
        let (mut first, _) = listener.accept().unwrap();
        first.write_all(INFO.as_bytes()).unwrap();
        let mut lines = BufReader::new(first.try_clone().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "PING"));
        first.write_all(b"PONG\r\n").unwrap();
        // Whoever is in subscribes then.
        assert!(lines.any(|line| line.unwrap().starts_with("SUB ")));
        drop((first, lines));
        let (next, _) = listener.accept().unwrap();
        begun.send(()).unwrap();
        never_ends(next, "+OK\r\n");
    });
    (addr, begins, broker)
}

#[test]
fn a_broker_that_never_stops_to_talk_keeps_nobody_else_waiting() {
    for stops_at_once in [false, true] {
        let (addr, begins, broker) = turncoat();
        let both = format!("mux:(tcpserv:127.0.0.1:0)(restart:0.05:nats:{addr}/lab?name=shop)");
        let shop = Shop::bind("jrpc", both).unwrap();
        shop.add.connect(|_, a, b| a + b);
        shop.start().unwrap();
        let at = shop.local_addrs()[0];
        let hub = ShopInverse::bind("jrpc", format!("tcp:{at}")).unwrap();
        hub.start().unwrap();
        begins.next();
        if !stops_at_once {
            for a in 0..100 {
                assert_eq!(hub.any().add(a, 1).result().unwrap(), a + 1);
            }
        }
        bounded("the stop", move || shop.stop()).unwrap();
        broker.join().unwrap();
    }
}
