//! The one place that spawns threads.

use std::io;
use std::thread::{Builder, JoinHandle};

/// Spawns a named thread. Whoever spawns keeps the handle and joins it.
pub(crate) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name(format!("quickrpc-{name}")).spawn(run)
}
