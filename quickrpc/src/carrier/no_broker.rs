//! In the place of brokers, where the features for all of them are off: nothing of them exists.

use std::sync::Arc;
use std::time::Duration;

use crate::base::error::Error;
use crate::expr::TransportExpr;
use crate::wire::broker::Tongue;
use crate::wire::broker::subjects::Subjects;
use crate::wire::frames::Frames;
use crate::wire::nats::Info;

use super::greeter::{Greeter, Greeting};

/// What is bound: there is nothing. So the compiler leaves out what would be done with it.
#[derive(Debug)]
pub(crate) enum Settings {}

/// What a transport needs for a broker, if it needs one.
///
/// # Errors
///
/// None here: it is looked for before (`features.rs`).
pub(crate) fn bind(_expr: &TransportExpr) -> Result<Option<Arc<Settings>>, Error> {
    Ok(None)
}

impl Settings {
    pub(crate) fn subjects(&self) -> Subjects {
        match *self {}
    }

    pub(crate) fn group(&self) -> &str {
        match *self {}
    }

    pub(crate) fn probe(&self) -> Duration {
        match *self {}
    }

    pub(crate) fn next_server(&self) -> (String, u16) {
        match *self {}
    }

    pub(crate) fn server(&self) -> (String, u16) {
        match *self {}
    }

    pub(crate) fn has_others(&self) -> bool {
        match *self {}
    }

    pub(crate) fn has_untried(&self) -> bool {
        match *self {}
    }

    pub(crate) fn heard(&self, _: &Info) {
        match *self {}
    }

    pub(crate) fn begun(&self) -> Option<Box<Tongue>> {
        match *self {}
    }

    pub(crate) fn frames(&self) -> Frames {
        match *self {}
    }
}

/// Begins connections: there are none.
#[derive(Debug)]
pub(crate) struct Begin(pub(crate) Arc<Settings>);

impl Greeting for Begin {
    fn greeter(&self) -> Box<dyn Greeter> {
        match *self.0 {}
    }
}
