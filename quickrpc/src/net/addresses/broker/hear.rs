//! What a broker says, and what is done about it. On the poll thread.

use std::sync::Arc;

use super::super::super::above::{Above, Hears};
use super::super::super::conn::{At, Conn};
use super::super::Addresses;
use super::Broker;
use super::asked;
use super::check::{Checked, Expected};
use crate::base::error::Error;
use crate::base::reason::DisconnectReason;
use crate::base::security::SecurityError;
use crate::base::subject::Style;
use crate::base::sync::lock;
use crate::wire::broker::subjects::{self, From, To};
use crate::wire::broker::{Delivery, Reply, Said, Tongue};
use crate::wire::mqtt::{self, Heard, Outcome};
use crate::wire::nats;

/// Who has sent something, as far as he says so, the user for whom the broker vouches, and the peer if he has
/// spoken lately.
type Who<'a> = (Option<From<'a>>, Option<&'a str>, Option<Arc<Conn>>);

/// The broker's status where nobody listens.
const NOBODY: u16 = 503;

impl Broker {
    /// Hears one thing.
    pub(super) fn listen(&self, above: &dyn Above, hears: &mut dyn Hears, said: Said<'_>) {
        lock(&self.pulse).heard();
        match said {
            Said::Nats(event) => self.listen_nats(above, hears, event),
            Said::Mqtt(event) => self.listen_mqtt(above, hears, event),
        }
    }

    fn listen_nats(&self, above: &dyn Above, hears: &mut dyn Hears, event: nats::Event<'_>) {
        match event {
            nats::Event::Message(delivery) => {
                let subject = delivery.subject;
                let (to, user) = self.subjects().what_and_whose(subject);
                match (to, delivery.status) {
                    (To::Inbox(mark), Some(NOBODY)) => self.nobody(above, mark),
                    (_, Some(_)) => {}
                    (_, None) => {
                        let delivery = Delivery {
                            subject,
                            reply: Reply::to(delivery.reply),
                            payload: delivery.payload,
                            kept: false,
                        };
                        self.delivery(above, hears, (to, user), &delivery);
                    }
                }
            }
            nats::Event::Info(info) => self.informed(&info),
            nats::Event::TooLarge {
                size,
                limit,
                subject,
            } => self.too_large(above, subject, (size, limit)),
            nats::Event::Error(text) => self.error(above, text),
            nats::Event::Incomplete
            | nats::Event::Part
            | nats::Event::Nothing
            | nats::Event::Ping
            | nats::Event::Pong => {}
        }
    }

    fn listen_mqtt(&self, above: &dyn Above, hears: &mut dyn Hears, event: mqtt::Event<'_>) {
        let (first, body) = match event {
            mqtt::Event::Packet { first, body } => (first, body),
            mqtt::Event::TooLarge {
                size,
                topic,
                number,
            } => {
                if let Some(number) = number {
                    self.write(&mqtt::acknowledgement(number));
                }
                return self.too_large(above, topic, (size, usize::MAX));
            }
            mqtt::Event::Incomplete | mqtt::Event::Part => return,
        };
        let heard = match &mut *lock(&self.tongue) {
            Tongue::Mqtt(session) => session.hear(first, body),
            Tongue::Nats(_) => return,
        };
        match heard {
            Ok(Heard::Nothing) => {}
            Ok(Heard::Message(message)) => {
                self.write(&message.acknowledgement);
                let delivery = Delivery {
                    subject: &message.topic,
                    reply: Reply {
                        subject: &message.reply,
                        correlation: &message.correlation,
                    },
                    payload: &message.payload,
                    kept: message.kept,
                };
                let (to, user) = self.subjects().what_and_whose(delivery.subject);
                self.delivery(above, hears, (to, user), &delivery);
            }
            Ok(Heard::Unreadable(message)) => {
                self.write(&message.acknowledgement);
                let wire = &self.wire.name;
                crate::base::log::warn_often!(
                    "messages of a broker that cannot be read", &self.everyone.peer.origin;
                    %wire, "a message by the broker cannot be read ({}), and is dropped", message.why
                );
            }
            Ok(Heard::Acknowledged {
                subject,
                reply,
                outcome,
            }) => {
                self.let_others(above);
                self.acknowledged(above, &subject, &reply, outcome);
            }
            Ok(Heard::Subscribed(refused)) => {
                for (filter, outcome) in refused {
                    let (Outcome::Forbidden(text) | Outcome::Refused(text)) = outcome else {
                        continue;
                    };
                    let wire = &self.wire.name;
                    let text = format!("the broker refuses a subscription to `{filter}`: {text}");
                    crate::base::log::warn!(%wire, "{text}");
                    let error = Error::Security(SecurityError::Refused(text.into()));
                    above.trouble(self.everyone.peer(), error);
                }
            }
            Ok(Heard::End(text)) => {
                let text = format!("the broker says `{text}`");
                self.line.close(DisconnectReason::Transport(text.into()));
            }
            Err(why) => {
                let text = format!("the broker breaks the rules of MQTT: {why}");
                self.line.close(DisconnectReason::Transport(text.into()));
            }
        }
    }

