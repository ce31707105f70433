//! What calls are given: their arguments, and what they are.

use std::time::Instant;

use serde::Serialize;

use crate::base::current;
use crate::base::trace::{self, Trace};
use crate::format::args::{ArgsOut, OutArgs};
use crate::format::description::CallDescription;
use crate::wire::Wire;
use crate::wire::jrpc;
use crate::wire::session::Deed;

/// Makes the arguments for a wire: on some there are no positional ones, on others no named ones.
pub(crate) trait ArgsFor {
    fn encode(
        &self,
        wire: &Wire,
        out: &mut Vec<u8>,
        method: &str,
        id: Option<u64>,
    ) -> Result<(), String>;

    /// Whether the call may take longer than its peer may be silent.
    fn lasts(&self) -> bool {
        false
    }

    /// What the call is that has them.
    #[inline]
    fn deed(&self) -> Deed {
        Deed::Call
    }
}

/// Arguments of a call that reads or writes a property.
pub(crate) struct Accessing<A>(pub(crate) Deed, pub(crate) A);

impl<A: ArgsFor> ArgsFor for Accessing<A> {
    fn encode(
        &self,
        wire: &Wire,
        out: &mut Vec<u8>,
        method: &str,
        id: Option<u64>,
    ) -> Result<(), String> {
        self.1.encode(wire, out, method, id)
    }

    fn deed(&self) -> Deed {
        self.0
    }
}

/// Arguments of a declared call.
pub(crate) struct Declared<'a, A> {
    pub(crate) call: &'static CallDescription,
    pub(crate) args: &'a A,
}

impl<A: OutArgs> ArgsFor for Declared<'_, A> {
    fn encode(
        &self,
        wire: &Wire,
        out: &mut Vec<u8>,
        method: &str,
        id: Option<u64>,
    ) -> Result<(), String> {
        let declared = self.call.positional && wire.codec.positional();
        let args = ArgsOut {
            call: self.call.arguments,
            positional: declared || wire.is_nameless(id.is_some()),
            args: self.args,
        };
        wire.codec.encode_call(out, method, &args, id)
    }
}

/// Arguments without a declaration.
pub(crate) struct Plain<'a, A>(pub(crate) &'a A);

impl<A: Serialize> ArgsFor for Plain<'_, A> {
    fn encode(
        &self,
        wire: &Wire,
        out: &mut Vec<u8>,
        method: &str,
        id: Option<u64>,
    ) -> Result<(), String> {
        wire.codec.encode_call(out, method, self.0, id)
    }
}

/// Arguments of a call whose answer has to be there at a time.
pub(super) struct Timed<'a, A> {
    pub(super) args: &'a A,
    pub(super) deadline: Option<Instant>,
}

impl<A: ArgsFor> Timed<'_, A> {
    #[cold]
    fn add(&self, wire: &Wire, out: &mut Vec<u8>) {
        add_trace(wire, out);
        if wire.codec.deadlines()
            && !self.args.lasts()
            && let Some(deadline) = self.deadline
        {
            let left = deadline.saturating_duration_since(Instant::now());
            jrpc::put_timeout(out, left);
        }
    }
}

/// Says which trace a call belongs to, where its wire has that: in the place that somebody has given to
/// it, or below the call that this thread handles, or in a new one.
pub(super) fn add_trace(wire: &Wire, out: &mut Vec<u8>) {
    if wire.codec.traces() {
        let trace = trace::sent().unwrap_or_else(|| Trace::below(current::trace()));
        jrpc::put_trace(out, trace);
    }
}

impl<A: ArgsFor> ArgsFor for Timed<'_, A> {
    #[inline]
    fn encode(
        &self,
        wire: &Wire,
        out: &mut Vec<u8>,
        method: &str,
        id: Option<u64>,
    ) -> Result<(), String> {
        self.args.encode(wire, out, method, id)?;
        if wire.codec.adds() {
            self.add(wire, out);
        }
        Ok(())
    }

    #[inline]
    fn deed(&self) -> Deed {
        self.args.deed()
    }
}
