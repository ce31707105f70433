//! How an answer finds its way back to the peer that called.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::sync::{Arc, Mutex, Weak};

use serde::Serialize;

use crate::base::error::{CallError, Error};
use crate::base::limits::Limits;
use crate::base::sync::lock;
use crate::wire::framing::Framing;

use crate::net::batch;
use crate::net::conn::{Conn, Wait};
use crate::net::core::Core;
use crate::net::link::Wire;
use crate::net::reactor::Command;
use crate::net::session::Content;
use crate::net::tx::Queued;

thread_local! {
    /// Memory for encoding, used again and again: one piece for each level of a handler
    /// that sends while its answer is being made.
    static SCRATCH: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    /// Messages in a row that did not need the large buffer of this thread.
    static SMALL: Cell<u32> = const { Cell::new(0) };
}

/// More than this is kept only while it is needed now and then.
const KEEP: usize = 256 << 10;
/// More than this is not kept.
const MOST: usize = 4 << 20;
/// A large buffer goes after so many messages that did not need it.
const SMALL_IN_A_ROW: u32 = 64;

/// Lends memory for encoding one message.
pub(crate) fn with_scratch<R>(run: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    let mut buffer = SCRATCH.with_borrow_mut(Vec::pop).unwrap_or_default();
    buffer.clear();
    let result = run(&mut buffer);
    if buffer.capacity() <= KEEP || is_needed(&buffer) {
        SCRATCH.with_borrow_mut(|pool| pool.push(buffer));
    }
    result
}

/// Whether a large buffer is kept that has just been used.
#[cold]
fn is_needed(buffer: &Vec<u8>) -> bool {
    let small = match buffer.len() > KEEP / 2 {
        true => 0,
        false => SMALL.get() + 1,
    };
    SMALL.set(small);
    buffer.capacity() <= MOST && small < SMALL_IN_A_ROW
}

impl Wire {
    /// Where a message ends, for messages to people.
    pub(crate) fn framing_rule(&self) -> &'static str {
        match self.websocket {
            Some(_) => "every message ends with a final frame",
            None => self.codec.framing().map_or("", Framing::rule),
        }
    }

    /// A message that is kept apart from others by the transport, without the delimiter that
    /// somebody may send nevertheless.
    pub(crate) fn bare<'a>(&self, telegram: &'a [u8]) -> &'a [u8] {
        let delimiter = self.codec.framing().and_then(Framing::delimiter);
        let bare = delimiter.and_then(|delimiter| telegram.strip_suffix(delimiter));
        bare.unwrap_or(telegram)
    }

    /// What can be sent without any meaning.
    pub(crate) fn idle(&self) -> Option<Cow<'_, [u8]>> {
        match &self.websocket {
            Some(side) => Some(side.ping().into()),
            None => self.codec.keepalive().map(Cow::Borrowed),
        }
    }

    /// Frames the telegram that begins at `start`: within a stream, or as a message.
    pub(crate) fn frame_out(&self, out: &mut Vec<u8>, start: usize) -> Result<(), String> {
        let Some(side) = &self.websocket else {
            return self.codec.frame_out(out, start);
        };
        let telegram = out.get(start..).unwrap_or_default();
        // What plug-ins write may be anything.
        let text = match self.security.is_null() && self.codec.is_text() {
            true => true,
            false => !self.codec.binary() && std::str::from_utf8(telegram).is_ok(),
        };
        side.enclose(out, start, text);
        Ok(())
    }
}

impl Conn {
    /// Makes an encoded payload ready for [`Core::transmit`]: security header, delimiter. A
    /// session adds both later.
    pub(crate) fn frame(&self, payload: &mut Vec<u8>, method: &str) -> Result<(), Error> {
        match self.session {
            Some(_) => self.wire.check_sealed(payload.len()),
            None => self.wire.frame(payload, method),
        }
    }
}

impl Wire {
    fn frame(&self, payload: &mut Vec<u8>, method: &str) -> Result<(), Error> {
        self.check_size(payload)?;
        self.enclose(payload, method)?;
        if self.datagrams {
            // With everything that belongs to it.
            self.check_size(payload)?;
        }
        Ok(())
    }

    pub(crate) fn check_size(&self, bytes: &[u8]) -> Result<(), Error> {
        self.check(bytes.len())
    }

