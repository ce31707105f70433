//! Slots: where handlers of incoming calls are connected.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use std::time::Duration;

use crossbeam_channel::bounded;

use crate::base::error::{BoxError, CallError, Error};
use crate::base::foreign::catch;
use crate::base::typed_error::IntoCallError;
use crate::call::subscription::{Feeder, Subscription, Waiting};
use crate::format::description::{CallDescription, Description, Direction};

use super::dispatch::{Invocation, Outcome};
pub(crate) use super::local::{Kind, Local, next_handler};
use super::stream::telegrams::{ITEM, MORE};
use crate::net::collect;
use crate::wire::jrpc;

/// A handler without its types.
pub(crate) type Handler =
    Arc<dyn for<'a, 'de> Fn(&'a mut Invocation<'de>) -> Outcome + Send + Sync>;

/// The slots of an API by their names on the wire.
#[derive(Debug, Default)]
pub(crate) struct SlotTable {
    /// Of the trait that the API was built for. Sorted by their names: some comparisons cost less
    /// than hashing a name, and they are never changed.
    declared: Vec<Arc<SlotInner>>,
    added: RwLock<Added>,
    /// A slot is declared `concurrent`: else nobody looks for it before its turn.
    any_concurrent: AtomicBool,
    /// Who hears that a slot has other handlers.
    watched: Watched,
}

/// Who hears that a slot has other handlers; nobody at first.
#[derive(Clone, Default)]
struct Watched(Arc<OnceLock<Box<dyn Fn() + Send + Sync>>>);

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }
}

/// What came later.
#[derive(Debug, Default)]
struct Added {
    /// All traits, in the order in which they were added.
    traits: Vec<Description>,
    /// Of further traits, and of calls without a declaration, made when somebody connects.
    slots: HashMap<String, Arc<SlotInner>>,
    /// For calls that no other slot takes.
    any: Option<Arc<SlotInner>>,
}

pub(crate) struct SlotInner {
    pub(crate) name: Box<str>,
    /// What was declared; nothing in an API without a trait.
    pub(crate) call: Option<&'static CallDescription>,
    /// Asks the type of the result whether it can be null. Told by the generated code, since
    /// a description knows no types; only where nobody answers is it called.
    reads_null: OnceLock<fn() -> bool>,
    /// What an error of a handler becomes that is of the declared type; likewise.
    errors: OnceLock<IntoCallError>,
    handlers: RwLock<Arc<[Entry]>>,
    watched: Watched,
    subscription_limit: AtomicUsize,
    /// What the last run of the handlers took whose time was taken, in nanoseconds; unknown
    /// counts as slow.
    cost: AtomicU32,
    /// Runs since the last one whose time was taken.
    unmeasured: AtomicU8,
}

#[derive(Clone)]
pub(crate) struct Entry {
    id: u64,
    pub(crate) handler: Handler,
    kind: Kind,
}

/// A place where handlers are connected.
pub(crate) trait Place: Send + Sync {
    /// Removes the handler with this number, if it is there.
    fn disconnect(&self, id: u64);
}

/// So many names are looked through one by one: most are told apart by their lengths already.
const FEW: usize = 8;

impl SlotTable {
    pub(crate) fn declared(description: &Description, subscription_limit: usize) -> Self {
        let watched = Watched::default();
        let mut declared = slots(description, subscription_limit, &watched);
        declared.sort_by(|a, b| a.name.cmp(&b.name));
        let added = Added {
            traits: vec![*description],
            ..Added::default()
        };
        SlotTable {
            any_concurrent: declared.iter().any(|slot| slot.is_concurrent()).into(),
            declared,
            added: RwLock::new(added),
            watched,
        }
    }

