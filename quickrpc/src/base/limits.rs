//! What a peer may use at the most.

use std::fmt;
use std::time::Duration;

use super::error::Error;

/// Limits of an API; every buffer and table that a peer can fill has one.
///
/// [`Builder::limits`](crate::Builder::limits) sets them for an API, and an option of the same
/// name for one wire: `tcpserv::8888?message_size=64k&connect=1.5`. Those that count for all
/// wires together (`pending_calls`, `buffered_total`, `subscription`, `stop`) are taken from
/// the first wire whose expression has them.
///
/// None can be 0, except [`stall`](Self::stall): building the API is an error then, which names
/// the limit. `usize::MAX` and `Duration::MAX` are no limit, where none is said to be the most.
///
/// ```
/// use quickrpc::Limits;
///
/// let limits = Limits { message_size: 1 << 20, ..Limits::default() };
/// assert_eq!(limits.nesting_depth, 128);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message, in and out. Default 16 MiB; with `udp` 2,048 with everything
    /// that belongs to it, since the Python original reads no more.
    ///
    /// Sending more is [`Error::MessageTooLarge`](crate::Error::MessageTooLarge). Who sends
    /// more is disconnected; a larger datagram is an event of
    /// [`on_error`](crate::Api::on_error).
    pub message_size: usize,
    /// Lists and maps within each other in one message, which is refused if there are more:
    /// decoding recurses, and has to fit on a thread's stack. Default 128, at the most 1,024.
    pub nesting_depth: usize,
    /// Entries of a JSON-RPC batch; with more it is refused as a whole. Default 1,000.
    pub batch_entries: usize,
    /// Bytes of the id of an incoming call, which is kept until the answer is sent; with more
    /// the call is refused. Default 256.
    pub id_size: usize,
    /// Calls of this API that wait for an answer; another one is
    /// [`Error::TooManyPending`](crate::Error::TooManyPending). Default 65,536.
    pub pending_calls: usize,
    /// Calls that wait for an answer of one peer; another one is
    /// [`Error::TooManyPending`](crate::Error::TooManyPending). The other way round, a peer to
    /// which promises of handlers owe more answers is not read. Default 16,384.
    pub pending_calls_per_peer: usize,
    /// Bytes queued for one peer before it counts as full. Default 8 MiB.
    ///
    /// A send to this peer alone then waits for room, up to its deadline, and is
    /// [`Error::QueueFull`](crate::Error::QueueFull); in handlers and to several peers nothing
    /// waits. At four times as much the peer is disconnected
    /// ([`DisconnectReason::SlowConsumer`](crate::DisconnectReason::SlowConsumer)).
    pub peer_queue: usize,
    /// Messages of one peer that wait for handlers, before it is not read. Default 1,024.
    /// (Over UDP what comes then is dropped. Behind a broker the peers have sixteen times as many together, of which
    /// one may have half where others need none; beyond that its calls are answered as busy, and its notifications
    /// are dropped, of which `on_error` hears.)
    pub waiting_messages: usize,
    /// Bytes of one peer's messages that wait for handlers, before it is not read. Of a subscription
    /// at others, which wait for nobody, so many bytes of items, before it ends with
    /// [`Error::TooSlow`](crate::Error::TooSlow). Default 16 MiB.
    pub waiting_bytes: usize,
    /// What all peers of an API hold together: messages that have arrived in part, as far as
    /// they are beyond 64 KiB, and what is queued. Default 256 MiB. Beyond it, the peer that
    /// holds most is disconnected
    /// ([`DisconnectReason::OutOfMemory`](crate::DisconnectReason::OutOfMemory)).
    pub buffered_total: usize,
    /// Calls a second of one peer. Default `None`: as many as it likes (`off` as an option).
    ///
    /// More are answered with [`CallError::TOO_MANY_CALLS`](crate::CallError::TOO_MANY_CALLS),
    /// or dropped if they want no answer, which is an event of
    /// [`on_error`](crate::Api::on_error), once a second at the most. Each entry of a batch is
    /// a call. Over UDP it counts for each address, and addresses can be forged.
    pub rate: Option<u32>,
    /// Calls that one peer may make at once, if it made fewer before than [`rate`](Self::rate)
    /// allows. Default `None`: as many as in a second.
    pub burst: Option<u32>,
    /// Connections of a server, those that still greet included; more are closed at once, with
    /// an entry in the log. Default 10,000.
    pub connections: usize,
    /// Time for a greeting, where there is one: the handshakes of TLS and WebSocket,
    /// and that of a security provider such as `hmac:`. Then the connection is closed, or a client's start
    /// has failed. A server that may have stopped its service has as long to say anything
    /// ([`DisconnectReason::Silent`](crate::DisconnectReason::Silent)). Default 10 s.
    pub greeting: Duration,
    /// Time for connecting to any of the addresses of a host, the look-up of its name included;
    /// then it has failed. A server whose interface is a name has as much time for its look-up.
    /// Default 10 s.
    pub connect: Duration,
    /// How long a peer with a full queue may accept no byte, before it is disconnected
    /// ([`DisconnectReason::SlowConsumer`](crate::DisconnectReason::SlowConsumer)). Default 5 s.
    pub stall: Duration,
    /// Calls that wait in a subscription; then its handler waits for room, and the peers are
    /// not read. Default 65,536, at the most 1,048,576: the room is made at once.
    pub subscription: usize,
    /// Time for `stop()`, whose error then names the threads that have not ended. A child
    /// process gets a quarter of it for each step of its end. Default 5 s.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            message_size: 16 << 20,
            nesting_depth: 128,
            batch_entries: 1_000,
            id_size: 256,
            pending_calls: 65_536,
            pending_calls_per_peer: 16_384,
            peer_queue: 8 << 20,
            waiting_messages: 1_024,
            waiting_bytes: 16 << 20,
            buffered_total: 256 << 20,
            rate: None,
            burst: None,
            connections: 10_000,
            greeting: Duration::from_secs(10),
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(5),
            subscription: 65_536,
            stop: Duration::from_secs(5),
        }
    }
}

