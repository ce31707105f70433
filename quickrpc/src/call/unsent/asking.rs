//! Calls that nobody is there for, and what becomes of them.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::table::UnsentCall;
use crate::base::error::{Error, Result};
use crate::base::here;
use crate::base::scratch::with_scratch;
use crate::base::sender::Receiver;
use crate::base::sync::{after, lock};
use crate::call::calls::Calls;
use crate::call::given::add_trace;
use crate::call::promise::{CallInfo, Context, PendingCall};
use crate::call::receivers::Few;
use crate::call::stream::asking::only_streams;
use crate::call::target::{ArgsFor, Failures, Target, verdict};
use crate::net::collect;
use crate::net::conn::{Conn, Wait};
use crate::wire::Wire;
use crate::wire::jrpc;
use crate::wire::session::{About, Way};

impl Target {
    /// Waits until there is a peer for the calls of this handle.
    ///
    /// # Errors
    ///
    /// Who is missing at the limit; where waiting cannot end.
    pub fn ready(&self, limit: Duration) -> Result<()> {
        if self.calls().net.is_waited_for_here() {
            return Err(Error::Deadlock(
                "`ready()` on a thread that delivers for this API; use `on_connect`".into(),
            ));
        }
        self.wait_for_peer(Instant::now().checked_add(limit), "ready")
    }

    fn wait_for_peer(&self, until: Option<Instant>, method: &str) -> Result<()> {
        let unsent = &self.calls().unsent;
        loop {
            let seen = unsent.changes();
            self.calls().net.check_running()?;
            let (peers, failures) = self.resolve();
            if !peers.as_slice().is_empty() && failures.is_empty() {
                return Ok(());
            }
            if !self.may_come(&failures) || !unsent.wait(seen, until) {
                return Err(self.nobody(failures, method));
            }
        }
    }

    /// Why a message to nobody was not sent.
    fn nobody(&self, failures: Failures, method: &str) -> Error {
        let missing = verdict(failures, self.single(&[])).err();
        missing.unwrap_or_else(|| {
            let addressed = !self.is_for_nobody();
            Error::NoPeer {
                method: method.into(),
                addressed,
                sent: false,
                reason: match addressed {
                    true => self.calls().net.outage().into(),
                    false => "".into(),
                },
            }
        })
    }

    /// A notification that nobody is there for. Gives who is, if it was worth waiting.
    ///
    /// # Errors
    ///
    /// That it is lost, where nobody would find out otherwise. A server need not have anybody.
    #[cold]
    pub(crate) fn for_nobody(&self, failures: Failures, method: &str) -> Result<(Few, Failures)> {
        let calls = self.calls();
        let waits = calls.unsent.waits() && !calls.net.has_servers() && self.may_come(&failures);
        if waits && !here::delivers_for_any() {
            let until = Instant::now().checked_add(self.limit(None, &[]));
            self.wait_for_peer(until, method)?;
            return Ok(self.resolve());
        }
        match waits || calls.net.has_only_clients() || !failures.is_empty() {
            true => Err(self.nobody(failures, method)),
            false => Ok((Few::Many(Vec::new()), failures)),
        }
    }

    /// A call that nobody is there for, or that comes behind such ones.
    #[cold]
    #[inline(never)]
    pub(crate) fn ask_later<P>(
        &self,
        method: Cow<'static, str>,
        args: &impl ArgsFor,
        timeout: Duration,
        failures: Failures,
        make: impl FnOnce(Arc<dyn Context>, CallInfo, &[Arc<Conn>]) -> Result<(P, Arc<dyn PendingCall>)>,
    ) -> Result<P> {
        let calls = self.calls();
        let unsent = &calls.unsent;
        if self.is_for_nobody() || !unsent.waits() || !self.may_come(&failures) {
            return Err(self.nobody(failures, &method));
        }
        let deadline = Instant::now().checked_add(timeout);
        let id = calls.next_call();
        let texts = self.texts(&method, args, id)?;
        let info = CallInfo {
            id,
            method: method.clone(),
            peer: None,
            deadline,
            timeout,
        };
        let context: Arc<dyn Context> = self.context();
        let (promise, call) = make(context, info, &[])?;
        calls.admit(id, call, &[])?;
        let waiting = UnsentCall {
            id,
            method,
            receivers: self.receivers(),
            deadline,
            texts,
            way: self.way(args.deed(), Some(timeout)),
            credit: None,
        };
        if let Err(error) = unsent.push(waiting, calls.net.limits.peer_queue) {
            let call = lock(&calls.pending).remove(id);
            drop(call);
            return Err(error);
        }
        // Somebody may have come meanwhile, or the call is given up.
        calls.send_waiting();
        Ok(promise)
    }

    /// Whether those who are missing may come.
    fn may_come(&self, failures: &Failures) -> bool {
        let is_unknown = |error: &Error| matches!(error, Error::UnknownPeer { .. });
        failures.iter().all(|(_, error)| is_unknown(error)) && !self.calls().net.is_deserted()
    }

