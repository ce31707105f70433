//! How long a call may take, from when it has come.

use std::time::Instant;

use crate::base::sync::after;
use crate::base::trace::Trace;
use crate::wire::codec::{Run, Terms};

/// How long a call may take that has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Later it is not begun.
    pub(super) start: Option<Instant>,
    pub(super) run: Option<Run>,
    /// Which trace it belongs to.
    pub(super) trace: Option<Trace>,
}

impl Bounds {
    pub(super) fn new(terms: Terms) -> Self {
        Bounds {
            start: terms.start.map(after),
            run: terms.run,
            trace: terms.trace,
        }
    }

    /// When its caller gives up, if it begins now.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.run {
            None => self.start,
            Some(run) => run.within.map(after),
        }
    }
}
