//! What the network does for its peers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::base::reason::DisconnectReason;
use crate::base::sync::lock;

use super::conn::{Conn, Keeper};
use super::net::Net;
use super::reactor::Command;

impl Keeper for Net {
    fn closing(&self, peer: &Arc<Conn>, reason: DisconnectReason) {
        let was_in = lock(&self.peers).remove(peer);
        if let Some(above) = self.above() {
            above.lost(peer, &reason);
        }
        if peer.is_line() {
            // It is not among the peers.
            self.ask(Command::Finish(Arc::clone(peer)));
        }
        if was_in {
            if peer.backlog() > 0 {
                self.is_ending(peer);
            }
            // Under the lock: whoever stops meanwhile tells of those who are still leaving.
            let mut peers = lock(&self.peers);
            if peers.left(peer) {
                self.ask(Command::Finish(Arc::clone(peer)));
            }
        }
    }

    fn broken(&self, peer: Arc<Conn>) {
        match self.reactor_of(&peer) {
            Some(reactor) => reactor.ask(Command::Broken(peer)),
            None => peer.close_broken(),
        }
    }

    fn resume(&self, peer: &Arc<Conn>) {
        if let Some(reactor) = self.reactor_of(peer) {
            reactor.ask(Command::Resume(Arc::clone(peer)));
        }
    }

    fn blocked(&self, peer: &Conn, blocked: bool) {
        if let Some(reactor) = self.reactor_of(peer) {
            reactor.watch(peer, |watch| watch.blocked = blocked);
        }
    }

    fn drained(&self) {
        // Only a stop waits for it: it has said so before it looked at the queue.
        if !self.running.load(Ordering::Acquire)
            && let Some(reactor) = self.reactor()
        {
            reactor.wake();
        }
    }

    fn doubt(&self, peer: Arc<Conn>) {
        self.ask(Command::Doubt(peer));
    }

    fn look_after(&self, peer: Arc<Conn>) {
        self.ask(Command::LookAfter(peer));
    }

    fn room(&self, peer: Arc<Conn>) {
        self.ask(Command::Room(peer));
    }

    fn say_later(&self, peer: Arc<Conn>, at: Instant) {
        self.ask(Command::SayLater(peer, at));
    }
}
