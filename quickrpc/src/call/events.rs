//! What the network tells of, and what becomes of it: events in their turn, calls that fail.

use std::sync::Arc;
use std::time::Instant;

use crate::base::error::Error;
use crate::base::reason::DisconnectReason;
use crate::base::sender::Sender;
use crate::base::sync::lock;
use crate::net::above::{Above, Hears};
use crate::net::conn::Conn;
use crate::net::reactor::Command;
use crate::net::status::TransportStatus;

use super::calls::Calls;
use super::hear::Ear;
use super::local::Kind;
use super::processing::Processing;

impl Above for Calls {
    fn came(&self, peer: &Arc<Conn>) {
        let Some(calls) = self.me.upgrade() else {
            return;
        };
        if self.observers.watches_connect() && !peer.is_beside() {
            let sender = peer.sender();
            let item = move || calls.observers.connected(&sender);
            self.post(peer.id(), Box::new(item), 0);
        }
        self.introduce(peer);
        if peer.wire.tells_when_asked() {
            self.ask_for_properties(peer);
        }
        self.peers_changed();
    }

    fn deserted(&self) {
        self.peers_changed();
    }

    fn round(&self, peer: &Arc<Conn>, feed: &mut dyn FnMut(&mut dyn Hears)) {
        feed(&mut Ear::new(self, peer));
    }

    fn lost(&self, peer: &Conn, reason: &DisconnectReason) {
        // One that has only ended its side may still take answers.
        let takes_answers = !peer.is_closed() && peer.wire.frames.ends_by_halves();
        self.properties.lost(peer.id());
        match takes_answers {
            true => self.feeds.ended_side(peer.id()),
            false => self.feeds.lost(peer.id()),
        }
        self.arguments.lost(peer.id(), &peer.gone(reason));
        self.fail_pending(peer, reason);
        self.foreign.lost(peer.id());
        if !takes_answers {
            self.cancel_all(peer);
        }
    }

    fn ended(&self, peer: &Arc<Conn>) {
        let last = Arc::clone(peer);
        // With answers owed, the last of them closes.
        self.post(peer.id(), Box::new(move || last.settled()), 0);
        if !peer.is_closed() {
            // Something is owed to it: is it there to take it? Where nobody wants that any more, whoever
            // owes it may not have noticed, and never will.
            self.net.ask(Command::Probe(Arc::clone(peer)));
        }
    }

    fn gone(&self, peer: &Arc<Conn>, reason: DisconnectReason) {
        let Some(calls) = self.me.upgrade() else {
            return;
        };
        let (sender, beside) = (peer.sender(), peer.is_beside());
        let item = move || {
            if !beside {
                calls.observers.disconnected(&sender, &reason);
            }
            calls.properties.gone(sender.id);
        };
        self.post(peer.id(), Box::new(item), 0);
    }

    fn room(&self, peer: &Arc<Conn>) {
        self.has_room_for_properties(peer.id());
        self.feeds.room(peer.id());
    }

    fn trouble(&self, peer: &Sender, error: Error) {
        Calls::trouble(self, peer, error, None);
    }

    fn serves(&self) -> Vec<String> {
        self.slots.handled()
    }

    fn keeps(&self, everyone: &Arc<Conn>) {
        self.introduce(everyone);
    }

    fn lost_value(&self, everyone: &Arc<Conn>, change: &str) {
        self.tell_again(everyone, change);
    }

    fn hears_change(&self, change: &str) -> bool {
        let remote = self.properties.remote();
        remote.iter().any(|property| property.change() == change)
            || self.slots.find(change).is_none()
    }

    fn awaits(&self, peer: &Conn, call: u64) -> bool {
        lock(&self.pending).is_open(call, peer)
    }

    fn unanswered(&self, peer: &Conn, call: u64, error: Error) {
        self.fail_call(peer, Some(call), error);
    }

    fn taken(&self, from: &Conn, call: u64, by: &Arc<Conn>) {
        lock(&self.pending).hand_over(call, from, by);
    }

    fn watches_status(&self) -> bool {
        self.observers.watches_status()
    }

    fn status(&self, status: TransportStatus) {
        let Some(calls) = self.me.upgrade() else {
            return;
        };
        // Transports share a lane that no peer has.
        self.post(0, Box::new(move || calls.observers.status(&status)), 0);
    }

    fn due(&self, now: Instant) -> Option<Instant> {
        self.expire_calls(now)
    }

    fn run(&self) {
        self.mailbox.drain();
    }

    fn may_start(&self) -> Result<(), Error> {
        let with = |kind| self.slots.with(kind).or_else(|| self.properties.with(kind));
        if self.executor.get().is_none()
            && let Some(name) = with(Kind::Async)
        {
            let text = format!(
                "a handler of `{name}` was connected with `.._async`, and nobody runs its \
                 futures: build the API with `.executor(..)`, such as \
                 `.executor(move |future| drop(handle.spawn(future)))` with the handle of a runtime"
            );
            return Err(Error::Config(text.into()));
        }
        let local = || with(Kind::Local).or_else(|| self.observers.with_local_handler());
        match self.mailbox.mode() {
            Processing::Manual => Ok(()),
            _ => local().map_or(Ok(()), |name| {
                let text = format!(
                    "a handler of `{name}` was connected with `.._local`, to stay on its thread: \
                     build the API with `.processing(Processing::Manual)` and call \
                     `process_pending()` there, or connect a handler that is `Send` and `Sync`"
                );
                Err(Error::Config(text.into()))
            }),
        }
    }

    fn starting(&self) {
        self.properties.reset();
        self.mailbox.open();
        self.apart.open();
        lock(&self.pending).open();
    }

    fn stopping(&self, deadline: Instant) {
        // The running handlers finish; the calls that wait behind them are given up.
        self.mailbox.forget_calls();
        let pending = lock(&self.pending).close();
        for given_up in pending {
            // What runs though nobody looks at its result goes on.
            let wanted = given_up.call.is_wanted();
            given_up.call.fail(Error::Stopped, 0);
            if wanted {
                self.tell_cancelled(given_up.id, given_up.asked.as_slice());
            }
        }
        self.unsent.clear();
        self.feeds.clear();
        self.arguments.clear();
        let marks = (self.cancel_running(), self.apart.cancel_running());
        self.mailbox.wait_idle(deadline);
        self.apart.wait_idle(deadline);
        drop(marks);
    }

    fn stopped(&self, deadline: Instant) {
        self.mailbox.wait_idle(deadline);
        self.apart.close();
        if self.mailbox.mode() != Processing::Manual {
            self.mailbox.close();
        }
    }
}
