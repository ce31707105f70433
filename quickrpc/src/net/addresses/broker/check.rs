//! Looks at what comes by a broker before it is heard: what a message says has to be what its
//! subject says, or the broker's permissions could be gone around.

use std::sync::Arc;

use super::super::super::above::Hears;
use super::super::super::conn::Conn;
use super::Broker;
use crate::base::error::Error;
use crate::base::security::SecurityError;
use crate::base::sender::Sender;
use crate::wire::broker::Reply;
use crate::wire::codec::{CallParts, Envelope, Payload, Script};
use crate::wire::session::Changes;

/// What a message has to be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expected<'a> {
    /// A call of this method; its answer goes there.
    Call { method: &'a str, reply: Reply<'a> },
    /// The notification that a property has changed, and nothing else.
    Change { method: &'a str },
    /// The answer to the call with this number.
    Answer(u64),
}

/// Hears only what is expected.
pub(super) struct Checked<'a> {
    pub(super) broker: &'a Broker,
    pub(super) conn: &'a Arc<Conn>,
    pub(super) expected: Expected<'a>,
    pub(super) hears: &'a mut dyn Hears,
    /// The answer was heard that was expected.
    pub(super) heard: bool,
}

impl Checked<'_> {
    /// Whether it is the call that is expected, and new.
    fn is_call(
        &self,
        envelope: &Envelope,
        expected: (&str, Reply<'_>),
        telegram: &Script<'_>,
    ) -> Result<bool, Error> {
        let (method, reply) = expected;
        let call = |said: &str, id: Option<&str>| {
            if said != method {
                let text = format!("a call of `{said}` came by the subject of `{method}`");
                return Err(Error::Security(SecurityError::Refused(text.into())));
            }
            Ok(match id {
                Some(id) => self.broker.owe(self.conn, id, method, reply),
                None => true,
            })
        };
        let parts = |parts: &CallParts| {
            let id = parts.id.as_ref().map(|id| id.of(*telegram));
            call(parts.method.of(*telegram), id)
        };
        match envelope {
            Envelope::Call { method, id, .. } => {
                let id = id.as_ref().map(|id| id.of(*telegram));
                call(method.of(*telegram), id)
            }
            Envelope::Timed(timed) => parts(&timed.1),
            Envelope::Cancel { call, .. } => parts(call),
            Envelope::Invalid { id: Some(id), .. } => call(method, Some(id.of(*telegram))),
            Envelope::Invalid { id: None, .. } | Envelope::Empty => Ok(true),
            _ => Err(Error::Decode(
                format!("what came by the subject of `{method}` is no call").into(),
            )),
        }
    }

    fn is_answer(&self, envelope: &Envelope, call: u64, telegram: &Script<'_>) -> bool {
        match envelope {
            Envelope::Reply { id, .. } => *id == Some(call),
            Envelope::Failure { id, .. } => *id == Some(call),
            Envelope::Hollow { ours, .. } | Envelope::Unreadable { ours, .. } => *ours == call,
            // A result that comes bit by bit.
            Envelope::Call {
                method, id: None, ..
            } => method.of(*telegram) == "rpc.item",
            _ => false,
        }
    }
}

/// Whether it is the notification of a change.
fn is_change(envelope: &Envelope, change: &str, telegram: &Script<'_>) -> bool {
    match envelope {
        Envelope::Call {
            method, id: None, ..
        } => method.of(*telegram) == change,
        _ => false,
    }
}

impl Hears for Checked<'_> {
    fn hear(&mut self, heard: Envelope, sender: &Sender, telegram: &Script<'_>) {
        let wire = &self.conn.wire;
        let envelope = match heard {
            // It may only seem to have no id, and then an answer is owed.
            Envelope::Call {
                params: Payload::Raw(_),
                id: None,
                ..
            } => match wire.codec.decode(*telegram, &wire.limits) {
                Ok(envelope) => envelope,
                Err(error) => {
                    return self.unreadable(sender, &error.to_string(), telegram.as_bytes());
                }
            },
            // Of some, the beginning and the end alone were looked at. Whoever looks at all of it later, sees
            // to it that it is what it seemed to be (`Calls::decode_in_full`).
            heard => heard,
        };
        match self.expected {
            Expected::Call { method, reply } => {
                match self.is_call(&envelope, (method, reply), telegram) {
                    Ok(true) => self.hears.hear(envelope, sender, telegram),
                    // The broker has brought it twice.
                    Ok(false) => {}
                    Err(error) => self.hears.trouble(sender, error),
                }
            }
            Expected::Change { method } => match is_change(&envelope, method, telegram) {
                true => self.hears.hear(envelope, sender, telegram),
                false => {
                    let text = format!("what is kept as the value of `{method}` is none");
                    self.hears.trouble(sender, Error::Decode(text.into()));
                }
            },
            Expected::Answer(call) if self.is_answer(&envelope, call, telegram) => {
                self.heard = true;
                self.hears.hear(envelope, sender, telegram);
            }
            // A store of messages may answer by itself that it has kept the call.
            Expected::Answer(_) => {
                crate::base::log::debug!(peer = %sender, "what came in the place of an answer is none");
            }
        }
    }

    fn changed(&mut self, changes: &dyn Changes, sender: &Sender) {
        self.hears.changed(changes, sender);
    }

    fn unreadable(&mut self, sender: &Sender, text: &str, bytes: &[u8]) {
        match self.expected {
            Expected::Call { .. } | Expected::Change { .. } => {
                self.hears.unreadable(sender, text, bytes)
            }
            Expected::Answer(_) => {
                crate::base::log::debug!(peer = %sender, "what came in the place of an answer cannot be read: {text}");
            }
        }
    }

    fn trouble(&mut self, sender: &Sender, error: Error) {
        self.hears.trouble(sender, error);
    }

    fn is_full(&mut self, shares: usize) -> bool {
        self.hears.is_full(shares)
    }

    fn behind(&mut self, peer: &Arc<Conn>, feed: &mut dyn FnMut(&mut dyn Hears)) {
        self.hears.behind(peer, feed);
    }
}
