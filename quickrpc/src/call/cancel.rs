//! Calls that are given up: ours, of which the peers are told, and those of peers, which are
//! noticed by whoever reads, and not when their turn comes.
//!
//! A call of a peer is in one of three places. One that is *answered later* is in the table here.
//! One that *waits* or *runs* is behind it, in the peer's lane, and in no table: a cancelled one is
//! marked, and the mark goes with an item that is put at the end of the lane. Since a lane is one
//! after the other, all calls that came before the cancelling are over when that item comes, and
//! those behind it are not meant, whatever their ids. So a cancel of something unknown, of
//! something that is answered, and ten thousand of them, leave nothing.

use std::sync::{Arc, Weak};

use crate::base::current::{CallKey, Mark, Over};
use crate::base::error::CallError;
use crate::base::here;
use crate::base::scratch::with_scratch;
use crate::net::conn::{Admitted, Conn, Wait};
use crate::net::reactor::Command;
use crate::wire::session::About;

use super::calls::Calls;
use super::late::Place;
use super::promise::wish::{self, Callback, Unwanted};

impl Calls {
    // ---- calls of ours

    /// Tells the peers that were asked that nobody waits for their answers.
    pub(crate) fn tell_cancelled(&self, id: u64, asked: &[Arc<Conn>]) {
        if asked.is_empty() {
            return self.unsent.forget(id);
        }
        for conn in asked {
            if conn.is_closed() {
                continue;
            }
            with_scratch(|out| {
                let Some(method) = conn.wire.codec.encode_cancel(out, id) else {
                    return;
                };
                conn.withdraw(id);
                let about = About::notification(method);
                // Like an answer, it never waits.
                let told = conn
                    .frame(out, method)
                    .and_then(|()| self.net.transmit(conn, out, about, Wait::Answer));
                if let Err(error) = told {
                    crate::base::log::debug!(peer = %conn.peer(), id, "not told of a cancel: {error}");
                }
            });
        }
    }

    // ---- calls of peers

    /// A call of a peer, given by its id, will be answered later. Who gives the answer hears at
    /// once if nobody wants it.
    pub(crate) fn answers_later(
        &self,
        conn: &Conn,
        id: Option<&str>,
        unwanted: Weak<dyn Unwanted>,
    ) -> Option<Place> {
        self.mailbox.owe();
        self.may_be_unwanted(conn, CallKey::new(conn.id(), id?), unwanted)
    }

    fn may_be_unwanted(
        &self,
        conn: &Conn,
        key: CallKey,
        unwanted: Weak<dyn Unwanted>,
    ) -> Option<Place> {
        let (number, is_cancelled) = self.late.enter(key, Weak::clone(&unwanted));
        let place = (key, number);
        // Whoever closes a peer looks for its calls after that, and this one after entering.
        if is_cancelled || conn.is_closed() {
            self.late.leave(place);
            self.tell_unwanted(vec![unwanted]);
        }
        Some(place)
    }

    /// The same for one that runs beside others, of which the key is known.
    pub(crate) fn begins_apart(
        &self,
        conn: &Conn,
        key: Option<CallKey>,
        unwanted: Weak<dyn Unwanted>,
    ) -> Option<Place> {
        self.mailbox.owe();
        self.may_be_unwanted(conn, key?, unwanted)
    }

    /// That is over.
    pub(crate) fn answered_later(&self, place: Option<Place>) {
        if let Some(place) = place {
            self.late.leave(place);
        }
        self.mailbox.paid();
    }

    /// A peer gives up its call with this id, by a message of this size. Gives true if something
    /// waits behind its calls now.
    pub(crate) fn cancel(&self, conn: &Conn, id: &str, size: usize) -> bool {
        if self.cancel_argument(conn, id) {
            return false;
        }
        let key = CallKey::new(conn.id(), id);
        let mark = match self.late.cancel(key) {
            Ok(told) => {
                self.tell_unwanted(told);
                // One that runs beside others is marked by being told. Just before, its handler may
                // have promised the answer, which was entered without a mark to be seen.
                if key.is_marked()
                    && let Ok(told) = self.late.cancel(key)
                {
                    self.tell_unwanted(told);
                }
                return false;
            }
            Err(mark) => mark,
        };
        self.behind_calls(conn, size, move || drop(mark))
    }

    /// Something that a peer has said of a call of its own, by a message of this size, is done
    /// behind the calls that came before. Gives false, and drops it, if there are none.
    pub(crate) fn behind_calls(
        &self,
        conn: &Conn,
        size: usize,
        item: impl FnOnce() + Send + 'static,
    ) -> bool {
        // It takes up room as a call would, or a peer could fill the memory with them.
        let Admitted::Waits(room) = conn.may_wait(size, || self.crowded(conn, 1)) else {
            return false;
        };
        let item = move || {
            item();
            drop(room);
        };
        self.mailbox.push_behind(conn.id(), Box::new(item))
    }

    /// A peer is gone: nobody wants what it has called.
    pub(crate) fn cancel_all(&self, conn: &Conn) {
        let (told, mark) = self.late.lose(conn.id());
        self.mailbox
            .push_behind(conn.id(), Box::new(move || drop(mark)));
        self.tell_unwanted(told);
    }

    /// The API stops: nobody wants what is running, until it has ended.
    pub(crate) fn cancel_running(&self) -> Vec<Mark> {
        let lanes = self.mailbox.running().into_iter();
        lanes.map(|lane| Mark::new(CallKey::all_of(lane))).collect()
    }

    fn tell_unwanted(&self, unwanted: Vec<Weak<dyn Unwanted>>) {
        let callbacks: Vec<Callback> = unwanted
            .iter()
            .filter_map(Weak::upgrade)
            .flat_map(|one| one.unwanted())
            .collect();
        if !callbacks.is_empty() {
            self.undisturbed(move || wish::run(callbacks));
        }
    }

    /// Runs code of the program that a peer or another thread has caused, where it disturbs nobody.
    pub(super) fn undisturbed(&self, run: impl FnOnce() + Send + 'static) {
        // A thread of the program may hold locks of the program; and what a handler causes on its
        // own thread does not interrupt it.
        let here = here::reads(self.net.id) && !here::is_inside();
        match self.net.reactor() {
            Some(reactor) if !here => {
                reactor.ask(Command::Call(Box::new(run)));
            }
            _ => run(),
        }
    }
}

/// What the caller of a call is answered that is over before it was begun.
pub(crate) fn not_begun(over: Over) -> CallError {
    match over {
        Over::Cancelled => CallError::new(
            CallError::CANCELLED,
            "the call was cancelled before it was begun",
        ),
        Over::Late => {
            let text = "the call waited beyond its deadline, and was not begun";
            CallError::too_late(text)
        }
    }
}