    /// What was held leaves as far as the broker takes it. Gives whether nothing is any more, for which
    /// somebody has waited.
    pub(super) fn let_out(&self) -> bool {
        let mut tongue = lock(&self.tongue);
        let Tongue::Mqtt(session) = &mut *tongue else {
            return false;
        };
        while let Some(bytes) = session.next() {
            self.write(&bytes);
        }
        session.has_room()
    }

    /// The same for what the broker has acknowledged: others send again.
    fn let_others(&self, above: &dyn Above) {
        if self.let_out() {
            for conn in self.all() {
                above.room(&conn);
            }
        }
    }

    /// What came of a message of ours.
    fn acknowledged(&self, above: &dyn Above, subject: &str, reply: &str, outcome: Outcome) {
        let subjects = self.subjects();
        let mark = match subjects.what(reply) {
            To::Inbox(mark) => mark,
            // No call, such as a value that is kept: nobody answers it.
            _ => subjects::NONE,
        };
        match outcome {
            // Whoever is there is known, and to our own subscription a call does not come.
            Outcome::Fine if self.count() == 0 && matches!(subjects.what(subject), To::All(_)) => {
                self.nobody(above, mark);
            }
            Outcome::Fine => {}
            Outcome::Nobody => match subjects.asked(subject) {
                Some(from) => self.only_kept(above, from),
                None => self.nobody(above, mark),
            },
            Outcome::Forbidden(text) => {
                let text = format!("it does not let us publish to `{subject}` ({text})");
                self.forbidden(above, subject, &text);
            }
            Outcome::Refused(text) => {
                let reason =
                    format!("the broker does not take what is sent to `{subject}`: {text}");
                let error = Error::Disconnected {
                    peer: Arc::clone(&self.everyone.peer().name),
                    reason: reason.into(),
                };
                self.refused(above, subject, &error);
            }
        }
    }

    fn too_large(&self, above: &dyn Above, subject: &str, (size, limit): (usize, usize)) {
        // The line has a larger one, for what is around a message.
        let limit = limit.min(self.wire.limits.message_size);
        crate::base::log::debug!(subject, size, "a message that is too large");
        above.trouble(self.everyone.peer(), Error::MessageTooLarge { size, limit });
    }

    /// What is behind `-ERR`. Most of these end the connection.
    fn error(&self, above: &dyn Above, text: &str) {
        let lower = text.to_ascii_lowercase();
        if lower.starts_with("permissions violation") {
            let subject = text.split('"').nth(1).unwrap_or_default();
            let wire = &self.wire.name;
            if subject.starts_with("$SRV.") {
                crate::base::log::debug!(%wire, "NATS's own tools do not see us: `{text}`");
                return;
            }
            crate::base::log::warn_often!(
                "permissions of a broker", &self.everyone.peer.origin, &text;
                %wire, "the broker says `{text}`"
            );
            return match lower.starts_with("permissions violation for subscription") {
                true => self.unheard(above, subject, text),
                false => self.forbidden(above, subject, text),
            };
        }
        if lower.starts_with("invalid subject") {
            return self.forbidden(above, "", text);
        }
        let text = format!("the broker says `{text}`");
        self.line.close(DisconnectReason::Transport(text.into()));
    }

