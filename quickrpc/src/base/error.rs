//! The one error type of the crate, and the error that travels on the wire.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::base::expr_error::ExprError;
use crate::base::security::SecurityError;
use crate::base::value::Value;

/// What the functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error, boxed; what the errors of handlers convert into.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Everything that can go wrong, one variant for each kind of blame.
///
/// Cheap to clone, so that one lost connection can fail every pending call. `Debug` shows the same
/// as `Display`, so that a `main` that returns one ends with words for people. Errors can be
/// compared; those of the system and of plug-ins are equal if they have the same kind and text.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The other side answered the call with an error.
    #[error("{0}")]
    Call(#[from] CallError),

    /// A codec, security or transport expression is wrong; the text shows where.
    #[error("{0}")]
    Expression(#[from] ExprError),

    /// A transport could not be opened. Check the address, then start again.
    #[error("cannot start transport `{transport}`: {reason}")]
    Start {
        /// The transport's expression.
        transport: Arc<str>,
        /// What happened, and what to do.
        reason: Arc<str>,
        /// The kind of I/O error, where there was one.
        kind: Option<io::ErrorKind>,
    },

    /// Nobody is connected: a call that nobody can answer, or a notification of a client without a
    /// peer, which would be lost. See [`Builder::wait_for_peer`](crate::Builder::wait_for_peer). Or the
    /// call was sent to an empty list of peers.
    #[error("{}", nobody(.method, *.addressed))]
    NoPeer {
        /// The method that was called.
        method: Arc<str>,
        /// False for an empty list of peers.
        addressed: bool,
    },

    /// No connected peer has this name.
    #[error("no peer named `{name}` is connected{}", list_known(.known))]
    UnknownPeer {
        /// The name as it was given.
        name: Arc<str>,
        /// The names of those who are connected (the first few).
        known: Arc<[Arc<str>]>,
    },

    /// Several connected peers have this name; use one of the listed forms.
    #[error("several peers are named `{name}`; say which: {}", .candidates.join(", "))]
    AmbiguousPeer {
        /// The name as it was given.
        name: Arc<str>,
        /// Forms that name exactly one peer each.
        candidates: Arc<[String]>,
    },

    /// The peer is gone, or went while the call was pending.
    #[error("peer `{peer}` is disconnected: {reason}")]
    Disconnected {
        /// The peer's name.
        peer: Arc<str>,
        /// Why the connection ended.
        reason: Arc<str>,
    },

    /// The call was not answered before its deadline; or it waited for a peer
    /// ([`Builder::wait_for_peer`](crate::Builder::wait_for_peer)), and none came.
    #[error("{}", late(.method, .peer, *.sent, *.after))]
    Timeout {
        /// The method that was called; empty for a promise that is not a call.
        method: Arc<str>,
        /// Who was asked; empty if it was not a single peer.
        peer: Arc<str>,
        /// Whether it was sent to anybody; if not, nothing of it was done.
        sent: bool,
        /// How long was waited.
        after: Duration,
    },

    /// The caller has given up the call, by [`Promise::cancel`](crate::Promise::cancel).
    #[error("the call was cancelled")]
    Cancelled,

    /// The API was stopped.
    #[error("the API is stopped")]
    Stopped,

    /// The API has not been started; call `start()` first.
    #[error("the API is not started; call `start()` first")]
    NotStarted,

    /// The API cannot do this while it runs; call `stop()` first.
    #[error("the API is running; {0}")]
    Running(Arc<str>),

    /// Waiting here could never end, since the waiting thread has to do the work.
    #[error("waiting here would never end: {0}")]
    Deadlock(Arc<str>),

    /// The promise has been settled before, or its value has been taken; the stream has ended.
    #[error(
        "it is done already: a promise is settled once and its result taken once, and behind the end \
         of a stream comes nothing"
    )]
    Done,

    /// Whoever should have settled the promise was dropped without doing so.
    #[error(
        "abandoned: the resolver of the promise, or the sender of the stream, was dropped without a result"
    )]
    Abandoned,

    /// The message is larger than the limit; nothing was sent.
    #[error("message of {size} bytes is larger than the limit of {limit} bytes")]
    MessageTooLarge {
        /// Size of the message in bytes (as far as it was encoded).
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },

    /// The peer reads more slowly than is sent to it, or not at all: its queue stayed full until the
    /// deadline, or has become far too full where nobody could wait. Nothing was sent; try later,
    /// or send less.
    #[error("the queue of peer `{peer}` is full ({queued} bytes); it reads too slowly")]
    QueueFull {
        /// The peer's name.
        peer: Arc<str>,
        /// Bytes that wait to be sent to it.
        queued: usize,
    },

    /// What others send without being asked was not taken as fast as it came, and so much of it may
    /// wait ([`Limits::waiting_bytes`](crate::Limits::waiting_bytes)). Take the items at once, by a
    /// thread of their own if need be.
    #[error(
        "the items of `{method}` were taken too slowly: more than {limit} bytes of them wait, and \
         whoever sends them waits for nobody"
    )]
    TooSlow {
        /// The call that has begun it.
        method: Arc<str>,
        /// The limit in bytes.
        limit: usize,
    },

    /// Too many calls wait for their answers.
    #[error("{limit} calls are pending; no more until some are answered")]
    TooManyPending {
        /// The limit that was reached.
        limit: usize,
    },

    /// Several receivers were addressed, and these did not get the message.
    #[error("not sent to all receivers: {}", list_partial(.0))]
    Partial(Arc<[(Arc<str>, Error)]>),

    /// Arguments or a result could not be encoded; nothing was sent.
    #[error("cannot encode `{method}`: {reason}")]
    Encode {
        /// The method whose message it was.
        method: Arc<str>,
        /// What cannot be encoded.
        reason: Arc<str>,
    },

    /// A peer sent something that is not a message; that message was skipped. The text shows how it
    /// began.
    #[error("undecodable message: {0}")]
    Decode(Arc<str>),

    /// The peer answered, but with a value of another type than declared.
    #[error("the result of `{method}` cannot be read: {reason}")]
    BadResult {
        /// The method that was called.
        method: Arc<str>,
        /// What was found and what was expected.
        reason: Arc<str>,
    },

    /// The security provider refused a message, which was not handled (or not sent).
    #[error("security: {0}")]
    Security(#[from] SecurityError),

    /// The API was put together in a way that cannot work.
    #[error("{0}")]
    Config(Arc<str>),

    /// The protocol of the wire has no such thing, whoever the peer is: bind the API to another
    /// wire, or leave the call out of its declaration.
    #[error("`{protocol}` cannot send `{method}`: {reason}")]
    Unsupported {
        /// The expression of the protocol.
        protocol: Arc<str>,
        /// The call.
        method: Arc<str>,
        /// What it cannot do.
        reason: Arc<str>,
    },

    /// A value is not of the type that it was to be read as.
    #[error("cannot read `{expected}` from a value: {reason}")]
    BadValue {
        /// The type.
        expected: Arc<str>,
        /// What was found and what was expected.
        reason: Arc<str>,
    },

    /// A stop took longer than [`Limits::stop`](crate::Limits::stop): these threads go on, most
    /// often since a handler does not return.
    #[error(
        "not stopped within {after:?}: still running: {} (a handler that does not return?)",
        .running.join(", ")
    )]
    NotStopped {
        /// How long was waited.
        after: Duration,
        /// The names of the threads.
        running: Arc<[String]>,
    },

    /// A shutdown took longer than it was given: so many calls were begun, and had no answer when
    /// the API was stopped.
    #[error("{calls} calls were not answered within {after:?}, and the API is stopped")]
    Unanswered {
        /// How long was waited.
        after: Duration,
        /// How many.
        calls: usize,
    },

    /// A thread of the API has panicked, and the API has stopped: a mistake of this library, which
    /// asks to be reported. Code of yours that panics costs one call, or one peer, at the most.
    #[error("the thread `{thread}` of the API has panicked: {reason}")]
    Panicked {
        /// The name of the thread, without `quickrpc-`.
        thread: Arc<str>,
        /// The words of the panic.
        reason: Arc<str>,
    },

    /// A transport has ended in an orderly way; the reason of a
    /// [`TransportState::Down`](crate::TransportState::Down) behind `restart:`.
    #[error("it ended")]
    Ended,

    /// Reading or writing failed.
    #[error("{context}: {source}")]
    Io {
        /// What was being done.
        context: Arc<str>,
        /// The system's error.
        source: Arc<io::Error>,
    },

    /// An error of a plug-in.
    #[error("{0}")]
    Plugin(Arc<dyn std::error::Error + Send + Sync>),
}

