//! Messages of which nobody has looked at more than the beginning and the end, and which are not what they seemed
//! to be.

use super::bounds::Bounds;
use super::calls::Calls;
use super::dispatch::Call;
use super::hear::{Ear, Telegram};
use crate::base::error::{CallError, Error};
use crate::net::above::Hears as _;
use crate::net::conn::Conn;
use crate::wire::codec::{CallParts, DecodeError, Envelope, Part, Script};

/// What a call really is, of which nobody has seen the whole telegram.
///
/// By a broker it was let through as the call that it seemed to be: of a method by whose subject it came, and of
/// an id by which its answer is owed. So it has to be that.
///
/// # Errors
///
/// Where it is no message at all, or another one.
pub(super) fn decode_in_full(
    conn: &Conn,
    telegram: &Script<'_>,
    seemed: &CallParts,
) -> Result<Envelope, DecodeError> {
    let wire = &conn.wire;
    let envelope = wire.codec.decode(*telegram, &wire.limits)?;
    let text = |part: &Option<Part>| part.as_ref().map(|part| part.of(*telegram).to_owned());
    let is_that = |method: &Part, id: &Option<Part>| {
        method.of(*telegram) == seemed.method.of(*telegram) && text(id) == text(&seemed.id)
    };
    let is_same = match &envelope {
        _ if !conn.outlet.is_behind_broker() => true,
        Envelope::Call { method, id, .. } => is_that(method, id),
        Envelope::Timed(timed) => is_that(&timed.1.method, &timed.1.id),
        Envelope::Invalid { id, .. } => is_that(&seemed.method, id),
        _ => false,
    };
    match is_same {
        true => Ok(envelope),
        false => Err(DecodeError::new("it says two things of what is called", 0)),
    }
}

impl Calls {
    /// Handles a call that only looked like one with valid arguments as what it really is.
    #[inline(never)]
    pub(super) fn take_in_full(&self, call: &Call<'_>) {
        let mut ear = Ear::new(self, call.conn);
        let decoded = decode_in_full(call.conn, call.telegram, call.parts);
        let (parts, bounds) = match decoded {
            Ok(Envelope::Call { method, params, id }) => (CallParts { method, params, id }, None),
            Ok(Envelope::Timed(timed)) => (timed.1, Some(Bounds::new(timed.0))),
            Ok(envelope) => {
                let mut telegram = Telegram::new(call.telegram);
                return ear.envelope(envelope, call.sender, &mut telegram, call.route);
            }
            Err(error) => {
                let (text, bytes) = (error.to_string(), call.telegram.as_bytes());
                if let Some(id) = &call.parts.id
                    && call.conn.outlet.is_behind_broker()
                {
                    // Its answer is owed already.
                    ear.trouble(call.sender, Error::undecodable(&text, bytes));
                    let error = CallError::new(CallError::INVALID_REQUEST, text);
                    return ear.answer_error(id.of(*call.telegram), &error, call.route);
                }
                return ear.unreadable(call.sender, &text, bytes);
            }
        };
        // Only now it is known whether it has an id. What is decoded in full can be read.
        let parts = &parts;
        let call = Call { parts, ..*call };
        if let Some(_handling) = self.enter(&call, bounds) {
            self.handle(&call).ok();
        }
    }
}
