//! `Property`: what its owner holds.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::sync::{Arc, Weak};

use crate::base::error::Result;
use crate::base::sender::Sender;
use crate::call::asynchronous::saying;
use crate::call::calls::Calls;
use crate::call::dispatch::Invocation;
use crate::call::reply::{Reply, Returns};
use crate::call::slot::{Connection, Kind, Local, Place, Slot};

use super::answering::Says;
use super::form::Form;
use super::handlers::Handlers;
use super::owned::{Change, Names, Owned};
use super::table::{Own, Read};

/// A value of this side that the other side sees: declared `#[incoming(property)]`, or
/// `#[outgoing(property)]` where this is the opposite side.
///
/// [`set`](Self::set) tells a new value to all peers; each one is told the newest when it
/// connects. Equal values are not told again, and equal is what is the same on the wire. A peer
/// that reads slowly is told the newest value when it has room, and not all that came before: a
/// property never fills a queue.
///
/// ```
/// use quickrpc::remote_api;
///
/// #[remote_api]
/// trait Supply {
///     /// Volts to be held.
///     #[incoming(property, writable)]
///     fn voltage(&self) -> f64;
/// }
///
/// # fn main() -> quickrpc::Result<()> {
/// let (supply, lab) = Supply::pair();
/// supply.voltage.set(5.0)?;
/// supply.voltage.on_write(|sender, volts| match *volts < 30.0 {
///     true => Ok(println!("{sender} sets {volts} V")),
///     false => Err("too high"),
/// });
///
/// assert_eq!(lab.all().voltage().result()?, 5.0);
/// lab.all().set_voltage(6.0).result()?;
/// assert_eq!(supply.voltage.get(), Some(6.0));
/// assert!(lab.all().set_voltage(60.0).result().is_err());
/// # Ok(()) }
/// ```
///
/// One that is `writable` is a [`WritableProperty`], which is this and has `on_write`.
///
/// Clones are of the same property. They keep nothing running, so that handlers can own one.
pub struct Property<T> {
    core: Arc<Core<T>>,
}

/// A [`Property`] that the other side may write: declared with `writable`.
///
/// It is used like one, and decides about writes by [`on_write`](Self::on_write).
///
/// ```
/// use quickrpc::{Property, remote_api};
///
/// #[remote_api]
/// trait Supply {
///     #[incoming(property, writable)]
///     fn voltage(&self) -> f64;
///     #[incoming(property)]
///     fn measured(&self) -> f64;
/// }
///
/// fn double(property: &Property<f64>) -> f64 {
///     2.0 * property.get().unwrap_or(0.0)
/// }
///
/// # fn main() -> quickrpc::Result<()> {
/// let (supply, lab) = Supply::pair();
/// let measured = supply.measured.clone();
/// supply.voltage.on_write(move |_sender, volts| measured.set(volts - 0.01));
/// lab.all().set_voltage(5.0).result()?;
/// assert_eq!((double(&supply.voltage), double(&supply.measured)), (10.0, 9.98));
/// # Ok(()) }
/// ```
pub struct WritableProperty<T>(Property<T>);

/// Whether the other side may write a property.
#[diagnostic::on_unimplemented(
    message = "nobody writes this property: it is not `writable`",
    label = "a handler of writes, which would never be called",
    note = "declare it `#[incoming(property, writable)]`, or `#[outgoing(property, writable)]`"
)]
pub trait MayBeWritten {}

impl<T> MayBeWritten for WritableProperty<T> {}

type OnRead<T> = dyn Fn(&Sender) -> Says<T> + Send + Sync;
type OnWrite<T> = dyn Fn(&Sender, &T) -> Says<()> + Send + Sync;

pub(super) struct Core<T> {
    pub(super) owned: Owned,
    pub(super) calls: Weak<Calls>,
    pub(super) form: Form<T>,
    /// The other side may write it.
    writable: bool,
    pub(super) on_read: Handlers<OnRead<T>>,
    pub(super) on_write: Handlers<OnWrite<T>>,
}

