//! What people read who do with a stream what cannot be done.

use quickrpc::dynamic::Api;
use quickrpc::{CallError, Error, Processing, Promise, Stream};
use quickrpc_tests::{bounded, eventually, own_bus};

use super::{client, server};

#[test]
fn several_receivers_are_told_what_to_do_where_there_is_no_each() {
    let bus = own_bus();
    let [hub, one, other] = ["hub", "one", "other"].map(|name| {
        let api = Api::bind("jrpc", format!("internal:{bus}:{name}")).unwrap();
        api.start().unwrap();
        api
    });
    eventually("they are connected", || hub.peers().len() == 2);
    let error = hub.all().stream("lines", ()).result().unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Config(_)), "{text}");
    for word in [
        "`lines`",
        "2 are meant",
        "`.to(peer)`",
        "for the calls of a trait, by `.each()`",
    ] {
        assert!(text.contains(word), "{text}");
    }
    drop((one, other));
}

#[test]
fn an_item_behind_the_end_was_not_cancelled() {
    let (items, stream) = Stream::<u32>::channel();
    items.finish(()).unwrap();
    let error = items.send(1).unwrap_err();
    assert_eq!(error, Error::Done);
    let text = error.to_string();
    assert!(
        text.contains("behind the end of a stream comes nothing"),
        "{text}"
    );
    drop(stream);
    let (items, stream) = Stream::<u32>::channel();
    drop(stream);
    assert_eq!(items.send(1).unwrap_err(), Error::Cancelled);
}

#[test]
fn a_sender_that_is_dropped_owes_a_result() {
    let (items, stream) = Stream::<u32, String>::channel();
    drop(items);
    let error = stream.result().unwrap_err();
    assert_eq!(error, Error::Abandoned);
    let text = error.to_string();
    assert!(
        text.contains("the sender of the stream") && text.contains("without a result"),
        "{text}"
    );
}

#[test]
fn a_panic_while_items_are_taken_is_said_to_be_one() {
    let (hub, addr, _fed) = server("jrpc", Processing::Inline);
    let client = client("jrpc", addr);
    let failed = |promise: Promise<()>| match bounded("the promise", || promise.result()) {
        Err(Error::Call(error)) => {
            assert_eq!(error.code, CallError::INTERNAL_ERROR);
            error.message
        }
        other => panic!("{other:?}"),
    };
    let callback = "the callback given to `each` panicked";
    let of_call = client.all().lines(1000);
    let promise = of_call.each(|line| assert_ne!(line, "line 7", "wanted by the test"));
    assert_eq!(failed(promise), callback);
    let promise = Stream::iter(0..3).each(|number| assert_ne!(number, 1, "wanted by the test"));
    assert_eq!(failed(promise), callback);
    let panics = (0..3).inspect(|number| assert_ne!(*number, 1, "wanted by the test"));
    assert_eq!(
        failed(Stream::iter(panics).each(drop)),
        "the stream panicked"
    );
    // Nothing else is lost by that.
    assert_eq!(client.all().add(1, 2).result().unwrap(), 3);
    hub.stop().unwrap();
}
