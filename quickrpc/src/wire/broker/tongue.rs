//! How a broker is spoken to: what differs between them, in one place.

use std::time::Duration;

use super::message::{Leaving, Message, Unsaid};
use super::subjects::{self, Subjects};
use crate::wire::mqtt;
use crate::wire::nats;

/// How the broker of one connection is spoken to, and what is under way to it.
#[derive(Debug)]
pub(crate) enum Tongue {
    Nats(nats::Talk),
    Mqtt(Box<mqtt::Session>),
}

impl Tongue {
    /// Subscribes to what is ours.
    ///
    /// # Errors
    ///
    /// Where something cannot be said at all.
    pub(crate) fn enter(&mut self, subjects: &Subjects) -> Result<Vec<u8>, Unsaid> {
        match self {
            Tongue::Nats(talk) => Ok(talk.enter(subjects)),
            Tongue::Mqtt(session) => session.enter(subjects),
        }
    }

    /// Says that we are there.
    ///
    /// # Errors
    ///
    /// Where it cannot be said.
    pub(crate) fn announce(&mut self, subjects: &Subjects) -> Result<Vec<u8>, Unsaid> {
        match self {
            Tongue::Nats(_) => {
                let mut out = Vec::new();
                let (all, inbox) = (subjects.all(subjects::HERE), subjects.inbox(subjects::HERE));
                nats::publish(&mut out, &[&all], &[&inbox], b"");
                Ok(out)
            }
            Tongue::Mqtt(session) => session.announce(subjects),
        }
    }

    /// Says good-bye.
    pub(crate) fn leave(&mut self, subjects: &Subjects) -> Vec<u8> {
        match self {
            Tongue::Nats(_) => {
                let mut out = Vec::new();
                let all = subjects.all(subjects::BYE);
                let inbox = [subjects.answers(), subjects::NONE];
                nats::publish(&mut out, &[&all], &inbox, b"");
                out
            }
            Tongue::Mqtt(session) => session.leave(subjects),
        }
    }

    /// Hears what is sent to this subject as one of a group.
    ///
    /// # Errors
    ///
    /// Where it cannot be said.
    pub(crate) fn join(&mut self, subject: &str, group: &str) -> Result<Vec<u8>, Unsaid> {
        match self {
            Tongue::Nats(talk) => Ok(talk.join(subject, group)),
            Tongue::Mqtt(session) => session.join(subject, group),
        }
    }

    /// Hears it no more.
    pub(crate) fn part(&mut self, subject: &str, group: &str) -> Vec<u8> {
        match self {
            Tongue::Nats(talk) => talk.part(subject),
            Tongue::Mqtt(session) => session.part(subject, group),
        }
    }

    /// Asks for what the broker keeps there, where it does.
    pub(crate) fn look_up(&mut self, subject: &str) -> Vec<u8> {
        match self {
            Tongue::Nats(_) => Vec::new(),
            Tongue::Mqtt(session) => session.look_up(subject),
        }
    }

    /// Asks the broker whether it is there.
    pub(crate) fn ping(&self) -> Vec<u8> {
        match self {
            Tongue::Nats(_) => nats::PING.to_vec(),
            Tongue::Mqtt(_) => mqtt::PING.to_vec(),
        }
    }

    /// How often the broker is asked, where it has something to say to that, too.
    pub(crate) fn keepalive(&self) -> Option<Duration> {
        match self {
            Tongue::Nats(_) => None,
            Tongue::Mqtt(session) => Some(session.keepalive()),
        }
    }

    /// Sends a message, which is appended to `out`, or held. If too much waits already, that is as much as
    /// `limit`.
    ///
    /// # Errors
    ///
    /// Why it cannot be sent.
    pub(crate) fn publish(
        &mut self,
        message: &Message<'_>,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<Leaving, Unsaid> {
        match self {
            Tongue::Nats(talk) => {
                talk.publish(message, out).map_err(Unsaid::TooLarge)?;
                Ok(Leaving {
                    number: None,
                    is_held: false,
                })
            }
            Tongue::Mqtt(session) => session.publish(message, limit, out),
        }
    }

    /// What was to leave has not.
    pub(crate) fn forget(&mut self, number: u16) {
        match self {
            Tongue::Nats(_) => {}
            Tongue::Mqtt(session) => session.forget(number),
        }
    }

    /// Whether something waits until the broker takes more. Whoever asks wants to be told when
    /// nothing does any more.
    pub(crate) fn is_holding(&mut self) -> bool {
        match self {
            Tongue::Nats(_) => false,
            Tongue::Mqtt(session) => session.is_holding(),
        }
    }
}
