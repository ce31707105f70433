//! One name on the wire, in both directions: `$/cancelRequest`, `$/progress`.

use std::time::Duration;

use quickrpc::{Direction, Value, dynamic, remote_api};

use crate::settled;

/// What either side of a language server may tell the other.
#[remote_api(prefix = "$/")]
trait Progress {
    /// The other side gives up.
    #[incoming]
    #[name = "$/cancelRequest"]
    fn cancelled(&self, id: i64);

    /// This side gives up.
    #[outgoing]
    #[name = "$/cancelRequest"]
    fn cancel(&self, id: i64);

    /// With other arguments and another answer in each direction.
    #[incoming]
    #[name = "progress"]
    fn ask_progress(&self, token: &str) -> i64;

    #[outgoing]
    #[name = "progress"]
    fn progress(&self, #[name = "token"] which: u64, percent: Option<u8>) -> String;
}

#[test]
fn each_direction_has_its_own_arguments_answers_and_slots() {
    let (api, other) = Progress::pair();
    let (here, there) = (api.cancelled.subscribe(), other.cancel.subscribe());
    api.ask_progress
        .connect(|_sender, token| token.len() as i64);
    other
        .progress
        .connect(|_sender, which, percent| format!("{which}: {percent:?}"));

    other.all().cancelled(1).unwrap();
    api.all().cancel(2).unwrap();
    let soon = Duration::from_secs(10);
    assert_eq!(here.recv_timeout(soon).unwrap().1, 1);
    assert_eq!(there.recv_timeout(soon).unwrap().1, 2);
    assert_eq!(settled(other.all().ask_progress("four")).unwrap(), 4);
    assert_eq!(
        settled(api.all().progress(7, Some(50))).unwrap(),
        "7: Some(50)"
    );
    assert_eq!(settled(api.all().progress(7, None)).unwrap(), "7: None");
    assert!(here.try_recv().is_err() && there.try_recv().is_err());
}

#[test]
fn an_incoming_call_that_nobody_handles_is_told_alone() {
    let (api, other) = Progress::pair();
    assert_eq!(api.unhandled_calls(), ["cancelled", "ask_progress"]);
    assert_eq!(other.unhandled_calls(), ["cancel", "progress"]);
    other.progress.connect(|_sender, _, _| String::new());
    assert_eq!(other.unhandled_calls(), ["cancel"]);
}

#[test]
fn the_description_has_both() {
    let calls: Vec<_> = Progress::DESCRIPTION
        .calls
        .iter()
        .map(|call| (call.name, call.wire_name, call.direction))
        .collect();
    assert_eq!(
        calls,
        [
            ("cancelled", "$/cancelRequest", Direction::Incoming),
            ("cancel", "$/cancelRequest", Direction::Outgoing),
            ("ask_progress", "progress", Direction::Incoming),
            ("progress", "progress", Direction::Outgoing),
        ]
    );
}

#[test]
fn with_a_peer_without_a_trait() {
    let api = Progress::bind("jrpc", "internal:both-ways:declared").unwrap();
    let peer = dynamic::Api::bind("jrpc", "internal:both-ways:dynamic").unwrap();
    api.ask_progress
        .connect(|_sender, token| token.len() as i64);
    peer.on("progress", |_sender, args| {
        Value::from(args["token"].to_string())
    });
    api.start().unwrap();
    peer.start().unwrap();
    let args = Value::from_iter([("token", "four")]);
    assert_eq!(
        settled(peer.call("progress", args)).unwrap(),
        Value::from(4)
    );
    assert_eq!(settled(api.all().progress(7, None)).unwrap(), "7");
}
