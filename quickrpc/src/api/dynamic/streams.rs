//! Streams of an API without a trait: items are [`Value`]s.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::{Anything, Api, IntoAnswer, Outgoing};
use crate::base::error::{BoxError, Error, Result};
use crate::base::sender::Sender;
use crate::base::value::{Value, from_value, to_value};
use crate::call::dispatch::{Invocation, Outcome};
use crate::call::promise::Promise;
use crate::call::slot::Connection;
use crate::call::stream::given::Giving;
use crate::call::stream::telegrams::StreamId;
use crate::call::stream::{Either, Stream};
use crate::call::target::Plain;

impl Api {
    /// Calls the other side, which answers bit by bit: with items, and then a result.
    ///
    /// ```
    /// use quickrpc::dynamic::Api;
    /// use quickrpc::{Stream, Value};
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// let server = Api::bind("jrpc", "internal:dynamic-streams:server")?;
    /// server.on("count", |_sender, args| {
    ///     let to = args["to"].as_i64().unwrap_or(0);
    ///     Stream::<Value>::iter((0..to).map(Value::from))
    /// });
    /// let client = Api::bind("jrpc", "internal:dynamic-streams:client")?;
    /// server.start()?;
    /// client.start()?;
    ///
    /// let mut sum = 0;
    /// for number in client.stream("count", Value::from_iter([("to", 4)])) {
    ///     sum += number?.as_i64().unwrap_or(0);
    /// }
    /// assert_eq!(sum, 6);
    /// # Ok(()) }
    /// ```
    pub fn stream(&self, method: &str, args: impl Serialize) -> Stream<Value, Value> {
        self.all().stream(method, args)
    }

    /// Handles a call among whose arguments are streams: the handler takes them by their names.
    ///
    /// ```
    /// use quickrpc::dynamic::Api;
    /// use quickrpc::{Promise, Stream, Value};
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// let server = Api::bind("jrpc", "internal:dynamic-taken:server")?;
    /// server.on_streams("print", |_sender, _args, streams| -> quickrpc::Result<Promise<Value>> {
    ///     let lines = streams.take("lines")?;
    ///     Ok(lines.each(|line| println!("{line:?}")))
    /// });
    /// let client = Api::bind("jrpc", "internal:dynamic-taken:client")?;
    /// server.start()?;
    /// client.start()?;
    ///
    /// let lines = Stream::<Value>::iter(["a", "b"].map(Value::from));
    /// client.all().giving("lines", lines).call("print", ()).result()?;
    /// # Ok(()) }
    /// ```
    pub fn on_streams<F, R>(&self, method: &str, handler: F) -> Connection
    where
        F: Fn(&Sender, Value, &Taken<'_>) -> R + Send + Sync + 'static,
        R: IntoAnswer,
    {
        let calls = self.api.calls();
        let slot = calls.slots.dynamic(method, calls.net.shared.subscription());
        slot.connect(move |call: &mut Invocation<'_>| {
            let args = match call.read(Anything) {
                Ok(args) => args,
                Err(outcome) => return outcome,
            };
            let given = args.clone();
            let taken = Taken { call, args: &given };
            let returned = handler(call.sender(), args, &taken);
            R::answer(returned, call)
        })
    }
}

/// The streams among the arguments of a call.
pub struct Taken<'a> {
    call: &'a Invocation<'a>,
    args: &'a Value,
}

impl Taken<'_> {
    /// The stream that is the argument of this name. One that was taken before has failed.
    ///
    /// # Errors
    ///
    /// There is no such argument, or it is no stream.
    pub fn take(&self, argument: &str) -> Result<Stream<Value, Value>> {
        let id = match self.args {
            Value::Map(args) => args.get(argument).cloned(),
            _ => None,
        };
        let id = id.and_then(|id| from_value::<StreamId>(id).ok());
        let Some(id) = id else {
            let text = format!("the argument `{argument}` is a stream, `{{\"__stream\": n}}`");
            return Err(Error::Config(text.into()));
        };
        Ok(self.call.take_stream::<Value, Value, Value, Value>(id))
    }
}

impl fmt::Debug for Taken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taken").field("args", self.args).finish()
    }
}

impl Outgoing {
    /// Calls a peer, which answers bit by bit; see [`Api::stream`].
    pub fn stream(&self, method: &str, args: impl Serialize) -> Stream<Value, Value> {
        let method = method.to_owned().into();
        self.0
            .send_stream::<Value, Value, Value, Value>(method, &Plain(&args), None)
    }