    /// Adds the slots of a further trait.
    ///
    /// # Errors
    ///
    /// If one of its names means something already; nothing is added then.
    pub(crate) fn add(&self, new: &Description, subscription_limit: usize) -> Result<(), Error> {
        let mut added = self.write();
        for old in &added.traits {
            if let Some((name, direction)) = old.shares(new) {
                return Err(new.collides(old, name, direction));
            }
        }
        let taken = new.incoming().map(|call| call.wire_name);
        if let Some(name) = taken
            .into_iter()
            .find(|name| added.slots.contains_key(*name))
        {
            let text = format!(
                "`{}` cannot be added: its incoming call `{name}` has a handler without a \
                 declaration already (`dynamic::Api::on`); add the trait first, or use another name",
                new.name
            );
            return Err(Error::Config(text.into()));
        }
        if new.incoming().any(|call| call.concurrent) {
            self.any_concurrent.store(true, Ordering::Relaxed);
        }
        let slots = slots(new, subscription_limit, &self.watched).into_iter();
        added
            .slots
            .extend(slots.map(|slot| (slot.name.to_string(), slot)));
        added.traits.push(*new);
        Ok(())
    }

    /// Whether calls of this method run beside each other.
    pub(crate) fn is_concurrent(&self, method: &str) -> bool {
        self.any_concurrent.load(Ordering::Relaxed)
            && self.find(method).is_some_and(|slot| slot.is_concurrent())
    }

    pub(crate) fn find(&self, method: &str) -> Option<Arc<SlotInner>> {
        if let Some(slot) = self.find_declared(method) {
            return Some(Arc::clone(slot));
        }
        self.find_added(method)
    }

    /// A slot that came later.
    pub(crate) fn find_added(&self, method: &str) -> Option<Arc<SlotInner>> {
        self.read().slots.get(method).cloned()
    }

    /// One of the trait that the API was built for.
    #[inline]
    pub(crate) fn find_declared(&self, method: &str) -> Option<&Arc<SlotInner>> {
        if self.declared.len() <= FEW {
            return self.declared.iter().find(|slot| *slot.name == *method);
        }
        let place = self
            .declared
            .binary_search_by(|slot| (*slot.name).cmp(method));
        self.declared.get(place.ok()?)
    }

    /// The slot of a declared call, whether its result can be null, and how its errors travel.
    pub(crate) fn slot(
        &self,
        call: &'static CallDescription,
        reads_null: fn() -> bool,
        errors: IntoCallError,
        subscription_limit: usize,
    ) -> Slot {
        // Generated code asks for what it declared, so that it is there.
        let slot = self.dynamic(call.wire_name, subscription_limit);
        slot.0.reads_null.get_or_init(|| reads_null);
        slot.0.errors.get_or_init(|| errors);
        slot
    }

    /// The slot of this name, whether it is declared or not.
    pub(crate) fn dynamic(&self, method: &str, subscription_limit: usize) -> Slot {
        if let Some(slot) = self.find(method) {
            return Slot(slot);
        }
        let mut added = self.write();
        let slot = added.slots.entry(method.to_owned()).or_insert_with(|| {
            let slot = SlotInner::new(method, None, subscription_limit, &self.watched);
            Arc::new(slot)
        });
        Slot(Arc::clone(slot))
    }

    /// The slot for calls that no other one takes.
    pub(crate) fn any(&self, subscription_limit: usize) -> Slot {
        let mut added = self.write();
        let slot = added.any.get_or_insert_with(|| {
            let slot = SlotInner::new("", None, subscription_limit, &self.watched);
            Arc::new(slot)
        });
        Slot(Arc::clone(slot))
    }

    /// Who takes a call that no other slot takes; nobody one that is of no program.
    #[cold]
    pub(crate) fn find_any(&self, method: &str) -> Option<Arc<SlotInner>> {
        let any = self.read().any.clone()?;
        let is_ours = matches!(method, ITEM | MORE) || jrpc::is_cancel(method);
        (!is_ours && !any.handlers().is_empty()).then_some(any)
    }

