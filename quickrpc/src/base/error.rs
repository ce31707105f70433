//! The one error type of the crate.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::base::expr_error::ExprError;
use crate::base::security::SecurityError;

pub use super::call_error::CallError;

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
    /// call was sent to an empty list of peers, or to a broker that says that nobody listens to it.
    #[error("{}", nobody(.method, *.addressed, *.sent, .reason))]
    NoPeer {
        /// The method that was called.
        method: Arc<str>,
        /// False for an empty list of peers.
        addressed: bool,
        /// True where a broker has it, behind which others may well be connected.
        sent: bool,
        /// What has become of the transports, such as why one cannot be opened; or nothing.
        reason: Arc<str>,
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
        Self::lacks_features(expr, &[feature])
    }

    /// The same for several.
    pub(crate) fn lacks_features(expr: &dyn fmt::Display, features: &[&str]) -> Self {
        let (named, are) = match features {
            [one] => (format!("feature `{one}`"), "is"),
            all => (format!("features `{}`", all.join("` and `")), "are"),
        };
        let all = features.join(",");
        let text = format!(
            "`{expr}` needs the cargo {named} of quickrpc, which {are} off: \
             `cargo add quickrpc --features {all}`"
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

fn nobody(method: &str, addressed: bool, sent: bool, reason: &str) -> String {
    match addressed {
        true if sent => format!("the broker says that nobody listens to `{method}` there"),
        true if reason.is_empty() => format!("nobody is connected, so `{method}` was not sent"),
        true => format!("nobody is connected, so `{method}` was not sent: {reason}"),
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
