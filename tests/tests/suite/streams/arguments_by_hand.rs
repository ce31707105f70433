//! Streams as arguments, to a server that is made by hand.

use std::net::TcpListener;
use std::time::Duration;

use quickrpc::{Error, Stream};
use quickrpc_tests::Telnet;

use super::arguments::{StoreInverse, is_given_up};

/// A server made by hand.
fn by_hand() -> (StoreInverse, Telnet) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let client = StoreInverse::bind("terse", format!("tcp:{addr}")).unwrap();
    client.start().unwrap();
    let (stream, _) = listener.accept().unwrap();
    (client, Telnet::over(stream))
}

#[test]
fn a_server_by_hand_asks_for_items() {
    let (client, mut server) = by_hand();
    let (items, numbers) = Stream::<u32>::channel();
    let taken = client.all().take(numbers);
    let call = server.line();
    assert_eq!(call, "take[1] numbers:{__stream:-1}");
    for number in 0..4 {
        items.send(number).unwrap();
    }
    let other = client.all().add(1, 2);
    assert_eq!(
        server.line(),
        "add[2] a:1 b:2",
        "nothing before it is asked for"
    );
    server.send("[2]:3\n");
    assert_eq!(other.result().unwrap(), 3);
    server.send("rpc.more id:-1 items:2\n");
    assert_eq!(server.line(), "rpc.item id:-1 value:0");
    assert_eq!(server.line(), "rpc.item id:-1 value:1");
    server.send("rpc.more id:-1 items:10\n");
    assert_eq!(server.line(), "rpc.item id:-1 value:2");
    assert_eq!(server.line(), "rpc.item id:-1 value:3");
    items.finish(()).unwrap();
    assert_eq!(server.line(), "rpc.done id:-1 value:null");
    server.send("[1]:6\n");
    assert_eq!(taken.result().unwrap(), 6);
    // Who asks for what is over hears that.
    server.send("rpc.more id:-1 items:10\n");
    let line = server.line();
    assert!(line.starts_with("rpc.done id:-1 error:"), "{line}");
}

#[test]
fn a_stream_that_nobody_takes_is_dropped() {
    let (client, mut server) = by_hand();
    // An answer without having asked: an error, or a result.
    for answer in ["error", "5"] {
        let (items, numbers) = Stream::<u32>::channel();
        let taken = client.all().take(numbers);
        let line = server.line();
        let id = line.split(['[', ']']).nth(1).unwrap();
        match answer {
            "error" => server.send(format!(
                "[{id}] error:{{code:-32601 message:\"unknown\"}}\n"
            )),
            _ => server.send(format!("[{id}]:5\n")),
        }
        let _ = taken.result();
        is_given_up(&items);
    }
    // Cancelled by who takes it; the call goes on.
    let (items, numbers) = Stream::<u32>::channel();
    let taken = client.all().take(numbers);
    assert_eq!(server.line(), "take[3] numbers:{__stream:-3}");
    server.send("rpc.more id:-3 items:2\nrpc.cancel id:-3\n");
    is_given_up(&items);
    let line = server.line();
    assert!(line.starts_with("rpc.done id:-3 error:"), "{line}");
    server.send("[3]:9\n");
    assert_eq!(taken.result().unwrap(), 9);
    // Cancelled with its call.
    let (items, numbers) = Stream::<u32>::channel();
    let taken = client.all().take(numbers);
    assert_eq!(server.line(), "take[4] numbers:{__stream:-4}");
    server.send("rpc.more id:-4 items:2\n");
    items.send(1).unwrap();
    assert_eq!(server.line(), "rpc.item id:-4 value:1");
    taken.cancel();
    is_given_up(&items);
    let mut said = [server.line(), server.line()];
    said.sort();
    assert_eq!(said[0], "rpc.cancel id:4");
    assert!(said[1].starts_with("rpc.done id:-4 error:"), "{said:?}");
    // With its peer.
    let (items, numbers) = Stream::<u32>::channel();
    let taken = client.all().take(numbers);
    server.line();
    drop(server);
    assert!(matches!(taken.result(), Err(Error::Disconnected { .. })));
    is_given_up(&items);
}

#[test]
fn a_deadline_is_of_the_peer_and_not_of_the_stream() {
    let (client, mut server) = by_hand();
    let short = client.all().timeout(Duration::from_secs(1));
    let (items, numbers) = Stream::<u32>::channel();
    let taken = short.take(numbers);
    assert_eq!(server.line(), "take[1] numbers:{__stream:-1}");
    server.send("rpc.more id:-1 items:100\n");
    // It waits for us, and not we for it.
    let beyond = std::time::Instant::now() + Duration::from_secs(2);
    while std::time::Instant::now() < beyond {
        items.send(1).unwrap();
        assert_eq!(server.line(), "rpc.item id:-1 value:1");
        std::thread::park_timeout(Duration::from_millis(100));
    }
    assert!(taken.try_result().is_none());
    items.finish(()).unwrap();
    assert!(matches!(taken.result(), Err(Error::Timeout { .. })));

    // Who does not take anything is too late, and the stream with it.
    let (items, numbers) = Stream::<u32>::channel();
    let taken = short.take(numbers);
    assert!(matches!(taken.result(), Err(Error::Timeout { .. })));
    is_given_up(&items);
}