    /// All that can be called, by the names on the wire.
    pub(crate) fn names(&self) -> Vec<String> {
        let all = self.all().into_iter().filter(|slot| !slot.is_any());
        all.map(|slot| String::from(&*slot.name)).collect()
    }

    /// What is connected and nobody has declared, in order.
    pub(crate) fn undeclared(&self) -> Vec<String> {
        let added = self.read();
        let undeclared = added.slots.values().filter(|slot| slot.call.is_none());
        let connected = undeclared.filter(|slot| !slot.handlers().is_empty());
        let mut names: Vec<_> = connected.map(|slot| String::from(&*slot.name)).collect();
        names.sort();
        names
    }

    /// The traits whose calls these are, in the order in which they were added.
    pub(crate) fn traits(&self) -> Vec<Description> {
        self.read().traits.clone()
    }

    /// The name of the trait that has declared a method of this direction.
    pub(crate) fn trait_of(&self, method: &str, direction: Direction) -> Option<&'static str> {
        let added = self.read();
        let declares = |api: &&Description| {
            let mut calls = api.calls.iter();
            calls.any(|call| call.direction == direction && call.wire_name == method)
        };
        added.traits.iter().find(declares).map(|api| api.name)
    }

    /// Names of the methods nobody is connected to, in the order of their declaration.
    pub(crate) fn unhandled(&self) -> Vec<&'static str> {
        let traits = self.traits();
        let calls = traits.iter().flat_map(|api| api.calls.iter());
        let unhandled = |call: &&CallDescription| {
            let slot = self.find(call.wire_name);
            slot.is_some_and(|slot| slot.handlers().is_empty())
        };
        let calls = calls.filter(|call| call.direction == Direction::Incoming);
        calls.filter(unhandled).map(|call| call.name).collect()
    }

    /// From now on, this is called when a slot has handlers that had none, or the other way round.
    /// Once.
    pub(crate) fn watch(&self, watched: impl Fn() + Send + Sync + 'static) {
        // A second one would be a mistake of this crate, and changes nothing.
        self.watched.0.set(Box::new(watched)).ok();
    }

    /// The names of all methods that somebody is connected to.
    pub(crate) fn handled(&self) -> Vec<String> {
        let all = self.all();
        let handled = all.iter().filter(|slot| !slot.handlers().is_empty());
        handled.map(|slot| slot.name.to_string()).collect()
    }

    /// A call with a handler of this kind, if there is one.
    pub(crate) fn with(&self, kind: Kind) -> Option<String> {
        let is = |slot: &Arc<SlotInner>| slot.handlers().iter().any(|entry| entry.kind == kind);
        let slot = self.all().into_iter().find(is)?;
        Some(slot.call.map_or(&*slot.name, |call| call.name).to_owned())
    }

    /// How many calls subscriptions hold that are made from now on.
    pub(crate) fn limit_subscriptions(&self, limit: usize) {
        for slot in self.all() {
            slot.subscription_limit.store(limit, Ordering::Relaxed);
        }
    }

    /// Drops all handlers.
    pub(crate) fn clear(&self) {
        for slot in self.all() {
            slot.change(|_| Vec::new());
        }
    }

    fn all(&self) -> Vec<Arc<SlotInner>> {
        let added = self.read();
        let all = self.declared.iter();
        let all = all.chain(added.slots.values()).chain(&added.any);
        all.cloned().collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Added> {
        self.added.read().unwrap_or_else(|p| p.into_inner())
    }

    fn write(&self) -> RwLockWriteGuard<'_, Added> {
        self.added.write().unwrap_or_else(|p| p.into_inner())
    }
}

/// A slot for each incoming call of a trait.
fn slots(
    description: &Description,
    subscription_limit: usize,
    watched: &Watched,
) -> Vec<Arc<SlotInner>> {
    let slot = |call: &'static CallDescription| {
        Arc::new(SlotInner::new(
            call.wire_name,
            Some(call),
            subscription_limit,
            watched,
        ))
    };
    description.incoming().map(slot).collect()
}