impl Limits {
    /// # Errors
    ///
    /// A limit that would be none, or let nothing through, by its name.
    pub(crate) fn check(&self) -> Result<(), Error> {
        // Without `..`, so that a new limit cannot be forgotten here.
        let Limits {
            message_size,
            nesting_depth,
            batch_entries,
            id_size,
            pending_calls,
            pending_calls_per_peer,
            peer_queue,
            waiting_messages,
            waiting_bytes,
            buffered_total,
            rate,
            burst,
            connections,
            greeting,
            connect,
            // Who does not read at once may be given up at once.
            stall: _,
            subscription,
            stop,
        } = *self;
        for (name, value, most) in [
            ("nesting_depth", nesting_depth, DEEPEST),
            ("subscription", subscription, MOST_SUBSCRIBED),
        ] {
            if !(1..=most).contains(&value) {
                return wrong(name, format_args!("{value} is not from 1 to {most}"));
            }
        }
        for (name, value) in [
            ("message_size", message_size),
            ("batch_entries", batch_entries),
            ("id_size", id_size),
            ("pending_calls", pending_calls),
            ("pending_calls_per_peer", pending_calls_per_peer),
            ("peer_queue", peer_queue),
            ("waiting_messages", waiting_messages),
            ("waiting_bytes", waiting_bytes),
            ("buffered_total", buffered_total),
            ("connections", connections),
        ] {
            if value == 0 {
                let text = "with 0 nothing gets through; `usize::MAX` is no limit";
                return wrong(name, format_args!("{text}"));
            }
        }
        for (name, value) in [("rate", rate), ("burst", burst)] {
            if value == Some(0) {
                let text = "with 0 no call is let in; `None` is no limit";
                return wrong(name, format_args!("{text}"));
            }
        }
        for (name, value) in [("greeting", greeting), ("connect", connect), ("stop", stop)] {
            if value.is_zero() {
                let text = "with 0 everything is too late; `Duration::MAX` is no limit";
                return wrong(name, format_args!("{text}"));
            }
        }
        Ok(())
    }
}

