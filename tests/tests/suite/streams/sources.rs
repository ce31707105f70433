//! What handlers make streams of, and how it can fail.

use std::thread;

use quickrpc::{CallError, Error, Processing, Sender, Stream, remote_api};

use quickrpc_tests::inbox;

use super::all;

#[remote_api]
trait Files {
    #[incoming]
    fn read(&self, name: &str) -> Result<Stream<String>, CallError>;

    #[incoming]
    fn count(&self, to: u32) -> Stream<u32, u32>;

    #[incoming]
    fn many(&self, to: u32) -> Stream<Vec<u8>>;
}

fn message(error: &Error) -> String {
    match error {
        Error::Call(error) => error.message.clone(),
        other => panic!("{other}"),
    }
}

#[test]
fn errors_end_it() {
    let (files, client) = Files::pair();
    files.read.connect(|_, name| match name {
        "missing" => Err(CallError::new(404, "no such file")),
        "broken" => Ok(Stream::try_iter([
            Ok(String::from("one")),
            Err(CallError::new(5, "bad sector").with_data(17)),
            Ok(String::from("never")),
        ])),
        "panic" => Ok(Stream::iter((0..3).map(|line| match line {
            2 => panic!("as the test wants it"),
            line => line.to_string(),
        }))),
        _ => Ok(Stream::iter(["a".to_owned()])),
    });
    assert_eq!(all(client.all().read("there")).0, ["a"]);

    let mut missing = client.all().read("missing");
    assert_eq!(
        message(&missing.next().unwrap().unwrap_err()),
        "no such file"
    );
    assert!(missing.next().is_none());
    assert_eq!(message(&missing.result().unwrap_err()), "no such file");

    let broken: Vec<_> = client.all().read("broken").collect();
    assert_eq!(broken.len(), 2);
    assert_eq!(broken[0].as_ref().unwrap(), "one");
    let Err(Error::Call(error)) = &broken[1] else {
        panic!("no error of the handler");
    };
    assert_eq!((error.code, error.data.clone()), (5, Some(17.into())));

    let panicked: Vec<_> = client.all().read("panic").collect();
    assert_eq!(panicked.len(), 3);
    assert!(message(panicked[2].as_ref().unwrap_err()).contains("panicked"));
    assert_eq!(all(client.all().read("there")).0, ["a"]);
}

#[test]
fn without_a_result_it_was_abandoned() {
    let (files, client) = Files::pair();
    files.count.connect(|_, to| {
        let (items, stream) = Stream::channel();
        thread::spawn(move || {
            for number in 0..to {
                items.send(number).unwrap();
            }
            // Dropped without a result.
        });
        stream
    });
    let items: Vec<_> = client.all().count(2).collect();
    assert_eq!(items.len(), 3);
    assert!(items[2].is_err());
    // One without a result just ends.
    files.many.connect(|_, to| {
        let (items, stream) = Stream::channel();
        thread::spawn(move || {
            for number in 0..to {
                items.send(vec![number as u8]).unwrap();
            }
        });
        stream
    });
    assert_eq!(all(client.all().many(2)).0, [[0], [1]]);
}

/// A caller's stream is a handler's stream.
#[test]
fn a_gateway_passes_it_on() {
    let (backend, gateway_back) = Files::pair();
    backend.count.connect(|_, to| {
        Stream::future(move |items| async move {
            for number in 0..to {
                items.send_async(number).await?;
            }
            Ok(to * 2)
        })
    });
    let gateway = Files::builder()
        .codec("terse")
        .transport("tcpserv:127.0.0.1:0")
        .processing(Processing::Queue)
        .build()
        .unwrap();
    let back = gateway_back.all();
    gateway.count.connect(move |_, to| back.count(to));
    gateway.start().unwrap();
    let addr = gateway.local_addrs()[0];
    let client = FilesInverse::bind("terse", format!("tcp:{addr}")).unwrap();
    client.start().unwrap();
    let (numbers, end) = all(client.all().count(5000));
    assert_eq!(numbers, (0..5000).collect::<Vec<_>>());
    assert_eq!(end, 10_000);
}

/// However many items there are, callbacks take no more of the stack.
#[test]
fn long_streams_call_back() {
    let (told, heard) = inbox();
    let mut sum = 0u64;
    let counted = Stream::iter(0..1_000_000u64).each(move |number| {
        sum += number;
        if number == 999_999 {
            told.send(sum).unwrap();
        }
    });
    counted.result().unwrap();
    assert_eq!(heard.next(), 499_999_500_000);
    let (items, stream) = Stream::<u32>::channel();
    let sender = thread::spawn(move || (0..100_000).try_for_each(|number| items.send(number)));
    let (told, heard) = inbox();
    stream
        .each(move |number| told.send(number).unwrap())
        .result()
        .unwrap();
    sender.join().unwrap().unwrap();
    assert_eq!(heard.so_far().len(), 100_000);
}

/// A server that is one type.
#[test]
fn a_server_is_one_type() {
    struct Counting;

    impl FilesIncoming for Counting {
        fn read(&self, _: &Sender, name: &str) -> Result<Stream<String>, CallError> {
            match name {
                "missing" => Err(CallError::new(404, "no such file")),
                _ => Ok(Stream::iter(["a".to_owned()])),
            }
        }

        fn count(&self, _: &Sender, to: u32) -> Stream<u32, u32> {
            let (items, stream) = Stream::channel();
            thread::spawn(move || {
                for number in 0..to {
                    items.send(number).unwrap();
                }
                items.finish(to).unwrap();
            });
            stream
        }

        fn many(&self, _: &Sender, to: u32) -> Stream<Vec<u8>> {
            Stream::iter((0..to).map(|number| vec![number as u8]))
        }
    }

    let (files, client) = Files::pair();
    files.serve(Counting);
    assert_eq!(all(client.all().read("there")).0, ["a"]);
    let missing = client.all().read("missing").result().unwrap_err();
    assert_eq!(message(&missing), "no such file");
    assert_eq!(all(client.all().count(100)).1, 100);
    assert_eq!(all(client.all().many(2)).0, [[0], [1]]);
}

#[test]
fn subscriptions_get_a_resolver() {
    let (files, client) = Files::pair();
    let calls = files.count.subscribe();
    let mut stream = client.all().count(3);
    let (_sender, to, resolver) = calls.recv().unwrap();
    let (items, numbers) = Stream::channel();
    resolver.set_result(numbers).unwrap();
    items.send(to).unwrap();
    items.finish(9).unwrap();
    assert_eq!(stream.next().unwrap().unwrap(), 3);
    assert_eq!(stream.result().unwrap(), 9);
    // Dropped unset.
    let stream = client.all().count(3);
    drop(calls.recv().unwrap());
    assert!(stream.result().is_err());
}
