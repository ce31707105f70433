//! An API without a trait: methods by name, arguments and results as [`Value`]s.
//!
//! ```
//! use quickrpc::Value;
//! use quickrpc::dynamic::Api;
//!
//! # fn main() -> quickrpc::Result<()> {
//! let server = Api::bind("jrpc", "internal:dynamic-docs:server")?;
//! server.on("add", |_sender, args| {
//!     let sum = args["a"].as_i64().unwrap_or(0) + args["b"].as_i64().unwrap_or(0);
//!     Value::from(sum)
//! });
//! let client = Api::bind("jrpc", "internal:dynamic-docs:client")?;
//! server.start()?;
//! client.start()?;
//!
//! let args = Value::from_iter([("a", 2), ("b", 3)]);
//! assert_eq!(client.call("add", args).result()?, Value::from(5));
//! # Ok(()) }
//! ```

mod streams;

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use serde::Serialize;
use serde::de::{Deserialize, DeserializeSeed, Deserializer};

pub use streams::{Taken, WithStreams};

use crate::api;
use crate::api::Builder;
pub use crate::api::any::{Call, Forwarded};
use crate::base::error::{BoxError, CallError, Result};
use crate::base::sender::{Receivers, Sender};
use crate::base::sync::lock;
use crate::base::value::Value;
use crate::call::dispatch::{Invocation, Outcome};
use crate::call::promise::Promise;
use crate::call::property::ask::Written;
use crate::call::property::{Form, Names, Property, RemoteProperty, WritableProperty};
use crate::call::reply::Never;
use crate::call::slot::{Connection, SlotTable};
use crate::call::target::{Accessing, Plain, Target};
use crate::carrier::transport::IntoTransport;
use crate::format::property::{CallNames, VALUE};
use crate::wire::codec::IntoCodec;
use crate::wire::session::Deed;

/// An API without a trait. It dereferences to [`crate::Api`], which starts and stops it.
///
/// Nothing is checked here but that messages are well-formed: which arguments a method has
/// is up to its handler. Calls of a method without handlers are answered with an error.
#[derive(Clone)]
pub struct Api {
    api: api::Api,
}

/// Marks the builder of an API without a trait.
#[derive(Debug)]
pub struct Undeclared(());

impl Api {
    pub(super) fn of(api: api::Api) -> Self {
        Api { api }
    }

    /// Puts an API together; finish with [`Builder::build_dynamic`].
    pub fn builder() -> Builder<Undeclared> {
        Builder::__new()
    }

    /// An API with one wire.
    ///
    /// # Errors
    ///
    /// A wrong expression, or parts that do not go together.
    pub fn bind(codec: impl IntoCodec, transport: impl IntoTransport) -> Result<Self> {
        Self::builder()
            .codec(codec)
            .transport(transport)
            .build_dynamic()
    }

