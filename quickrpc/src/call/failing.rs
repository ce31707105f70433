//! What is told of a call that its handlers have failed.

use crate::base::current::CallKey;
use crate::base::error::{CallError, Error};
use crate::base::log::Shown;
use crate::base::often::Origin;
use crate::net::conn::Conn;

use super::answer::{self, internal, shown};
use super::calls::Calls;
use super::dispatch::Call;
use super::slot::SlotInner;

impl Calls {
    /// Encodes the error of a call, or tells of it where there is no answer.
    #[inline(always)]
    pub(super) fn fail_here(
        &self,
        call: &Call<'_>,
        id: Option<&str>,
        method: &str,
        error: CallError,
        out: &mut Vec<u8>,
    ) {
        match id {
            Some(id) => self.encode_failure(call.conn, out, id, error),
            None => {
                self.answer_person(call, out, method, &error);
                self.trouble(call.sender, Error::Call(error), Some(method));
            }
        }
    }

    /// Encodes the error of a handler, which may have given up since nobody waits for it.
    #[cold]
    fn encode_failure(&self, conn: &Conn, out: &mut Vec<u8>, id: &str, mut error: CallError) {
        if CallKey::new(conn.id(), id).is_marked() {
            error = self.given_up(error);
        }
        answer::encode_error(conn, out, id, &error);
    }

    /// The error of a handler whose call nobody waits for any more: one without a code of its own is
    /// no failure. In a stop, nobody has cancelled it.
    pub(super) fn given_up(&self, error: CallError) -> CallError {
        let said = match error.code {
            CallError::HANDLER_ERROR => &error.message,
            CallError::CANCELLED => "the API was stopped before the call was over",
            CallError::INTERNAL_ERROR if error.message == answer::UNANSWERED => {
                "the API was stopped before the call was answered"
            }
            _ => return error,
        };
        match (self.net.check_running().is_err(), error.code) {
            (true, _) => CallError::shutting_down(said),
            (false, CallError::INTERNAL_ERROR) => CallError::from_boxed(Error::Cancelled.into()),
            (false, _) => CallError {
                code: CallError::CANCELLED,
                ..error
            },
        }
    }

    /// Tells of a panic in a handler, and gives what the caller hears of it.
    #[cold]
    pub(super) fn panicked(&self, call: &Call<'_>, slot: &SlotInner, text: &str) -> CallError {
        let method = shown(call.parts.method.of(*call.telegram));
        // Peers could make up any number of names.
        let origin = match slot.is_any() {
            true => Origin::Anybody,
            false => Origin::Name((*slot.name).into()),
        };
        crate::base::log::error_often!(
            "a handler panicked", &origin, &Shown(text);
            peer = %call.sender, "the handler of `{method}` panicked: {}", Shown(text)
        );
        internal(format!("the handler of `{method}` panicked"))
    }
}
