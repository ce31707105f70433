//! Connections that still greet, and are not peers yet.

use std::time::Instant;

use crate::carrier::greeter::Greeter;
use crate::carrier::stream::Stream;

/// A connection that greets.
pub(crate) struct Greeted {
    /// Told from others that had the same token before.
    pub(crate) id: u64,
    pub(crate) link: usize,
    pub(crate) name: String,
    pub(crate) stream: Stream,
    pub(crate) greeter: Box<dyn Greeter>,
    /// What was read and not used yet.
    pub(crate) input: Vec<u8>,
    pub(crate) deadline: Instant,
    /// It is a peer when its time is over.
    pub(crate) is_peer: bool,
    /// It was refused, and only has to read that.
    pub(crate) refused: bool,
}

/// What the poll thread knows of all of them.
#[derive(Debug, Default)]
pub(crate) struct Greetings {
    pub(crate) next: u64,
    /// When their deadlines are looked at.
    pub(crate) armed: Option<Instant>,
    /// Those that go on when others had their turn, by token and number.
    pub(crate) more: Vec<(usize, u64)>,
}

impl Greetings {
    /// Whether some of them go on without being asked.
    pub(crate) fn go_on(&self) -> bool {
        !self.more.is_empty()
    }
}
