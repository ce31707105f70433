//! Cases in which somebody goes, and perhaps comes back.

use std::time::Duration;

use quickrpc::Error;
use quickrpc_tests::{bounded, kill, read_pid, runs};

use super::wire::{Carrier, Guest, Wire, Wired};
use crate::settled;

/// The deadline of calls that nobody can answer, where nothing else tells that.
const SHORT: Duration = Duration::from_millis(30);

/// Fails in the way of a call whose receiver is gone.
#[track_caller]
fn is_lost(guest: &Guest, result: quickrpc::Result<String>) {
    let expected = match &result {
        Err(Error::Disconnected { .. }) => guest.has_peers(),
        Err(Error::Timeout { .. }) => !guest.has_peers(),
        _ => false,
    };
    assert!(expected, "{result:?}");
}

/// The hub is not there any more, so far as this guest can tell.
#[track_caller]
fn nobody_answers(guest: &Guest) {
    let hub = match guest.has_peers() {
        true => guest.ask(),
        false => guest.ask().timeout(SHORT),
    };
    settled(hub.add(1, 2)).unwrap_err();
}

/// Both sides ask and answer.
#[track_caller]
fn all_is_well(wired: &Wired) {
    for guest in &wired.guests {
        assert_eq!(settled(guest.ask().add(2, 3)).unwrap(), 5);
        assert_eq!(settled(guest.ask().ask("abc")).unwrap(), "cba");
    }
}

/// A guest goes while it owes an answer; those who stay are unharmed.
pub(super) fn guest_loss(wire: Wire) {
    let mut wired = wire.connect();
    while wired.guests.len() > 1 {
        let guest = wired.guests.remove(0);
        let hub = wired.hub.as_ref().expect("a hub in this process");
        let asked = match guest.has_peers() {
            true => hub.to(&guest),
            false => hub.to(&guest).timeout(SHORT),
        };
        let promise = asked.question("wait");
        let _owed = wired.owed.next();
        let stays = hub.to(&wired.guests[0]).question("wait");
        let owed = wired.owed.next();
        let api = guest.api.clone();
        bounded("stop", move || api.stop()).unwrap();
        if let Some(sender) = &guest.sender {
            assert_eq!(hub.gone.next(), *sender);
        }
        is_lost(&guest, settled(promise));
        is_lost(&guest, settled(asked.question("abc")));
        owed.set_result(String::from("still here")).unwrap();
        assert_eq!(settled(stays).unwrap(), "still here");
        all_is_well(&wired);
    }
}

/// The hub cuts its guests off, or is killed, while it owes them an answer.
pub(super) fn hub_loss(wire: Wire) {
    let wired = wire.connect();
    for guest in wired.guests.iter().filter(|guest| guest.has_peers()) {
        let promise = guest.ask().ask("wait");
        let owed = wired.owed.next();
        match (&wired.hub, &guest.sender) {
            (Some(hub), Some(sender)) => hub.api.disconnect(sender).unwrap(),
            _ => kill(&read_pid(&wired.child())),
        }
        is_lost(guest, settled(promise));
        // The guest would still answer, for all it knows, and only then is done with the hub.
        drop(owed);
        guest.sees_hub(false);
        if wire.transport.restart && guest.carrier.abilities().can_connect_again {
            guest.sees_hub(true);
            assert_eq!(settled(guest.ask().add(2, 3)).unwrap(), 5);
        } else {
            nobody_answers(guest);
        }
    }
}

/// The guests stop, and then the hub; once more the other way round.
pub(super) fn stopping(wire: Wire) {
    let wired = wire.connect();
    for guest in &wired.guests {
        let pending = guest.ask().ask("wait");
        let _owed = wired.owed.next();
        stop_guest(guest);
        let error = settled(pending).unwrap_err();
        assert!(matches!(error, Error::Stopped), "{error:?}");
        settled(guest.ask().add(1, 2)).unwrap_err();
        match (&wired.hub, &guest.sender) {
            (Some(hub), Some(sender)) => assert_eq!(hub.gone.next(), *sender),
            (Some(_), None) => {}
            (None, _) => assert!(!runs(&wired.child()), "the child is left"),
        }
    }
    stop_hub(&wired);
    let wired = wire.connect();
    stop_hub(&wired);
    for guest in &wired.guests {
        if wired.hub.is_some() {
            guest.sees_hub(false);
            nobody_answers(guest);
        }
        stop_guest(guest);
    }
}

fn stop_guest(guest: &Guest) {
    let api = guest.api.clone();
    bounded("stop of a guest", move || api.stop()).unwrap();
    assert!(guest.api.peers().is_empty());
}

fn stop_hub(wired: &Wired) {
    if let Some(hub) = &wired.hub {
        let api = hub.api.clone();
        bounded("stop of the hub", move || api.stop()).unwrap();
        assert!(hub.api.peers().is_empty());
    }
}

/// The same APIs stop and start again.
pub(super) fn starting_again(wire: Wire) {
    let mut wired = wire.connect();
    for round in 0..3 {
        all_is_well(&wired);
        if round % 2 == 0 {
            wired.guests.iter().for_each(stop_guest);
            stop_hub(&wired);
        } else {
            stop_hub(&wired);
            wired.guests.iter().for_each(stop_guest);
        }
        wired.start();
    }
    all_is_well(&wired);
}

/// The hub alone stops and starts again, or is killed; its guests find it again.
pub(super) fn hub_restarts(wire: Wire) {
    let wired = wire.connect();
    for _ in 0..3 {
        all_is_well(&wired);
        if wired.hub.is_none() {
            kill(&read_pid(&wired.child()));
        }
        stop_hub(&wired);
        for guest in &wired.guests {
            guest.sees_hub(false);
            if wired.hub.is_some() {
                nobody_answers(guest);
            }
        }
        if let Some(hub) = &wired.hub {
            hub.api.start().unwrap();
        }
        for guest in &wired.guests {
            guest.sees_hub(true);
        }
    }
    all_is_well(&wired);
    for guest in &wired.guests {
        if guest.carrier == Carrier::Internal {
            assert_eq!(guest.api.peers().iter().filter(|p| **p == "hub").count(), 1);
        }
    }
}
