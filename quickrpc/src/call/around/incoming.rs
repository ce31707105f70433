//! Around calls that arrive.

use std::cell::OnceCell;
use std::mem;
use std::sync::Arc;

use super::answer::{Comes, Own, Seen, Watchers};
use super::{Answer, Call, read};
use crate::base::current;
use crate::base::error::{CallError, Error};
use crate::base::foreign;
use crate::base::scratch;
use crate::base::value::Value;
use crate::call::answer::{self, Answers, LateAnswer, internal};
use crate::call::calls::Calls;
use crate::call::dispatch::{self, Failed, Later, Promised, Unreadable};
use crate::format::description::Direction;
use crate::net::conn::Conn;
use crate::wire::codec::{CallParts, Payload};

impl Calls {
    /// Handles a call that has something around it; as `handle` otherwise.
    ///
    /// # Errors
    ///
    /// Where it has to be known first for certain what it is.
    #[cold]
    #[inline(never)]
    pub(crate) fn handle_around(&self, call: &dispatch::Call<'_>) -> Result<(), Unreadable> {
        if call.is_raw() {
            return Err(Unreadable);
        }
        let (conn, parts) = (call.conn, call.parts);
        let method = parts.method.of(*call.telegram);
        let id = parts.id.as_ref().map(|id| id.of(*call.telegram));
        let read = || read::value(&conn.wire, call.telegram, &parts.params).unwrap_or(Value::Null);
        let current = current::of(conn.id()).filter(|_| id.is_some());
        let mut seen = Call {
            method,
            direction: Direction::Incoming,
            peers: vec![call.sender.clone()],
            codec: conn.wire.codec.to_string(),
            transport: Arc::clone(&conn.wire.name),
            wants_answer: id.is_some(),
            deadline: current.and_then(|call| call.deadline()),
            read: &read,
            args: OnceCell::new(),
            replaced: false,
            size: call.telegram.len(),
            trace: current.and_then(|call| call.trace()),
        };
        let mut later = None;
        let answer = self.run_around(&mut seen, &mut |seen| {
            let other = seen.replaced.then(|| CallParts {
                method: parts.method.clone(),
                params: Payload::Value(seen.args().clone()),
                id: parts.id.clone(),
            });
            let call = dispatch::Call {
                parts: other.as_ref().unwrap_or(parts),
                ..*call
            };
            let mut out = Vec::new();
            match self.carry_out(&call, method, id, &mut out) {
                Ok(None) if out.is_empty() => Answer::own(Own::Done),
                Ok(None) => {
                    let conn = Arc::clone(conn);
                    let read = move |out: &[u8]| read::result(&conn.wire, out);
                    Answer::own(Own::Encoded(out, Box::new(read)))
                }
                Ok(Some(promise)) => {
                    later = Some(promise);
                    Answer(Comes::Later(Watchers::default()))
                }
                Err(error) => Answer::own(Own::Failed(Error::Call(error))),
            }
        });
        self.give(call, (method, id), answer, later);
        Ok(())
    }

    /// Runs the handlers of a call, if it is allowed.
    fn carry_out(
        &self,
        call: &dispatch::Call<'_>,
        method: &str,
        id: Option<&str>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Box<dyn Later>>, CallError> {
        let slot = self.slots.find(method);
        if let Some(slot) = &slot
            && self.is_guarded(slot)
            && let Some(error) = self.forbids(call.sender, slot.role(), method)
        {
            if id.is_some() {
                self.trouble(call.sender, Error::Call(error.clone()), Some(method));
            }
            return Err(error);
        }
        let done = match &slot {
            Some(slot) => self.run_paced::<false>(slot, &slot.handlers(), call, id, out),
            None => self.untaken(call, method, id, out),
        };
        done.map_err(|failed| match failed {
            Failed::With(error) => error,
            // All of it was read before.
            Failed::Unreadable => internal("the call cannot be read"),
        })
    }

    /// Answers with what has come of all.
    fn give(
        &self,
        call: &dispatch::Call<'_>,
        (method, id): (&str, Option<&str>),
        answer: Answer,
        later: Option<Box<dyn Later>>,
    ) {
        scratch::with_scratch(|out| {
            let mut own = later;
            let failed = match answer.0 {
                Comes::Now(Own::Done) => None,
                Comes::Now(Own::Encoded(encoded, _)) => {
                    out.extend_from_slice(&encoded);
                    None
                }
                Comes::Now(Own::Failed(error)) | Comes::Instead(Err(error)) => {
                    Some(CallError::from_boxed(error.into()))
                }
                Comes::Instead(Ok(value)) => {
                    id.and_then(|id| answer::encode_result(call.conn, out, id, &value).err())
                }
                Comes::Later(watchers) => match own.take() {
                    Some(later) => return self.answer_later(call, id, method, later, watchers),
                    None => Some(internal("a layer gave the answer of another call")),
                },
                Comes::Promised(promise, watchers) => {
                    let into_wire = |value: Value| value;
                    let later = Box::new(Promised { promise, into_wire });
                    return self.answer_later(call, id, method, later, watchers);
                }
            };
            // The handler's own answer, which nobody wants.
            foreign::catch("dropping an answer", || drop(own));
            let is_error = failed.is_some();
            if let Some(error) = failed {
                self.fail_here(call, id, method, error, out);
            }
            let about = Answers {
                method,
                id,
                failed: is_error,
            };
            answer::deliver(self, call.conn, call.route, out, about);
        });
    }
}

impl LateAnswer {
    /// Tells the layers what it is. `failed`: it is this error, else the answer is in `out`. Gives the
    /// error that it is then.
    pub(in crate::call) fn tell_layers(
        &mut self,
        conn: &Conn,
        out: &mut Vec<u8>,
        failed: Option<CallError>,
    ) -> Option<CallError> {
        let read = || read::result(&conn.wire, out);
        let (seen, size) = match &failed {
            Some(error) => (Seen::Failed(Error::Call(error.clone())), 0),
            None if out.is_empty() => (Seen::Value(Value::Null), 0),
            None => (Seen::Encoded(&read), out.len()),
        };
        match mem::take(&mut self.watchers).tell(seen, size) {
            None => failed,
            Some(Err(error)) => Some(CallError::from_boxed(error.into())),
            Some(Ok(value)) => {
                out.clear();
                let id = self.id.as_deref();
                id.and_then(|id| answer::encode_result(conn, out, id, &value).err())
            }
        }
    }

    /// The same of one that nobody is there for any more.
    pub(in crate::call) fn tell_layers_that_it_is_lost(&mut self) {
        mem::take(&mut self.watchers).tell(Seen::Failed(Error::Cancelled), 0);
    }
}
