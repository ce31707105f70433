//! What leaves for peers behind a broker: to which subject, and where its answer goes.

use std::sync::Arc;
use std::time::Instant;

use super::super::super::conn::{At, Carries, Collects, Conn, Content, Queued, Wait};
use super::Broker;
use super::asked::{Question, mark};
use crate::base::error::Error;
use crate::base::scratch::with_scratch;
use crate::base::sync::lock;
use crate::wire::broker::subjects;
use crate::wire::broker::{Message, ReplyTo};
use crate::wire::session::About;

/// What is said of a running call goes to all where it is not known who has it.
const OF_CALLS: &str = "rpc.";

impl Carries for Broker {
    fn send(
        &self,
        (id, at): (u64, &At),
        about: About<'_>,
        payload: &[u8],
        wait: Wait,
        collects: Collects,
    ) -> Result<Queued, Error> {
        match about {
            About::Call {
                method, id: call, ..
            } => {
                let key = call.map(|call| (call, id));
                self.send_call(at, method, key, payload, wait, collects)
            }
            About::Answer { id: call, failed } => {
                self.send_answer((id, call), failed, payload, wait, collects)
            }
            About::Change { method, .. } => {
                let subject = self.kept_at(method)?;
                let message = Message {
                    subject: &[&subject],
                    correlation: b"",
                    reply: &[],
                    payload,
                    kept: true,
                };
                self.put(&message, wait, collects)
            }
            About::Kept { .. } => Err(self.cannot("this", "it belongs to no message")),
        }
    }

    fn flush(&self, writable: bool) -> usize {
        self.line.flush(writable)
    }

    fn members(&self) -> usize {
        self.count()
    }
}

impl Broker {
    /// Sends a call, or a notification, which has no key.
    fn send_call(
        &self,
        at: &At,
        method: &str,
        key: Option<(u64, u64)>,
        payload: &[u8],
        wait: Wait,
        collects: Collects,
    ) -> Result<Queued, Error> {
        self.check_method(method)?;
        let subjects = self.subjects();
        let nowhere = [subjects.answers(), subjects::NONE];
        let Some(subject) = self.subject_of(at, method, key.is_some()) else {
            // What belongs to a stream of results.
            if let (At::Reply(to), None) = (at, key) {
                return self.put_answer(to, payload, wait, collects);
            }
            let text = "who has no name in the namespace cannot be called";
            return Err(self.cannot(method, text));
        };
        let mut message = Message {
            subject: &subject,
            correlation: b"",
            reply: &nowhere,
            payload,
            kept: false,
        };
        let Some(key) = key else {
            return self.put(&message, wait, collects);
        };
        self.expect(key, at, method)?;
        let (mut call, mut asked) = (itoa::Buffer::new(), itoa::Buffer::new());
        let [call, dash, asked] = mark(key, &mut call, &mut asked);
        let reply = [subjects.answers(), call, dash, asked];
        message.reply = &reply;
        let sent = self.put(&message, wait, collects);
        if sent.is_err() {
            lock(&self.questions).remove(&key);
        }
        sent
    }

    /// Sends the answer to this call of this peer.
    fn send_answer(
        &self,
        (to, call): (u64, &str),
        failed: bool,
        payload: &[u8],
        wait: Wait,
        collects: Collects,
    ) -> Result<Queued, Error> {
        let owed = self.pay(to, call);
        let Some(owed) = owed.filter(|owed| !owed.reply.get().subject.is_empty()) else {
            let text = "it has not said where its answers go";
            return Err(self.cannot("an answer", text));
        };
        let sent = self.put_answer(&owed.reply, payload, wait, collects);
        match sent {
            Ok(_) => owed.is_paid(failed),
            Err(_) => self.owe_still((to, call), owed),
        }
        sent
    }

