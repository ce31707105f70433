//! A call as layers see it.

use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::base::foreign;
use crate::base::sender::Sender;
use crate::base::value::Value;
use crate::format::description::Direction;

/// A call or a notification on its way, as a layer sees it; see [`Api::layer`](crate::Api::layer).
pub struct Call<'a> {
    pub(super) method: &'a str,
    pub(super) direction: Direction,
    pub(super) peers: Vec<Sender>,
    pub(super) codec: String,
    pub(super) transport: Arc<str>,
    pub(super) wants_answer: bool,
    pub(super) deadline: Option<Instant>,
    /// Reads the arguments, which costs something.
    pub(super) read: &'a dyn Fn() -> Value,
    pub(super) args: OnceCell<Value>,
    /// They are others than those that the call had.
    pub(super) replaced: bool,
}

impl Call<'_> {
    /// The method's name on the wire.
    pub fn method(&self) -> &str {
        self.method
    }

    /// Whether a peer has called ([`Direction::Incoming`]), or this program.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Who has called; of an outgoing call who is called, if that is one peer.
    pub fn peer(&self) -> Option<&Sender> {
        match &*self.peers {
            [one] => Some(one),
            _ => None,
        }
    }

    /// All who are called; of an incoming call the one who has called.
    pub fn peers(&self) -> &[Sender] {
        &self.peers
    }

    /// The codec's expression, such as `jrpc`; of a call to several wires that of the first one, and
    /// empty if nobody is there.
    pub fn codec(&self) -> &str {
        &self.codec
    }

    /// The transport's expression, such as `tcpserv::8888`; as [`codec`](Self::codec).
    pub fn transport(&self) -> &str {
        &self.transport
    }

    /// Whether the caller waits for an answer; a notification has none.
    pub fn wants_answer(&self) -> bool {
        self.wants_answer
    }

    /// When the caller gives up; of an incoming call where that is known.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The arguments: a map by name, a list of positional ones, or null if there are none. They are
    /// read when they are asked for. A stream among them is the map that stands for it.
    pub fn args(&self) -> &Value {
        self.args.get_or_init(|| {
            // Writing arguments is the user's.
            foreign::catch("reading the arguments of a call", self.read).unwrap_or(Value::Null)
        })
    }

    /// Replaces the arguments.
    pub fn set_args(&mut self, args: Value) {
        self.args = OnceCell::from(args);
        self.replaced = true;
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.method)
            .field("direction", &self.direction)
            .field("peers", &self.peers)
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}