fn wrong(name: &str, text: fmt::Arguments<'_>) -> Result<(), Error> {
    Err(Error::Config(format!("{name}: {text}").into()))
}

/// The room of a subscription is made at once.
pub(crate) const MOST_SUBSCRIBED: usize = 1 << 20;

/// Decoders recurse; more levels than this might not fit on a thread's stack.
pub(crate) const DEEPEST: usize = 1024;

/// How long a call may take unless it is said otherwise.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// How long answers may take to leave at a stop.
pub(crate) const FLUSH: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    /// Limits that are refused, and the name in the error.
    fn refused(change: impl FnOnce(&mut Limits), name: &str, words: &str) {
        let mut limits = Limits::default();
        change(&mut limits);
        let error = limits.check().unwrap_err().to_string();
        assert!(error.starts_with(&format!("{name}: ")), "{error}");
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn nothing_gets_through_a_limit_of_0() {
        let nothing = "with 0 nothing";
        refused(|limits| limits.message_size = 0, "message_size", nothing);
        refused(
            |limits| limits.nesting_depth = 0,
            "nesting_depth",
            "from 1 to 1024",
        );
        refused(|limits| limits.batch_entries = 0, "batch_entries", nothing);
        refused(|limits| limits.id_size = 0, "id_size", nothing);
        refused(|limits| limits.pending_calls = 0, "pending_calls", nothing);
        refused(
            |limits| limits.pending_calls_per_peer = 0,
            "pending_calls_per_peer",
            nothing,
        );
        refused(|limits| limits.peer_queue = 0, "peer_queue", nothing);
        refused(
            |limits| limits.waiting_messages = 0,
            "waiting_messages",
            nothing,
        );
        refused(|limits| limits.waiting_bytes = 0, "waiting_bytes", nothing);
        refused(
            |limits| limits.buffered_total = 0,
            "buffered_total",
            nothing,
        );
        refused(|limits| limits.rate = Some(0), "rate", "`None` is no limit");
        refused(
            |limits| limits.burst = Some(0),
            "burst",
            "`None` is no limit",
        );
        refused(|limits| limits.connections = 0, "connections", nothing);
        refused(
            |limits| limits.subscription = 0,
            "subscription",
            "from 1 to 1048576",
        );
        let late = "with 0 everything is too late";
        refused(|limits| limits.greeting = Duration::ZERO, "greeting", late);
        refused(|limits| limits.connect = Duration::ZERO, "connect", late);
        refused(|limits| limits.stop = Duration::ZERO, "stop", late);
    }

    #[test]
    fn what_is_made_at_once_has_an_end() {
        refused(
            |limits| limits.nesting_depth = DEEPEST + 1,
            "nesting_depth",
            "1025 is not from 1 to 1024",
        );
        refused(
            |limits| limits.subscription = usize::MAX,
            "subscription",
            "is not from 1 to 1048576",
        );
    }

    /// A peer that is not read at once may be given up at once; all else may be without a limit.
    #[test]
    fn the_least_and_the_most() {
        let least = Limits {
            message_size: 1,
            nesting_depth: 1,
            batch_entries: 1,
            id_size: 1,
            pending_calls: 1,
            pending_calls_per_peer: 1,
            peer_queue: 1,
            waiting_messages: 1,
            waiting_bytes: 1,
            buffered_total: 1,
            rate: Some(1),
            burst: Some(1),
            connections: 1,
            greeting: Duration::from_nanos(1),
            connect: Duration::from_nanos(1),
            stall: Duration::ZERO,
            subscription: 1,
            stop: Duration::from_nanos(1),
        };
        least.check().unwrap();
        Limits::default().check().unwrap();
    }
}
