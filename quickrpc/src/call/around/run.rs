//! Running a call with all that is around it.

use std::fmt;

use super::{Answer, Call, Core};
use crate::base::spans::{self, CallSpan};
use crate::call::calls::Calls;
use crate::format::description::Direction;

impl Calls {
    /// Runs a call with all that is around it: its span, what counts, layers.
    pub(super) fn run_around(&self, call: &mut Call<'_>, core: Core<'_>) -> Answer {
        let span = spans::are_heard().then(|| self.span(call));
        let counting = self.around.counted().map(|counted| {
            let is_known =
                call.direction == Direction::Outgoing || self.slots.find(call.method).is_some();
            counted.begin(call, is_known)
        });
        let mut answer = match &span {
            Some(span) => span.within(|| self.around.run(call, core)),
            None => self.around.run(call, core),
        };
        if let Some(mut counting) = counting {
            counting.has(call.size);
            answer = answer.then(move |outcome| counting.end(outcome));
        }
        if let Some(span) = span {
            answer = answer.then(move |outcome| span.end(outcome.error()));
        }
        answer
    }

    fn span(&self, call: &Call<'_>) -> CallSpan {
        let service = self.slots.trait_of(call.method, call.direction);
        CallSpan::begin(&spans::About {
            incoming: call.direction == Direction::Incoming,
            method: call.method,
            service: service.unwrap_or_default(),
            codec: &call.codec,
            transport: &call.transport,
            peer: call.peer().map(|peer| peer.name()),
            traceparent: call.trace.as_ref().map(|trace| trace as &dyn fmt::Display),
        })
    }
}
