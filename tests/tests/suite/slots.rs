//! Slots: who handles a call, and in which order.

use std::collections::BTreeSet;

use quickrpc::{CallError, remote_api};
use quickrpc_tests::{SOON, inbox};

use crate::{call_error, settled};

/// A door with a bell.
#[remote_api]
trait Door {
    /// Somebody knocks.
    #[incoming]
    fn knock(&self, times: u32);

    /// Opens with the right key.
    #[incoming]
    fn unlock(&self, key: &str) -> bool;

    /// The number on the door, if it has one.
    #[incoming]
    fn number(&self) -> Option<i64>;

    /// Somebody rang the bell.
    #[outgoing]
    fn ring(&self);
}

#[test]
fn handlers_run_in_the_order_of_connecting() {
    let (door, guest) = Door::pair();
    let (seen, log) = inbox();
    for name in ["first", "second", "third"] {
        let seen = seen.clone();
        door.knock.connect(move |_sender, times| {
            seen.send((name, times)).unwrap();
        });
    }
    guest.all().knock(7).unwrap();
    assert_eq!(log.take(3), [("first", 7), ("second", 7), ("third", 7)]);
}

#[test]
fn disconnecting_removes_one_handler() {
    let (door, guest) = Door::pair();
    let (seen, log) = inbox();
    let connections: Vec<_> = ["first", "second"]
        .into_iter()
        .map(|name| {
            let seen = seen.clone();
            door.knock.connect(move |_sender, _times| {
                seen.send(name).unwrap();
            })
        })
        .collect();
    connections[0].disconnect();
    connections[0].disconnect();
    guest.all().knock(1).unwrap();
    guest.all().knock(2).unwrap();
    assert_eq!(log.take(2), ["second", "second"]);
}

#[test]
fn dropping_the_connection_keeps_the_handler() {
    let (door, guest) = Door::pair();
    let (seen, log) = inbox();
    drop(door.knock.connect(move |_sender, times| {
        seen.send(times).unwrap();
    }));
    guest.all().knock(3).unwrap();
    assert_eq!(log.next(), 3);
}

#[test]
fn handlers_belong_to_one_instance() {
    let (one, guest_of_one) = Door::pair();
    let (other, guest_of_other) = Door::pair();
    let (seen, log) = inbox();
    let seen_by_other = seen.clone();
    one.knock.connect(move |_sender, _times| {
        seen.send("one").unwrap();
    });
    assert!(other.unhandled_calls().contains(&"knock"));
    other.knock.connect(move |_sender, _times| {
        seen_by_other.send("other").unwrap();
    });
    guest_of_one.all().knock(1).unwrap();
    assert_eq!(log.next(), "one");
    guest_of_other.all().knock(1).unwrap();
    assert_eq!(log.next(), "other");
    assert!(log.so_far().is_empty());
}

#[test]
fn clones_of_the_handle_share_the_slots() {
    let (door, guest) = Door::pair();
    let (seen, log) = inbox();
    let same = door.clone();
    same.knock.connect(move |_sender, times| {
        seen.send(times).unwrap();
    });
    drop(same);
    guest.all().knock(4).unwrap();
    assert_eq!(log.next(), 4);
}

#[test]
fn unhandled_calls_are_named() {
    let (door, _guest) = Door::pair();
    let unhandled = || BTreeSet::from_iter(door.unhandled_calls());
    assert_eq!(unhandled(), ["knock", "unlock", "number"].into());
    let connection = door.unlock.connect(|_sender, key| key == "brass");
    assert_eq!(unhandled(), ["knock", "number"].into());
    connection.disconnect();
    assert_eq!(unhandled(), ["knock", "unlock", "number"].into());
}

#[test]
fn a_subscription_receives_owned_arguments() {
    let (door, guest) = Door::pair();
    let knocks = door.knock.subscribe();
    guest.all().knock(1).unwrap();
    guest.all().knock(2).unwrap();
    let (sender, times) = knocks.recv_timeout(SOON).unwrap();
    assert!(door.peers().contains(&sender));
    assert_eq!(times, 1);
    assert_eq!(knocks.recv_timeout(SOON).unwrap().1, 2);
}

#[test]
fn a_subscription_to_a_call_with_reply_answers_through_its_resolver() {
    let (door, guest) = Door::pair();
    let keys = door.unlock.subscribe();
    let promise = guest.all().unlock("brass");
    let (_sender, key, resolver) = keys.recv_timeout(SOON).unwrap();
    assert_eq!(key, "brass");
    resolver.set_result(true).unwrap();
    assert!(settled(promise).unwrap());
}

#[test]
fn a_resolver_dropped_unset_is_answered_with_an_error() {
    let (door, guest) = Door::pair();
    let keys = door.unlock.subscribe();
    let promise = guest.all().unlock("brass");
    drop(keys.recv_timeout(SOON).unwrap());
    let error = call_error(settled(promise));
    assert_eq!(error.code, CallError::INTERNAL_ERROR);
}

#[test]
fn a_dropped_subscription_ends_itself() {
    let (door, guest) = Door::pair();
    let knocks = door.knock.subscribe();
    assert!(!door.unhandled_calls().contains(&"knock"));
    drop(knocks);
    assert!(door.unhandled_calls().contains(&"knock"));
    guest.all().knock(1).unwrap();
}

#[test]
fn one_answer_of_several_handlers_is_the_reply() {
    let (door, guest) = Door::pair();
    door.unlock
        .connect(|_sender, key| (key == "iron").then_some(false));
    door.unlock
        .connect(|_sender, key| (key == "brass").then_some(true));
    assert!(!settled(guest.all().unlock("iron")).unwrap());
    assert!(settled(guest.all().unlock("brass")).unwrap());
}

#[test]
fn two_answers_are_an_error() {
    let (door, guest) = Door::pair();
    let first = door.unlock.connect(|_sender, _key| true);
    door.unlock.connect(|_sender, _key| false);
    let error = call_error(settled(guest.all().unlock("brass")));
    assert!(!error.message.is_empty());
    first.disconnect();
    assert!(!settled(guest.all().unlock("brass")).unwrap());
}

#[test]
fn no_answer_is_an_error_where_null_is_no_value() {
    let (door, guest) = Door::pair();
    door.unlock.connect(|_sender, _key| None);
    let error = call_error(settled(guest.all().unlock("brass")));
    assert_eq!(error.code, CallError::INTERNAL_ERROR);
}

#[test]
fn a_call_nobody_is_connected_to_is_answered_too() {
    let (_door, guest) = Door::pair();
    let error = call_error(settled(guest.all().unlock("brass")));
    assert_eq!(error.code, CallError::INTERNAL_ERROR);
    assert_eq!(settled(guest.all().number()).unwrap(), None);
}

#[test]
fn with_a_declared_option_none_is_the_answer() {
    let (door, guest) = Door::pair();
    door.number.connect(|_sender| None::<i64>);
    assert_eq!(settled(guest.all().number()).unwrap(), None);
    door.number.connect(|_sender| Some(17_i64));
    // Two answers now: `None` was one as well.
    call_error(settled(guest.all().number()));
}

#[test]
fn calls_go_both_ways() {
    let (door, guest) = Door::pair();
    let (seen, log) = inbox();
    guest.ring.connect(move |_sender| {
        seen.send(()).unwrap();
    });
    door.all().ring().unwrap();
    log.next();
}
