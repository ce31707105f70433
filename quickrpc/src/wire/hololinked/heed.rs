//! What a client hears: answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::base::error::CallError;
use crate::base::limits::Limits;
use crate::base::log::{self, Shown};
use crate::base::value::Value;
use crate::wire::codec::{DecodeError, Envelope};
use crate::wire::json;
use crate::wire::session::{Heard, Listening, Say, Verdict};
use crate::wire::zmtp::Parts;

use super::body::{Came, exception};
use super::frames::Frames;
use super::header::{Answer, Answers};
use super::thing::Client;

/// The hearing half of a client's session.
pub(super) struct Listener {
    client: Arc<Client>,
}

impl Listener {
    pub(super) fn new(client: Arc<Client>) -> Self {
        Listener { client }
    }
}

impl Listening for Listener {
    fn open(&mut self, _say: &mut Say) {
        // The speaking half begins, and goes on until there is an answer.
    }

    fn hear(&mut self, _: &str, _: &Limits, _: &mut Say) -> Result<Heard, DecodeError> {
        Err(DecodeError::new("a message without parts", 0))
    }

    fn hear_parts<'t>(
        &mut self,
        parts: Parts<'t>,
        limits: &Limits,
        _say: &mut Say,
    ) -> Result<(&'t str, Heard), DecodeError> {
        let depth = limits.nesting_depth;
        let frames = Frames::take(parts)
            .map_err(|wrong| DecodeError::new(format!("an answer of {} parts", wrong.count), 0))?;
        let header = std::str::from_utf8(frames.header);
        let header = header.map_err(|_| DecodeError::new("its header is not UTF-8", 0))?;
        let answer = Answer::read(header).map_err(|why| DecodeError::new(why.to_string(), 0))?;
        let Some(kind) = answer.answers else {
            // An event comes by the other connection.
            return Ok(("", Heard::Nothing));
        };
        if kind == Answers::Handshake {
            let first = !self.client.greeted.swap(true, Ordering::AcqRel);
            return Ok(("", if first { Heard::Open } else { Heard::Nothing }));
        }
        let id = json::string(header, answer.id).and_then(|id| id.parse::<u64>().ok());
        let Some(ours) = id else {
            // To a notification, whose time was over before it began; or to nothing of ours.
            let id = answer.id.of(header);
            log::debug!("nobody waits for the answer {kind:?} to {}", Shown(id));
            return Ok(("", Heard::Nothing));
        };
        self.client.greeted.store(true, Ordering::Release);
        let unreadable = |why: String| {
            let error = DecodeError::new(why, 0);
            let envelope = Envelope::Unreadable { ours, error };
            Ok(("", Heard::Message(envelope)))
        };
        let mut came = match Came::read(answer.format, frames.body.payload, depth) {
            Ok(came) => came,
            Err(why) => return unreadable(format!("the payload of an answer: {why}")),
        };
        let failed = |error| Ok(("", Heard::Message(Envelope::Failure { id, error })));
        match kind {
            Answers::Handshake | Answers::Reply => {}
            Answers::Timeout => return failed(timeout(&came, depth)),
            Answers::Exception => {
                self.show_logs(&came, depth);
                return failed(exception(&came, depth));
            }
            Answers::InvalidMessage => {
                let mut error = exception(&came, depth);
                error.code = CallError::INVALID_REQUEST;
                return failed(error);
            }
        }
        if self.client.thing.expr.logs {
            self.show_logs(&came, depth);
            came = came.member("return_value", depth).unwrap_or(came);
        }
        match came.with(frames.body.encoded, depth) {
            Ok(came) => {
                let (text, result) = came.payload();
                Ok((text, Heard::Message(Envelope::Reply { id, result })))
            }
            Err(why) => unreadable(why),
        }
    }

    fn verdict(&mut self, _verdict: Verdict, _say: &mut Say) -> Heard {
        Heard::Nothing
    }
}

impl Listener {
    /// What the Thing has logged during a call goes into our log.
    fn show_logs(&self, came: &Came<'_>, depth: usize) {
        if !self.client.thing.expr.logs {
            return;
        }
        let logs = came.member("execution_logs", depth);
        let Some(Value::List(entries)) = logs.and_then(|logs| logs.into_value(depth)) else {
            return;
        };
        let thing = &*self.client.thing.expr.thing;
        // The newest comes first.
        for entry in entries.iter().rev() {
            let text = |name: &str| match entry {
                Value::Map(map) => map.get(name).and_then(Value::as_str).unwrap_or_default(),
                _ => "",
            };
            let (message, at) = (Shown(text("message")), Shown(text("timestamp")));
            macro_rules! tell {
                ($level:ident) => {
                    log::$level!(target: "quickrpc::remote", thing, %at, "{message}")
                };
            }
            match text("level").to_ascii_uppercase().as_str() {
                "CRITICAL" | "ERROR" => tell!(error),
                "WARNING" | "WARN" => tell!(warn),
                "DEBUG" => tell!(debug),
                "TRACE" | "NOTSET" => tell!(trace),
                _ => tell!(info),
            }
        }
    }
}

/// Which of the limits of a call was reached.
fn timeout(came: &Came<'_>, depth: usize) -> CallError {
    let said = match came {
        Came::Json(text) => json::whole(text).and_then(|whole| json::value(text, whole, depth)),
        Came::Value(value) => Some(value.clone()),
    };
    let said = said.unwrap_or_default();
    let (code, text) = match said.as_str() {
        Some("execution") => (
            CallError::TOO_LONG,
            "it was begun and not done in time (execution timeout); it may go on",
        ),
        _ => (
            CallError::TOO_LATE,
            "it was not begun in time (invokation timeout), and never will be",
        ),
    };
    CallError::new(code, text).with_data(said)
}
