//! Streams whose futures await what others answer, on whichever thread they are polled.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use quickrpc::{Processing, Promise, Stream, remote_api};
use quickrpc_tests::{bounded, inbox};

use super::MODES;

/// A server that asks its caller for each item.
#[remote_api]
pub trait Asker {
    #[incoming]
    fn doubled(&self, to: u32) -> Stream<u32>;

    #[outgoing]
    fn double(&self, number: u32) -> u32;
}

fn answering(asker: &AskerInverse) {
    asker.double.connect(|_sender, number| 2 * number);
}

/// The same over a wire, and without one.
fn with(mode: Processing, serve: fn(&Asker), test: fn(&AskerInverse)) {
    let server = Asker::builder()
        .codec("jrpc")
        .transport("tcpserv:127.0.0.1:0")
        .processing(mode)
        .build()
        .unwrap();
    serve(&server);
    server.start().unwrap();
    let addr = server.local_addrs()[0];
    let client = AskerInverse::bind("jrpc", format!("tcp:{addr}")).unwrap();
    answering(&client);
    client.start().unwrap();
    bounded("a stream that awaits", move || test(&client));
}

/// Each item is what the caller answers.
fn asks(asker: &Asker) {
    let callers = asker.all();
    asker.doubled.connect(move |sender, to| {
        let caller = callers.to(sender);
        Stream::future(move |items| async move {
            for number in 0..to {
                // What is made of a promise is awaited likewise.
                let sum = match number % 2 {
                    0 => caller.double(number).await?,
                    _ => caller.double(number).map(|sum| sum).await?,
                };
                items.send_async(sum).await?;
            }
            Ok(())
        })
    });
}

#[test]
fn promises_are_awaited_where_handlers_run_inline() {
    for mode in MODES {
        with(mode, asks, |client| {
            let items: quickrpc::Result<Vec<u32>> = client.all().doubled(100).collect();
            assert_eq!(
                items.unwrap(),
                (0..100).map(|number| 2 * number).collect::<Vec<_>>()
            );
        });
    }
    let (asker, client) = Asker::pair();
    asks(&asker);
    answering(&client);
    let items: quickrpc::Result<Vec<u32>> = client.all().doubled(3).collect();
    assert_eq!(items.unwrap(), [0, 2, 4]);
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// As those do who have a runtime at hand.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

type Waits = fn(Promise<u32>) -> quickrpc::Result<u32>;

/// What waits in place is told that this could not end, as it is in a handler.
#[test]
fn who_waits_there_is_told_that_it_could_not_end() {
    const WAYS: [Waits; 2] = [Promise::result, block_on::<quickrpc::Result<u32>>];
    fn waits(asker: &Asker) {
        let callers = asker.all();
        asker.doubled.connect(move |sender, way| {
            let caller = callers.to(sender);
            let ask = move || WAYS[way as usize % 2](caller.double(1));
            let (told, ends) = inbox();
            match way / 2 {
                // An iterator that waits.
                0 => Stream::try_iter(std::iter::once_with(ask)),
                // A future that does.
                1 => Stream::future(move |_items| async move { ask().map(drop) }),
                // A callback of a stream that is taken meanwhile.
                _ => {
                    let end = Stream::iter([0]).each(move |_| told.send(ask()).unwrap());
                    Stream::future(move |_items| async move {
                        end.await?;
                        ends.next().map(drop)
                    })
                }
            }
        });
    }
    with(Processing::Inline, waits, |client| {
        // A future that blocks while it is polled (3) is looked at by nobody, as in any runtime.
        for way in [0, 1, 2, 4, 5] {
            let waited = client.all().doubled(way).result();
            let error = waited.expect_err(&format!("way {way}"));
            assert!(
                error.to_string().contains("delivers the answers"),
                "{way}: {error}"
            );
        }
    });
}