/// In the data of an error answer, what its code alone does not tell.
const REASON: &str = "reason";
const TOO_LATE: &str = "too_late";
const SHUTTING_DOWN: &str = "shutting_down";

/// So many characters of what cannot be read are shown.
const SHOWN: usize = 60;

impl Error {
    /// An [`Error::Io`] with the words that say what was being done.
    pub fn io(context: impl Into<Arc<str>>, source: io::Error) -> Self {
        Error::Io {
            context: context.into(),
            source: Arc::new(source),
        }
    }

    /// That of an expression that needs a cargo feature which is off.
    pub(crate) fn lacks_feature(expr: &dyn fmt::Display, feature: &str) -> Self {
        let text = format!(
            "`{expr}` needs the cargo feature `{feature}` of quickrpc, which is off: \
             `cargo add quickrpc --features {feature}`"
        );
        Error::Config(text.into())
    }

    /// An [`Error::Decode`] that shows how the message begins.
    pub(crate) fn undecodable(reason: &str, message: &[u8]) -> Self {
        if message.is_empty() {
            return Error::Decode(reason.into());
        }
        // A character has four bytes at the most.
        let front = message.get(..4 * SHOWN).unwrap_or(message);
        let text = String::from_utf8_lossy(front);
        let mut shown: String = text.chars().take(SHOWN).collect();
        let more = match shown.len() < text.len() || front.len() < message.len() {
            true => "…",
            false => "",
        };
        if shown.contains(char::is_control) {
            shown = shown.replace(char::is_control, "\u{fffd}");
        }
        Error::Decode(format!("{reason}, in `{shown}{more}`").into())
    }

