//! Streams as arguments of a call to several peers: one for each.

use quickrpc::{Bytes, Error, Processing, Promise, Sender, Stream, StreamSender, remote_api};
use quickrpc_tests::{Inbox, bounded, inbox};

#[remote_api]
pub trait Rollout {
    /// How many bytes there were, and how many of a signature.
    #[outgoing]
    fn install(&self, name: &str, image: Stream<Bytes>, signature: Option<Stream<Bytes>>) -> u64;

    #[outgoing]
    fn double(&self, numbers: Stream<u32>) -> Stream<u64>;

    /// Answered, or not, by the test.
    #[outgoing]
    fn keep(&self, numbers: Stream<u32>) -> ();
}

type Kept = Inbox<(Stream<u32>, quickrpc::Resolver<()>)>;

/// A server, and clients with these names.
fn rollout<const N: usize>(
    codec: &str,
    mode: Processing,
) -> (Rollout, [RolloutInverse; N], [Sender; N], Kept) {
    let server = Rollout::builder()
        .codec(codec)
        .processing(mode)
        .transport("tcpserv:127.0.0.1:0")
        .build()
        .unwrap();
    let (told, came) = inbox();
    server.on_connect(move |peer| told.send(peer.clone()).unwrap());
    server.start().unwrap();
    let addr = server.local_addrs()[0];
    let (told, kept) = inbox();
    let clients = [(); N].map(|()| {
        let client = RolloutInverse::builder()
            .codec(codec)
            .processing(Processing::Queue)
            .transport(format!("tcp:{addr}"))
            .build()
            .unwrap();
        client
            .install
            .connect(|_, name, image, signature| -> quickrpc::Result<u64> {
                let mut bytes = name.len() as u64;
                for block in image.chain(signature.into_iter().flatten()) {
                    bytes += block?.len() as u64;
                }
                Ok(bytes)
            });
        client.double.connect(|_, mut numbers| {
            Stream::iter(std::iter::from_fn(move || {
                let number = numbers.next()?.ok()?;
                Some(u64::from(number) * 2)
            }))
        });
        let told = told.clone();
        client.keep.connect(move |_, numbers| {
            let (promise, resolver) = Promise::pair();
            told.send((numbers, resolver)).unwrap();
            promise
        });
        client.start().unwrap();
        client
    });
    let peers = [(); N].map(|()| came.next());
    (server, clients, peers, kept)
}

fn blocks(count: usize, size: usize) -> Stream<Bytes> {
    Stream::iter((0..count).map(move |block| Bytes::from(vec![block as u8; size])))
}

#[test]
fn each_receiver_gets_a_stream_of_its_own() {
    for codec in ["jrpc", "terse", "msgpack"] {
        for mode in [Processing::Inline, Processing::Queue] {
            let (server, _clients, peers, _kept) = rollout::<3>(codec, mode);
            let mut asked = Vec::new();
            let size_for = |peer: &Sender| {
                let place = peers.iter().position(|one| one == peer).unwrap();
                [1, 1000, 50_000][place]
            };
            let all = server.all().each().install(
                "a",
                |peer| {
                    asked.push(peer.clone());
                    blocks(10, size_for(peer))
                },
                |peer| (size_for(peer) == 1).then(|| blocks(1, 1)),
            );
            let results = bounded("all of them", move || all.results().collect::<Vec<_>>());
            assert_eq!(results.len(), 3);
            for (peer, bytes) in results {
                let size = size_for(&peer) as u64;
                let signature = u64::from(size == 1);
                assert_eq!(bytes.unwrap(), 1 + 10 * size + signature);
            }
            assert_eq!(asked.len(), 3);
            assert!(peers.iter().all(|peer| asked.contains(peer)));

            let doubled = server
                .to(&peers[..2])
                .each()
                .double(|_peer| Stream::iter(0..100));
            assert_eq!(doubled.len(), 2);
            for (_, stream) in doubled {
                let (doubled, ()) = bounded("doubled", move || super::all(stream));
                assert_eq!(doubled, (0..100).map(|one| one * 2).collect::<Vec<_>>());
            }
        }
    }
}

/// One that takes nothing, and one that goes, are of no concern to the others.
#[test]
fn each_goes_at_its_own_pace() {
    let (server, clients, peers, kept) = rollout::<3>("jrpc", Processing::Inline);
    let mut sending: Vec<(Sender, StreamSender<u32>)> = Vec::new();
    let all = server.all().each().keep(|peer| {
        let (items, stream) = Stream::channel();
        sending.push((peer.clone(), items));
        stream
    });
    assert_eq!(all.len(), 3);
    let mut taken = kept.take(3);
    // Two of them are read, and the one that is not holds up neither.
    let unread = taken.pop().unwrap();
    let read = taken.into_iter().map(|(numbers, resolver)| {
        std::thread::spawn(move || {
            let sum = numbers.map(|number| number.unwrap_or(0)).sum::<u32>();
            resolver.set_result(()).unwrap();
            sum
        })
    });
    let read: Vec<_> = read.collect();
    let writers: Vec<_> = sending
        .into_iter()
        .map(|(peer, items)| {
            std::thread::spawn(move || {
                let sent = (0..20_000).try_for_each(|_| items.send(1));
                (peer, sent)
            })
        })
        .collect();
    for reader in read {
        let sum = bounded("a reader", move || reader.join().unwrap());
        assert_eq!(sum, 20_000);
    }
    // Until it is gone.
    for client in clients {
        client.stop().unwrap();
    }
    drop(unread);
    let results = bounded("all of them", move || all.results().collect::<Vec<_>>());
    let (fine, gone): (Vec<_>, Vec<_>) = results.into_iter().partition(|(_, one)| one.is_ok());
    assert_eq!((fine.len(), gone.len()), (2, 1));
    let (peer, error) = &gone[0];
    assert!(peers.contains(peer));
    assert!(
        matches!(error, Err(Error::Disconnected { .. })),
        "{error:?}"
    );
    for writer in writers {
        let (writer, sent) = bounded("a writer", move || writer.join().unwrap());
        assert_eq!(sent.is_err(), writer == *peer);
    }
}

#[test]
fn nobody_makes_streams_for_nobody() {
    let (server, clients, _peers, _kept) = rollout::<1>("jrpc", Processing::Inline);
    for client in clients {
        client.stop().unwrap();
    }
    let (gone, left) = inbox();
    server.on_disconnect(move |_, _| gone.send(()).unwrap());
    if !server.peers().is_empty() {
        left.next();
    }
    let none = server
        .all()
        .each()
        .keep(|_peer| -> Stream<u32> { unreachable!("no peer") });
    assert!(none.is_empty());
}
