//! What starts and stops with an API, such as an announcer of a service.

use std::fmt;

use super::above::Done;

/// Something that is started when all transports are open, and stops first.
pub(crate) trait Companion: fmt::Debug + Send + Sync {
    /// Starts it.
    fn start(&self, done: Done);

    /// Asks it to stop, without waiting for it.
    fn dismiss(&self);

    /// Waits until it has stopped.
    fn join(&self);
}
