//! How long a read waits, whatever the system.

use std::time::Instant;

/// Whether a read waits for input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    Never,
    /// No longer than until then, where the limit of the socket allows for it.
    Until(Option<Instant>),
}