impl<T: Send + 'static> Property<T> {
    /// A property of this API, which is read and written by the calls of these slots.
    pub(crate) fn new(
        calls: &Arc<Calls>,
        names: Names,
        form: Form<T>,
        read: &Slot,
        write: Option<&Slot>,
    ) -> Self {
        let core = Arc::new(Core {
            owned: Owned::new(names),
            calls: Arc::downgrade(calls),
            form,
            writable: write.is_some(),
            on_read: Handlers::new(),
            on_write: Handlers::new(),
        });
        let reader = Arc::clone(&core);
        read.connect(move |call: &mut Invocation<'_>| reader.read_by(call));
        if let Some(write) = write {
            let writer = Arc::clone(&core);
            write.connect(move |call: &mut Invocation<'_>| writer.written_by(call));
        }
        calls.properties.add_own(Arc::clone(&core) as _);
        Property { core }
    }

    /// Tells those who were connected before the property was there.
    pub(crate) fn introduce(&self, calls: &Calls) {
        let own: Arc<dyn Own> = Arc::clone(&self.core) as _;
        calls.introduce_to_all(&own);
    }

    /// Sets the value, and tells it to all peers, unless it is equal to the one before.
    ///
    /// It waits for nobody, and no peer's trouble is an error here. Before the API is started
    /// there is nobody to be told; who comes is told the newest value. Called on several threads,
    /// all peers are told in one order, the one that the last [`get`](Self::get) belongs to.
    ///
    /// # Errors
    ///
    /// [`Error::Encode`](crate::Error::Encode): the value cannot travel; the one before stays.
    pub fn set(&self, value: T) -> Result<()> {
        self.core.set(value)
    }

    /// The value that was set or written last; `None` before that.
    ///
    /// ```
    /// # use quickrpc::remote_api;
    /// # #[remote_api]
    /// # trait Supply { #[incoming(property)] fn voltage(&self) -> f64; }
    /// # let (supply, _lab) = Supply::pair();
    /// assert_eq!(supply.voltage.get(), None);
    /// supply.voltage.set(5.0)?;
    /// assert_eq!(supply.voltage.get(), Some(5.0));
    /// # Ok::<(), quickrpc::Error>(())
    /// ```
    pub fn get(&self) -> Option<T> {
        let newest = self.core.owned.newest()?;
        (self.core.form.load)(&*newest)
    }

    /// Sets the handler of reads: what it returns is read in place of what was set, and is what a
    /// peer is told when it connects. Changes are still told by [`set`](Self::set) alone.
    ///
    /// It returns the value, `Option` (`None`: what was set), `Result` or
    /// [`Promise`](crate::Promise), and takes its turn like handlers of calls. Of several, the last
    /// one counts that is connected.
    ///
    /// ```
    /// # use quickrpc::remote_api;
    /// # #[remote_api]
    /// # trait Supply { #[incoming(property)] fn measured(&self) -> f64; }
    /// # fn adc() -> f64 { 4.99 }
    /// # let (supply, lab) = Supply::pair();
    /// supply.measured.on_read(|_sender| adc());
    /// assert_eq!(lab.all().measured().result()?, 4.99);
    /// # Ok::<(), quickrpc::Error>(())
    /// ```
    pub fn on_read<F, R, K>(&self, handler: F) -> Connection
    where
        F: Fn(&Sender) -> R + Send + Sync + 'static,
        R: Returns<T, K>,
    {
        let handler = move |sender: &Sender| Says::Now(handler(sender).__say());
        self.asks(Arc::new(handler), Kind::Plain)
    }

    /// Like [`on_read`](Self::on_read) with a handler that need not be `Send`: it runs on the
    /// thread that calls `process_pending()`, with
    /// [`Processing::Manual`](crate::Processing::Manual) alone.
    pub fn on_read_local<F, R, K>(&self, handler: F) -> Connection
    where
        F: Fn(&Sender) -> R + 'static,
        R: Returns<T, K>,
    {
        let local = Local::new(handler);
        let handler = move |sender: &Sender| {
            Says::Now(match local.get() {
                Some(handler) => handler(sender).__say(),
                None => Reply::NotMine,
            })
        };
        self.asks(Arc::new(handler), Kind::Local)
    }

    /// Like [`on_read`](Self::on_read) with a handler that is async: a function of the sender that
    /// gives a future, which the builder's [`executor`](crate::Builder::executor) runs; without one,
    /// `start()` fails. Where nobody waits for the value any more, its future is dropped.
    ///
    /// A peer that connects is told the value when it is there, and changes from then on.
    ///
    /// ```
    /// # use quickrpc::remote_api;
    /// # #[remote_api]
    /// # trait Supply { #[incoming(property)] fn measured(&self) -> f64; }
    /// # async fn adc() -> f64 { 4.99 }
    /// # fn main() -> quickrpc::Result<()> {
    /// let (supply, lab) = Supply::builder()
    ///     .executor(|future| smol::spawn(future).detach())
    ///     .pair();
    /// supply.measured.on_read_async(|_sender| async { adc().await });
    /// assert_eq!(lab.all().measured().result()?, 4.99);
    /// # Ok(()) }
    /// ```
    pub fn on_read_async<F, U, R, K>(&self, handler: F) -> Connection
    where
        F: Fn(Sender) -> U + Send + Sync + 'static,
        U: Future<Output = R> + Send + 'static,
        R: Returns<T, K> + 'static,
        K: 'static,
    {
        let handler = move |sender: &Sender| Says::Soon(saying(handler(sender.clone())));
        self.asks(Arc::new(handler), Kind::Async)
    }

    fn asks(&self, handler: Arc<OnRead<T>>, kind: Kind) -> Connection {
        Connection::new(&self.core, self.core.on_read.connect(handler, kind))
    }

    /// Not there, which the compiler is to say with our words.
    #[doc(hidden)]
    pub fn on_write<F, R>(&self, _handler: F) -> Connection
    where
        Self: MayBeWritten,
        F: Fn(&Sender, &T) -> R + Send + Sync + 'static,
    {
        Connection::__group(Vec::new())
    }
}

impl<T: Send + 'static> WritableProperty<T> {
    pub(crate) fn new(property: Property<T>) -> Self {
        WritableProperty(property)
    }

    /// Sets the handler of writes: what it accepts becomes the value, and is told to all peers,
    /// the writer included. Without a handler every value of the type is accepted.
    ///
    /// It returns `()`, `Result<(), E>` or `Promise<()>`; an error is the writer's, and changes
    /// nothing. It takes its turn like handlers of calls. Of several, the last one counts that is
    /// connected.
    ///
    /// # Panics
    ///
    /// For a property of [`dynamic::Api`](crate::dynamic::Api) that was made
    /// [`ReadOnly`](crate::dynamic::Access::ReadOnly): the handler would never be called.
    #[track_caller]
    pub fn on_write<F, R, K>(&self, handler: F) -> Connection
    where
        F: Fn(&Sender, &T) -> R + Send + Sync + 'static,
        R: Returns<(), K>,
    {
        let decide = move |sender: &Sender, value: &T| Says::Now(handler(sender, value).__say());
        self.decide(Arc::new(decide), Kind::Plain)
    }

    /// Like [`on_write`](Self::on_write) with a handler that need not be `Send`: it runs on the
    /// thread that calls `process_pending()`, with
    /// [`Processing::Manual`](crate::Processing::Manual) alone.
    ///
    /// # Panics
    ///
    /// As [`on_write`](Self::on_write).
    #[track_caller]
    pub fn on_write_local<F, R, K>(&self, handler: F) -> Connection
    where
        F: Fn(&Sender, &T) -> R + 'static,
        R: Returns<(), K>,
    {
        let local = Local::new(handler);
        let decide = move |sender: &Sender, value: &T| {
            Says::Now(match local.get() {
                Some(handler) => handler(sender, value).__say(),
                None => Reply::NotMine,
            })
        };
        self.decide(Arc::new(decide), Kind::Local)
    }

    /// Like [`on_write`](Self::on_write) with a handler that is async: a function of the sender and the
    /// value, both owned, that gives a future, which the builder's
    /// [`executor`](crate::Builder::executor) runs; without one, `start()` fails. A write that is given
    /// up drops its future, and changes nothing.
    ///
    /// Futures of several writes run beside each other, and what is accepted last is the value.
    ///
    /// # Panics
    ///
    /// As [`on_write`](Self::on_write).
    #[track_caller]
    pub fn on_write_async<F, U, R, K>(&self, handler: F) -> Connection
    where
        F: Fn(Sender, T) -> U + Send + Sync + 'static,
        U: Future<Output = R> + Send + 'static,
        R: Returns<(), K> + 'static,
        K: 'static,
    {
        let clone = self.0.core.form.clone;
        let decide = move |sender: &Sender, value: &T| {
            Says::Soon(saying(handler(sender.clone(), clone(value))))
        };
        self.decide(Arc::new(decide), Kind::Async)
    }

    #[track_caller]
    fn decide(&self, handler: Arc<OnWrite<T>>, kind: Kind) -> Connection {
        let core = &self.0.core;
        assert!(
            core.writable,
            "nobody writes the property `{}`: it was made with `Access::ReadOnly`",
            core.owned.names.property
        );
        Connection::new(core, core.on_write.connect(handler, kind))
    }
}

