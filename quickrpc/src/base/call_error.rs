//! The error that travels on the wire.

use std::fmt;

use super::error::{BoxError, Error};
use super::value::Value;

/// In the data of an error answer, what its code alone does not tell.
const REASON: &str = "reason";
const TOO_LATE: &str = "too_late";
const SHUTTING_DOWN: &str = "shutting_down";

/// What the other side answered instead of a result.
///
/// A handler that returns a `CallError` as its error decides the code, message and
/// data that its caller sees.
///
/// ```
/// use quickrpc::CallError;
///
/// let error = CallError::new(-32602, "the angle must be below 360");
/// assert_eq!(error.to_string(), "the angle must be below 360 (code -32602)");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CallError {
    /// The code; see the constants. The Python original always sends 0.
    pub code: i64,
    /// One sentence for people.
    pub message: String,
    /// Anything more; the Python original sends a traceback as text.
    pub data: Option<Value>,
}

impl CallError {
    /// The message is not well-formed (JSON-RPC 2.0, section 5.1).
    pub const PARSE_ERROR: i64 = -32700;
    /// The message is well-formed but is no call (JSON-RPC 2.0, section 5.1).
    pub const INVALID_REQUEST: i64 = -32600;
    /// The method does not exist (JSON-RPC 2.0, section 5.1).
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// The arguments do not fit the method (JSON-RPC 2.0, section 5.1).
    pub const INVALID_PARAMS: i64 = -32602;
    /// The called side failed by itself (JSON-RPC 2.0, section 5.1).
    pub const INTERNAL_ERROR: i64 = -32603;
    /// A handler returned an error that sets no code of its own.
    pub const HANDLER_ERROR: i64 = -32000;
    /// The caller may not call the method: it lacks a role, or the program forbids it. (In the
    /// range that JSON-RPC 2.0, section 5.1, leaves to servers.)
    pub const FORBIDDEN: i64 = -32001;
    /// The caller calls more often than [`Limits::rate`](crate::Limits::rate) allows. (In the
    /// range that JSON-RPC 2.0, section 5.1, leaves to servers.)
    pub const TOO_MANY_CALLS: i64 = -32002;
    /// The call was cancelled by its caller, and given up for that. (As in the Language Server
    /// Protocol.)
    pub const CANCELLED: i64 = -32800;
    /// The call was not begun, since its deadline had passed: the caller has given up. (The same as
    /// [`FORBIDDEN`](Self::FORBIDDEN); [`is_too_late`](Self::is_too_late) tells them apart.)
    pub const TOO_LATE: i64 = -32001;
    /// The call was begun, and not done within its time; what it does goes on, and its result is
    /// dropped.
    pub const TOO_LONG: i64 = -32003;
    /// The called side shuts down, and begins no calls any more; see
    /// [`Api::shutdown`](crate::Api::shutdown). Or it stopped before a stream was over. (The same as
    /// [`TOO_MANY_CALLS`](Self::TOO_MANY_CALLS): both are worth trying again later, here or
    /// elsewhere. [`is_shutting_down`](Self::is_shutting_down) tells them apart.)
    pub const SHUTTING_DOWN: i64 = -32002;

    /// An error with a code and a message.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        CallError {
            code,
            message: message.into(),
            data: None,
        }
    }

    /// The same error with further data.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<Value>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// The answer to a call that is too late; its data says so, since its code is that of others too.
    pub(crate) fn too_late(text: &str) -> Self {
        let data = Value::from_iter([(REASON, TOO_LATE)]);
        CallError::new(Self::TOO_LATE, text).with_data(data)
    }

    /// The answer to a call that comes at the end; likewise.
    pub(crate) fn shutting_down(text: &str) -> Self {
        let data = Value::from_iter([(REASON, SHUTTING_DOWN)]);
        CallError::new(Self::SHUTTING_DOWN, text).with_data(data)
    }

    /// Whether the call was not begun since its deadline had passed, and not for lack of a right,
    /// which has the same code. The data of the answer says so: `{"reason": "too_late"}`.
    pub fn is_too_late(&self) -> bool {
        self.code == Self::TOO_LATE && self.reason() == Some(TOO_LATE)
    }

    /// Whether the other side shuts down, and does not only have too many calls, which has the same
    /// code. The data of the answer says so: `{"reason": "shutting_down"}`.
    pub fn is_shutting_down(&self) -> bool {
        self.code == Self::SHUTTING_DOWN && self.reason() == Some(SHUTTING_DOWN)
    }

    fn reason(&self) -> Option<&str> {
        self.data.as_ref()?.get(REASON)?.as_str()
    }

    /// The error that an answer without a result and without an error becomes.
    pub(crate) fn neither() -> Self {
        let text = "the other side answered with neither a result nor an error";
        CallError::new(Self::INTERNAL_ERROR, text)
    }

    /// The error that a handler's own error becomes: a `CallError` inside is kept,
    /// anything else gives its text with code [`CallError::HANDLER_ERROR`].
    pub fn from_boxed(error: BoxError) -> Self {
        let error = match error.downcast::<CallError>() {
            Ok(error) => return *error,
            Err(error) => error,
        };
        match error.downcast::<Error>() {
            Ok(error) => match *error {
                Error::Call(error) => error,
                Error::Cancelled => CallError::new(Self::CANCELLED, Error::Cancelled.to_string()),
                other => CallError::new(Self::HANDLER_ERROR, other.to_string()),
            },
            Err(error) => CallError::new(Self::HANDLER_ERROR, error.to_string()),
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            0 | Self::HANDLER_ERROR => f.write_str(&self.message),
            code => write!(f, "{} (code {code})", self.message),
        }
    }
}

impl std::error::Error for CallError {}