impl SlotInner {
    fn new(
        name: &str,
        call: Option<&'static CallDescription>,
        subscription_limit: usize,
        watched: &Watched,
    ) -> Self {
        SlotInner {
            name: name.into(),
            call,
            reads_null: OnceLock::new(),
            errors: OnceLock::new(),
            handlers: RwLock::new(Arc::new([])),
            watched: watched.clone(),
            subscription_limit: AtomicUsize::new(subscription_limit),
            cost: AtomicU32::new(u32::MAX),
            unmeasured: AtomicU8::new(0),
        }
    }

    /// Whether null is an answer: if the declared result can be read from it, or nothing is
    /// declared.
    pub(crate) fn accepts_null(&self) -> bool {
        match self.reads_null.get() {
            // The type is the user's.
            Some(ask) => catch("reading a result", ask).unwrap_or(false),
            None => self.call.is_none_or(|call| !call.has_reply()),
        }
    }

    /// How errors of handlers travel. What it does is the user's.
    pub(crate) fn errors(&self) -> IntoCallError {
        self.errors.get().copied().unwrap_or(CallError::from_boxed)
    }

    /// The error answer that an error of a handler becomes. What it does is the user's.
    pub(crate) fn call_error(&self, error: BoxError) -> CallError {
        match self.errors.get() {
            Some(errors) => errors(error),
            None => CallError::from_boxed(error),
        }
    }

    /// Whether it is for calls that no other slot takes.
    #[cold]
    pub(crate) fn is_any(&self) -> bool {
        self.name.is_empty() && self.call.is_none()
    }

    /// Whether its calls run beside each other.
    pub(crate) fn is_concurrent(&self) -> bool {
        self.call.is_some_and(|call| call.concurrent)
    }

    /// The role that callers need.
    pub(crate) fn role(&self) -> Option<&'static str> {
        self.call.and_then(|call| call.role)
    }

    /// What the handlers take, as far as known, and whether the time of this run is to be
    /// taken: always while they are slow, and now and then while they are not, since asking
    /// for the time costs as much as a short handler.
    pub(crate) fn pace(&self) -> (Duration, bool) {
        let cost = Duration::from_nanos(self.cost.load(Ordering::Relaxed).into());
        // Threads that count at once may lose a count, which does not matter.
        let runs = self.unmeasured.load(Ordering::Relaxed);
        self.unmeasured
            .store(runs.wrapping_add(1), Ordering::Relaxed);
        (cost, collect::is_slow(cost) || runs.is_multiple_of(16))
    }

    pub(crate) fn set_cost(&self, cost: Duration) {
        let nanos = u32::try_from(cost.as_nanos()).unwrap_or(u32::MAX);
        self.cost.store(nanos, Ordering::Relaxed);
    }

    /// The handlers as they are now, in the order in which they were connected.
    pub(crate) fn handlers(&self) -> Arc<[Entry]> {
        Arc::clone(&self.handlers.read().unwrap_or_else(|p| p.into_inner()))
    }

    /// Replaces the handlers. What goes is dropped when no lock is held, since it is the
    /// user's.
    fn change(&self, change: impl FnOnce(&[Entry]) -> Vec<Entry>) {
        let mut handlers = self.handlers.write().unwrap_or_else(|p| p.into_inner());
        let new = change(&handlers).into();
        let old = std::mem::replace(&mut *handlers, new);
        let other = old.is_empty() != handlers.is_empty();
        drop(handlers);
        drop(old);
        if other && let Some(watched) = self.watched.0.get() {
            watched();
        }
    }
}

impl Place for SlotInner {
    fn disconnect(&self, id: u64) {
        self.change(|handlers| {
            let keep = handlers.iter().filter(|entry| entry.id != id);
            keep.cloned().collect()
        });
    }
}

