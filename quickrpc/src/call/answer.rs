//! How an answer finds its way back to the peer that called.

use std::sync::{Arc, Weak};

use serde::Serialize;

use crate::base::error::{CallError, Error};
use crate::base::foreign;
use crate::base::scratch::with_scratch;
use crate::net::conn::{Conn, Wait};
use crate::wire::jrpc::batch::BatchAnswer;
use crate::wire::session::About;

use super::around::answer::Watchers;
use super::calls::Calls;
use super::late::Place;

impl Calls {
    /// Sends an encoded answer; a peer that is gone meanwhile does not mind.
    fn send_answer(&self, conn: &Arc<Conn>, payload: &mut Vec<u8>, mut call: Answers<'_>) {
        let method = call.method;
        let mut sent = self.put_answer(conn, payload, call);
        // It fitted, but not with what belongs to it; an error has to be known.
        if let (&Err(Error::MessageTooLarge { size, limit }), Some(id)) = (&sent, call.id) {
            let error = too_large(size, limit);
            encode_error(conn, payload, id, &error);
            call.failed = true;
            self.trouble(conn.peer(), Error::Call(error), Some(method));
            sent = self.put_answer(conn, payload, call);
        }
        match sent {
            Ok(()) => {}
            Err(Error::Disconnected { .. }) => {
                crate::base::log::debug!(peer = %conn.peer(), "no answer to `{method}`: the peer is gone");
            }
            Err(error) => self.trouble(conn.peer(), error, Some(method)),
        }
    }

    fn put_answer(
        &self,
        conn: &Arc<Conn>,
        payload: &mut Vec<u8>,
        call: Answers<'_>,
    ) -> Result<(), Error> {
        conn.frame(payload, call.method)?;
        let about = About::Answer {
            id: call.id.unwrap_or_default(),
            failed: call.failed,
        };
        self.net.transmit(conn, payload, about, Wait::Answer)
    }
}

/// Where an answer goes: alone, or into the array that answers a JSON-RPC batch.
#[derive(Debug, Clone)]
pub(crate) enum Route {
    Alone,
    Together(Arc<BatchAnswer>),
}

/// What an answer belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answers<'a> {
    pub(crate) method: &'a str,
    /// `None`: there is no other answer.
    pub(crate) id: Option<&'a str>,
    /// It is an error.
    pub(crate) failed: bool,
}

/// Sends an answer that is encoded already, on its route. An empty one is none.
pub(crate) fn deliver(
    calls: &Calls,
    conn: &Arc<Conn>,
    route: &Route,
    payload: &mut Vec<u8>,
    call: Answers<'_>,
) {
    match route {
        Route::Alone if payload.is_empty() => {}
        Route::Alone => calls.send_answer(conn, payload, call),
        Route::Together(all) => {
            if let Some(id) = call.id
                && !payload.is_empty()
                && !all.fits(payload.len())
            {
                let limit = conn.wire.output_limit();
                let text = format!("the answers to this batch are larger than {limit} bytes");
                encode_error(conn, payload, id, &internal(text));
            }
            let answer = (!payload.is_empty()).then(|| payload.clone());
            match all.add(answer) {
                Some(answers) if !answers.is_empty() => {
                    let mut joined = conn.wire.codec.join_batch(&answers);
                    let method = call.method;
                    let joint = Answers {
                        method,
                        id: None,
                        failed: false,
                    };
                    calls.send_answer(conn, &mut joined, joint);
                }
                _ => {}
            }
        }
    }
}

/// Encodes a result; one that cannot be encoded or sent becomes an error answer.
pub(crate) fn encode_result<W: Serialize + ?Sized>(
    conn: &Conn,
    out: &mut Vec<u8>,
    id: &str,
    value: &W,
) -> Result<(), CallError> {
    let codec = &conn.wire.codec;
    codec
        .encode_result(out, id, value)
        .map_err(|reason| internal(format!("the result cannot be encoded: {reason}")))?;
    let limit = conn.wire.output_limit();
    if out.len() > limit {
        let size = out.len();
        out.clear();
        return Err(too_large(size, limit));
    }
    Ok(())
}

