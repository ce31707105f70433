//! Streams as arguments of calls.

use std::net::SocketAddr;

use quickrpc::{Bytes, CallError, Error, Processing, Promise, Stream, StreamSender, remote_api};
use quickrpc_tests::{Telnet, inbox};

use super::{MODES, all};

#[remote_api]
pub trait Store {
    /// How many bytes there were.
    #[incoming]
    fn upload(&self, name: &str, data: Stream<Bytes>) -> u64;

    /// Items and what comes behind them, and perhaps others.
    #[incoming]
    fn sum(&self, numbers: Stream<u32, String>, others: Option<Stream<u32>>) -> (u64, String);

    /// A stream into a stream.
    #[incoming]
    fn double(&self, numbers: Stream<u32>) -> Stream<u64>;

    /// For handlers of a test's own.
    #[incoming]
    fn take(&self, numbers: Stream<u32>) -> u32;

    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;

    /// The other way.
    #[outgoing]
    fn fetch(&self, blocks: Stream<Bytes, u32>) -> u32;
}

fn serve(store: &Store) {
    // Called back, as handlers under Inline have to.
    store.upload.connect(|_, _name, data| {
        let (promise, resolver) = Promise::pair();
        let (count, counted) = inbox();
        data.each(move |block| count.send(block.len() as u64).unwrap())
            .then(
                move |()| {
                    resolver
                        .set_result(counted.so_far().into_iter().sum())
                        .unwrap()
                },
                |_| {},
            );
        promise
    });
    store.double.connect(|_, numbers| {
        Stream::future(move |doubled| async move {
            let mut numbers = numbers;
            while let Some(number) = next(&mut numbers).await {
                doubled.send_async(u64::from(number?) * 2).await?;
            }
            Ok(())
        })
    });
    store.add.connect(|_, a, b| a + b);
}

/// The next item of a stream, awaited.
async fn next<T: Send + 'static>(stream: &mut Stream<T>) -> Option<quickrpc::Result<T>> {
    std::future::poll_fn(|cx| futures_core::Stream::poll_next(std::pin::Pin::new(stream), cx)).await
}

/// What reads in its handler, on a thread of its own.
fn serve_waiting(store: &Store) {
    store
        .upload
        .connect(|_, _name, data| -> quickrpc::Result<u64> {
            let mut bytes = 0;
            for block in data {
                bytes += block?.len() as u64;
            }
            Ok(bytes)
        });
    store.sum.connect(
        |_, mut numbers, others| -> quickrpc::Result<(u64, String)> {
            let mut sum = 0;
            for number in others.into_iter().flatten() {
                sum += u64::from(number?);
            }
            for number in &mut numbers {
                sum += u64::from(number?);
            }
            Ok((sum, numbers.result()?))
        },
    );
}

fn start(codec: &str, mode: Processing, serve: impl Fn(&Store)) -> (Store, SocketAddr) {
    let store = Store::builder()
        .codec(codec)
        .processing(mode)
        .transport("tcpserv:127.0.0.1:0")
        .build()
        .unwrap();
    serve(&store);
    store.start().unwrap();
    let addr = store.local_addrs()[0];
    (store, addr)
}

fn client(codec: &str, addr: SocketAddr) -> StoreInverse {
    let client = StoreInverse::bind(codec, format!("tcp:{addr}")).unwrap();
    client.start().unwrap();
    client
}

fn blocks(count: u32, size: usize) -> Stream<Bytes> {
    Stream::iter((0..count).map(move |block| Bytes::from(vec![block as u8; size])))
}

#[test]
fn an_upload_over_each_wire() {
    for codec in ["jrpc", "jrpc:content-length", "terse", "msgpack"] {
        for mode in MODES {
            let (store, addr) = start(codec, mode, serve);
            let client = client(codec, addr);
            let sent = client.all().upload("a", blocks(300, 10_000));
            assert_eq!(client.all().add(1, 2).result().unwrap(), 3);
            assert_eq!(sent.result().unwrap(), 3_000_000, "{codec} {mode:?}");
            let none = client.all().upload("b", blocks(0, 0));
            assert_eq!(none.result().unwrap(), 0);
            let doubled = client.all().double(Stream::iter(0..1000));
            let (doubled, ()) = all(doubled);
            assert_eq!(
                doubled,
                (0..1000).map(|number| number * 2).collect::<Vec<u64>>()
            );
            store.stop().unwrap();
        }
    }
}

