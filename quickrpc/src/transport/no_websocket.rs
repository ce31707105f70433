//! In the place of WebSocket, where the feature is off: nothing of it exists.

use std::sync::Arc;

use crate::error::Error;
use crate::expr::{TransportExpr, TransportKind};

use super::greeter::Greeting;

/// Which end of a WebSocket we are: none.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Side {}

/// A message that arrives: none ever does.
#[derive(Debug)]
pub(crate) enum Reader {}

/// What a reader found.
#[allow(dead_code, reason = "nobody makes one")]
pub(crate) enum Event<'a> {
    Incomplete,
    Part,
    Message(&'a [u8]),
    Ping(Vec<u8>),
    Close { code: u16, text: String },
}

/// What is wrong with what was read.
pub(crate) enum Violation {}

/// What comes before a connection is a peer, and which end of it we are.
pub(crate) type Bound = (Arc<dyn Greeting>, Side);

/// What a transport needs for WebSocket, if it needs it.
///
/// # Errors
///
/// If it does.
pub(crate) fn bind(expr: &TransportExpr) -> Result<Option<Bound>, Error> {
    match expr.kind() {
        TransportKind::WebSocket { .. } | TransportKind::WebSocketServer { .. } => {
            let text = format!(
                "`{expr}` needs the cargo feature `websocket` of quickrpc, which is off: \
                 `cargo add quickrpc --features websocket`"
            );
            Err(Error::Config(text.into()))
        }
        _ => Ok(None),
    }
}

impl Side {
    pub(crate) fn enclose(self, _: &mut Vec<u8>, _: usize, _: bool) {
        match self {}
    }

    pub(crate) fn ping(self) -> Vec<u8> {
        match self {}
    }

    pub(crate) fn close_frame(self, _: u16, _: &str) -> Vec<u8> {
        match self {}
    }
}

impl Reader {
    pub(crate) fn new(side: Side) -> Self {
        match side {}
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
    pub(crate) fn reason(self, _: usize) -> crate::DisconnectReason {
        match self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_the_feature() {
        for text in ["ws:h:1", "wsserv::1"] {
            let expr: TransportExpr = text.parse().unwrap();
            let error = bind(&expr).err().unwrap().to_string();
            assert!(
                error.contains(text) && error.contains("feature `websocket`"),
                "{error}"
            );
        }
        assert!(bind(&"tcp:h:1".parse().unwrap()).unwrap().is_none());
    }
}