    /// Where a call of this method is published that is for these, in pieces, if they can be called.
    pub(super) fn subject_of<'a>(
        &'a self,
        at: &'a At,
        method: &'a str,
        wants_answer: bool,
    ) -> Option<[&'a str; 4]> {
        let subjects = self.subjects();
        match at {
            At::All => Some(subjects.to_all(method)),
            // Whoever has taken the call is among them.
            At::Any if method.starts_with(OF_CALLS) && !wants_answer => {
                Some(subjects.to_all(method))
            }
            At::Any => Some(subjects.to_any(method)),
            At::Peer(name) | At::Named(name) => Some(subjects.to_one(name, method)),
            At::Reply(_) | At::Nowhere => None,
        }
    }

    /// Sends what goes where an answer is wanted.
    fn put_answer(
        &self,
        to: &ReplyTo,
        payload: &[u8],
        wait: Wait,
        collects: Collects,
    ) -> Result<Queued, Error> {
        let to = to.get();
        let message = Message {
            subject: &[&self.subjects().addressed(to.subject)],
            correlation: to.correlation,
            // Which says who has answered.
            reply: &[self.subjects().answers(), subjects::NONE],
            payload,
            kept: false,
        };
        self.put(&message, wait, collects)
    }

    /// Sends a message of a peer, or holds it as long as the broker does not take it.
    fn put(&self, message: &Message<'_>, wait: Wait, collects: Collects) -> Result<Queued, Error> {
        with_scratch(|out| self.put_made_in(out, message, wait, collects))
    }

    fn put_made_in(
        &self,
        out: &mut Vec<u8>,
        message: &Message<'_>,
        wait: Wait,
        collects: Collects,
    ) -> Result<Queued, Error> {
        let limit = self.line.wire.limits.peer_queue;
        let leaving = {
            let mut tongue = lock(&self.tongue);
            if matches!(wait, Wait::Offered) && tongue.is_holding() {
                return Ok(Queued::NoRoom);
            }
            let limit = match wait {
                // It is owed.
                Wait::Answer => limit.saturating_mul(4),
                _ => limit,
            };
            tongue.publish(message, limit, out).map_err(|why| {
                let subject = message.subject.concat();
                self.unsaid(why, &subject, message.payload.len())
            })?
        };
        if leaving.is_held {
            return Ok(Queued::Fine);
        }
        let sent = self.line.send(Content::Framed(out), wait, collects);
        if matches!(sent, Err(_) | Ok(Queued::NoRoom))
            && let Some(number) = leaving.number
        {
            lock(&self.tongue).forget(number);
            self.let_out();
        }
        sent
    }

    /// What stands for somebody.
    fn at(&self, id: u64, at: &At) -> Option<Arc<Conn>> {
        match at {
            At::All => Some(Arc::clone(&self.everyone)),
            At::Any => Some(Arc::clone(&self.anyone)),
            At::Peer(name) => lock(&self.known).find(id, Some(name)),
            At::Named(_) | At::Reply(_) | At::Nowhere => lock(&self.known).find(id, None),
        }
    }

    /// A call waits for its answer from now on, unless none can come.
    fn expect(&self, key: (u64, u64), at: &At, method: &str) -> Result<(), Error> {
        let conn = self.at(key.1, at);
        let mut questions = lock(&self.questions);
        // Under the lock: what is in the table when no answers can come any more is told so, and
        // whatever comes after it learns it here.
        if let Some(error) = self.deaf.get() {
            return Err(error.clone());
        }
        let Some(conn) = conn else {
            return Ok(());
        };
        let question = Question {
            conn,
            sent_to: at.clone(),
            method: method.into(),
            since: Instant::now(),
            silences: 0,
            is_lost: false,
        };
        questions.insert(key, question);
        Ok(())
    }

    pub(super) fn check_method(&self, method: &str) -> Result<(), Error> {
        match self.subjects().style().check_words(method) {
            Ok(()) => Ok(()),
            Err(why) => Err(self.cannot(method, &format!("its name {why}"))),
        }
    }

    pub(super) fn cannot(&self, what: &str, reason: &str) -> Error {
        Error::Unsupported {
            protocol: Arc::clone(&self.wire.name),
            method: what.into(),
            reason: reason.into(),
        }
    }
}
