//! JSON-RPC over HTTP/1.1 (RFC 9112), as a server hears it: a request that posts is a message, and
//! its response the answer.
//!
//! A connection is a peer, a [`Caller`], that takes nothing but answers. Its requests are heard one
//! after the other: while one waits for its response, the next is not looked at. So answers need no
//! ids to find their requests, and responses have the order of these (RFC 9112, section 9.3.2).

mod caller;
mod chunks;
mod head;
mod reader;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use crate::base::security::SecInfo;

pub(crate) use caller::Caller;
pub(crate) use head::{HEAD, HEADERS, Request, answer_head, made_readable, refusal, single, words};
pub(crate) use reader::{Event, Reader};

/// The server that a request came to.
pub(crate) trait Host: fmt::Debug + Send + Sync {
    /// What a request is, as far as its head says.
    fn visit(&self, request: &Request) -> Visit;
}

/// What a request is.
#[derive(Debug)]
pub(crate) enum Visit {
    /// Its body is a message; and what is known of who sends it.
    Message(Option<Arc<SecInfo>>),
    /// Something else, and the whole response, which is the last one of the connection. Empty: the
    /// connection ends without one, so that the request comes again on another.
    Other(Vec<u8>),
}
