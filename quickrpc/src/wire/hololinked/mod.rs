//! The protocol of the Python package hololinked, 0.3 and 0.4: Things over ZeroMQ.
//!
//! [`frames`] takes messages out of the parts of ZeroMQ and puts them there, [`header`] reads and
//! writes their headers, and [`body`] what they carry. A client asks by [`ask`], and hears by
//! [`heed`]; a server hears by [`serve`], keeps in mind what it was asked in [`operations`], and answers
//! by [`reply`].

mod arguments;
mod ask;
mod body;
mod describe;
mod events;
pub(crate) mod frames;
pub(crate) mod header;
mod heed;
mod operations;
mod reply;
mod serve;
#[cfg(test)]
mod tests;
mod thing;

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::base::error::CallError;
use crate::expr::{HololinkedExpr, TransportExpr, ZmqType};
use crate::format::description::Description;

use super::session::{Carriage, Identity, Listening, Meeting, Protocol, Role, Saying, Speaking};

use self::reply::Desk;
use self::thing::{Client, NO_CALLS, Thing};

/// A Thing over ZeroMQ, as one wire speaks of it.
pub(crate) struct Hololinked(Arc<Thing>);

impl Hololinked {
    pub(crate) fn new(expr: &HololinkedExpr) -> Self {
        Hololinked(Thing::new(expr))
    }
}

/// A Thing says that a limit was reached a moment after that.
const GRACE: Duration = Duration::from_secs(1);

impl Protocol for Hololinked {
    fn expression(&self) -> String {
        self.0.expr.to_string()
    }

    fn carriage(&self) -> Carriage {
        Carriage::Zmtp
    }

    fn session(&self, meeting: Meeting<'_>) -> (Box<dyn Listening>, Box<dyn Speaking>) {
        let thing = Arc::clone(&self.0);
        if let Some(peer) = meeting.met {
            match peer.kind() {
                ZmqType::Sub => return events::hear(thing),
                ZmqType::Pub => return events::tell(thing, Arc::clone(peer)),
                _ => {}
            }
        }
        let us = meeting.met.map(|peer| Arc::clone(peer.us()));
        if meeting.role == Role::Server {
            let desk = Arc::new(Desk {
                us: self.0.expr.server.as_str().into(),
                operations: Mutex::default(),
            });
            let listening = serve::Listener::new(Arc::clone(&desk), thing, meeting.here);
            return (Box::new(listening), Box::new(reply::Speaker::new(desk)));
        }
        let client = Arc::new(Client {
            thing,
            us: us.unwrap_or_default(),
            greeted: AtomicBool::new(false),
        });
        let listening = heed::Listener::new(Arc::clone(&client));
        (Box::new(listening), Box::new(ask::Speaker::new(client)))
    }

    fn identity(&self, role: Role) -> Option<Identity> {
        Some(match (role, &self.0.expr.id) {
            (Role::Server, _) => Identity::Always(self.0.expr.server.as_str().into()),
            (Role::Client, Some(id)) => Identity::Always(id.as_str().into()),
            // In the way of the package, whose logs show it.
            (Role::Client, None) => {
                Identity::Fresh(format!("{}|{}|", self.0.expr.server, self.0.expr.thing).into())
            }
        })
    }

    fn tells_when_asked(&self) -> bool {
        true
    }

    fn beside(&self, transport: &TransportExpr) -> Option<TransportExpr> {
        self.0.expr.events_beside(transport)
    }

    fn made_for(&self, api: &Description) {
        self.0.made_for(api);
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
            (Role::Server, Saying::Call) => Some(NO_CALLS),
            _ => None,
        }
    }

    fn has_properties(&self) -> bool {
        true
    }
}

impl fmt::Debug for Hololinked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hololinked({})", self.0.expr)
    }
}
