//! What a peer may use at the most.

use std::time::Duration;

/// Limits of an API; every buffer and table that a peer can fill has one.
///
/// ```
/// use quickrpc::Limits;
///
/// let limits = Limits { message_size: 1 << 20, ..Limits::default() };
/// assert_eq!(limits.nesting_depth, 128);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message, in and out. Default 16 MiB.
    pub message_size: usize,
    /// Lists and maps within each other in one message. Default 128.
    pub nesting_depth: usize,
    /// Entries of a JSON-RPC batch. Default 1,000.
    pub batch_entries: usize,
    /// Bytes of the id of an incoming call. Default 256.
    pub id_size: usize,
    /// Calls of this API that wait for an answer. Default 65,536.
    pub pending_calls: usize,
    /// Calls that wait for an answer of one peer. Default 16,384.
    pub pending_calls_per_peer: usize,
    /// Bytes queued for one peer before it counts as full. Default 8 MiB.
    pub peer_queue: usize,
    /// Messages of one peer that wait for handlers, before it is not read. Default 1,024.
    pub waiting_messages: usize,
    /// Bytes of one peer's messages that wait for handlers, before it is not read.
    /// Default 16 MiB.
    pub waiting_bytes: usize,
    /// All partial input beyond 64 KiB, and all queued output, of an API. Default 256 MiB.
    pub buffered_total: usize,
    /// Connections of a server; more are closed at once. Default 10,000.
    pub connections: usize,
    /// Time for a greeting, where a codec or security provider has one. Default 10 s.
    pub greeting: Duration,
    /// Time for connecting. Default 10 s.
    pub connect: Duration,
    /// How long a peer with a full queue may accept no byte. Default 5 s.
    pub stall: Duration,
    /// Calls that wait in a subscription before peers are not read. Default 65,536.
    pub subscription: usize,
    /// Time for `stop()`. Default 5 s.
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
            connections: 10_000,
            greeting: Duration::from_secs(10),
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(5),
            subscription: 65_536,
            stop: Duration::from_secs(5),
        }
    }
}