    /// Calls a peer of which nobody knows whether it answers bit by bit. One that does not sees an
    /// ordinary call, and its answer is the result of a stream without items.
    ///
    /// ```
    /// use quickrpc::Value;
    /// use quickrpc::dynamic::Api;
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// let server = Api::bind("jrpc", "internal:dynamic-either:server")?;
    /// server.on("add", |_sender, _args| Value::from(5));
    /// let client = Api::bind("jrpc", "internal:dynamic-either:client")?;
    /// server.start()?;
    /// client.start()?;
    ///
    /// let mut answer = client.all().call_or_stream("add", ());
    /// assert!(answer.next().is_none());
    /// assert_eq!(answer.result()?, Value::from(5));
    /// # Ok(()) }
    /// ```
    pub fn call_or_stream(&self, method: &str, args: impl Serialize) -> Stream<Value, Value> {
        let method = method.to_owned().into();
        match self.0.send_either(method, &Plain(&args), true) {
            Either::Stream(stream) => stream,
            Either::Promise(promise) => Stream::future(|items| async move {
                let result = promise.await;
                // Without it the stream would be over before.
                drop(items);
                result
            }),
        }
    }

    /// The next call gives this stream as the argument of this name.
    pub fn giving<R>(&self, argument: &str, stream: Stream<Value, R>) -> WithStreams<'_>
    where
        R: Serialize + Send + 'static,
    {
        let with = WithStreams {
            giving: Giving::new(&self.0),
            args: Vec::new(),
        };
        with.giving(argument, stream)
    }
}

/// A call that gives streams; see [`Outgoing::giving`].
#[must_use = "the streams are given with a call"]
#[derive(Debug)]
pub struct WithStreams<'a> {
    giving: Giving<'a>,
    args: Vec<(String, StreamId)>,
}

impl WithStreams<'_> {
    /// And this one.
    pub fn giving<R>(mut self, argument: &str, stream: Stream<Value, R>) -> Self
    where
        R: Serialize + Send + 'static,
    {
        let id = self.giving.give::<Value, Value, R, R>(stream);
        self.args.push((argument.to_owned(), id));
        self
    }

    /// Calls with these arguments beside the streams: named ones, or none.
    pub fn call(self, method: &str, args: impl Serialize) -> Promise<Value> {
        match with_ids(method, &args, &self.args) {
            Ok(args) => {
                let method = method.to_owned().into();
                self.giving
                    .send_call::<Value, Value>(method, Plain(&args), None)
            }
            Err(error) => Promise::failed(error),
        }
    }

    /// The same, where the other side answers bit by bit.
    pub fn stream(self, method: &str, args: impl Serialize) -> Stream<Value, Value> {
        match with_ids(method, &args, &self.args) {
            Ok(args) => {
                let method = method.to_owned().into();
                let args = Plain(&args);
                self.giving
                    .send_stream::<Value, Value, Value, Value>(method, args, None)
            }
            Err(error) => Stream::failed(error),
        }
    }
}

/// Arguments with what stands for the streams.
fn with_ids(method: &str, args: &impl Serialize, ids: &[(String, StreamId)]) -> Result<Value> {
    let mut args = match to_value(args)? {
        Value::Map(args) => args,
        Value::Null => BTreeMap::new(),
        _ => {
            let text = format!("`{method}`: streams have names, and so have the other arguments");
            return Err(Error::Config(text.into()));
        }
    };
    for (name, id) in ids {
        args.insert(name.clone(), to_value(id)?);
    }
    Ok(Value::Map(args))
}

macro_rules! streams {
    ($($end:ty),*) => {$(
        impl IntoAnswer for Stream<Value, $end> {
            fn answer(self, call: &mut Invocation<'_>) -> Outcome {
                call.stream::<Value, Value, $end, $end, _, _>(self)
            }
        }

        impl<E: Into<BoxError>> IntoAnswer for Result<Stream<Value, $end>, E> {
            fn answer(self, call: &mut Invocation<'_>) -> Outcome {
                call.stream::<Value, Value, $end, $end, _, _>(self)
            }
        }

        impl IntoAnswer for Promise<Stream<Value, $end>> {
            fn answer(self, call: &mut Invocation<'_>) -> Outcome {
                call.stream::<Value, Value, $end, $end, _, _>(self)
            }
        }
    )*};
}

streams!(Value, ());