    /// A call as each wire wants it.
    fn texts(
        &self,
        method: &str,
        args: &impl ArgsFor,
        id: u64,
    ) -> Result<Vec<(Arc<Wire>, Vec<u8>)>> {
        let (mut texts, mut failed) = (Vec::new(), None);
        for wire in self.calls().net.wires() {
            let mut text = Vec::new();
            match args.encode(&wire, &mut text, method, Some(id)) {
                Ok(()) => {
                    // On this thread, which knows of it.
                    add_trace(&wire, &mut text);
                    texts.push((wire, text));
                }
                Err(reason) => failed = Some(reason),
            }
        }
        match failed {
            Some(reason) if texts.is_empty() => Err(Error::Encode {
                method: method.into(),
                reason: reason.into(),
            }),
            _ => Ok(texts),
        }
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

impl Calls {
    /// A peer has come, or none will: threads and calls have waited for that.
    pub(crate) fn peers_changed(&self) {
        self.unsent.changed();
        if self.unsent.is_busy() {
            self.send_waiting();
        }
    }

    /// What comes behind calls that wait is not to overtake those that somebody is there for. Another thread may be
    /// sending them, and wait for room; it is waited for so long, but not on a thread that delivers, which is to
    /// go on though a peer does not read.
    #[cold]
    pub(crate) fn send_waiting_first(&self, limit: Duration) {
        self.send_waiting();
        if !here::delivers_for_any() {
            self.unsent.wait_sent(after(limit));
        }
    }

    /// Sends the calls that somebody is there for, one after the other.
    fn send_waiting(&self) {
        if !self.unsent.begin() {
            return;
        }
        while let Some(calls) = self.unsent.round() {
            if !self.send_in_order(calls) {
                self.unsent.look_again();
            }
            // What this thread collects would be overtaken by what others send.
            collect::flush();
        }
    }

    /// Sends those of the calls that somebody is there for, or fails them where nobody will come. Gives false where an earlier one has
    /// to be looked at again before the rest.
    fn send_in_order(&self, calls: Vec<u64>) -> bool {
        // Whom the calls before this one are for that stay.
        let mut absent: Vec<Option<Arc<[Receiver]>>> = Vec::new();
        for id in calls {
            if !lock(&self.pending).holds(id) {
                // Given up before it was put here.
                self.unsent.forget(id);
                continue;
            }
            let Some(receivers) = self.unsent.receivers(id) else {
                continue;
            };
            if absent.contains(&receivers) {
                continue;
            }
            match self.who_is_there(receivers.clone()) {
                None if self.net.is_deserted() => self.send_to_nobody(id),
                None => absent.push(receivers),
                // Who has come during this round may be waited for by those before, too.
                Some(_)
                    if absent
                        .iter()
                        .any(|of| self.who_is_there(of.clone()).is_some()) =>
                {
                    return false;
                }
                Some(peers) => self.send_late(id, peers.as_slice()),
            }
        }
        true
    }

    /// The peers of a call that waits, if it need not wait any longer.
    fn who_is_there(&self, receivers: Option<Arc<[Receiver]>>) -> Option<Few> {
        let (peers, failures) = Target::of(self.me.upgrade()?, receivers).resolve();
        (failures.is_empty() && !peers.as_slice().is_empty()).then_some(peers)
    }

    /// Fails one of the calls that wait.
    fn send_to_nobody(&self, id: u64) {
        let (Some(call), Some(calls)) = (self.unsent.take(id), self.me.upgrade()) else {
            return;
        };
        let target = Target::of(calls, call.receivers);
        let (_, failures) = target.resolve();
        self.settle_unsent(id, target.nobody(failures, &call.method));
    }

    fn settle_unsent(&self, id: u64, error: Error) {
        let pending = lock(&self.pending).remove(id);
        if let Some(pending) = pending {
            pending.fail(error, 0);
        }
    }

    /// Sends one of the calls that wait.
    fn send_late(&self, id: u64, peers: &[Arc<Conn>]) {
        let call = self.unsent.take(id);
        let Some(call) = call else { return };
        if let Err(error) = self.send_to(&call, peers) {
            self.settle_unsent(id, error);
        }
    }

    fn send_to(&self, call: &UnsentCall, peers: &[Arc<Conn>]) -> Result<()> {
        if call.credit.is_some() {
            only_streams(&call.method, peers)?;
        }
        self.ask_now(call.id, peers)?;
        let pending = peers.first();
        let pending = pending.and_then(|conn| lock(&self.pending).of(call.id, conn));
        if let Some(pending) = pending {
            pending.asks(peers)?;
        }
        let mut failed = None;
        for conn in peers {
            if let Err(error) = self.send_late_to(call, conn) {
                self.fail_call(conn, Some(call.id), error.clone());
                failed = Some(error);
            } else if !lock(&self.pending).holds(call.id) {
                // Given up meanwhile, of which the peer has heard before it heard of the call.
                self.tell_cancelled(call.id, std::slice::from_ref(conn));
            }
        }
        match (failed, call.credit) {
            (None, Some(items)) => self.grant_items(call.id, items),
            // With several, those who have got it may answer.
            (Some(error), _) if peers.len() == 1 => return Err(error),
            _ => {}
        }
        Ok(())
    }

    fn send_late_to(&self, call: &UnsentCall, conn: &Arc<Conn>) -> Result<()> {
        let text = call
            .texts
            .iter()
            .find(|(wire, _)| Arc::ptr_eq(wire, &conn.wire));
        let Some((wire, text)) = text else {
            return Err(Error::NoPeer {
                method: call.method.as_ref().into(),
                addressed: true,
                sent: false,
                reason: "".into(),
            });
        };
        with_scratch(|out| {
            out.extend_from_slice(text);
            if wire.codec.deadlines()
                && let Some(deadline) = call.deadline
            {
                jrpc::put_timeout(out, left(deadline));
            }
            conn.frame(out, &call.method)?;
            let about = About::Call {
                method: &call.method,
                id: Some(call.id),
                way: Way {
                    within: call.deadline.map(left),
                    ..call.way
                },
            };
            self.net.transmit(conn, out, about, Wait::Never)
        })
    }
}
