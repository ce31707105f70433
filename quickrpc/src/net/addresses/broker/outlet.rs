//! What leaves for peers behind a broker: to which subject, and where its answer goes.

use std::sync::Arc;
use std::time::Instant;

use super::super::super::conn::{At, Carries, Collects, Conn, Content, Queued, Wait};
use super::Broker;
use super::asked::{Question, mark};
use crate::base::error::Error;
use crate::base::subject::check_words;
use crate::base::sync::lock;
use crate::wire::nats;
use crate::wire::nats::subjects;
use crate::wire::session::About;

/// Where a message goes.
struct Place {
    subject: String,
    reply: String,
    /// The call that it is, where it wants an answer.
    key: Option<(u64, u64)>,
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
        self.check_size(payload.len())?;
        let place = self.place(id, at, about)?;
        if let Some(key) = place.key {
            self.expect(key, at, &place.subject);
        }
        let mut out = Vec::with_capacity(payload.len() + place.subject.len() + 128);
        nats::publish(&mut out, &place.subject, &place.reply, payload);
        let sent = self.line.send(Content::Framed(&out), wait, collects);
        if sent.is_err()
            && let Some(key) = place.key
        {
            lock(&self.questions).remove(&key);
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
    /// What stands for somebody.
    fn at(&self, id: u64, at: &At) -> Option<Arc<Conn>> {
        match at {
            At::All => Some(Arc::clone(&self.everyone)),
            At::Any => Some(Arc::clone(&self.anyone)),
            At::Peer(name) => lock(&self.known).find(id, Some(name)),
            At::Named(_) | At::Reply(_) | At::Nowhere => lock(&self.known).find(id, None),
        }
    }

    fn expect(&self, key: (u64, u64), at: &At, subject: &str) {
        let Some(conn) = self.at(key.1, at) else {
            return;
        };
        let question = Question {
            conn,
            subject: subject.into(),
            since: Instant::now(),
            silences: 0,
        };
        lock(&self.questions).insert(key, question);
    }

    fn place(&self, to: u64, at: &At, about: About<'_>) -> Result<Place, Error> {
        match about {
            About::Call { method, id, .. } => {
                let key = id.map(|id| (id, to));
                let reply = match key {
                    Some(key) => self.subjects.inbox(&mark(key)),
                    None => self.subjects.inbox(subjects::NONE),
                };
                Ok(Place {
                    subject: self.subject(at, method, key.is_some())?,
                    reply,
                    key,
                })
            }
            About::Change { method, .. } => Ok(Place {
                subject: self.subject(at, method, false)?,
                reply: self.subjects.inbox(subjects::NONE),
                key: None,
            }),
            About::Answer { id, failed } => {
                let reply = self.pay(to, id, failed);
                let Some(subject) = reply.filter(|reply| !reply.is_empty()) else {
                    let text = "it has not said where its answers go";
                    return Err(self.cannot("an answer", text));
                };
                Ok(Place {
                    subject: subject.into(),
                    // Which says who has answered.
                    reply: self.subjects.inbox(subjects::NONE),
                    key: None,
                })
            }
            About::Kept { .. } => Err(self.cannot("this", "it belongs to no message")),
        }
    }

    fn subject(&self, at: &At, method: &str, wants_answer: bool) -> Result<String, Error> {
        if let Err(why) = check_words(method) {
            return Err(self.cannot(method, &format!("its name {why}")));
        }
        Ok(match at {
            At::All => self.subjects.all(method),
            // Whoever has taken the call is among them.
            At::Any if method.starts_with(OF_CALLS) && !wants_answer => self.subjects.all(method),
            At::Any => self.subjects.any(method),
            At::Peer(name) | At::Named(name) => self.subjects.to(name, method),
            // What belongs to a stream of results.
            At::Reply(subject) if !wants_answer => subject.to_string(),
            At::Reply(_) | At::Nowhere => {
                let text = "who has no name in the namespace cannot be called";
                return Err(self.cannot(method, text));
            }
        })
    }

    fn cannot(&self, what: &str, reason: &str) -> Error {
        Error::Unsupported {
            protocol: Arc::clone(&self.wire.name),
            method: what.into(),
            reason: reason.into(),
        }
    }
}
