//! In the place of HTTP, where the feature `websocket` is off: nothing of it exists.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::error::Error;
use crate::base::security::SecInfo;
use crate::base::trace::Trace;

use super::session::{About, Due};

/// One who posts: nobody ever comes.
#[derive(Debug)]
pub(crate) enum Caller {}

/// What reads requests: none ever come.
#[derive(Debug)]
pub(crate) enum Reader {}

/// What was read.
#[allow(dead_code, reason = "nobody makes one")]
pub(crate) enum Event<'a> {
    Incomplete,
    Busy,
    Part,
    Message(&'a [u8]),
    Say(Vec<u8>),
    End,
}

impl Caller {
    pub(crate) fn is_busy(&self) -> bool {
        match *self {}
    }

    pub(crate) fn is_done(&self) -> bool {
        match *self {}
    }

    pub(crate) fn who(&self) -> Option<Arc<SecInfo>> {
        match *self {}
    }

    pub(crate) fn trace(&self) -> Option<Trace> {
        match *self {}
    }

    pub(crate) fn enclose(&self, _: &mut Vec<u8>, _: About<'_>, _: &[u8]) -> Result<(), Error> {
        match *self {}
    }

    pub(crate) fn takes_interim(&self) -> bool {
        match *self {}
    }

    pub(crate) fn say_nothing(&self, _: &mut Vec<u8>) {
        match *self {}
    }

    pub(crate) fn accept(&self, _: &mut Vec<u8>) {
        match *self {}
    }

    pub(crate) fn due(&self, _: Instant, _: Duration) -> Due {
        match *self {}
    }
}

impl Reader {
    pub(crate) fn boxed(caller: &Arc<Caller>) -> Box<Self> {
        match **caller {}
    }

    pub(crate) fn held(&self) -> usize {
        match *self {}
    }

    pub(crate) fn is_within_message(&self) -> bool {
        match *self {}
    }

    pub(crate) fn clear(&mut self) {
        match *self {}
    }

    pub(crate) fn rest(&mut self) {
        match *self {}
    }

    pub(crate) fn next<'a>(&'a mut self, _: &'a [u8], _: usize) -> (usize, Event<'a>) {
        match *self {}
    }
}
