//! Streams: results that come bit by bit.

mod arguments;
mod arguments_by_hand;
mod awaiting;
mod cancel;
mod dynamic;
mod each;
mod flow;
mod foreign;
mod foreign_late;
mod foreign_served;
mod halves;
mod raw;
mod sources;
mod stopped;
mod words;

use std::net::SocketAddr;

use quickrpc::{Bytes, Processing, Stream, StreamSender, remote_api};
use quickrpc_tests::{Inbox, inbox};

/// What has streams in both directions.
#[remote_api]
pub trait Hub {
    /// Numbered lines.
    #[incoming]
    fn lines(&self, count: u32) -> Stream<String>;

    /// Percent, and a report.
    #[incoming]
    fn calibrate(&self, channel: u8) -> Stream<u32, String>;

    /// Whatever the test sends.
    #[incoming]
    fn fed(&self, name: &str) -> Stream<u32, String>;

    /// Blocks of bytes.
    #[incoming]
    fn blocks(&self, count: u32, size: usize) -> Stream<Bytes>;

    /// For handlers of a test's own.
    #[incoming]
    fn counted(&self, count: u32) -> Stream<String>;
    #[incoming]
    fn endless(&self) -> Stream<u32>;
    #[incoming]
    fn ask(&self) -> ();

    /// A call beside them.
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;

    /// The other way.
    #[outgoing]
    fn ticks(&self, to: u32) -> Stream<u32>;
}

/// What sends the items of `fed`, for each call of it.
type Fed = Inbox<(String, StreamSender<u32, String>)>;

fn serve(hub: &Hub) -> Fed {
    hub.lines
        .connect(|_, count| Stream::iter((0..count).map(|line| format!("line {line}"))));
    hub.calibrate.connect(|_, channel| {
        Stream::future(move |items| async move {
            for percent in [0, 50, 100] {
                items.send_async(percent).await?;
            }
            Ok(format!("channel {channel} is fine"))
        })
    });
    hub.blocks.connect(|_, count, size| {
        Stream::iter((0..count).map(move |block| Bytes::from(vec![block as u8; size])))
    });
    hub.add.connect(|_, a, b| a + b);
    let (told, fed) = inbox();
    hub.fed.connect(move |_, name| {
        let (items, stream) = Stream::channel();
        told.send((name.to_owned(), items)).unwrap();
        stream
    });
    fed
}

fn server(codec: &str, processing: Processing) -> (Hub, SocketAddr, Fed) {
    let hub = Hub::builder()
        .codec(codec)
        .processing(processing)
        .transport("tcpserv:127.0.0.1:0")
        .build()
        .unwrap();
    let fed = serve(&hub);
    hub.start().unwrap();
    let addr = hub.local_addrs()[0];
    (hub, addr, fed)
}

fn client(codec: &str, addr: SocketAddr) -> HubInverse {
    let client = HubInverse::bind(codec, format!("tcp:{addr}")).unwrap();
    client.start().unwrap();
    client
}

/// Everything of a stream, which has to end well.
fn all<T: Send + 'static, R: Send + 'static>(mut stream: Stream<T, R>) -> (Vec<T>, R) {
    let items = stream.by_ref().collect::<quickrpc::Result<_>>();
    (items.unwrap(), stream.result().unwrap())
}

const MODES: [Processing; 3] = [Processing::Inline, Processing::Queue, Processing::Pool(3)];

#[test]
fn items_then_the_result() {
    for codec in ["jrpc", "jrpc:content-length", "terse", "msgpack"] {
        for mode in MODES {
            let (hub, addr, _fed) = server(codec, mode);
            let client = client(codec, addr);
            let (lines, ()) = all(client.all().lines(1000));
            assert_eq!(lines.len(), 1000);
            for (number, line) in lines.iter().enumerate() {
                assert_eq!(*line, format!("line {number}"));
            }
            let (percent, report) = all(client.all().calibrate(7));
            assert_eq!(percent, [0, 50, 100]);
            assert_eq!(report, "channel 7 is fine");
            let (none, ()) = all(client.all().lines(0));
            assert!(none.is_empty());
            let (blocks, ()) = all(client.all().blocks(20, 100_000));
            assert!(blocks.iter().enumerate().all(|(block, bytes)| {
                bytes.len() == 100_000 && bytes.iter().all(|byte| usize::from(*byte) == block)
            }));
            assert_eq!(client.all().add(1, 2).result().unwrap(), 3);
            hub.stop().unwrap();
        }
    }
}

#[test]
fn the_other_way_and_without_a_wire() {
    let (hub, client) = Hub::pair();
    let _fed = serve(&hub);
    client.ticks.connect(|_, to| Stream::iter(0..to));
    assert_eq!(all(hub.all().ticks(3)), (vec![0, 1, 2], ()));
    assert_eq!(all(client.all().lines(2)).0, ["line 0", "line 1"]);

    let (hub, addr, _fed) = server("jrpc", Processing::Inline);
    let client = HubInverse::bind("jrpc", format!("tcp:{addr}")).unwrap();
    client.ticks.connect(|_, to| Stream::iter(0..to));
    let (told, came) = inbox();
    hub.on_connect(move |peer| told.send(peer.clone()).unwrap());
    client.start().unwrap();
    let peer = came.next();
    assert_eq!(all(hub.to(&peer).ticks(300)).0.len(), 300);
    let second = HubInverse::bind("jrpc", format!("tcp:{addr}")).unwrap();
    second.start().unwrap();
    let other = came.next();
    let error = hub.all().ticks(3).result().unwrap_err().to_string();
    assert!(error.contains("use `.to(peer)`"), "{error}");
    hub.disconnect(&other).unwrap();
    let each = hub.to(&peer).each().ticks(5);
    assert_eq!(each.len(), 1);
    for (_, stream) in each {
        assert_eq!(all(stream).0, [0, 1, 2, 3, 4]);
    }
}

#[test]
fn several_at_once_beside_calls() {
    let (_hub, addr, fed) = server("jrpc", Processing::Inline);
    let client = client("jrpc", addr);
    let streams: Vec<_> = ["a", "b", "c"].map(|name| client.all().fed(name)).into();
    let senders: Vec<_> = fed.take(3);
    for (name, items) in &senders {
        for number in 0..5 {
            items.send(number).unwrap();
            assert_eq!(
                client.all().add(1, i64::from(number)).result().unwrap(),
                1 + i64::from(number)
            );
        }
        items.finish(name.clone()).unwrap();
    }
    for (stream, name) in streams.into_iter().zip(["a", "b", "c"]) {
        assert_eq!(all(stream), (vec![0, 1, 2, 3, 4], name.to_owned()));
    }
}

#[test]
fn callbacks_take_their_turn() {
    let (_hub, addr, _fed) = server("jrpc", Processing::Inline);
    let client = client("jrpc", addr);
    let (told, heard) = inbox();
    let report = client
        .all()
        .calibrate(3)
        .each(move |percent| told.send(percent).unwrap());
    assert_eq!(report.result().unwrap(), "channel 3 is fine");
    assert_eq!(
        heard.so_far(),
        [0, 50, 100],
        "progress comes before the result"
    );

    let stopping = client
        .all()
        .lines(10)
        .each(|_| panic!("as the test wants it"));
    assert!(stopping.result().is_err());
    assert_eq!(client.all().add(1, 2).result().unwrap(), 3);
}
