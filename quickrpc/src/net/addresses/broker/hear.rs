//! What a broker says, and what is done about it. On the poll thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::super::super::above::{Above, Hears};
use super::super::super::conn::Conn;
use super::Broker;
use super::asked;
use super::check::{Checked, Expected};
use crate::base::error::Error;
use crate::base::reason::DisconnectReason;
use crate::wire::nats::subjects::{self, To};
use crate::wire::nats::{Delivery, Event};

/// The broker's status where nobody listens.
const NOBODY: u16 = 503;

impl Broker {
    /// Hears one verb.
    pub(super) fn listen(&self, above: &dyn Above, event: Event<'_>) {
        self.silences.store(0, Ordering::Relaxed);
        match event {
            Event::Message(delivery) => self.delivery(above, &delivery),
            Event::Info(info) => self.informed(&info),
            Event::TooLarge { size, subject } => {
                let limit = self.wire.limits.message_size;
                crate::base::log::debug!(subject, size, "a message that is too large");
                above.trouble(self.everyone.peer(), Error::MessageTooLarge { size, limit });
            }
            Event::Error(text) => self.error(above, text),
            Event::Incomplete | Event::Part | Event::Nothing | Event::Ping | Event::Pong => {}
        }
    }

    /// What is behind `-ERR`. Most of these end the connection.
    fn error(&self, above: &dyn Above, text: &str) {
        let lower = text.to_ascii_lowercase();
        if lower.starts_with("permissions violation") {
            let subject = text.split('"').nth(1).unwrap_or_default();
            let wire = &self.wire.name;
            crate::base::log::warn_often!(
                "permissions of a broker", &self.everyone.peer.origin;
                %wire, "the broker says `{text}`"
            );
            return self.forbidden(above, subject, text);
        }
        if lower.starts_with("invalid subject") {
            return self.forbidden(above, "", text);
        }
        let text = format!("the broker says `{text}`");
        self.line.close(DisconnectReason::Transport(text.into()));
    }

    fn delivery(&self, above: &dyn Above, delivery: &Delivery<'_>) {
        let (subject, reply) = (delivery.subject, delivery.reply);
        let from = self.subjects.from(reply);
        // Our own messages do not come back, but somebody may copy them.
        if from.is_some_and(|from| from.token == self.subjects.token()) {
            return;
        }
        match self.subjects.what(subject) {
            To::Inbox(mark) => self.inbox(above, mark, delivery),
            To::All(method) | To::Me(method) | To::Any(method) => {
                if delivery.status.is_none() {
                    self.called(above, method, delivery);
                }
            }
            To::Service(verb) => self.describe(verb, reply),
            To::Nothing => {}
        }
    }

    fn called(&self, above: &dyn Above, method: &str, delivery: &Delivery<'_>) {
        let reply = delivery.reply;
        let from = self.subjects.from(reply);
        match (method, from) {
            (subjects::HERE, Some(from)) => {
                self.member(above, from);
                self.greet(from);
            }
            (subjects::BYE, Some(from)) => self.goodbye(from),
            (subjects::PING, _) if !reply.is_empty() => {
                if let Some(from) = from {
                    self.member(above, from);
                }
                self.publish(reply, &self.subjects.inbox(subjects::NONE), b"");
            }
            (subjects::OWED, Some(from)) => {
                let conn = self.member(above, from);
                let marks = std::str::from_utf8(delivery.payload).unwrap_or_default();
                self.say_owed(from, &conn, marks);
            }
            (method, _) if method.starts_with('_') => {}
            (method, _) => {
                let conn = self.sender_of(above, reply);
                let expected = Expected::Call { method, reply };
                self.heard(above, &conn, expected, delivery.payload);
            }
        }
    }

    /// Something has come to us alone.
    fn inbox(&self, above: &dyn Above, mark: &str, delivery: &Delivery<'_>) {
        let from = self.subjects.from(delivery.reply);
        let key = asked::marked(mark);
        if delivery.status == Some(NOBODY) {
            match (key, mark.strip_prefix(subjects::PONG)) {
                (Some(key), _) => self.nobody_listens(above, key),
                (None, Some(name)) => {
                    self.nobody_named(name.trim_start_matches('-'));
                }
                (None, None) => {}
            }
            return;
        }
        let member = from.map(|from| self.member(above, from));
        let Some(key) = key else {
            if let (subjects::OWED, Some(by)) = (mark, &member) {
                let marks = std::str::from_utf8(delivery.payload).unwrap_or_default();
                self.taken(above, by, marks);
            }
            return;
        };
        if delivery.payload.is_empty() {
            // Who was asked whether he is there is there.
            return self.is_there(key);
        }
        let Some(asked) = self.asked(key) else {
            crate::base::log::debug!("an answer that nobody waits for");
            return;
        };
        let who = match member {
            Some(member) if member.answers_for(&asked) => member,
            // Who was asked by name had not been heard of, or answers for another one.
            _ => asked,
        };
        if self.heard(above, &who, Expected::Answer(key.0), delivery.payload) {
            self.answered(above, key, &who);
        }
    }

    /// Has one message heard. Gives whether it was the answer that was expected.
    fn heard(
        &self,
        above: &dyn Above,
        conn: &Arc<Conn>,
        expected: Expected<'_>,
        payload: &[u8],
    ) -> bool {
        let mut heard = false;
        let Some(around) = self.around.upgrade() else {
            return false;
        };
        around.deliver(above, conn, payload, &mut |hears, listen| {
            let mut checked = Checked {
                broker: self,
                conn,
                expected,
                hears,
                heard: false,
            };
            listen(&mut checked as &mut dyn Hears);
            heard |= checked.heard;
        });
        heard
    }
}
