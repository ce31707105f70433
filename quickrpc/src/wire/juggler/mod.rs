//! Juggler: requests, notifications and shared state in the text messages of a WebSocket.
//!
//! The format is that of the Python package `hat-juggler` in its generations 0.5, 0.6 and 0.7, as
//! they were observed. Whatever is wrong ends the connection with the code 1000 there, and so it
//! does here, since the format has no words for errors other than those of handlers.

mod equal;
mod listen;
mod message;
mod peer;
mod speak;
mod state;
mod tell;

use std::fmt;
use std::sync::Arc;

use crate::base::error::CallError;
use crate::expr::JugglerExpr;
use crate::expr::JugglerGeneration as Generation;
use crate::format::text::{self, Json};

use self::peer::{Peer, lacks};
use self::state::Common;
use super::session::{Listening, Meeting, Protocol, Role, Saying, Speaking};

/// Juggler, as one wire speaks it.
pub(crate) struct Juggler {
    expr: JugglerExpr,
    /// What is the same for all who are shown the same state.
    common: Arc<Common>,
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

    fn session(&self, meeting: Meeting<'_>) -> (Box<dyn Listening>, Box<dyn Speaking>) {
        let Meeting { role, largest, .. } = meeting;
        let peer = Arc::new(Peer::new(&self.expr, role, self.generation(role)));
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

impl fmt::Debug for Juggler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Juggler({})", self.expr)
    }
}

#[cfg(test)]
mod tests;
