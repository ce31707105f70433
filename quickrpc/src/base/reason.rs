//! Why a connection ended.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::base::security::SecurityError;

/// Why a connection ended, as [`Api::on_disconnect`](crate::Api::on_disconnect) tells it.
///
/// Shown, it completes "`<peer>` is gone: ...".
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The peer closed its side in an orderly way. What it had sent before was handled.
    EndOfInput,
    /// This side asked for it, by `disconnect`.
    Local,
    /// This side was stopped.
    Stopped,
    /// Reading or writing failed: the network, or the other program, is broken. Behind
    /// `restart:` a client connects again.
    Lost(Arc<io::Error>),
    /// The peer sent, or began, a message that is larger than the limit. If it should,
    /// raise [`Limits::message_size`](crate::Limits::message_size).
    MessageTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The peer sent what is no message in the framing of the wire (`jrpc:content-length`),
    /// so that nothing behind it can be found: see whether both sides use the same framing. Or
    /// it sent a request of HTTP, which a browser may be made to do by any page.
    Garbled(Arc<str>),
    /// The peer closed a WebSocket with this code and text ([RFC 6455, section
    /// 7.4](https://www.rfc-editor.org/rfc/rfc6455#section-7.4)): 1000 when it is done, 1001
    /// when it goes away, 1005 when it gave no code. What it had sent before was handled.
    Closed {
        /// The code.
        code: u16,
        /// What it said, perhaps nothing.
        text: Arc<str>,
    },
    /// The peer broke the rules of WebSocket, which was then closed with this code.
    Violation {
        /// The code: 1002, or 1007 for a text that is not UTF-8.
        code: u16,
        /// Which rule it was.
        text: Arc<str>,
    },
    /// This side refused the peer with this code and text, as the peer's protocol has it: a
    /// wrong secret, a name that another one has.
    Rejected {
        /// The code, as a WebSocket closes with it.
        code: u16,
        /// What the peer is told, unless the code is 1000: protocols that always close with that
        /// have no words for it.
        text: Arc<str>,
    },
    /// Another connection has taken the place of this one, as its protocol allows: it has the
    /// same name now.
    Replaced,
    /// The peer did not read what was sent to it: see
    /// [`Limits::peer_queue`](crate::Limits::peer_queue) and
    /// [`Limits::stall`](crate::Limits::stall).
    SlowConsumer {
        /// Bytes that waited for it.
        queued: usize,
    },
    /// All peers together held more memory than they may, and this one most of it: see
    /// [`Limits::buffered_total`](crate::Limits::buffered_total).
    OutOfMemory {
        /// Bytes of its unfinished messages, and those that waited for it.
        held: usize,
        /// The limit for all peers, in bytes.
        limit: usize,
    },
    /// The peer did not prove within [`Limits::greeting`](crate::Limits::greeting) who it is,
    /// as a security provider asked it to.
    NotGreeted {
        /// The time that it had.
        after: Duration,
    },
    /// The peer said nothing at all for so long, not even to a question that it could have answered at once: it
    /// had left a call without an answer, and said nothing within [`Limits::greeting`](crate::Limits::greeting)
    /// (servers of some protocols stop their service without closing), or it is behind a broker, and was asked
    /// whether it is there. A client of HTTP may be silent for a while, and then its connection ends.
    Silent {
        /// The time that it had.
        after: Duration,
    },
    /// The security provider refused the peer before it had proved who it is, or the file of
    /// `?keys=` does not let it be here any more.
    Refused(SecurityError),
    /// The transport ended by itself, for a reason of its own, such as `exited with status 3`
    /// of a child process.
    Transport(Arc<str>),
}

impl DisconnectReason {
    /// Whether what is queued is still worth sending.
    pub(crate) fn keeps_queue(&self) -> bool {
        !matches!(
            self,
            DisconnectReason::Lost(_)
                | DisconnectReason::SlowConsumer { .. }
                | DisconnectReason::OutOfMemory { .. }
        )
    }
}

impl DisconnectReason {
    /// What a WebSocket is closed with (RFC 6455, section 7.4).
    pub(crate) fn close_code(&self) -> (u16, String) {
        match self {
            DisconnectReason::Closed { code, .. } => (*code, String::new()),
            DisconnectReason::EndOfInput | DisconnectReason::Local => (1000, String::new()),
            DisconnectReason::Stopped => (1001, self.to_string()),
            DisconnectReason::MessageTooLarge { limit } => {
                (1009, format!("a message has more than {limit} bytes"))
            }
            DisconnectReason::Rejected { code: 1000, .. } => (1000, String::new()),
            DisconnectReason::Violation { code, text }
            | DisconnectReason::Rejected { code, text } => (*code, text.to_string()),
            DisconnectReason::Replaced => (1000, self.to_string()),
            DisconnectReason::Garbled(text) => (1002, text.to_string()),
            DisconnectReason::Refused(_) => (1008, self.to_string()),
            _ => (1011, self.to_string()),
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DisconnectReason::EndOfInput => f.write_str("it closed the connection"),
            DisconnectReason::Local => f.write_str("disconnected on request"),
            DisconnectReason::Stopped => f.write_str("stopped"),
            DisconnectReason::Lost(error) => write!(f, "connection lost: {error}"),
            DisconnectReason::MessageTooLarge { limit } => {
                write!(f, "it sent a message of more than {limit} bytes")
            }
            DisconnectReason::Garbled(text) => {
                write!(f, "its messages cannot be told apart: {text}")
            }
            DisconnectReason::Closed { code, text } => {
                let separator = if text.is_empty() { "" } else { ": " };
                // It is from the peer, and may end up in a terminal.
                let text = text.replace(char::is_control, " ");
                write!(f, "it closed the connection ({code}{separator}{text})")
            }
            DisconnectReason::Violation { text, .. } => {
                write!(f, "it broke the rules of WebSocket: {text}")
            }
            DisconnectReason::Rejected { code, text } => {
                // Some of it may be from the peer, and end up in a terminal.
                let text = text.replace(char::is_control, " ");
                write!(f, "refused ({code}: {text})")
            }
            DisconnectReason::Replaced => {
                f.write_str("another connection has taken the place of this one")
            }
            DisconnectReason::SlowConsumer { queued } => {
                write!(f, "it does not read; {queued} bytes were waiting")
            }
            DisconnectReason::OutOfMemory { held, limit } => write!(
                f,
                "it held {held} bytes, and all peers together more than {limit}"
            ),
            DisconnectReason::NotGreeted { after } => {
                write!(f, "it did not prove who it is within {after:?}")
            }
            DisconnectReason::Silent { after } => write!(f, "it said nothing for {after:?}"),
            DisconnectReason::Refused(error) => write!(f, "refused: {error}"),
            DisconnectReason::Transport(text) => f.write_str(text),
        }
    }
}