    /// A message that is for this, and published by that user.
    fn delivery(
        &self,
        above: &dyn Above,
        hears: &mut dyn Hears,
        (to, user): (To<'_>, Option<&str>),
        delivery: &Delivery<'_>,
    ) {
        let (subjects, reply) = (self.subjects(), delivery.reply);
        let (from, spoken) = match self.spoken(reply.subject, user) {
            Some((from, conn)) => (Some(from), Some(conn)),
            None => (subjects.from(reply.subject), None),
        };
        let is_own = from.is_some_and(|from| subjects.is_ours(from));
        if subjects.is_vouched() && user.is_none() && !matches!(to, To::Service(_)) {
            crate::base::log::debug!("a message that the broker vouches for nobody for");
            return;
        }
        if let (Some(from), Some(user)) = (from, user)
            && !subjects.speaks_for(Some(user), from.name)
        {
            let text = format!("the user `{user}` says that he is `{}`", from.name);
            let error = Error::Security(SecurityError::Refused(text.into()));
            return above.trouble(self.everyone.peer(), error);
        }
        match to {
            // Where a broker gives us our own calls too, we are one of those who serve them.
            To::Any(method) if is_own => {
                if subjects.style() == Style::Slashes {
                    let make = || self.conn(subjects.name(), At::Reply(reply.keep().into()), None);
                    let conn = self.stranger_at(reply, make);
                    let expected = Expected::Call { method, reply };
                    self.heard(above, hears, &conn, expected, delivery.payload);
                }
            }
            To::Inbox(mark) => {
                let from = from.filter(|_| !is_own);
                let spoken = spoken.filter(|_| !is_own);
                self.inbox(above, hears, mark, (from, user, spoken), delivery);
            }
            // Our own messages do not come back, but somebody may copy them.
            _ if is_own => {}
            To::All(method) | To::Me(method) | To::Any(method) => {
                self.called(above, hears, method, (from, user, spoken), delivery);
            }
            To::Here(from) => self.presence(above, (from, user), delivery),
            To::Is(from, change) => self.value(above, hears, (from, change), delivery),
            To::Service(verb) => self.describe(verb, reply.subject),
            To::Nothing => {}
        }
    }

    fn called(
        &self,
        above: &dyn Above,
        hears: &mut dyn Hears,
        method: &str,
        (from, user, spoken): Who<'_>,
        delivery: &Delivery<'_>,
    ) {
        let (subjects, reply) = (self.subjects(), delivery.reply);
        match (method, from) {
            (subjects::HERE, Some(from)) => {
                self.member(above, from, user);
                if delivery.payload != subjects::AGAIN {
                    self.greet(from);
                }
            }
            (subjects::BYE, Some(from)) => self.goodbye(above, from),
            (subjects::PING, _) if !reply.subject.is_empty() => {
                if let Some(from) = from {
                    self.member(above, from, user);
                }
                self.publish(reply.subject, &subjects.inbox(subjects::NONE), b"");
            }
            (subjects::OWED, Some(from)) => {
                let conn = self.member(above, from, user);
                let marks = std::str::from_utf8(delivery.payload).unwrap_or_default();
                self.say_owed(from, &conn, marks);
            }
            (method, _) if method.starts_with('_') => {}
            (method, _) => {
                let conn = match (spoken, from) {
                    (Some(conn), _) => conn,
                    (None, Some(from)) => self.member(above, from, user),
                    (None, None) => self.stranger_of(reply, user),
                };
                let expected = Expected::Call { method, reply };
                self.heard(above, hears, &conn, expected, delivery.payload);
            }
        }
    }

    /// The broker says that nobody listens to what was sent with this mark.
    fn nobody(&self, above: &dyn Above, mark: &str) {
        match (asked::marked(mark), mark.strip_prefix(subjects::PONG)) {
            (Some(key), _) => self.nobody_listens(above, key),
            (None, Some(name)) => {
                // A name may begin with a dash, too.
                self.nobody_named(above, name.strip_prefix('-').unwrap_or(name));
            }
            (None, None) => {}
        }
    }

    /// Something has come to us alone.
    fn inbox(
        &self,
        above: &dyn Above,
        hears: &mut dyn Hears,
        mark: &str,
        (from, user, spoken): Who<'_>,
        delivery: &Delivery<'_>,
    ) {
        if let (subjects::HERE, subjects::ANEW, Some(from)) = (mark, delivery.payload, from) {
            return self.begin_anew(above, from, user);
        }
        let key = asked::marked(mark);
        let member = spoken.or_else(|| Some(self.member(above, from?, user)));
        let Some(key) = key else {
            match (mark, &member) {
                (subjects::OWED, Some(by)) => {
                    let marks = std::str::from_utf8(delivery.payload).unwrap_or_default();
                    self.taken(above, by, marks);
                }
                (subjects::PING, Some(_)) => {
                    let me = self.subjects().inbox(subjects::NONE);
                    self.publish(delivery.reply.subject, &me, b"");
                }
                _ => {}
            }
            return;
        };
        let Some(asked) = self.asked(key) else {
            crate::base::log::debug!("an answer that nobody waits for");
            return;
        };
        if let Some(At::Peer(name) | At::Named(name)) = asked::at(&asked)
            && !self.subjects().speaks_for(user, name)
        {
            let user = user.unwrap_or_default();
            let text = format!("the user `{user}` has answered what `{name}` was asked");
            let error = Error::Security(SecurityError::Refused(text.into()));
            return above.trouble(self.everyone.peer(), error);
        }
        if delivery.payload.is_empty() {
            // Who was asked whether he is there is there.
            return self.is_there(key);
        }
        let who = match member {
            Some(member) if member.answers_for(&asked) => member,
            // Who was asked by name had not been heard of, or answers for another one.
            _ => asked,
        };
        if self.heard(
            above,
            hears,
            &who,
            Expected::Answer(key.0),
            delivery.payload,
        ) {
            self.answered(above, key, &who);
        }
    }

    /// Has one message heard. Gives whether it was the answer that was expected.
    pub(super) fn heard(
        &self,
        above: &dyn Above,
        hears: &mut dyn Hears,
        conn: &Arc<Conn>,
        expected: Expected<'_>,
        payload: &[u8],
    ) -> bool {
        let mut heard = false;
        let Some(around) = self.around.upgrade() else {
            return false;
        };
        around.deliver(above, hears, conn, payload, &mut |hears, listen| {
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