#[test]
fn handlers_that_wait_for_items() {
    for codec in ["jrpc", "terse", "msgpack"] {
        for mode in [Processing::Queue, Processing::Pool(3)] {
            let (_store, addr) = start(codec, mode, serve_waiting);
            let client = client(codec, addr);
            assert_eq!(
                client
                    .all()
                    .upload("a", blocks(100, 1000))
                    .result()
                    .unwrap(),
                100_000
            );
            let (items, numbers) = Stream::channel();
            let sum = client.all().sum(numbers, Some(Stream::iter([100, 200])));
            for number in 1..=50 {
                items.send(number).unwrap();
            }
            items.finish("that was it".to_owned()).unwrap();
            assert_eq!(sum.result().unwrap(), (1275 + 300, "that was it".into()));
            let numbers = Stream::<u32, String>::future(|items| async move {
                items.send_async(7).await?;
                Ok("one".into())
            });
            assert_eq!(
                client.all().sum(numbers, None).result().unwrap(),
                (7, "one".into())
            );
        }
    }
    // Under Inline it would wait for itself.
    let (_store, addr) = start("jrpc", Processing::Inline, serve_waiting);
    let client = client("jrpc", addr);
    let error = client.all().upload("a", blocks(1, 1)).result().unwrap_err();
    assert!(error.to_string().contains("Processing::Queue"), "{error}");
}

#[test]
fn the_other_way_and_without_a_wire() {
    let (store, client) = Store::pair();
    serve(&store);
    client.fetch.connect(|_, blocks| blocks.each(drop));
    assert_eq!(
        client.all().upload("a", blocks(30, 10)).result().unwrap(),
        300
    );
    let blocks = Stream::future(|items| async move {
        items.send_async(Bytes::from(vec![1])).await?;
        Ok(5)
    });
    assert_eq!(store.all().fetch(blocks).result().unwrap(), 5);
}

/// What a peer by hand says and hears.
fn person() -> (Store, Telnet) {
    let (store, addr) = start("terse", Processing::Queue, |store| {
        serve_waiting(store);
        store.add.connect(|_, a, b| a + b);
    });
    (store, Telnet::connect(addr))
}

/// The next line that is no credit.
fn answer(person: &mut Telnet) -> String {
    loop {
        let line = person.line();
        if !line.starts_with("rpc.more ") {
            return line;
        }
    }
}

