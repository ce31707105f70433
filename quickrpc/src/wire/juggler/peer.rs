//! What is known of a peer, and what peers cannot be told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::base::reason::DisconnectReason;
use crate::expr::{JugglerExpr, JugglerGeneration as Generation};
use crate::wire::session::{Heard, Role, Saying};

use super::state::Seen;

/// What both halves of a session know.
pub(super) struct Peer {
    pub(super) expr: JugglerExpr,
    pub(super) role: Role,
    /// How the peer speaks, once that is known.
    pub(super) generation: OnceLock<Generation>,
    since: Instant,
    /// When something was heard last, in nanoseconds from the beginning.
    heard: AtomicU64,
    /// What it shows; a leaf in the lock order.
    pub(super) seen: Mutex<Seen>,
}

/// What peers of a generation cannot be told.
pub(super) fn lacks(generation: Generation, role: Role, saying: Saying) -> Option<&'static str> {
    match (generation, role, saying) {
        (Generation::V05, _, _)
        | (_, Role::Client, Saying::Call)
        | (_, Role::Server, Saying::Notification | Saying::Property) => None,
        (_, Role::Client, Saying::Property) => {
            Some("a client of Juggler has no state that servers see; only servers have properties")
        }
        (_, Role::Client, Saying::Notification) => Some(
            "a client of Juggler has no notifications, only calls with a reply; declare it with a \
             result, which may be `()`",
        ),
        (_, Role::Server, Saying::Call) => Some(
            "a server of Juggler cannot call its clients, only notify them; declare it without a \
             result",
        ),
    }
}

impl Peer {
    pub(super) fn new(expr: &JugglerExpr, role: Role, generation: Option<Generation>) -> Self {
        Peer {
            expr: expr.clone(),
            role,
            generation: generation.map_or_else(OnceLock::new, OnceLock::from),
            since: Instant::now(),
            heard: AtomicU64::new(0),
            seen: Mutex::new(Seen::new()),
        }
    }

    /// Something was heard.
    pub(super) fn is_there(&self) {
        let nanos = u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.heard.store(nanos, Ordering::Relaxed);
    }

    /// When something was heard last.
    pub(super) fn heard(&self) -> Instant {
        self.since + Duration::from_nanos(self.heard.load(Ordering::Relaxed))
    }
}

/// The peer has to go. It is not told why.
pub(super) fn wrong(text: impl Into<Arc<str>>) -> Heard {
    Heard::End(DisconnectReason::Rejected {
        code: 1000,
        text: text.into(),
    })
}
