//! What leaves for peers behind a broker: to which subject, and where its answer goes.

use std::sync::Arc;
use std::time::Instant;

use super::super::super::conn::{At, Carries, Collects, Conn, Content, Queued, Wait};
use super::Broker;
use super::asked::{Question, mark};
use super::served::Owed;
use crate::base::error::Error;
use crate::base::sync::lock;
use crate::wire::broker::subjects;
use crate::wire::broker::{Message, Reply, ReplyTo};
use crate::wire::session::About;

/// Where a message goes.
struct Place {
    to: ReplyTo,
    reply: String,
    /// The call that it is, where it wants an answer.
    key: Option<(u64, u64)>,
    /// The call that it answers.
    owed: Option<Owed>,
    /// The broker keeps it.
    kept: bool,
}

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
        let place = self.place(id, at, about)?;
        let to = place.to.get();
        if let Some(key) = place.key {
            self.expect(key, at, to.subject)?;
        }
        let message = Message {
            to,
            reply: &place.reply,
            payload,
            kept: place.kept,
        };
        let sent = self.put(&message, wait, collects);
        if sent.is_err()
            && let Some(key) = place.key
        {
            lock(&self.questions).remove(&key);
        }
        if let (Some(owed), About::Answer { id: call, failed }) = (place.owed, about) {
            self.paid((id, call), owed, sent.is_ok().then_some(failed));
        }
        sent
    }

    fn flush(&self, writable: bool) -> usize {
        self.line.flush(writable)
    }

    fn members(&self) -> usize {
        self.count()
    }
}

impl Broker {
    /// Sends a message of a peer, or holds it as long as the broker does not take it.
    fn put(&self, message: &Message<'_>, wait: Wait, collects: Collects) -> Result<Queued, Error> {
        let subject = self.subjects().addressed(message.to.subject);
        let to = Reply {
            subject: &subject,
            ..message.to
        };
        let message = &Message { to, ..*message };
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
            tongue
                .publish(message, limit)
                .map_err(|why| self.unsaid(why, message.to.subject, message.payload.len()))?
        };
        let Some(bytes) = leaving.bytes else {
            return Ok(Queued::Fine);
        };
        let sent = self.line.send(Content::Framed(&bytes), wait, collects);
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
    fn expect(&self, key: (u64, u64), at: &At, subject: &str) -> Result<(), Error> {
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
            subject: subject.into(),
            since: Instant::now(),
            silences: 0,
            is_lost: false,
        };
        questions.insert(key, question);
        Ok(())
    }

    fn place(&self, to: u64, at: &At, about: About<'_>) -> Result<Place, Error> {
        match about {
            About::Call { method, id, .. } => {
                let key = id.map(|id| (id, to));
                let reply = match key {
                    Some(key) => self.subjects().inbox(&mark(key)),
                    None => self.subjects().inbox(subjects::NONE),
                };
                Ok(Place {
                    to: self.target(at, method, key.is_some())?,
                    reply,
                    key,
                    owed: None,
                    kept: false,
                })
            }
            About::Change { method, .. } => Ok(Place {
                to: self.kept_at(method)?,
                reply: String::new(),
                key: None,
                owed: None,
                kept: true,
            }),
            About::Answer { id, .. } => {
                let owed = self.pay(to, id);
                let Some(owed) = owed.filter(|owed| !owed.reply.get().subject.is_empty()) else {
                    let text = "it has not said where its answers go";
                    return Err(self.cannot("an answer", text));
                };
                Ok(Place {
                    to: owed.reply.clone(),
                    // Which says who has answered.
                    reply: self.subjects().inbox(subjects::NONE),
                    key: None,
                    owed: Some(owed),
                    kept: false,
                })
            }
            About::Kept { .. } => Err(self.cannot("this", "it belongs to no message")),
        }
    }

    fn target(&self, at: &At, method: &str, wants_answer: bool) -> Result<ReplyTo, Error> {
        self.check_method(method)?;
        let subject = match at {
            At::All => self.subjects().all(method),
            // Whoever has taken the call is among them.
            At::Any if method.starts_with(OF_CALLS) && !wants_answer => self.subjects().all(method),
            At::Any => self.subjects().any(method),
            At::Peer(name) | At::Named(name) => self.subjects().to(name, method),
            // What belongs to a stream of results.
            At::Reply(reply) if !wants_answer => return Ok(ReplyTo::clone(reply)),
            At::Reply(_) | At::Nowhere => {
                let text = "who has no name in the namespace cannot be called";
                return Err(self.cannot(method, text));
            }
        };
        Ok(ReplyTo::to(subject))
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
