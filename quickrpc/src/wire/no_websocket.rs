//! In the place of WebSocket, where the feature is off: nothing of it exists.

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
    pub(crate) fn boxed(side: Side, _code: Option<u16>) -> Box<Self> {
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
    pub(crate) fn reason(self, _: usize) -> crate::base::reason::DisconnectReason {
        match self {}
    }
}
