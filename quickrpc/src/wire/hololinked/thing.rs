//! What all sessions of a Thing know.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use crate::base::error::Error;
use crate::base::sync::lock;
use crate::expr::HololinkedExpr;
use crate::format::description::{CallDescription, Description, Direction};
use crate::format::property::PropertyDescription;
use crate::wire::session::About;

/// A Thing, as its expression and those who speak of it describe it, and others of the same server:
/// what is called `motor/stop` here is `stop` of the Thing `motor`.
#[derive(Debug)]
pub(super) struct Thing {
    pub(super) expr: HololinkedExpr,
    /// A leaf in the lock order.
    described: Mutex<Described>,
}

/// What is known of it.
#[derive(Debug, Default)]
struct Described {
    /// The APIs that speak of it.
    apis: Vec<Description>,
    /// There are names that say no Thing.
    bare: bool,
    /// The Things that names say.
    named: BTreeSet<&'static str>,
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
        if described.apis.contains(api) {
            return;
        }
        described.apis.push(*api);
        let calls = api.calls.iter().map(|call| call.wire_name);
        for name in calls.chain(api.properties.iter().map(|one| one.wire_name)) {
            match name.rsplit_once('/') {
                Some((thing, _)) => described.named.extend([thing]),
                None => described.bare = true,
            }
        }
    }

    pub(super) fn described(&self) -> Vec<Description> {
        lock(&self.described).apis.clone()
    }

    /// Whether it is known what there is; of an API without a trait it is not.
    pub(super) fn is_described(&self) -> bool {
        !lock(&self.described).apis.is_empty()
    }

    /// What the names of the members of a Thing begin with here, if there is such a Thing.
    pub(super) fn prefix(&self, thing: &str) -> Option<String> {
        let described = lock(&self.described);
        let is_named = described.named.contains(thing);
        let is_bound = *thing == *self.expr.thing;
        if is_bound && (described.bare || !is_named) {
            return Some(String::new());
        }
        let is_known = is_named || (described.apis.is_empty() && !thing.is_empty());
        is_known.then(|| format!("{thing}/"))
    }

    /// The Thing that a name of ours belongs to, and what that calls it.
    pub(super) fn split<'a>(&'a self, name: &'a str) -> (&'a str, &'a str) {
        name.rsplit_once('/').unwrap_or((&self.expr.thing, name))
    }

    /// The Things that are there beside the one that was bound.
    pub(super) fn others(&self) -> Vec<&'static str> {
        let described = lock(&self.described);
        let named = described.named.iter().copied();
        named.filter(|thing| **thing != *self.expr.thing).collect()
    }

    /// An action of ours, as it is declared.
    pub(super) fn declared(&self, action: &str) -> Option<&'static CallDescription> {
        let described = self.described();
        let mut calls = described.iter().flat_map(Description::incoming);
        calls.find(|call| call.wire_name == action)
    }

    /// What a name that begins so belongs to is called there.
    pub(super) fn member<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
        let member = name.strip_prefix(prefix)?;
        (!member.contains('/')).then_some(member)
    }

    /// The names of all properties of a Thing, where they are known.
    pub(super) fn properties(&self, prefix: &str) -> Option<Vec<Box<str>>> {
        let described = self.described();
        let names = own(&described).filter_map(|one| Self::member(one.wire_name, prefix));
        self.is_described().then(|| names.map(Box::from).collect())
    }

    /// Whether a property of a Thing is declared, as one that is not written.
    pub(super) fn is_read_only(&self, prefix: &str, name: &str) -> bool {
        let described = self.described();
        let mut own = own(&described);
        own.any(|one| !one.writable && Self::member(one.wire_name, prefix) == Some(name))
    }
}

fn own(described: &[Description]) -> impl Iterator<Item = &'static PropertyDescription> {
    let properties = described.iter().flat_map(|api| api.properties);
    properties.filter(|one| one.direction == Direction::Incoming)
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