#[test]
fn a_person_gives_a_stream() {
    let (_store, mut person) = person();
    person.send("sum[1] numbers:{__stream:5}\n");
    let more = person.line();
    assert!(more.starts_with("rpc.more id:5 items:"), "{more}");
    person.send("rpc.item id:5 value:2\nrpc.item id:5 value:3\nrpc.done id:5 value:\"x\"\n");
    assert_eq!(answer(&mut person), r#"[1]:[5 "x"]"#);
    // The id is free again, and an end without a result is null.
    person.send("upload[2] name:\"a\" data:{__stream:5}\n");
    assert!(person.line().starts_with("rpc.more id:5 "));
    person.send("rpc.done id:5\n");
    assert_eq!(answer(&mut person), "[2]:0");
    // It fails.
    person.send("sum[3] numbers:{__stream:\"a\"}\n");
    assert!(person.line().starts_with("rpc.more id:\"a\" "));
    person.send("rpc.done id:\"a\" error:{code:7 message:\"the disk is full\"}\n");
    let answer = answer(&mut person);
    assert!(
        answer.contains("[3]") && answer.contains("the disk is full"),
        "{answer}"
    );
    // An end that is none is no result.
    person.send("sum[4] numbers:{__stream:6}\n");
    person.line();
    person.send("rpc.done id:6\n");
    let answer = self::answer(&mut person);
    assert!(answer.contains("[4]"), "{answer}");
}

#[test]
fn what_is_no_stream_is_said_to_be_none() {
    let (store, mut person) = person();
    let (told, trouble) = inbox();
    store.on_error(move |_, error, _| told.send(error.to_string()).unwrap());
    for (wrong, why) in [
        ("upload[1] name:\"a\" data:5\n", "data"),
        ("upload[1] name:\"a\" data:{__stream:[1]}\n", "data"),
        ("upload[1] name:\"a\" data:{stream:1}\n", "data"),
        ("sum[1] numbers:[1 2 3]\n", "a list"),
        ("sum[1] numbers:[5]\n", "a list"),
        ("sum[1] numbers:[]\n", "a list"),
        ("rpc.more[1] id:1 items:2\n", "rpc.more"),
        ("rpc.done[1] id:1\n", "rpc.done"),
        ("rpc.item[1] id:1 value:1\n", "rpc.item"),
    ] {
        person.send(wrong);
        let answer = person.line();
        assert!(answer.contains("[1]") && answer.contains(why), "{answer}");
        assert!(!answer.contains("unknown method"), "{answer}");
    }
    for (wrong, why) in [
        ("rpc.more id:1\n", "items"),
        ("rpc.more items:1\n", "id"),
        ("rpc.more id:1 items:-1\n", "-1"),
        ("rpc.done value:1\n", "id"),
        ("rpc.done id:1 error:7\n", "rpc.done"),
        ("rpc.item value:1\n", "id"),
    ] {
        person.send(wrong);
        let error = trouble.next();
        assert!(
            error.contains(why) && error.contains("of a stream"),
            "{wrong}: {error}"
        );
        assert!(!error.contains("unknown method"), "{error}");
    }
    // Of streams that there are not.
    person.send("rpc.item id:1 value:1\nrpc.done id:1\nrpc.cancel id:-1\nadd[2] a:1 b:2\n");
    assert_eq!(person.line(), "[2]:3");
    // As JSON, in which a page gives an array.
    let (_store, addr) = start("jrpc:\n", Processing::Queue, serve_waiting);
    let mut page = Telnet::connect(addr);
    page.send("{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"params\":{\"numbers\":[1,2]},\"id\":1}\n");
    let answer = page.line();
    let words = "`numbers` of `sum`: a stream is expected, and this is a list";
    assert!(answer.contains(words), "{answer}");
    // As JSON, whose telegrams are not looked at before.
    let (store, addr) = start("jrpc:\n", Processing::Queue, serve_waiting);
    let (told, trouble) = inbox();
    store.on_error(move |_, error, _| told.send(error.to_string()).unwrap());
    let mut program = Telnet::connect(addr);
    program.send("{\"jsonrpc\":\"2.0\",\"method\":\"rpc.more\",\"params\":{\"id\":1}}\n");
    let error = trouble.next();
    assert!(error.contains("`rpc.more` of a stream"), "{error}");
}

#[test]
fn hostile_streams_are_bounded() {
    let (_store, mut person) = person();
    // Two of one id.
    person.send("sum[1] numbers:{__stream:5} others:{__stream:5}\n");
    assert!(person.line().starts_with("rpc.more id:5 "));
    let said = [person.line(), person.line()];
    assert!(
        said.iter().any(|line| line == "rpc.cancel id:5"),
        "{said:?}"
    );
    assert!(
        said.iter().any(|line| line.contains("taken already")),
        "{said:?}"
    );
    // Items without credit, and without end, while the handler waits for something else.
    person.send("sum[2] numbers:{__stream:7}\n");
    let line = format!("rpc.item id:7 value:{}\n", 3);
    for _ in 0..100 {
        person.send(line.repeat(100));
    }
    person.send("rpc.done id:7 value:\"y\"\n");
    // Whether it kept pace or not, it lives.
    person.send("add[3] a:1 b:2\n");
    while person.line() != "[3]:3" {}
    // An item of another type ends it, and the peer hears of it.
    person.send("sum[4] numbers:{__stream:8}\n");
    assert!(person.line().starts_with("rpc.more id:8 "));
    person.send("rpc.item id:8 value:\"three\"\n");
    let both = [answer(&mut person), answer(&mut person)];
    assert!(
        both.iter().any(|line| line == "rpc.cancel id:8"),
        "{both:?}"
    );
    let says =
        |line: &String| line.contains("[4]") && line.contains("a stream that is its argument");
    assert!(both.iter().any(says), "{both:?}");
}

#[test]
fn ends_of_who_takes_and_who_gives() {
    let (store, addr) = start("jrpc", Processing::Queue, serve);
    // Taken, and dropped by the handler, which answers nevertheless.
    store
        .take
        .connect(|_, mut numbers| -> quickrpc::Result<u32> {
            let first = numbers.next().unwrap_or(Err(Error::Done))?;
            Ok(first)
        });
    let client = client("jrpc", addr);
    let (items, numbers) = Stream::<u32>::channel();
    let taken = client.all().take(numbers);
    items.send(7).unwrap();
    assert_eq!(taken.result().unwrap(), 7);
    is_given_up(&items);
    // The maker fails, and the handler sees it.
    let failing = Stream::try_iter([Ok(1), Err(CallError::new(77, "no more of them"))]);
    let doubled: quickrpc::Result<Vec<u64>> = client.all().double(failing).collect();
    let error = doubled.unwrap_err();
    assert!(
        matches!(&error, Error::Call(error) if error.code == 77),
        "{error:?}"
    );
    // The giver goes away while the handler waits.
    let (told, heard) = inbox();
    store.sum.connect(move |_, mut numbers, _others| {
        told.send(numbers.next()).unwrap();
        told.send(numbers.next()).unwrap();
        (0, String::new())
    });
    let (items, numbers) = Stream::<u32, String>::channel();
    let sum = client.all().sum(numbers, None);
    items.send(1).unwrap();
    assert_eq!(heard.next().unwrap().unwrap(), 1);
    client.stop().unwrap();
    assert!(sum.result().is_err());
    assert!(matches!(heard.next(), Some(Err(_))));
    is_given_up_with(&items);
}

/// The maker of a stream sees that nobody takes it.
pub(super) fn is_given_up(items: &StreamSender<u32>) {
    let (told, heard) = inbox();
    items.on_cancel(move || told.send(()).unwrap());
    heard.next();
    assert!(items.send(1).is_err());
}

fn is_given_up_with(items: &StreamSender<u32, String>) {
    let (told, heard) = inbox();
    items.on_cancel(move || told.send(()).unwrap());
    heard.next();
}

#[test]
fn a_slow_taker_makes_the_giver_wait() {
    let (store, addr) = start("jrpc", Processing::Queue, serve);
    let (told, streams) = inbox();
    store.take.connect(move |_, numbers| -> Promise<u32> {
        let (promise, resolver) = Promise::pair();
        told.send((numbers, resolver)).unwrap();
        promise
    });
    let client = client("jrpc", addr);
    let (count, counted) = inbox();
    let endless = Stream::iter((0u32..).inspect(move |number| count.send(*number).unwrap()));
    let taken = client.all().take(endless);
    let (mut numbers, resolver) = streams.next();
    assert_eq!(numbers.next().unwrap().unwrap(), 0);
    // Others go on, and it makes no more than was asked for.
    for number in 0..200 {
        assert_eq!(client.all().add(1, number).result().unwrap(), 1 + number);
    }
    let made = counted.so_far().len();
    assert!(made <= 1100, "{made}");
    for number in 1..5000 {
        assert_eq!(numbers.next().unwrap().unwrap(), number);
    }
    drop(numbers);
    resolver.set_result(1).unwrap();
    assert_eq!(taken.result().unwrap(), 1);
}

#[test]
fn a_stream_goes_to_one_peer() {
    let (store, addr) = start("jrpc", Processing::Inline, serve);
    let (told, came) = inbox();
    store.on_connect(move |peer| told.send(peer.clone()).unwrap());
    let _clients = [client("jrpc", addr), client("jrpc", addr)];
    let peers = came.take(2);
    assert_eq!(peers.len(), 2);
    let (items, blocks) = Stream::channel();
    let error = store.all().fetch(blocks).result().unwrap_err().to_string();
    assert!(error.contains("use `.to(peer)`"), "{error}");
    let lonely = StoreInverse::builder()
        .codec("jrpc")
        .transport("tcpserv:127.0.0.1:0")
        .build()
        .unwrap();
    lonely.start().unwrap();
    let mut lonely = lonely.all().double(Stream::iter([1]));
    assert!(
        lonely.next().unwrap().is_err(),
        "a loop over the items sees it"
    );
    assert!(lonely.next().is_none() && lonely.result().is_err());
    assert!(items.send(Bytes::from(vec![1])).is_err());
}

#[test]
fn a_gateway_passes_streams_on() {
    let (_store, addr) = start("jrpc", Processing::Queue, serve);
    let behind = client("jrpc", addr);
    let (_gateway, front) = start("msgpack", Processing::Queue, |gateway| {
        let all = behind.all();
        gateway
            .double
            .connect(move |_, numbers| all.double(numbers));
        let all = behind.all();
        gateway
            .upload
            .connect(move |_, name, data| all.upload(name, data));
    });
    let client = client("msgpack", front);
    let (doubled, ()) = all(client.all().double(Stream::iter(0..3000)));
    assert_eq!(doubled.len(), 3000);
    assert_eq!(doubled.last(), Some(&5998));
    assert_eq!(
        client
            .all()
            .upload("a", blocks(50, 50_000))
            .result()
            .unwrap(),
        2_500_000
    );
}

#[test]
fn a_call_with_a_stream_waits_for_its_peer() {
    let store = Store::builder()
        .codec("jrpc")
        .transport("tcpserv:127.0.0.1:0")
        .wait_for_peer(true)
        .build()
        .unwrap();
    store.start().unwrap();
    let fetched = store.all().fetch(Stream::future(|items| async move {
        items.send_async(Bytes::from(vec![1])).await?;
        Ok(5)
    }));
    let client = StoreInverse::bind("jrpc", format!("tcp:{}", store.local_addrs()[0])).unwrap();
    client.fetch.connect(|_, blocks| blocks.each(drop));
    client.start().unwrap();
    assert_eq!(fetched.result().unwrap(), 5);
}
