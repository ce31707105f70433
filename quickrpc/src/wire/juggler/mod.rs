//! Juggler: requests, notifications and shared state in the text messages of a WebSocket.
//!
//! The format is that of the Python package `hat-juggler` in its generations 0.5, 0.6 and 0.7, as
//! they were observed. Whatever is wrong ends the connection with the code 1000 there, and so it
//! does here, since the format has no words for errors other than those of handlers.

mod equal;
mod listen;
mod message;
mod speak;
mod state;
mod tell;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::base::error::CallError;
use crate::base::reason::DisconnectReason;
use crate::expr::JugglerExpr;
use crate::expr::JugglerGeneration as Generation;
use crate::format::text::{self, Json};

use self::state::{Common, Seen};
use super::session::{Heard, Listening, Protocol, Role, Saying, Speaking};

/// Juggler, as one wire speaks it.
pub(crate) struct Juggler {
    expr: JugglerExpr,
    /// What is the same for all who are shown the same state.
    common: Arc<Common>,
}

/// What both halves of a session know.
struct Peer {
    expr: JugglerExpr,
    role: Role,
    /// How the peer speaks, once that is known.
    generation: OnceLock<Generation>,
    since: Instant,
    /// When something was heard last, in nanoseconds from the beginning.
    heard: AtomicU64,
    /// What it shows; a leaf in the lock order.
    seen: Mutex<Seen>,
}

impl Juggler {
    pub(crate) fn new(expr: &JugglerExpr) -> Self {
        Juggler {
            expr: expr.clone(),
            common: Arc::default(),
        }
    }

    /// How peers speak, where that is known before they do.
    fn generation(&self, role: Role) -> Option<Generation> {
        match (self.expr.generation, role) {
            (None, Role::Client) => Some(Generation::V07),
            (generation, _) => generation,
        }
    }
}

impl Protocol for Juggler {
    fn expression(&self) -> String {
        self.expr.to_string()
    }

    fn session(&self, role: Role, largest: usize) -> (Box<dyn Listening>, Box<dyn Speaking>) {
        let generation = self.generation(role);
        let peer = Arc::new(Peer {
            expr: self.expr.clone(),
            role,
            generation: generation.map_or_else(OnceLock::new, OnceLock::from),
            since: Instant::now(),
            heard: AtomicU64::new(0),
            seen: Mutex::new(Seen::new()),
        });
        let listening = listen::Listener::new(Arc::clone(&peer));
        let teller = tell::Teller::new(Arc::clone(&self.common), largest);
        let speaking = speak::Speaker::new(peer, teller);
        (Box::new(listening), Box::new(speaking))
    }

    fn write_failure(&self, out: &mut Vec<u8>, error: &CallError) {
        // A text, as the original has it.
        text::write_str(out, Json, &error.message);
    }

    fn greets(&self, role: Role) -> bool {
        self.generation(role).is_none()
    }

    fn positional(&self) -> bool {
        true
    }

    fn nameless(&self, role: Role) -> bool {
        // To the others, a server has nothing to call.
        matches!(self.generation(role), None | Some(Generation::V05))
    }

    fn lacks(&self, role: Role, saying: Saying) -> Option<&'static str> {
        lacks(self.generation(role)?, role, saying)
    }

    fn has_properties(&self) -> bool {
        true
    }

    fn largest(&self, role: Role) -> Option<usize> {
        let whole = matches!(
            self.generation(role),
            Some(Generation::V05 | Generation::V06)
        );
        // What servers of the original take, where nothing comes in pieces.
        (role == Role::Client && whole).then_some((4 << 20) - 1)
    }

    fn binary_code(&self) -> u16 {
        // As for all that is wrong.
        1000
    }

    fn path(&self) -> &'static str {
        "/ws"
    }
}

/// What peers of a generation cannot be told.
fn lacks(generation: Generation, role: Role, saying: Saying) -> Option<&'static str> {
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
    /// Something was heard.
    fn is_there(&self) {
        let nanos = u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.heard.store(nanos, Ordering::Relaxed);
    }

    /// When something was heard last.
    fn heard(&self) -> Instant {
        self.since + Duration::from_nanos(self.heard.load(Ordering::Relaxed))
    }
}

/// The peer has to go. It is not told why.
fn wrong(text: impl Into<Arc<str>>) -> Heard {
    Heard::End(DisconnectReason::Rejected {
        code: 1000,
        text: text.into(),
    })
}

impl fmt::Debug for Juggler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Juggler({})", self.expr)
    }
}

#[cfg(test)]
mod tests;