fn too_large(size: usize, limit: usize) -> CallError {
    internal(format!(
        "the result of {size} bytes is larger than the limit of {limit} bytes"
    ))
}

/// Encodes an error answer.
pub(crate) fn encode_error(conn: &Conn, out: &mut Vec<u8>, id: &str, error: &CallError) {
    out.clear();
    let codec = &conn.wire.codec;
    let encoded = codec.encode_error(out, id, error);
    if encoded.is_err() || out.len() > conn.wire.output_limit() {
        // The data of the error is to blame; the plain error always fits.
        out.clear();
        let plain = CallError::new(error.code, shorten(&error.message));
        if codec.encode_error(out, id, &plain).is_err() {
            out.clear();
        }
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(200).collect()
}

/// The error of a call that nobody takes.
pub(crate) fn unknown(method: &str) -> CallError {
    let text = format!("unknown method `{}`", shown(method));
    CallError::new(CallError::METHOD_NOT_FOUND, text)
}

/// A name from the wire, short enough for an error.
pub(crate) fn shown(name: &str) -> String {
    let mut text: String = name.chars().take(64).collect();
    if text.len() < name.len() {
        text.push('…');
    }
    text
}

/// An error for which the called side is to blame.
pub(crate) fn internal(message: impl Into<String>) -> CallError {
    CallError::new(CallError::INTERNAL_ERROR, message)
}

/// An answer that is given later, from any thread.
#[derive(Debug)]
pub(crate) struct LateAnswer {
    pub(crate) calls: Arc<Calls>,
    /// Its place among the calls that are answered later, if it has one there.
    pub(crate) place: Option<Place>,
    /// Who is owed the answer; a peer that is gone is not kept for it.
    pub(crate) conn: Weak<Conn>,
    /// `None`: the caller wants no answer; errors go to `on_error`.
    pub(crate) id: Option<Box<str>>,
    pub(crate) route: Route,
    pub(crate) method: Box<str>,
    /// Who looks at it before it is sent.
    pub(crate) watchers: Watchers,
}

impl LateAnswer {
    fn is_wanted(&self) -> bool {
        let late = &self.calls.late;
        self.place.is_none_or(|place| late.is_wanted(place))
    }

    pub(crate) fn settle<W: Serialize>(mut self, result: Result<W, Error>) {
        let Some(conn) = self.conn.upgrade() else {
            crate::base::log::debug!("no answer to `{}`: the peer is gone", self.method);
            return;
        };
        with_scratch(|out| {
            let failure = match (&self.id, result) {
                (Some(id), Ok(value)) => {
                    let written = foreign::catch("writing a result", || {
                        // It is dropped here, too.
                        let value = value;
                        encode_result(&conn, out, id, &value).err()
                    });
                    written.unwrap_or_else(|| Some(internal("writing the result panicked")))
                }
                (None, Ok(_)) => None,
                (_, Err(error)) => Some(match self.is_wanted() {
                    true => call_error(error),
                    false => self.calls.given_up(call_error(error)),
                }),
            };
            let failure = match self.watchers.is_empty() {
                true => failure,
                false => self.tell_layers(&conn, out, failure),
            };
            let failed = failure.is_some();
            match (&self.id, failure) {
                (Some(id), Some(error)) => encode_error(&conn, out, id, &error),
                (None, Some(error)) => {
                    let error = Error::Call(error);
                    self.calls.trouble(conn.peer(), error, Some(&self.method));
                }
                (_, None) => {}
            }
            let call = Answers {
                method: &self.method,
                id: self.id.as_deref(),
                failed,
            };
            deliver(&self.calls, &conn, &self.route, out, call);
        });
        self.calls.paid(&conn);
    }
}

impl Drop for LateAnswer {
    fn drop(&mut self) {
        self.calls.answered_later(self.place);
        if !self.watchers.is_empty() {
            self.tell_layers_that_it_is_lost();
        }
    }
}

/// What the caller sees of an error of a promise that a handler returned.
fn call_error(error: Error) -> CallError {
    match error {
        Error::Abandoned => internal(UNANSWERED),
        other => CallError::from_boxed(other.into()),
    }
}

pub(super) const UNANSWERED: &str = "the promise of the answer was dropped unanswered";
