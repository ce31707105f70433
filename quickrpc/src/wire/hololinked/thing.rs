//! What all sessions of a Thing know.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use crate::base::error::Error;
use crate::base::sync::lock;
use crate::expr::HololinkedExpr;
use crate::format::description::{CallDescription, Description, Direction};
use crate::wire::session::About;

/// A Thing, as its expression and those who speak of it describe it.
#[derive(Debug)]
pub(super) struct Thing {
    pub(super) expr: HololinkedExpr,
    /// The APIs that speak it. A leaf in the lock order.
    described: Mutex<Vec<Description>>,
}

/// What the two halves of a client's session share.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) thing: Arc<Thing>,
    /// As whom we are connected.
    pub(super) us: Arc<str>,
    /// The server has answered.
    pub(super) greeted: AtomicBool,
}

impl Thing {
    pub(super) fn new(expr: &HololinkedExpr) -> Arc<Self> {
        Arc::new(Thing {
            expr: expr.clone(),
            described: Mutex::default(),
        })
    }

    /// An API with this description speaks of it.
    pub(super) fn made_for(&self, api: &Description) {
        let mut described = lock(&self.described);
        if !described.contains(api) {
            described.push(*api);
        }
    }

    pub(super) fn described(&self) -> Vec<Description> {
        lock(&self.described).clone()
    }

    /// Whether it is known what there is; of an API without a trait it is not.
    pub(super) fn is_described(&self) -> bool {
        !lock(&self.described).is_empty()
    }

    /// An action of ours, as it is declared.
    pub(super) fn declared(&self, action: &str) -> Option<&'static CallDescription> {
        let described = self.described();
        let mut calls = described.iter().flat_map(Description::incoming);
        calls.find(|call| call.wire_name == action)
    }

    /// The names of all properties, where they are known.
    pub(super) fn properties(&self) -> Option<Vec<Box<str>>> {
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
pub(super) fn no_calls(about: About<'_>) -> Result<(), Error> {
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

pub(super) const NO_CALLS: &str = "a Thing does not call its clients";
