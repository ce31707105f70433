//! Who waits for whom.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use quickrpc::{Processing, Stream};
use quickrpc_tests::{Telnet, bounded, inbox};

use super::{MODES, all, client, server};

/// Whoever takes nothing makes its sender wait, and nobody else.
#[test]
fn a_slow_reader_makes_the_sender_wait() {
    for mode in MODES {
        let (hub, addr, _fed) = server("jrpc", mode);
        let made = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&made);
        hub.counted.connect(move |_, lines| {
            let count = Arc::clone(&count);
            Stream::iter((0..lines).map(move |line| {
                count.fetch_add(1, Ordering::SeqCst);
                format!("{line} {}", "x".repeat(1000))
            }))
        });
        let (lost, gone) = inbox();
        hub.on_disconnect(move |peer, reason| lost.send(format!("{peer}: {reason}")).unwrap());
        let client = client("jrpc", addr);
        let mut stream = client.all().counted(20_000);
        let mut taken = 0;
        for _ in 0..500 {
            // Others do not wait.
            assert_eq!(client.all().add(1, 2).result().unwrap(), 3);
            stream.next().unwrap().unwrap();
            taken += 1;
            let ahead = made.load(Ordering::SeqCst).saturating_sub(taken);
            assert!(
                ahead < 4000,
                "{ahead} items ahead of a reader that takes them"
            );
        }
        drop(stream);
        assert!(gone.so_far().is_empty());
    }
}

/// A peer that reads nothing at all does not fill the memory.
#[test]
fn a_peer_that_does_not_read() {
    let (hub, addr, _fed) = server("terse", Processing::Queue);
    let made = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&made);
    hub.endless.connect(move |_| {
        let count = Arc::clone(&count);
        Stream::future(move |items| async move {
            loop {
                items
                    .send_async(count.fetch_add(1, Ordering::SeqCst))
                    .await?;
            }
        })
    });
    let mut deaf = Telnet::narrow(addr);
    deaf.send("endless[1]\n");
    // The others go on.
    let client = client("terse", addr);
    for _ in 0..50 {
        assert_eq!(client.all().add(1, 2).result().unwrap(), 3);
    }
    // Its stream stands still sooner or later.
    let still = bounded("the stream stands still", move || {
        let mut before = made.load(Ordering::SeqCst);
        loop {
            std::thread::sleep(Duration::from_millis(100));
            let now = made.load(Ordering::SeqCst);
            if now == before && now > 0 {
                return now;
            }
            before = now;
        }
    });
    assert!(still < 1_000_000, "{still}");
    assert!(deaf.line().starts_with("rpc.item id:1"));
}

/// Nobody is disconnected who takes a millisecond for an item, and nothing is late.
#[test]
fn a_steady_reader_stays() {
    let (hub, addr, _fed) = server("jrpc", Processing::Inline);
    let (lost, gone) = inbox();
    hub.on_disconnect(move |peer, reason| lost.send(format!("{peer}: {reason}")).unwrap());
    let client = client("jrpc", addr);
    let handle = client.all().timeout(Duration::from_millis(1500));
    let stream = handle.lines(1700);
    let mut count = 0;
    for line in stream {
        line.unwrap();
        count += 1;
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(count, 1700);
    assert!(gone.so_far().is_empty());
}

#[test]
fn large_amounts_arrive_whole() {
    let (_hub, addr, _fed) = server("jrpc", Processing::Inline);
    let client = client("jrpc", addr);
    let mut bytes = 0;
    for block in client.all().blocks(500, 64 << 10) {
        bytes += block.unwrap().len();
    }
    assert_eq!(bytes, 500 * (64 << 10));
    let (lines, ()) = all(client.all().lines(20_000));
    assert_eq!(lines.len(), 20_000);
}
