//! The table of peers, with peers whose wire leads nowhere.

use std::borrow::Cow;
use std::sync::Weak;

use super::*;
use crate::base::error::BoxError;
use crate::base::limits::Limits;
use crate::base::often::Origin;
use crate::base::security::SecInfo;
use crate::base::sender::next_id;
use crate::net::budget::Budget;
use crate::net::conn::{Outlet, WriterOutlet};
use crate::wire::Wire;
use crate::wire::codec::AnyCodec;
use crate::wire::security::{AnySecurity, Opened, PeerContext, Sealed, Security, SecuritySession};

/// Lets nobody in by itself.
#[derive(Debug)]
struct Door;

impl Security for Door {
    fn expression(&self) -> String {
        "door".to_owned()
    }

    fn sec_out(&self, payload: Vec<u8>) -> Result<(Option<SecInfo>, Vec<u8>), BoxError> {
        Ok((None, payload))
    }

    fn sec_in<'a>(
        &self,
        payload: Cow<'a, [u8]>,
        _: Option<&SecInfo>,
    ) -> Result<(Cow<'a, [u8]>, SecInfo), BoxError> {
        Ok((payload, SecInfo::new()))
    }

    fn session(&self, _: &PeerContext) -> Option<Box<dyn SecuritySession>> {
        Some(Box::new(Door))
    }
}

impl SecuritySession for Door {
    fn greets(&self) -> bool {
        true
    }

    fn seal<'a>(&self, _: &'a [u8]) -> Result<Sealed<'a>, BoxError> {
        Err("nobody is sent to".into())
    }

    fn open<'a>(&self, _: Cow<'a, [u8]>, _: Option<&SecInfo>) -> Result<Opened<'a>, BoxError> {
        Err("nobody is heard".into())
    }
}

fn conn(name: &str, security: AnySecurity, link: usize) -> Arc<Conn> {
    let codec = AnyCodec::default();
    let wire = Wire::new(&codec, &security, Limits::default(), "nowhere".to_owned());
    let sender = Sender {
        id: next_id(),
        name: name.into(),
        wire: 0,
        secinfo: None,
        credentials: None,
        origin: Origin::Anybody,
        place: None,
    };
    let outlet = Outlet::Writer(WriterOutlet {
        end: Box::new(|_| ()),
        at_once: None,
        outcome: None,
    });
    let keeper = Weak::<crate::net::net::Net>::new();
    let budget = Budget::new(usize::MAX);
    Conn::new(keeper, &budget, sender, &Arc::new(wire), link, outlet, None)
}

fn peer(name: &str) -> Arc<Conn> {
    conn(name, AnySecurity::Null, 0)
}

fn stranger(name: &str) -> Arc<Conn> {
    conn(name, AnySecurity::Provider(Arc::new(Door)), 0)
}

fn table(peers: &[&Arc<Conn>]) -> PeerTable {
    let mut table = PeerTable::default();
    for peer in peers {
        assert!(table.insert(Arc::clone(peer)));
    }
    table
}

fn by_name(table: &PeerTable, name: &str) -> Result<u64, Error> {
    let receiver = Receiver::Name(name.into());
    table.find(&receiver).map(|conn| conn.id())
}

fn ids<'a>(peers: impl IntoIterator<Item = &'a Arc<Conn>>) -> Vec<u64> {
    peers.into_iter().map(|conn| conn.id()).collect()
}

#[test]
fn a_name_finds_the_one_peer_that_has_it() {
    let (alice, bob) = (peer("alice"), peer("bob"));
    let mut table = table(&[&alice, &bob]);
    assert_eq!(by_name(&table, "bob").unwrap(), bob.id());
    let unknown = by_name(&table, "carol").unwrap_err();
    assert!(matches!(&unknown, Error::UnknownPeer { known, .. } if known.len() == 2));
    assert!(table.remove(&bob) && !table.remove(&bob));
    assert!(matches!(
        by_name(&table, "bob"),
        Err(Error::UnknownPeer { .. })
    ));
    let receiver = Receiver::Peer(bob.sender());
    assert!(matches!(
        table.find(&receiver),
        Err(Error::Disconnected { .. })
    ));
    assert_eq!(ids(table.everybody()), [alice.id()]);
}

