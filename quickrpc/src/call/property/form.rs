//! How the values of a type are stored, and how they are read from calls and answer them.

use std::sync::Arc;

use serde::ser::Serialize;

use crate::call::dispatch::{Invocation, Outcome};
use crate::call::reply::{Reply, Via};

use super::stored::{Held, Stored};

/// How values of a type are stored, and read from calls.
pub struct Form<T> {
    pub(super) store: fn(T) -> Arc<dyn Stored>,
    /// `None` for what was stored by another form, which does not happen.
    pub(super) load: fn(&dyn Stored) -> Option<T>,
    pub(super) clone: fn(&T) -> T,
    /// Answers a read with a stored value.
    pub(super) answer: fn(&mut Invocation<'_>, &dyn Stored) -> Outcome,
    /// Answers a read with what a handler has to say.
    pub(super) reply: fn(&mut Invocation<'_>, Reply<T>) -> Outcome,
    /// Reads the argument of a write or a change.
    pub(super) argument: for<'de> fn(&Invocation<'de>) -> Result<T, Outcome>,
    /// Sees to it that a read has no arguments.
    pub(super) nothing: for<'de> fn(&Invocation<'de>) -> Result<(), Outcome>,
}

impl<T> Clone for Form<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Form<T> {}

impl<T: Send + 'static> Form<T> {
    /// Of values that travel as `W`.
    pub(crate) fn new<W>(
        argument: for<'de> fn(&Invocation<'de>) -> Result<T, Outcome>,
        nothing: for<'de> fn(&Invocation<'de>) -> Result<(), Outcome>,
    ) -> Self
    where
        T: Via<W> + Clone,
        W: Serialize + Clone + Send + Sync + 'static,
    {
        Form {
            store: |value| Arc::new(Held(value.into_wire())),
            load: |stored| {
                let wire: &W = stored.as_any().downcast_ref()?;
                Some(T::from_wire(wire.clone()))
            },
            clone: T::clone,
            answer: |call, stored| match stored.as_any().downcast_ref::<W>() {
                Some(wire) => call.encode(wire),
                None => Outcome::not_mine(),
            },
            reply: |call, reply| call.answer::<T, W>(reply),
            argument,
            nothing,
        }
    }
}

impl<T> std::fmt::Debug for Form<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Form")
    }
}
