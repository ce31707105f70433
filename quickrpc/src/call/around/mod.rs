//! What is around each call, of both directions: layers of the program, spans, what counts.
//!
//! ```text
//! incoming.rs  in the place of running the handlers ┐
//! outgoing.rs  in the place of sending              ┴► mod.rs: one layer around the next
//! ```
//!
//! Where there is nothing around them, calls know of it by one look at a flag.

pub(crate) mod answer;
mod call;
mod incoming;
mod latency;
mod outgoing;
mod read;
mod run;
pub(crate) mod statistics;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

pub use answer::{Answer, Outcome};
pub use call::Call;
pub use latency::Latency;
use statistics::Counted;

use crate::base::error::CallError;
use crate::base::foreign;
use crate::base::spans;
use crate::format::description::Direction;

/// A function of the program around calls.
pub(crate) type Layer = Arc<dyn Fn(&mut Call<'_>, Next<'_>) -> Answer + Send + Sync>;

/// What is around the calls of an API.
#[derive(Default)]
pub(crate) struct Around {
    is_there: AtomicBool,
    /// The first is the outermost. A leaf in the lock order, not held while one runs.
    layers: RwLock<Arc<[Layer]>>,
    /// What is counted, once somebody has asked.
    counted: OnceLock<Arc<Counted>>,
}

impl Around {
    /// Whether there may be something: all that calls look at where nothing is.
    #[inline]
    pub(crate) fn may_be_there(&self) -> bool {
        self.is_there.load(Ordering::Relaxed) || spans::may_be_heard()
    }

    /// Whether there is something.
    #[cold]
    #[inline(never)]
    pub(crate) fn is_there(&self) -> bool {
        self.is_there.load(Ordering::Relaxed) || spans::are_heard()
    }

    /// Counts from now on, if nobody did before.
    pub(crate) fn count(&self) -> &Arc<Counted> {
        let counted = self.counted.get_or_init(Arc::default);
        self.is_there.store(true, Ordering::Relaxed);
        counted
    }

    /// What counts, if somebody has asked.
    fn counted(&self) -> Option<&Arc<Counted>> {
        self.counted.get()
    }

    /// Adds a layer within those that are there.
    pub(crate) fn add(&self, layer: Layer) {
        let mut layers = self.layers.write().unwrap_or_else(PoisonError::into_inner);
        let mut all = layers.to_vec();
        all.push(layer);
        *layers = all.into();
        self.is_there.store(true, Ordering::Relaxed);
    }

    /// Drops the layers, which may own handles of this API.
    pub(crate) fn clear(&self) {
        let mut layers = self.layers.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *layers);
        drop(layers);
        drop(before);
    }

    /// Runs a call with all that is around it.
    pub(super) fn run(&self, call: &mut Call<'_>, core: Core<'_>) -> Answer {
        let layers = self.layers.read().unwrap_or_else(PoisonError::into_inner);
        let layers = Arc::clone(&layers);
        let next = Next {
            layers: &layers,
            core,
        };
        next.run(call)
    }
}

/// What a call does itself.
type Core<'a> = &'a mut dyn FnMut(&mut Call<'_>) -> Answer;

/// What is within a layer: the next one, or the call itself.
pub struct Next<'a> {
    layers: &'a [Layer],
    core: Core<'a>,
}

impl Next<'_> {
    /// Lets the call go on, with what the layer has made of it.
    pub fn run(self, call: &mut Call<'_>) -> Answer {
        let Some((layer, layers)) = self.layers.split_first() else {
            return (self.core)(call);
        };
        let next = Next {
            layers,
            core: self.core,
        };
        let direction = call.direction;
        let run = || layer(call, next);
        let ran = match direction {
            Direction::Incoming => foreign::inside(run).map_err(foreign::told),
            Direction::Outgoing => foreign::attempt(run),
        };
        ran.unwrap_or_else(|text| {
            foreign::report("a layer", &text);
            Answer::refuse(CallError::new(
                CallError::INTERNAL_ERROR,
                "a layer around the call panicked",
            ))
        })
    }
}

impl fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Next({} layers)", self.layers.len())
    }
}

impl fmt::Debug for Around {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Around({})", self.is_there.load(Ordering::Relaxed))
    }
}
