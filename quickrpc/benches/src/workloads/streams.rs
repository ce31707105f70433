//! Much data in one call: streams, beside calls in a window that is made by hand.

use std::collections::VecDeque;
use std::thread;
use std::time::Instant;

use quickrpc::{Bytes, Processing, Promise, Stream, remote_api};

use crate::Result;
use crate::plan::{Column, Contender, Measure, Scale, Unit, Workload};

/// What is sent at once.
const BLOCK: usize = 64 << 10;
/// So many calls in flight keep a connection busy.
const WINDOW: usize = 8;

/// The same data in calls and in streams.
#[remote_api]
trait Store {
    #[incoming]
    fn take(&self, data: &Bytes) -> usize;

    #[incoming]
    fn give(&self, size: usize) -> Bytes;

    #[incoming]
    fn upload(&self, data: Stream<Bytes>) -> usize;

    #[incoming]
    fn download(&self, blocks: usize, way: &str) -> Stream<Bytes>;
}

/// How data gets to the other side.
#[derive(Debug, Clone, Copy)]
enum Way {
    Calls,
    Iterator,
    Channel,
    Future,
}

const WAYS: &[(&str, Way)] = &[
    ("8 calls in flight", Way::Calls),
    ("stream of an iterator", Way::Iterator),
    ("stream of a channel", Way::Channel),
    ("stream of a future", Way::Future),
];

pub(super) fn workload(scale: &Scale) -> Workload {
    let bytes: usize = match scale.quick {
        true => 50_000_000,
        false => 200_000_000,
    };
    let codecs: &[&str] = match cfg!(feature = "msgpack") {
        true => &["jrpc", "msgpack"],
        false => &["jrpc"],
    };
    let columns = codecs
        .iter()
        .flat_map(|codec| [format!("{codec} up"), format!("{codec} down")]);
    let row = |(name, way): &(&str, Way)| {
        let way = *way;
        Contender::new(*name, move || {
            Ok(Box::new(move || {
                let mut values = Vec::new();
                for codec in codecs {
                    values.extend(measure(codec, way, bytes.div_ceil(BLOCK))?);
                }
                Ok(values)
            }) as Measure)
        })
    };
    Workload {
        title: "Bytes in streams",
        about: "Bytes a second, to the server and from it, in blocks of 64 KiB. The first row has a \
                window of calls that is made by hand, which waits for the oldest answer and \
                calls again; `jrpc` has bytes as base64.",
        columns: columns
            .map(|name| Column::new(name, Unit::PerSecond))
            .collect(),
        contenders: WAYS.iter().map(row).collect(),
        rounds: None,
    }
}

/// A server and a client for one row and codec, started anew for each round as others are.
fn measure(codec: &str, way: Way, blocks: usize) -> Result<[Option<f64>; 2]> {
    let store = Store::builder()
        .codec(codec)
        .transport("tcpserv:127.0.0.1:0")
        .processing(Processing::Queue)
        .build()?;
    let block = Bytes::from(vec![b'x'; BLOCK]);
    store.take.connect(|_sender, data| data.len());
    store
        .give
        .connect(|_sender, size| Bytes::from(vec![b'x'; size]));
    store.upload.connect(|_sender, data| {
        let mut sum = 0;
        for block in data {
            sum += block?.len();
        }
        Ok::<usize, quickrpc::Error>(sum)
    });
    let source = block.clone();
    store.download.connect(move |_sender, blocks, way| {
        let way = WAYS.iter().find(|(name, _)| *name == way);
        stream(way.map_or(Way::Iterator, |(_, way)| *way), &source, blocks)
    });
    store.start()?;
    let address = store.local_addrs().first().copied();
    let api = StoreInverse::builder()
        .codec(codec)
        .transport(format!(
            "tcp:{}",
            address.ok_or("the server listens nowhere")?
        ))
        .build()?;
    api.start()?;
    let hub = api.all();
    let name = WAYS.iter().find(|(_, other)| *other as u8 == way as u8);
    let name = name.map_or("", |(name, _)| *name);
    let up = |blocks: usize| -> Result {
        let sum = match way {
            Way::Calls => window(blocks, || hub.take(&block))?.into_iter().sum(),
            _ => hub.upload(stream(way, &block, blocks)).result()?,
        };
        arrived(sum, blocks)
    };
    let down = |blocks: usize| -> Result {
        let mut sum = 0;
        match way {
            Way::Calls => {
                let all = window(blocks, || hub.give(BLOCK).map(|data| data.len()))?;
                sum = all.into_iter().sum();
            }
            _ => {
                for block in hub.download(blocks, name) {
                    sum += block?.len();
                }
            }
        }
        arrived(sum, blocks)
    };
    let timed = |run: &dyn Fn(usize) -> Result| -> Result<Option<f64>> {
        run(blocks.div_ceil(8))?;
        let begin = Instant::now();
        run(blocks)?;
        Ok(Some(
            (blocks * BLOCK) as f64 / begin.elapsed().as_secs_f64(),
        ))
    };
    Ok([timed(&up)?, timed(&down)?])
}

fn arrived(bytes: usize, blocks: usize) -> Result {
    match bytes == blocks * BLOCK {
        true => Ok(()),
        false => Err(format!("{bytes} bytes arrived of {blocks} blocks").into()),
    }
}

/// So many calls, a few of them in flight.
fn window<T: Send + 'static>(calls: usize, call: impl Fn() -> Promise<T>) -> Result<Vec<T>> {
    let mut pending = VecDeque::with_capacity(WINDOW);
    let mut results = Vec::with_capacity(calls);
    for _ in 0..calls {
        if pending.len() == WINDOW
            && let Some(oldest) = pending.pop_front()
        {
            results.push(Promise::result(oldest)?);
        }
        pending.push_back(call());
    }
    for promise in pending {
        results.push(promise.result()?);
    }
    Ok(results)
}

fn stream(way: Way, block: &Bytes, blocks: usize) -> Stream<Bytes> {
    let block = block.clone();
    match way {
        Way::Calls | Way::Iterator => Stream::iter((0..blocks).map(move |_| block.clone())),
        Way::Channel => {
            let (items, stream) = Stream::channel();
            thread::spawn(move || (0..blocks).try_for_each(|_| items.send(block.clone())));
            stream
        }
        Way::Future => Stream::future(move |items| async move {
            for _ in 0..blocks {
                items.send_async(block.clone()).await?;
            }
            Ok(())
        }),
    }
}