    /// Turns any error into this type; an [`Error`] or a [`CallError`] inside is kept.
    pub fn from_boxed(error: BoxError) -> Self {
        match error.downcast::<Error>() {
            Ok(error) => *error,
            Err(error) => Error::Call(CallError::from_boxed(error)),
        }
    }
}

impl Error {
    /// The code that the other side answered with; `None` if the error is no answer.
    ///
    /// ```
    /// use quickrpc::{CallError, Error};
    ///
    /// assert_eq!(Error::from(CallError::new(404, "no such lamp")).code(), Some(404));
    /// assert_eq!(Error::Stopped.code(), None);
    /// ```
    pub fn code(&self) -> Option<i64> {
        match self {
            Error::Call(error) => Some(error.code),
            _ => None,
        }
    }
}

impl Error {
    /// The name of the variant.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Error::Call(..) => "Call",
            Error::Expression(..) => "Expression",
            Error::Start { .. } => "Start",
            Error::NoPeer { .. } => "NoPeer",
            Error::UnknownPeer { .. } => "UnknownPeer",
            Error::AmbiguousPeer { .. } => "AmbiguousPeer",
            Error::Disconnected { .. } => "Disconnected",
            Error::Timeout { .. } => "Timeout",
            Error::Cancelled => "Cancelled",
            Error::Stopped => "Stopped",
            Error::NotStarted => "NotStarted",
            Error::Running(..) => "Running",
            Error::Deadlock(..) => "Deadlock",
            Error::Done => "Done",
            Error::Abandoned => "Abandoned",
            Error::MessageTooLarge { .. } => "MessageTooLarge",
            Error::QueueFull { .. } => "QueueFull",
            Error::TooSlow { .. } => "TooSlow",
            Error::TooManyPending { .. } => "TooManyPending",
            Error::Partial(..) => "Partial",
            Error::Encode { .. } => "Encode",
            Error::Decode(..) => "Decode",
            Error::BadResult { .. } => "BadResult",
            Error::Security(..) => "Security",
            Error::Config(..) => "Config",
            Error::Unsupported { .. } => "Unsupported",
            Error::BadValue { .. } => "BadValue",
            Error::NotStopped { .. } => "NotStopped",
            Error::Unanswered { .. } => "Unanswered",
            Error::Panicked { .. } => "Panicked",
            Error::Ended => "Ended",
            Error::Io { .. } => "Io",
            Error::Plugin(..) => "Plugin",
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        // The texts show all fields but the data of an answer, the kind of an I/O error, and which
        // of the variants it is whose text is free.
        let details = match (self, other) {
            (Error::Call(one), Error::Call(other)) => return one == other,
            (Error::Start { kind: one, .. }, Error::Start { kind: other, .. }) => one == other,
            (Error::Io { source: one, .. }, Error::Io { source: other, .. }) => {
                one.kind() == other.kind()
            }
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        };
        details && self.to_string() == other.to_string()
    }
}

impl From<BoxError> for Error {
    fn from(error: BoxError) -> Self {
        Error::from_boxed(error)
    }
}

fn list_known(names: &[Arc<str>]) -> String {
    if names.is_empty() {
        return String::from("; nobody is");
    }
    format!("; connected: {}", names.join(", "))
}

fn nobody(method: &str, addressed: bool) -> String {
    match addressed {
        true => format!("nobody is connected, so `{method}` was not sent"),
        false => {
            format!("`{method}` was sent to an empty list of peers, which nobody can answer")
        }
    }
}

fn late(method: &str, peer: &str, sent: bool, after: Duration) -> String {
    match (method, peer) {
        _ if !sent => {
            format!("`{method}` was not sent: nobody it was for was connected within {after:?}")
        }
        ("", _) => format!("no answer within {after:?}"),
        (_, "") => format!("no answer to `{method}` within {after:?}"),
        _ => format!("no answer to `{method}` from `{peer}` within {after:?}"),
    }
}

fn list_partial(failures: &[(Arc<str>, Error)]) -> String {
    let texts: Vec<String> = failures
        .iter()
        .map(|(name, error)| format!("{name} ({error})"))
        .collect();
    texts.join("; ")
}

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

/// `Ok(value)` with the error type fixed, for handlers that use `?`.
///
/// ```
/// # use quickrpc::remote_api;
/// # #[remote_api]
/// # trait Parser { #[incoming] fn parse(&self, text: &str) -> i64; }
/// # fn main() -> quickrpc::Result<()> {
/// let api = Parser::builder().build()?;
/// api.parse.connect(|_sender, text| {
///     let number: i64 = text.parse()?;
///     quickrpc::ok(number)
/// });
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// None by itself; the error type is what `?` in the closure converts into.
pub fn ok<T>(value: T) -> Result<T, BoxError> {
    Ok(value)
}
