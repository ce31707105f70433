//! In the place of ZMTP, where the feature is off: nothing of it exists.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::base::error::Error;

use super::cut::Broken;
use super::session::About;

/// What we are on a wire: nothing.
#[derive(Debug)]
pub(crate) enum Socket {}

/// What is known of a peer: none ever comes.
#[derive(Debug)]
pub(crate) enum Peer {}

/// A message that arrives: none ever does.
#[derive(Debug)]
pub(crate) enum Reader {}

/// What is wrong with what was read.
pub(crate) enum Violation {}

/// What makes a message.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code, reason = "nobody needs it")]
pub(crate) enum Form {
    Telegram,
    Parts,
}

/// The parts of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a>(PhantomData<&'a [u8]>);

/// What a reader found.
#[allow(dead_code, reason = "nobody makes one")]
pub(crate) enum Event<'a> {
    Incomplete,
    Part,
    Message(&'a [u8]),
    Parts(Parts<'a>),
    Strange(&'static str),
    Ping(Vec<u8>),
    Error(String),
}

pub(crate) fn enclose(_: &mut Vec<u8>, _: usize) {}

pub(crate) fn ping() -> Vec<u8> {
    Vec::new()
}

impl Socket {
    pub(crate) fn lacks(&self, _: bool) -> Option<&'static str> {
        match *self {}
    }
}

impl Peer {
    pub(crate) fn name(&self) -> Option<Arc<str>> {
        match *self {}
    }

    pub(crate) fn is_alone(&self) -> bool {
        match *self {}
    }

    pub(crate) fn enclose(&self, _: &mut Vec<u8>, _: About<'_>, _: &[u8]) -> Result<(), Error> {
        match *self {}
    }
}

impl Reader {
    pub(crate) fn boxed(peer: &Arc<Peer>, _: Form) -> Box<Self> {
        match **peer {}
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

    pub(crate) fn next<'a>(
        &'a mut self,
        _: &'a [u8],
        _: usize,
    ) -> Result<(usize, Event<'a>), Violation> {
        match *self {}
    }
}

impl Violation {
    pub(crate) fn broken(self, _: usize) -> Broken {
        match self {}
    }
}