impl<T> Deref for WritableProperty<T> {
    type Target = Property<T>;

    fn deref(&self) -> &Property<T> {
        &self.0
    }
}

impl<T> From<WritableProperty<T>> for Property<T> {
    fn from(property: WritableProperty<T>) -> Self {
        property.0
    }
}

impl<T: Send + 'static> Core<T> {
    pub(super) fn set(&self, value: T) -> Result<()> {
        let value = (self.form.store)(value);
        let change = self.owned.change(&value)?;
        match self.calls.upgrade() {
            Some(calls) => calls.changed(&self.owned, change),
            // There is nobody left to be told.
            None if change == Change::Begun => drop(self.owned.leave()),
            None => {}
        }
        Ok(())
    }
}

impl<T: Send + 'static> Own for Core<T> {
    fn owned(&self) -> &Owned {
        &self.owned
    }

    fn read(&self, peer: &Sender) -> Read {
        self.read_first(peer)
    }

    fn has(&self, kind: Kind) -> bool {
        self.on_read.has(kind) || self.on_write.has(kind)
    }

    fn clear(&self) {
        self.on_read.clear();
        self.on_write.clear();
    }
}

impl<T: Send> Place for Core<T> {
    fn disconnect(&self, id: u64) {
        self.on_read.disconnect(id);
        self.on_write.disconnect(id);
    }
}

impl<T> Clone for Property<T> {
    fn clone(&self) -> Self {
        Property {
            core: Arc::clone(&self.core),
        }
    }
}

impl<T> Clone for WritableProperty<T> {
    fn clone(&self) -> Self {
        WritableProperty(self.0.clone())
    }
}

impl<T> fmt::Debug for WritableProperty<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T> fmt::Debug for Property<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Property({})", self.core.owned.names.property)
    }
}