    /// Connects a handler to a method. The arguments are a map by name, a list if the
    /// peer sends positional ones, or null if there are none.
    ///
    /// A handler returns a [`Value`] or `()`, or either in `Option`, `Result` or
    /// [`Promise`]. Several threads may call it at once, so that what it changes is in a `Mutex` or an
    /// atomic, or goes into a channel, as [for a trait](crate::remote_api#handlers-that-change-something).
    ///
    /// ```
    /// use quickrpc::dynamic::Api;
    /// use quickrpc::{CallError, Value};
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// let server = Api::bind("jrpc", "internal:dynamic-on:server")?;
    /// server.on("half", |_sender, args| match args["of"].as_i64() {
    ///     Some(number) => Ok(Value::from(number / 2)),
    ///     None => Err(CallError::new(CallError::INVALID_PARAMS, "`of` must be an integer")),
    /// });
    /// # server.start()?;
    /// # let client = Api::bind("jrpc", "internal:dynamic-on:client")?;
    /// # client.start()?;
    /// # let half = |of: Value| client.call("half", Value::from_iter([("of", of)])).result();
    /// # assert_eq!(half(8.into())?, Value::from(4));
    /// # assert!(half("8".into()).is_err());
    /// # Ok(()) }
    /// ```
    pub fn on<F, R>(&self, method: &str, handler: F) -> Connection
    where
        F: Fn(&Sender, Value) -> R + Send + Sync + 'static,
        R: IntoAnswer,
    {
        let calls = self.api.calls();
        let slot = calls.slots.dynamic(method, calls.net.shared.subscription());
        slot.connect(move |call: &mut Invocation<'_>| {
            let args = match call.read(Anything) {
                Ok(args) => args,
                Err(outcome) => return outcome,
            };
            R::answer(handler(call.sender(), args), call)
        })
    }

    /// As [`on`](Api::on), for a handler that need not be `Send`: it runs on this thread, when it calls
    /// [`process_pending`](crate::Api::process_pending). With
    /// [`Processing::Manual`](crate::Processing::Manual) alone; `start()` fails otherwise.
    pub fn on_local<F, R>(&self, method: &str, handler: F) -> Connection
    where
        F: Fn(&Sender, Value) -> R + 'static,
        R: IntoAnswer,
    {
        let calls = self.api.calls();
        let slot = calls.slots.dynamic(method, calls.net.shared.subscription());
        slot.connect_local(move |call: &mut Invocation<'_>| {
            let args = match call.read(Anything) {
                Ok(args) => args,
                Err(outcome) => return outcome,
            };
            R::answer(handler(call.sender(), args), call)
        })
    }

    /// A property of this side, which others read, and write if it is [`Access::Writable`]; see
    /// [`Property`]. It is there from the first time on, and the same each time.
    ///
    /// ```
    /// use quickrpc::dynamic::{Access, Api};
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// let supply = Api::bind("jrpc", "internal:dynamic-property:supply")?;
    /// let voltage = supply.property("voltage", Access::Writable);
    /// voltage.set(5.0.into())?;
    /// # supply.start()?;
    /// # let lab = Api::bind("jrpc", "internal:dynamic-property:lab")?;
    /// # lab.start()?;
    /// lab.all().write("voltage", 6.0).result()?;
    /// assert_eq!(lab.all().read("voltage").result()?.as_f64(), Some(6.0));
    /// assert_eq!(voltage.get(), Some(6.0.into()));
    /// # Ok(()) }
    /// ```
    pub fn property(&self, name: &str, access: Access) -> WritableProperty<Value> {
        let calls = self.api.calls();
        let property = {
            let mut properties = lock(self.api.undeclared());
            if let Some(property) = properties.own.get(name) {
                return property.clone();
            }
            let names = CallNames::of(name);
            let slot = |method: &str| calls.slots.dynamic(method, calls.net.shared.subscription());
            let write = (access == Access::Writable).then(|| slot(&names.write));
            let property = Property::new(
                calls,
                Names::undeclared(name, &names),
                form(),
                &slot(&names.read),
                write.as_ref(),
            );
            let property = WritableProperty::new(property);
            properties.own.insert(name.to_owned(), property.clone());
            property
        };
        property.introduce(calls);
        property
    }

    /// A property of the other side, of which changes are heard; see [`RemoteProperty`].
    /// [`Outgoing::read`] and [`Outgoing::write`] send.
    pub fn remote_property(&self, name: &str) -> RemoteProperty<Value> {
        let calls = self.api.calls();
        let mut properties = lock(self.api.undeclared());
        let make = || {
            let change = CallNames::of(name).change;
            let slot = calls
                .slots
                .dynamic(&change, calls.net.shared.subscription());
            RemoteProperty::new(calls, name, form(), slot)
        };
        let property = properties
            .remote
            .entry(name.to_owned())
            .or_insert_with(make);
        property.clone()
    }

    /// Calls a method of all connected peers, and gives the promise of the result.
    ///
    /// The arguments are whatever serialises as a map or struct, a list or tuple
    /// (positional), or nothing (`()`). A call that cannot be sent is a promise that has
    /// failed.
    pub fn call(&self, method: &str, args: impl Serialize) -> Promise<Value> {
        self.all().call(method, args)
    }

    /// Sends a notification to all connected peers.
    ///
    /// # Errors
    ///
    /// What went wrong with sending.
    pub fn notify(&self, method: &str, args: impl Serialize) -> Result<()> {
        self.all().notify(method, args)
    }

    /// A handle that sends to all connected peers.
    pub fn all(&self) -> Outgoing {
        Outgoing(self.api.__all())
    }

    /// A handle that sends to one of those who serve a call.
    pub fn any(&self) -> Outgoing {
        Outgoing(self.api.__all().any())
    }

    /// A handle that sends to these peers.
    pub fn to(&self, receivers: impl Receivers) -> Outgoing {
        Outgoing(self.api.__all().to(receivers))
    }
}

impl Builder<Undeclared> {
    /// Builds an API without a trait.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`].
    pub fn build_dynamic(self) -> Result<Api> {
        self.build_with("dynamic", SlotTable::default())
            .map(Api::of)
    }
}

impl Deref for Api {
    type Target = api::Api;

    fn deref(&self) -> &api::Api {
        &self.api
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.api.fmt(f)
    }
}

/// Whether the other side may write a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// It reads it, and hears changes.
    ReadOnly,
    /// It writes it, too.
    Writable,
}

/// How the values of properties travel that nobody has declared.
fn form() -> Form<Value> {
    Form::new::<Value>(
        |call| {
            let value = match call.read(Anything)? {
                Value::Map(mut args) if args.len() == 1 => args.remove(VALUE),
                Value::List(mut args) if args.len() == 1 => args.pop(),
                _ => None,
            };
            value.ok_or_else(|| {
                let text = format!("expected the argument `{VALUE}` alone");
                Outcome::failed(CallError::new(CallError::INVALID_PARAMS, text))
            })
        },
        |_call| Ok(()),
    )
}

