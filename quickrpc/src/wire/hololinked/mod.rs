//! The protocol of the Python package hololinked, 0.3 and 0.4: Things over ZeroMQ.
//!
//! [`frames`] takes messages out of the parts of ZeroMQ and puts them there, [`header`] reads and
//! writes their headers, and [`body`] what they carry. A client asks by [`ask`], and hears by
//! [`heed`].

mod ask;
mod body;
pub(crate) mod frames;
pub(crate) mod header;
mod heed;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::base::error::CallError;
use crate::expr::HololinkedExpr;

use super::session::{
    Carriage, Identity, Listening, Meeting, Protocol, Role, Saying, Speaking,
};

/// A Thing over ZeroMQ, as one wire speaks of it.
pub(crate) struct Hololinked {
    expr: Arc<HololinkedExpr>,
}

/// What the two halves of a client's session share.
#[derive(Debug)]
struct Client {
    expr: Arc<HololinkedExpr>,
    /// As whom we are connected.
    us: Arc<str>,
    /// The server has answered.
    greeted: AtomicBool,
}

impl Hololinked {
    pub(crate) fn new(expr: &HololinkedExpr) -> Self {
        Hololinked {
            expr: Arc::new(expr.clone()),
        }
    }
}

/// A Thing says that a limit was reached a moment after that.
const GRACE: Duration = Duration::from_secs(1);

impl Protocol for Hololinked {
    fn expression(&self) -> String {
        self.expr.to_string()
    }

    fn carriage(&self) -> Carriage {
        Carriage::Zmtp
    }

    fn session(&self, meeting: Meeting<'_>) -> (Box<dyn Listening>, Box<dyn Speaking>) {
        let us = meeting.met.map(|peer| Arc::clone(peer.us()));
        let client = Arc::new(Client {
            expr: Arc::clone(&self.expr),
            us: us.unwrap_or_default(),
            greeted: AtomicBool::new(false),
        });
        let listening = heed::Listener::new(Arc::clone(&client));
        (Box::new(listening), Box::new(ask::Speaker::new(client)))
    }

    fn identity(&self, role: Role) -> Option<Identity> {
        Some(match (role, &self.expr.id) {
            (Role::Server, _) => Identity::Always(self.expr.server.as_str().into()),
            (Role::Client, Some(id)) => Identity::Always(id.as_str().into()),
            // In the way of the package, whose logs show it.
            (Role::Client, None) => {
                Identity::Fresh(format!("{}|{}|", self.expr.server, self.expr.thing).into())
            }
        })
    }

    fn grace(&self) -> Duration {
        GRACE
    }

    fn write_failure(&self, out: &mut Vec<u8>, error: &CallError) {
        body::write_exception(out, error);
    }

    fn greets(&self, role: Role) -> bool {
        role == Role::Client
    }

    fn positional(&self) -> bool {
        true
    }

    fn lacks(&self, role: Role, saying: Saying) -> Option<&'static str> {
        match (role, saying) {
            (Role::Client, Saying::Property) => Some("only Things have properties, not clients"),
            (Role::Server, Saying::Call) => Some("a Thing does not call its clients"),
            _ => None,
        }
    }

    fn has_properties(&self) -> bool {
        true
    }
}

impl fmt::Debug for Hololinked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hololinked({})", self.expr)
    }
}