/// The place where handlers of one incoming call are connected, without its types.
#[derive(Clone)]
pub struct Slot(pub(crate) Arc<SlotInner>);

impl Slot {
    /// Adds a handler behind the others.
    pub fn connect<F>(&self, handler: F) -> Connection
    where
        F: for<'a, 'de> Fn(&'a mut Invocation<'de>) -> Outcome + Send + Sync + 'static,
    {
        self.connect_arc(Arc::new(handler), Kind::Plain)
    }

    fn connect_arc(&self, handler: Handler, kind: Kind) -> Connection {
        let id = next_handler();
        self.0.change(|handlers| {
            let mut handlers = handlers.to_vec();
            handlers.push(Entry { id, handler, kind });
            handlers
        });
        Connection::new(&self.0, id)
    }

    /// Adds a handler that stays on this thread, and is found there when it is called.
    pub fn connect_local<F>(&self, handler: F) -> Connection
    where
        F: for<'a, 'de> Fn(&'a mut Invocation<'de>) -> Outcome + 'static,
    {
        let local = Local::new(handler);
        let handler = move |call: &mut Invocation<'_>| match local.get() {
            Some(handler) => handler(call),
            None => Outcome::not_mine(),
        };
        self.connect_arc(Arc::new(handler), Kind::Local)
    }

    /// Adds a handler that has its answer made by a future.
    pub fn connect_async<F>(&self, handler: F) -> Connection
    where
        F: for<'a, 'de> Fn(&'a mut Invocation<'de>) -> Outcome + Send + Sync + 'static,
    {
        self.connect_arc(Arc::new(handler), Kind::Async)
    }

    /// Adds a handler that passes each call on to a subscription.
    pub fn subscribe<I, F>(&self, handler: F) -> Subscription<I>
    where
        I: Send + 'static,
        F: for<'a, 'de> Fn(&'a mut Invocation<'de>, &dyn Fn(I)) -> Outcome + Send + Sync + 'static,
    {
        let (items, receiver) = bounded(self.0.subscription_limit.load(Ordering::Relaxed));
        let waiting = Arc::new(Waiting::default());
        let feeder = Feeder::new(items, Arc::clone(&waiting));
        let connection = self.connect(move |call| {
            let stopped = call.stop_signal();
            handler(call, &|item| feeder.send(item, &stopped))
        });
        Subscription::new(receiver, waiting, connection)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slot({})", self.0.name)
    }
}

impl fmt::Debug for SlotInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot")
            .field("name", &self.name)
            .field("handlers", &self.handlers().len())
            .finish()
    }
}

/// A handler's place in its slot; [`disconnect`](Self::disconnect) removes it.
///
/// Dropping it does not.
///
/// ```
/// # use quickrpc::remote_api;
/// # #[remote_api]
/// # trait Echo { #[incoming] fn say(&self, text: &str); }
/// # fn main() -> quickrpc::Result<()> {
/// let api = Echo::builder().build()?;
/// let connection = api.say.connect(|_sender, text| println!("{text}"));
/// assert!(api.unhandled_calls().is_empty());
/// connection.disconnect();
/// assert_eq!(api.unhandled_calls(), ["say"]);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Connection(Vec<(Weak<dyn Place>, u64)>);

impl Connection {
    pub(crate) fn new<P: Place + 'static>(place: &Arc<P>, id: u64) -> Self {
        let place: Weak<P> = Arc::downgrade(place);
        Connection(vec![(place, id)])
    }

    /// Removes the handler. A call that runs already runs to its end.
    pub fn disconnect(&self) {
        for (place, id) in &self.0 {
            if let Some(place) = place.upgrade() {
                place.disconnect(*id);
            }
        }
    }

    /// Several as one.
    #[doc(hidden)]
    pub fn __group(all: Vec<Connection>) -> Self {
        Connection(all.into_iter().flat_map(|one| one.0).collect())
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({} handlers)", self.0.len())
    }
}