#[test]
fn of_several_with_one_name_the_number_decides() {
    let (first, second) = (peer("lab"), peer("lab"));
    let mut table = table(&[&first, &second]);
    let candidates = match by_name(&table, "lab") {
        Err(Error::AmbiguousPeer { candidates, .. }) => candidates,
        other => panic!("{other:?}"),
    };
    for (name, conn) in candidates.iter().zip([&first, &second]) {
        assert_eq!(by_name(&table, name).unwrap(), conn.id());
    }
    let wrong = [
        format!("bench#{}", first.id()),
        "lab#".into(),
        "lab#x".into(),
    ];
    for name in wrong {
        assert!(
            matches!(by_name(&table, &name), Err(Error::UnknownPeer { .. })),
            "{name}"
        );
    }
    table.remove(&first);
    assert_eq!(by_name(&table, "lab").unwrap(), second.id());
}

#[test]
fn a_stranger_is_nobody_until_it_is_greeted() {
    let (friend, stranger) = (peer("friend"), stranger("stranger"));
    let mut table = table(&[&friend]);
    assert_eq!(table.only().map(|one| one.id()), Some(friend.id()));
    assert!(table.insert(Arc::clone(&stranger)));
    let name = format!("stranger#{}", stranger.id());
    for name in ["stranger", &name] {
        assert!(matches!(
            by_name(&table, name),
            Err(Error::UnknownPeer { .. })
        ));
    }
    assert_eq!(ids(table.all()), [friend.id()]);
    assert_eq!(table.with_strangers().count(), 2);
    table.remove(&friend);
    assert!(table.only().is_none() && table.everybody().next().is_none());
    assert!(stranger.end.greet());
    table.make_known(&stranger);
    table.make_known(&stranger);
    assert_eq!(by_name(&table, "stranger").unwrap(), stranger.id());
    assert_eq!(table.only().map(|one| one.id()), Some(stranger.id()));
}

#[test]
fn a_name_that_is_claimed_is_anothers_from_then_on() {
    let (old, new) = (peer("cog"), stranger("127.0.0.1:1"));
    let mut table = table(&[&old, &new]);
    let name: Arc<str> = "cog".into();
    assert_eq!(ids(&table.named(&name)), [old.id()]);
    let claimed = Sender {
        name: Arc::clone(&name),
        ..new.sender()
    };
    new.identified.set(Box::new(claimed)).unwrap();
    table.forget_name(&old);
    table.make_known(&new);
    // It has the name, but is not there yet.
    assert!(matches!(
        by_name(&table, "cog"),
        Err(Error::UnknownPeer { .. })
    ));
    assert!(new.end.greet());
    assert_eq!(by_name(&table, "cog").unwrap(), new.id());
    // The end of the old one takes nothing from the new one.
    table.remove(&old);
    assert_eq!(by_name(&table, "cog").unwrap(), new.id());
    table.remove(&new);
    assert!(table.named(&name).is_empty() && table.by_name.is_empty());
}

#[test]
fn closed_it_lets_nobody_in_and_gives_all() {
    let (first, second) = (peer("a"), stranger("b"));
    let mut table = table(&[&first, &second]);
    assert_eq!(ids(&table.close()), [first.id(), second.id()]);
    assert!(!table.insert(peer("c")));
    assert!(matches!(
        by_name(&table, "c"),
        Err(Error::UnknownPeer { .. })
    ));
    table.open();
    assert!(table.insert(peer("c")));
}

#[test]
fn the_peers_of_a_link() {
    let (one, other) = (peer("a"), conn("b", AnySecurity::Null, 1));
    let table = table(&[&one, &other]);
    assert_eq!(ids(&table.of_link(1)), [other.id()]);
    assert!(table.of_link(2).is_empty());
}

#[test]
fn who_leaves_is_told_of_once() {
    let (first, second) = (peer("a"), peer("b"));
    let mut table = table(&[&first, &second]);
    assert!(!table.left(&first), "it is still in");
    assert!(table.remove(&first));
    assert!(table.left(&first) && !table.left(&first));
    assert!(table.remove(&second));
    assert_eq!(ids(&table.take_leaving()), [second.id()]);
    assert!(!table.left(&second));
}