    fn check_sealed(&self, size: usize) -> Result<(), Error> {
        self.check(self.security.sealed_size(size))
    }

    fn check(&self, size: usize) -> Result<(), Error> {
        let limit = self.limits.message_size;
        match size > limit {
            true => Err(Error::MessageTooLarge { size, limit }),
            false => Ok(()),
        }
    }

    fn enclose(&self, payload: &mut Vec<u8>, method: &str) -> Result<(), Error> {
        let encode = |reason: String| Error::Encode {
            method: method.into(),
            reason: reason.into(),
        };
        if self.security.is_null() {
            return self.frame_out(payload, 0).map_err(encode);
        }
        let (header, sealed) = self.security.sec_out(std::mem::take(payload))?;
        self.wrap(payload, header.as_ref(), &sealed).map_err(encode)
    }
}

impl Core {
    /// Sends to one peer what was made ready for it.
    pub(crate) fn transmit(&self, conn: &Arc<Conn>, bytes: &[u8], wait: Wait) -> Result<(), Error> {
        match conn.session {
            None => self.put(conn, Content::Framed(bytes), wait),
            Some(_) if conn.is_greeted() => self.put(conn, Content::Payload(bytes), wait),
            Some(_) => {
                let text = format!("`{}` has not proved who it is yet", conn.peer);
                Err(Error::Security(text.into()))
            }
        }
    }

    pub(crate) fn put(
        &self,
        conn: &Arc<Conn>,
        content: Content<'_>,
        wait: Wait,
    ) -> Result<(), Error> {
        let limit = conn.wire.limits.peer_queue;
        if matches!(wait, Wait::UpTo(_)) && conn.backlog() >= limit {
            // Others may wait for what this thread has collected for them.
            batch::flush();
        }
        match conn.send(content, limit, wait, batch::collector())? {
            Queued::Fine => {}
            Queued::Listed => batch::add(Arc::clone(conn)),
            Queued::Over if conn.watch() => self.ask(Command::Watch(Arc::clone(conn))),
            Queued::Over => {}
        }
        if self.budget.is_exceeded() {
            self.relieve();
        }
        Ok(())
    }

    /// Sends an encoded answer; a peer that is gone meanwhile does not mind.
    fn send_answer(&self, conn: &Arc<Conn>, payload: &mut Vec<u8>, call: Answers<'_>) {
        let method = call.method;
        let framed = match (conn.frame(payload, method), call.id) {
            // It fitted, but not with what belongs to it; an error has to be known.
            (Err(Error::MessageTooLarge { size, limit }), Some(id)) => {
                let error = too_large(size, limit);
                encode_error(conn, payload, id, &error);
                self.trouble(&conn.peer, Error::Call(error), Some(method));
                conn.frame(payload, method)
            }
            (framed, _) => framed,
        };
        let sent = framed.and_then(|()| self.transmit(conn, payload, Wait::Answer));
        match sent {
            Ok(()) => {}
            Err(Error::Disconnected { .. }) => {
                tracing::debug!(peer = %conn.peer, "no answer to `{method}`: the peer is gone");
            }
            Err(error) => self.trouble(&conn.peer, error, Some(method)),
        }
    }
}

/// Where an answer goes: alone, or into the array that answers a JSON-RPC batch.
#[derive(Debug, Clone)]
pub(crate) enum Route {
    Alone,
    Together(Arc<BatchAnswer>),
}

/// The answers to one JSON-RPC batch, sent when the last one is there.
#[derive(Debug)]
pub(crate) struct BatchAnswer {
    /// Guards what is there of the answers; a leaf in the lock order.
    state: Mutex<Parts>,
}

#[derive(Debug)]
struct Parts {
    answers: Vec<Vec<u8>>,
    /// Entries that have not been answered yet.
    missing: usize,
    /// Bytes that the answers may still have; the array is one message.
    room: usize,
}

impl BatchAnswer {
    pub(crate) fn new(parts: usize, limits: &Limits) -> Self {
        // Each answer has a comma or a bracket, and may become a short error.
        let errors = parts.saturating_mul(ERROR + limits.id_size);
        BatchAnswer {
            state: Mutex::new(Parts {
                answers: Vec::new(),
                missing: parts,
                room: limits.message_size.saturating_sub(errors),
            }),
        }
    }