/// The sending half of an API without a trait. It keeps nothing alive.
#[derive(Debug, Clone)]
pub struct Outgoing(pub(super) Target);

impl Outgoing {
    /// Calls a method; see [`Api::call`].
    pub fn call(&self, method: &str, args: impl Serialize) -> Promise<Value> {
        let method = method.to_owned().into();
        self.0
            .send_call::<Value, Value>(method, &Plain(&args), None)
    }

    /// Sends a notification; see [`Api::notify`].
    ///
    /// # Errors
    ///
    /// What went wrong with sending.
    pub fn notify(&self, method: &str, args: impl Serialize) -> Result<()> {
        self.0.send_notification(method, &Plain(&args))
    }

    /// Reads a property of the other side.
    pub fn read(&self, property: &str) -> Promise<Value> {
        match self.0.seen::<Value, Value>(property) {
            Some(promise) => promise,
            None => {
                let method = CallNames::of(property).read.into();
                let args = Accessing(Deed::Read, Plain(&()));
                self.0.send_call::<Value, Value>(method, &args, None)
            }
        }
    }

    /// Writes a property of the other side.
    pub fn write(&self, property: &str, value: impl Serialize) -> Promise<()> {
        let method = CallNames::of(property).write.into();
        self.0.send_call::<(), ()>(method, &Written(&value), None)
    }

    /// The same for other receivers.
    pub fn to(&self, receivers: impl Receivers) -> Self {
        Outgoing(self.0.to(receivers))
    }

    /// The same with another deadline for its calls.
    pub fn timeout(&self, timeout: Duration) -> Self {
        Outgoing(self.0.timeout(timeout))
    }

    /// The same with a limit for the time until the other side begins to carry out its calls, where
    /// the protocol has that; see [`Handle::start_within`](crate::Handle::start_within).
    pub fn start_within(&self, limit: Duration) -> Self {
        Outgoing(self.0.start_within(limit))
    }

    /// Waits until those are connected whom this handle sends to; see
    /// [`Handle::ready`](crate::Handle::ready).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Blocking
    ///
    /// As there.
    pub fn ready(&self, limit: Duration) -> Result<Self> {
        self.0.ready(limit)?;
        Ok(self.clone())
    }

    /// What this thread sends in the closure leaves with as few writes as possible.
    pub fn batch<R>(&self, send: impl FnOnce(&Self) -> R) -> R {
        self.0.batch(|| send(self))
    }

    /// Who is connected.
    pub fn peers(&self) -> Vec<Sender> {
        self.0.peers()
    }

    /// Closes the connections of these peers.
    ///
    /// # Errors
    ///
    /// As [`crate::Api::disconnect`].
    pub fn disconnect(&self, peers: impl Receivers) -> Result<()> {
        self.0.disconnect(peers)
    }
}

/// What a handler of an API without a trait may return.
#[diagnostic::on_unimplemented(
    message = "a handler must return a `Value` or `()`, not `{Self}`",
    note = "either of them may be in `Option`, `Result` or `Promise`; other types become a \
            value by `Value::from(..)`"
)]
pub trait IntoAnswer {
    #[doc(hidden)]
    fn answer(self, call: &mut Invocation<'_>) -> Outcome;
}

macro_rules! answers {
    ($($value:ty),*) => {$(
        impl IntoAnswer for $value {
            fn answer(self, call: &mut Invocation<'_>) -> Outcome {
                call.reply::<$value, $value, _, _>(self)
            }
        }

        impl IntoAnswer for Option<$value> {
            fn answer(self, call: &mut Invocation<'_>) -> Outcome {
                call.reply::<$value, $value, _, _>(self)
            }
        }

        impl<E: Into<BoxError>> IntoAnswer for Result<$value, E> {
            fn answer(self, call: &mut Invocation<'_>) -> Outcome {
                call.reply::<$value, $value, _, _>(self)
            }
        }

        impl IntoAnswer for Promise<$value> {
            fn answer(self, call: &mut Invocation<'_>) -> Outcome {
                call.reply::<$value, $value, _, _>(self)
            }
        }

        impl<E: Into<BoxError>> IntoAnswer for Result<Promise<$value>, E> {
            fn answer(self, call: &mut Invocation<'_>) -> Outcome {
                match self {
                    Ok(promise) => promise.answer(call),
                    Err(error) => Err::<$value, E>(error).answer(call),
                }
            }
        }
    )*};
}

answers!(Value, ());

/// `|_sender, _args| todo!()`
impl IntoAnswer for Never {
    fn answer(self, _call: &mut Invocation<'_>) -> Outcome {
        self
    }
}

/// Reads arguments of any kind.
pub(super) struct Anything;

impl<'de> DeserializeSeed<'de> for Anything {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }
}
