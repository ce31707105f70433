//! Much data in streams, and little memory for it. One test in a program of its own, since the
//! memory of the whole process is looked at.
#![cfg(target_os = "linux")]

use std::fs::read_to_string;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use quickrpc::{Bytes, Processing, Stream, remote_api};

const BLOCK: usize = 64 << 10;
const BLOCKS: usize = 200_000_000 / BLOCK;
/// Both ends of a stream are here: two windows of 1 MiB, what sockets and queues hold, and what the
/// allocator keeps.
const MOST: usize = 48 << 20;

/// A build without optimisation on a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(300);

#[remote_api]
trait Store {
    #[incoming]
    fn upload(&self, data: Stream<Bytes>) -> usize;

    #[incoming]
    fn download(&self, blocks: usize) -> Stream<Bytes>;
}

/// As much as this process has ever held, in bytes.
fn peak() -> usize {
    let status = read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    kilobytes.unwrap().parse::<usize>().unwrap() * 1024
}

fn blocks(count: usize) -> Stream<Bytes> {
    Stream::iter((0..count).map(|block| Bytes::from(vec![block as u8; BLOCK])))
}

/// The same from a thread that would make them as fast as it can.
fn fed(count: usize) -> Stream<Bytes> {
    let (items, stream) = Stream::channel();
    std::thread::spawn(move || {
        (0..count).try_for_each(|block| items.send(Bytes::from(vec![block as u8; BLOCK])))
    });
    stream
}

fn sum(data: Stream<Bytes>) -> quickrpc::Result<usize> {
    data.map(|block| block.map(|block| block.len())).sum()
}

fn passes(codec: &str) {
    let store = Store::builder()
        .codec(codec)
        .transport("tcpserv:127.0.0.1:0")
        .processing(Processing::Queue)
        .build()
        .unwrap();
    store.upload.connect(|_sender, data| sum(data));
    store.download.connect(|_sender, count| fed(count));
    store.start().unwrap();
    let addr = store.local_addrs()[0];
    let client = StoreInverse::bind(codec, format!("tcp:{addr}")).unwrap();
    client.start().unwrap();
    let hub = client.all();
    // What is made once for all.
    assert_eq!(hub.upload(blocks(100)).result().unwrap(), 100 * BLOCK);
    let before = peak();
    assert_eq!(hub.upload(blocks(BLOCKS)).result().unwrap(), BLOCKS * BLOCK);
    assert_eq!(
        hub.upload(fed(BLOCKS / 8)).result().unwrap(),
        BLOCKS / 8 * BLOCK
    );
    assert_eq!(sum(hub.download(BLOCKS)).unwrap(), BLOCKS * BLOCK);
    let more = peak() - before;
    assert!(more < MOST, "{codec}: {more} bytes more");
}

#[test]
fn two_hundred_megabytes_take_little_memory() {
    let (told, done) = channel();
    let worker = std::thread::spawn(move || {
        passes("msgpack");
        passes("jrpc");
        told.send(()).unwrap();
    });
    match done.recv_timeout(PATIENCE) {
        Err(RecvTimeoutError::Timeout) => panic!("800 MB take longer than {PATIENCE:?}"),
        _ => worker.join().unwrap(),
    }
}
