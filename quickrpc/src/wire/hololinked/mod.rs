//! The protocol of the Python package hololinked, 0.3 and 0.4: Things over ZeroMQ.
//!
//! [`frames`] takes messages out of the parts of ZeroMQ and puts them there, [`header`] reads and
//! writes their headers, and [`body`] what they carry. A client asks by [`ask`], and hears by
//! [`heed`]; a server hears by [`serve`], keeps in mind what it was asked in [`operations`], and answers
//! by [`reply`].

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

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use crate::base::error::{CallError, Error};
use crate::base::sync::lock;
use crate::expr::{HololinkedExpr, TransportExpr, ZmqType};
use crate::format::description::{CallDescription, Description, Direction};

use super::session::{
    About, Carriage, Identity, Listening, Meeting, Protocol, Role, Saying, Speaking,
};

use self::reply::Desk;

/// A Thing over ZeroMQ, as one wire speaks of it.
pub(crate) struct Hololinked {
    me: Weak<Hololinked>,
    expr: Arc<HololinkedExpr>,
    /// The APIs that speak it. A leaf in the lock order.
    described: Mutex<Vec<Description>>,
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
    pub(crate) fn new(expr: &HololinkedExpr) -> Arc<Self> {
        Arc::new_cyclic(|me| Hololinked {
            me: me.clone(),
            expr: Arc::new(expr.clone()),
            described: Mutex::default(),
        })
    }

    fn described(&self) -> Vec<Description> {
        lock(&self.described).clone()
    }

    /// Whether it is known what there is; of an API without a trait it is not.
    fn is_described(&self) -> bool {
        !lock(&self.described).is_empty()
    }

    /// An action of ours, as it is declared.
    fn declared(&self, action: &str) -> Option<&'static CallDescription> {
        let described = self.described();
        let mut calls = described.iter().flat_map(Description::incoming);
        calls.find(|call| call.wire_name == action)
    }

    /// The names of all properties, where they are known.
    fn properties(&self) -> Option<Vec<Box<str>>> {
        let described = self.described();
        let properties = described.iter().flat_map(|api| api.properties);
        let own = properties.filter(|one| one.direction == Direction::Incoming);
        self.is_described()
            .then(|| own.map(|one| one.wire_name.into()).collect())
    }
}

/// # Errors
///
/// Where it is a call that wants an answer.
fn no_calls(about: About<'_>) -> Result<(), Error> {
    match about {
        About::Call {
            method,
            id: Some(_),
            ..
        } => Err(Error::Unsupported {
            protocol: "hololinked".into(),
            method: method.into(),
            reason: NO_CALLS.into(),
        }),
        _ => Ok(()),
    }
}

const NO_CALLS: &str = "a Thing does not call its clients";

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
        if let Some(peer) = meeting.met
            && let Some(thing) = self.me.upgrade()
        {
            match peer.kind() {
                ZmqType::Sub => return events::hear(thing),
                ZmqType::Pub => return events::tell(thing, Arc::clone(peer)),
                _ => {}
            }
        }
        let us = meeting.met.map(|peer| Arc::clone(peer.us()));
        if let (Role::Server, Some(thing)) = (meeting.role, self.me.upgrade()) {
            let desk = Arc::new(Desk {
                us: self.expr.server.as_str().into(),
                operations: Mutex::default(),
            });
            let listening = serve::Listener::new(Arc::clone(&desk), thing, meeting.here);
            return (Box::new(listening), Box::new(reply::Speaker::new(desk)));
        }
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

    fn beside(&self, transport: &TransportExpr) -> Option<TransportExpr> {
        self.expr.events_beside(transport)
    }

    fn made_for(&self, api: &Description) {
        let mut described = lock(&self.described);
        if !described.contains(api) {
            described.push(*api);
        }
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
        write!(f, "Hololinked({})", self.expr)
    }
}
