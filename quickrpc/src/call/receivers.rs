//! Whom the calls of a handle go to: from receivers to those who are there.

use std::sync::Arc;

use super::target::{Failures, Target};
use crate::base::error::{Error, Result};
use crate::base::sender::{Receiver, Sender};
use crate::base::sync::lock;
use crate::net::conn::Conn;
use crate::net::peers::PeerTable;

/// Peers that a message goes to; nearly always one.
pub(crate) enum Few {
    One([Arc<Conn>; 1]),
    Many(Vec<Arc<Conn>>),
}

impl Few {
    pub(crate) fn as_slice(&self) -> &[Arc<Conn>] {
        match self {
            Few::One(one) => one,
            Few::Many(many) => many,
        }
    }
}

impl Target {
    /// The same for one of those who serve a call.
    pub fn any(&self) -> Self {
        Target {
            receivers: Some(Arc::new([Receiver::Anyone])),
            ..self.clone()
        }
    }

    /// A target for each connected receiver.
    pub(super) fn each(&self) -> Vec<(Sender, Target)> {
        let (peers, _) = match &self.receivers {
            Some(_) => self.resolve(),
            // Whoever is behind a broker is there as well.
            None => (
                Few::Many(lock(&self.calls.net.peers).all().cloned().collect()),
                Vec::new(),
            ),
        };
        let peers = peers.as_slice();
        let one_of_several = peers.len() > 1;
        let target = |conn: &Arc<Conn>| Target {
            one_of_several,
            ..match conn.outlet.is_shared() {
                true => self.any(),
                false => self.to(conn.peer()),
            }
        };
        peers
            .iter()
            // Who is there is not known of everybody.
            .filter(|conn| !conn.is_everyone())
            .map(|conn| (conn.sender(), target(conn)))
            .collect()
    }

    /// The peers that are meant, and the receivers that are not there.
    pub(crate) fn resolve(&self) -> (Few, Failures) {
        let mut peers = lock(&self.calls.net.peers);
        if let Some([Receiver::Anyone]) = self.receivers.as_deref() {
            let few = match peers.anyone() {
                Some(one) => Few::One([one]),
                None => Few::Many(Vec::new()),
            };
            return (few, Vec::new());
        }
        let Some(receivers) = &self.receivers else {
            let few = match peers.only() {
                Some(one) => Few::One([Arc::clone(one)]),
                None => Few::Many(peers.everybody().cloned().collect()),
            };
            return (few, Vec::new());
        };
        if let [receiver] = &**receivers {
            return match peers.find(receiver) {
                Ok(conn) => (Few::One([conn]), Vec::new()),
                Err(error) => match self.addressed(&peers, receiver, error) {
                    Ok(conns) => (Few::Many(conns), Vec::new()),
                    Err(error) => (Few::Many(Vec::new()), vec![(name(receiver), error)]),
                },
            };
        }
        let (mut found, mut failures) = (Vec::<Arc<Conn>>::new(), Vec::new());
        for receiver in receivers.iter() {
            let conns = match peers.find(receiver) {
                Ok(conn) => Ok(vec![conn]),
                Err(error) => self.addressed(&peers, receiver, error),
            };
            match conns {
                Ok(conns) => {
                    for conn in conns {
                        if !found.iter().any(|one| one.id() == conn.id()) {
                            found.push(conn);
                        }
                    }
                }
                Err(error) => failures.push((name(receiver), error)),
            }
        }
        (Few::Many(found), failures)
    }

    /// What stands for a receiver that is not connected but has an address; else the error.
    fn addressed(
        &self,
        peers: &PeerTable,
        receiver: &Receiver,
        error: Error,
    ) -> Result<Vec<Arc<Conn>>> {
        if matches!(error, Error::AmbiguousPeer { .. }) {
            return Err(error);
        }
        let conns = peers.addressed(receiver);
        match conns.is_empty() {
            true => Err(error),
            false => Ok(conns),
        }
    }
}

pub(super) fn name(receiver: &Receiver) -> Arc<str> {
    match receiver {
        Receiver::Peer(sender) => Arc::clone(&sender.name),
        Receiver::Name(name) => Arc::clone(name),
        Receiver::Anyone => "any".into(),
    }
}
