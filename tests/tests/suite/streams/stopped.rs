//! The end of the API behind a stream: whoever takes items hears of it.

use quickrpc::{Error, Processing, Stream};
use quickrpc_tests::{bounded, inbox};

use super::{MODES, client, server};

/// It is told that the other side ends, and not that it has cancelled the call itself.
fn ends_with_the_other_side(error: &Error) {
    match error {
        Error::Call(error) => {
            assert!(error.is_shutting_down(), "{error:?}");
            assert!(error.message.contains("stop"), "{error}");
        }
        Error::Disconnected { .. } => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_that_stops_in_the_middle() {
    for codec in ["jrpc", "jrpc:content-length", "terse", "msgpack"] {
        for mode in MODES {
            let (hub, addr, fed) = server(codec, mode);
            let client = client(codec, addr);
            let mut stream = client.all().fed("a");
            let (_, items) = fed.next();
            items.send(1).unwrap();
            assert_eq!(stream.next().unwrap().unwrap(), 1);
            hub.stop().unwrap();
            let end = bounded("the end", move || stream.result());
            ends_with_the_other_side(&end.unwrap_err());
            drop(items);
        }
    }
}

/// A stream that nobody feeds, but by an iterator: without credit, it waits for its taker.
#[test]
fn one_that_is_not_taken_as_fast() {
    let (hub, addr, _fed) = server("jrpc", Processing::Queue);
    hub.counted
        .connect(|_, _| Stream::iter((0..).map(|number: u64| number.to_string())));
    let client = client("jrpc", addr);
    let mut stream = client.all().counted(0);
    assert_eq!(stream.next().unwrap().unwrap(), "0");
    hub.stop().unwrap();
    let end = bounded("the end", move || stream.find_map(Result::err));
    ends_with_the_other_side(&end.expect("an error"));
}

/// The other way: an argument of a call of who stops.
#[test]
fn a_caller_that_stops_while_it_gives() {
    let (hub, addr, _fed) = server("jrpc", Processing::Queue);
    let client = client("jrpc", addr);
    let (told, came) = inbox();
    let (give, given) = inbox();
    client.ticks.connect(move |_, _| {
        let (items, stream) = Stream::channel();
        give.send(items).unwrap();
        stream
    });
    // It is among the peers behind that.
    client.all().add(1, 2).result().unwrap();
    let mut stream = hub.all().ticks(3);
    let items = given.next();
    items.send(0).unwrap();
    assert_eq!(stream.next().unwrap().unwrap(), 0);
    std::thread::spawn(move || told.send(stream.result()).unwrap());
    client.stop().unwrap();
    ends_with_the_other_side(&came.next().unwrap_err());
}
