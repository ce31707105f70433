//! Calls that nobody has declared, and passing them on: what a gateway is made of.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::base::current;
use crate::base::error::{BoxError, Result};
use crate::base::sender::Sender;
use crate::base::sync::lock;
use crate::base::value::{Value, from_value, to_value};
use crate::call::dispatch::{Invocation, Outcome};
use crate::call::promise::Promise;
use crate::call::reply::Reply;
use crate::call::slot::Connection;
use crate::call::stream::given::Giving;
use crate::call::stream::telegrams::StreamId;
use crate::call::stream::{Either, Stream};
use crate::call::target::{Plain, Target};

use super::dynamic::{Anything, Api, IntoAnswer, Outgoing};

/// A call or notification that no slot takes, as [`Api::on_any`] hears it.
///
/// It can be answered by what the handler returns, also later by a [`Promise`], or passed on by
/// [`Outgoing::forward`].
#[derive(Clone)]
pub struct Call {
    method: String,
    args: Value,
    sender: Sender,
    id: Option<String>,
    deadline: Option<Instant>,
    /// The wire that it has come from carries streams.
    streams: bool,
    /// Those among its arguments, for whoever takes them first.
    given: Arc<Mutex<Vec<Given>>>,
}

/// A stream that is an argument, and what stands for it.
type Given = (StreamId, Stream<Value, Value>);

impl Call {
    /// The method's name on the wire.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The arguments: a map by name, a list of positional ones, or null if there are none.
    pub fn args(&self) -> &Value {
        &self.args
    }

    /// The arguments, without a copy.
    pub fn into_args(self) -> Value {
        self.args
    }

    /// Who called, with what the security provider says of it.
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// Whether the caller waits for an answer; a notification has none.
    pub fn wants_answer(&self) -> bool {
        self.id.is_some()
    }

    /// The call's id as its caller has written it; `None` for a notification. The answer has
    /// it without further ado.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// When the caller gives up, where it has said so; see [`Sender::deadline`].
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether nobody waits for the answer any more: asked in its handler, as
    /// [`Sender::is_cancelled`]. For an answer that is given later, ask its
    /// [`Resolver`](crate::Resolver::is_cancelled).
    pub fn is_cancelled(&self) -> bool {
        self.sender.is_cancelled()
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.method)
            .field("args", &self.args)
            .field("sender", &self.sender)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Api {
    /// Connects a handler to all methods that nothing else takes: those without a slot, without a
    /// handler, and calls that their handlers have left to others. It is told the [`Call`], and
    /// returns what a handler of [`on`](Self::on) returns, or passes it on; `None` leaves it unknown.
    ///
    /// Rules ([`authorize`](crate::Api::authorize)) and declared roles are looked at before it.
    ///
    /// ```
    /// use quickrpc::Value;
    /// use quickrpc::dynamic::Api;
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// # let backend = Api::bind("jrpc", "internal:any-docs:backend")?;
    /// # backend.on("add", |_sender, args| {
    /// #     Value::from(args["a"].as_i64().unwrap_or(0) + args["b"].as_i64().unwrap_or(0))
    /// # });
    /// # backend.start()?;
    /// let (front, back) = (
    ///     Api::bind("jrpc", "internal:any-docs:front")?,
    ///     Api::bind("jrpc", "internal:any-docs:gateway")?,
    /// );
    /// // A gateway: each side's calls are the other's.
    /// # /*
    /// let (to_front, to_back) = (front.all(), back.all());
    /// # */
    /// # let to_back = back.all();
    /// front.on_any(move |call| to_back.forward(call));
    /// # /*
    /// back.on_any(move |call| to_front.forward(call));
    /// # */
    /// # Ok(()) }
    /// ```
    pub fn on_any<F, R>(&self, handler: F) -> Connection
    where
        F: Fn(Call) -> R + Send + Sync + 'static,
        R: IntoAnswer,
    {
        let calls = self.calls();
        let slot = calls.slots.any(calls.net.shared.subscription());
        slot.connect(move |invocation: &mut Invocation<'_>| {
            let args = match invocation.read(Anything) {
                Ok(args) => args,
                Err(outcome) => return outcome,
            };
            let sender = invocation.sender();
            let streams = invocation.carries_streams();
            // A notification is heard by several, and a stream is for one.
            let ids = match streams && invocation.id().is_some() {
                true => stream_ids(&args),
                false => Vec::new(),
            };
            let given = ids.into_iter().map(|id| {
                let stream = invocation.take_stream::<Value, Value, Value, Value>(id.clone());
                (id, stream)
            });
            let given = Arc::new(Mutex::new(given.collect()));
            let call = Call {
                method: invocation.method().to_owned(),
                args,
                sender: sender.clone(),
                id: invocation.id().map(str::to_owned),
                deadline: current::of(sender.id).and_then(|call| call.deadline()),
                streams,
                given,
            };
            R::answer(handler(call), invocation)
        })
    }
}

