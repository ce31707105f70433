//! On which threads handlers run.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Has a future run to its end, wherever.
pub(crate) type Executor = Arc<dyn Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync>;

/// On which thread handlers run, and how many at once.
///
/// Calls of one peer are handled in the order in which it sent them, whatever the mode. So a
/// handler that waits holds up the later calls of its peer (under [`Queue`](Processing::Queue)
/// those of all peers). It must not wait for an answer for which that peer calls back and waits in
/// its turn: that call comes behind, and both wait until the deadline. A handler that *returns* a
/// promise, that of the other call or one that a [`Resolver`](crate::Resolver) settles later,
/// holds up nobody, however deep such calls are nested.
///
/// Under [`Queue`](Processing::Queue) and [`Pool`](Processing::Pool), calls that are declared
/// [`concurrent`](crate::remote_api) hold up nobody either: they begin in their turn, and run beside
/// all others on threads of their own, up to 64 at once.
///
/// ```
/// use quickrpc::{Processing, remote_api};
///
/// #[remote_api]
/// trait Slow {
///     #[incoming]
///     fn work(&self);
/// }
///
/// # fn main() -> quickrpc::Result<()> {
/// let api = Slow::builder().processing(Processing::Queue).build()?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Processing {
    /// The thread that receives runs the handler: the fastest. Handlers should be short,
    /// and cannot wait for promises of the same API. One at a time, unless there are several such
    /// threads ([`io_threads`](crate::Builder::io_threads)).
    #[default]
    Inline,
    /// One worker thread, which exists while there is work and lingers for 1 s (the
    /// original's `async_processing=True`). Handlers may wait for promises; everybody's calls wait
    /// meanwhile, those included on which the promise may depend.
    Queue,
    /// So many worker threads (at least one). Handlers of different peers run at once, and may wait;
    /// the calls of the same peer wait meanwhile, and those of others when all workers do.
    Pool(usize),
    /// Nothing runs until the program calls [`Api::process_pending`](crate::Api::process_pending):
    /// for the main threads of desktop programs.
    Manual,
}

impl Processing {
    /// How many handlers may run at once, where so many threads receive.
    pub(crate) fn turns(self, io_threads: usize) -> usize {
        match self {
            Processing::Inline => io_threads.max(1),
            Processing::Pool(workers) => workers.max(1),
            Processing::Queue | Processing::Manual => 1,
        }
    }
}
