//! A call as layers see it.

use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::base::error::{Error, Result};
use crate::base::foreign;
use crate::base::log::Shown;
use crate::base::sender::Sender;
use crate::base::trace::Trace;
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
    /// What the message takes on the wire, as far as that is known yet.
    pub(super) size: usize,
    pub(super) trace: Option<Trace>,
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

    /// Which trace it belongs to, as [`traceparent`](https://www.w3.org/TR/trace-context/) says it: of an
    /// incoming call where its caller has told, of an outgoing one where it is told (`jrpc?trace=on`).
    pub fn traceparent(&self) -> Option<String> {
        self.trace.map(|trace| trace.to_string())
    }

    /// Lets an outgoing call belong to this trace, and this be the place in it that the call is made
    /// from: for a layer that knows who collects traces. It is told over wires with `?trace=on`.
    ///
    /// # Errors
    ///
    /// [`Error::BadValue`] if this is no `traceparent`.
    pub fn set_traceparent(&mut self, traceparent: &str) -> Result<()> {
        let trace = traceparent.parse().map_err(|_| Error::BadValue {
            expected: "traceparent".into(),
            reason: format!("found `{}`", Shown(traceparent)).into(),
        })?;
        self.trace = Some(trace);
        Ok(())
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