    /// Whether an answer of so many bytes still fits; then they are set aside for it.
    fn fits(&self, size: usize) -> bool {
        let mut state = lock(&self.state);
        let left = state.room.checked_sub(size);
        state.room = left.unwrap_or(state.room);
        left.is_some()
    }

    /// One part is answered, or has no answer. Gives all answers with the last part.
    fn add(&self, answer: Option<Vec<u8>>) -> Option<Vec<Vec<u8>>> {
        let mut state = lock(&self.state);
        state.answers.extend(answer);
        state.missing = state.missing.saturating_sub(1);
        (state.missing == 0).then(|| std::mem::take(&mut state.answers))
    }
}

/// Bytes that an error without data has beside its id, generously.
const ERROR: usize = 256;

/// What an answer belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answers<'a> {
    pub(crate) method: &'a str,
    /// `None`: there is no other answer.
    pub(crate) id: Option<&'a str>,
}

/// Sends an answer that is encoded already, on its route. An empty one is none.
pub(crate) fn deliver(
    core: &Core,
    conn: &Arc<Conn>,
    route: &Route,
    payload: &mut Vec<u8>,
    call: Answers<'_>,
) {
    match route {
        Route::Alone if payload.is_empty() => {}
        Route::Alone => core.send_answer(conn, payload, call),
        Route::Together(all) => {
            if let Some(id) = call.id
                && !payload.is_empty()
                && !all.fits(payload.len())
            {
                let limit = conn.wire.limits.message_size;
                let text = format!("the answers to this batch are larger than {limit} bytes");
                encode_error(conn, payload, id, &internal(text));
            }
            let answer = (!payload.is_empty()).then(|| payload.clone());
            match all.add(answer) {
                Some(answers) if !answers.is_empty() => {
                    let mut joined = conn.wire.codec.join_batch(&answers);
                    let method = call.method;
                    core.send_answer(conn, &mut joined, Answers { method, id: None });
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
    let codec = Core::codec(conn);
    codec
        .encode_result(out, id, value)
        .map_err(|reason| internal(format!("the result cannot be encoded: {reason}")))?;
    let limit = conn.wire.limits.message_size;
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
    let codec = Core::codec(conn);
    let encoded = codec.encode_error(out, id, error);
    if encoded.is_err() || out.len() > conn.wire.limits.message_size {
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

/// An error for which the called side is to blame.
pub(crate) fn internal(message: impl Into<String>) -> CallError {
    CallError::new(CallError::INTERNAL_ERROR, message)
}

/// An answer that is given later, from any thread.
#[derive(Debug)]
pub(crate) struct LateAnswer {
    pub(crate) core: Arc<Core>,
    /// Who is owed the answer; a peer that is gone is not kept for it.
    pub(crate) conn: Weak<Conn>,
    /// `None`: the caller wants no answer; errors go to `on_error`.
    pub(crate) id: Option<Box<str>>,
    pub(crate) route: Route,
    pub(crate) method: Box<str>,
}

impl LateAnswer {
    pub(crate) fn settle<W: Serialize>(self, result: Result<W, Error>) {
        let Some(conn) = self.conn.upgrade() else {
            tracing::debug!("no answer to `{}`: the peer is gone", self.method);
            return;
        };
        with_scratch(|out| {
            let failure = match (&self.id, result) {
                (Some(id), Ok(value)) => encode_result(&conn, out, id, &value).err(),
                (None, Ok(_)) => None,
                (_, Err(error)) => Some(call_error(error)),
            };
            match (&self.id, failure) {
                (Some(id), Some(error)) => encode_error(&conn, out, id, &error),
                (None, Some(error)) => {
                    let error = Error::Call(error);
                    self.core.trouble(&conn.peer, error, Some(&self.method));
                }
                (_, None) => {}
            }
            let call = Answers {
                method: &self.method,
                id: self.id.as_deref(),
            };
            deliver(&self.core, &conn, &self.route, out, call);
        });
        self.core.paid(&conn);
    }
}

/// What the caller sees of an error of a promise that a handler returned.
fn call_error(error: Error) -> CallError {
    match error {
        Error::Call(error) => error,
        Error::Abandoned => internal("the promise of the answer was dropped unanswered"),
        other => CallError::new(CallError::HANDLER_ERROR, other.to_string()),
    }
}
