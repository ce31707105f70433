//! What is known of one peer, for those who read it and those who send to it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::base::error::Error;
use crate::base::sync::lock;
use crate::expr::ZmqType;
use crate::wire::session::About;

use super::frame;
use super::sockets::{Saying, Socket, unheard, unsayable};
use super::topics::Topics;

/// The other end of a connection, as it has greeted.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(super) ours: ZmqType,
    pub(super) theirs: ZmqType,
    identity: Vec<u8>,
    /// An empty part comes before each message to it: it is a REQ or REP, or has done the same.
    delimited: AtomicBool,
    /// What it has subscribed to; a leaf in the lock order.
    topics: Mutex<Topics>,
}

impl Peer {
    pub(super) fn new(socket: &Socket, theirs: ZmqType, identity: &[u8]) -> Self {
        let has_delimiter = |kind| matches!(kind, ZmqType::Req | ZmqType::Rep);
        Peer {
            ours: socket.kind,
            theirs,
            identity: identity.to_vec(),
            delimited: AtomicBool::new(has_delimiter(socket.kind) || has_delimiter(theirs)),
            topics: Mutex::default(),
        }
    }

    /// Who it says it is, in words for people, if it does.
    pub(crate) fn name(&self) -> Option<Arc<str>> {
        let identity = &*self.identity;
        if identity.is_empty() {
            return None;
        }
        Some(match str::from_utf8(identity) {
            Ok(text) if !text.contains(char::is_control) => text.into(),
            _ => {
                let digits = identity.iter().map(|byte| format!("{byte:02x}"));
                format!("0x{}", digits.collect::<String>()).into()
            }
        })
    }

    /// Whether nobody else may be connected under its name.
    pub(crate) fn is_alone(&self) -> bool {
        self.ours == ZmqType::Router
    }

    /// Appends a telegram as a message to it, or nothing where it wants no such message.
    ///
    /// # Errors
    ///
    /// When such a socket cannot be told this.
    pub(crate) fn enclose(
        &self,
        out: &mut Vec<u8>,
        about: About<'_>,
        telegram: &[u8],
    ) -> Result<(), Error> {
        let saying = Saying::of(about);
        let why = unsayable(self.ours, saying).or_else(|| unheard(self.theirs, saying));
        if let Some(reason) = why {
            let method = match about {
                About::Call { method, .. } | About::Change { method, .. } => method,
                About::Answer { .. } | About::Kept { .. } => "an answer",
            };
            return Err(Error::Unsupported {
                protocol: "zmq".into(),
                method: method.into(),
                reason: reason.into(),
            });
        }
        if self.ours == ZmqType::Pub && !lock(&self.topics).want(telegram) {
            return Ok(());
        }
        if self.delimited.load(Ordering::Relaxed) {
            frame::part(out, &[], true);
        }
        frame::part(out, telegram, false);
        Ok(())
    }

    /// A message of it began with an empty part, or did not.
    pub(super) fn is_delimited(&self, delimited: bool) {
        let is_fixed = matches!(self.theirs, ZmqType::Req | ZmqType::Rep)
            || matches!(self.ours, ZmqType::Req | ZmqType::Rep);
        if !is_fixed {
            self.delimited.store(delimited, Ordering::Relaxed);
        }
    }

    /// It wants messages with this beginning. Gives false where it wants too many.
    pub(super) fn subscribe(&self, topic: &[u8]) -> bool {
        // Nobody else publishes.
        self.ours != ZmqType::Pub || lock(&self.topics).add(topic)
    }

    pub(super) fn cancel(&self, topic: &[u8]) {
        lock(&self.topics).remove(topic);
    }

    /// The memory that its subscriptions take.
    pub(super) fn held(&self) -> usize {
        match self.ours {
            ZmqType::Pub => lock(&self.topics).held(),
            _ => 0,
        }
    }
}