impl Outgoing {
    /// Passes a call on: what comes of it is what a handler of [`Api::on_any`] returns.
    ///
    /// Method and arguments go as they are, a notification as one. The answer comes back with its
    /// value, or with code, message and data of its error; items of a stream come through with the
    /// credit that their reader gives. The caller's deadline and its giving up go with the call,
    /// where the wire has that. With several receivers, the first answer counts.
    ///
    /// Streams among the arguments of a call go through likewise, whose items are sent as the other side
    /// takes them; it goes to one peer then. Of a call that is passed on several times, the first one has
    /// them. Properties are calls like others here.
    pub fn forward(&self, call: Call) -> Forwarded {
        let given = std::mem::take(&mut *lock(&call.given));
        let args = Plain(&call.args);
        let target = match call.deadline {
            Some(deadline) => self.0.until(deadline),
            None => self.0.clone(),
        };
        Forwarded(match call.id {
            None => Answer::Sent(target.send_notification(&call.method, &args)),
            Some(_) if !given.is_empty() => Answer::Comes(give(&target, call, given)),
            Some(_) => Answer::Comes(target.send_either(call.method.into(), &args, call.streams)),
        })
    }
}

/// What stands for streams, wherever it stands among arguments.
fn stream_ids(args: &Value) -> Vec<StreamId> {
    let id = |value: &Value| match value {
        Value::Map(members) if members.len() == 1 => from_value::<StreamId>(value.clone()).ok(),
        _ => None,
    };
    match args {
        Value::Map(args) => args.values().filter_map(id).collect(),
        Value::List(args) => args.iter().filter_map(id).collect(),
        _ => Vec::new(),
    }
}

/// Passes a call on with streams among its arguments, which have other names there.
fn give(target: &Target, call: Call, given: Vec<Given>) -> Either {
    let Call {
        method,
        mut args,
        streams,
        ..
    } = call;
    let mut giving = Giving::new(target);
    for (was, stream) in given {
        let is = giving.give::<Value, Value, Value, Value>(stream);
        let Ok(is) = to_value(&is) else { continue };
        let stands_for =
            |value: &Value| from_value::<StreamId>(value.clone()).is_ok_and(|id| id.id == was.id);
        let place = match &mut args {
            Value::Map(args) => args.values_mut().find(|value| stands_for(value)),
            Value::List(args) => args.iter_mut().find(|value| stands_for(value)),
            _ => None,
        };
        if let Some(place) = place {
            *place = is;
        }
    }
    giving.send_either(method.into(), Plain(&args), streams)
}

/// A call that was passed on, and what comes of it: for a handler to return.
#[derive(Debug)]
#[must_use = "what comes of it is the answer; dropped, it is given up"]
pub struct Forwarded(Answer);

#[derive(Debug)]
enum Answer {
    /// A notification.
    Sent(Result<()>),
    Comes(Either),
}

impl Forwarded {
    /// The answer alone, to look at it or to change it; items of a stream are passed over.
    ///
    /// ```
    /// # use quickrpc::Value;
    /// # use quickrpc::dynamic::{Api, Outgoing};
    /// # fn connect(front: Api, to_back: Outgoing) {
    /// front.on_any(move |call| {
    ///     let method = call.method().to_owned();
    ///     let (promise, resolver) = quickrpc::Promise::pair();
    ///     to_back.forward(call).into_promise().then(
    ///         move |value| resolver.set_result(value).unwrap_or(()),
    ///         move |error| eprintln!("`{method}`: {error}"), // and it stays unanswered
    ///     );
    ///     promise
    /// });
    /// # }
    /// ```
    pub fn into_promise(self) -> Promise<Value> {
        match self.0 {
            Answer::Sent(Ok(())) => Promise::ready(Value::Null),
            Answer::Sent(Err(error)) => Promise::failed(error),
            Answer::Comes(Either::Promise(promise)) => promise,
            Answer::Comes(Either::Stream(stream)) => stream.each(drop),
        }
    }
}

impl IntoAnswer for Forwarded {
    fn answer(self, call: &mut Invocation<'_>) -> Outcome {
        match self.0 {
            Answer::Sent(Ok(())) => call.answer::<(), ()>(Reply::Value(())),
            Answer::Sent(Err(error)) => Outcome::failed(call.call_error(BoxError::from(error))),
            Answer::Comes(either) => call.either(either),
        }
    }
}
