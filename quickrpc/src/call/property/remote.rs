//! `RemoteProperty`: what hears of a property of the other side.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use crate::base::sender::{Receiver, ReceiverList, Receivers, Sender};
use crate::base::sync::lock;
use crate::call::calls::Calls;
use crate::call::dispatch::{Invocation, Outcome};
use crate::call::reply::Returns;
use crate::call::slot::{Connection, Slot};
use crate::call::subscription::Subscription;

use super::form::Form;
use super::table::Remote;

/// So many addresses of datagrams are remembered: nobody says when they are gone.
const ADDRESSES: usize = 1_024;

/// A value of the other side: hears its changes, and remembers the last one of each peer.
///
/// Each peer tells its value when it is connected, and each change after that. Reading and
/// writing are sent like calls, `lab.all().voltage()` and `lab.all().set_voltage(6.0)`.
///
/// ```
/// use quickrpc::remote_api;
///
/// #[remote_api]
/// trait Supply {
///     /// Volts at the output, as measured.
///     #[incoming(property)]
///     fn measured(&self) -> f64;
/// }
///
/// # fn main() -> quickrpc::Result<()> {
/// let (supply, lab) = Supply::pair();
/// # let (told, heard) = std::sync::mpsc::channel();
/// lab.measured.connect(move |sender, volts| {
///     println!("{sender} measures {volts} V");
/// #   told.send(volts).unwrap();
/// });
/// supply.measured.set(4.99)?;
/// # assert_eq!(heard.recv_timeout(std::time::Duration::from_secs(10)).unwrap(), 4.99);
///
/// let peer = &lab.peers()[0];
/// assert_eq!(lab.measured.latest(peer), Some(4.99));
/// # Ok(()) }
/// ```
///
/// Clones are of the same property. They keep nothing running.
pub struct RemoteProperty<T> {
    core: Arc<Core<T>>,
}

struct Core<T> {
    /// On wires that have properties.
    name: Box<str>,
    slot: Slot,
    form: Form<T>,
    /// The last value of each peer by its number; a leaf in the lock order.
    latest: Mutex<BTreeMap<u64, Latest<T>>>,
}

struct Latest<T> {
    name: Arc<str>,
    value: Arc<T>,
    /// What it took on the wire.
    bytes: usize,
    /// It is of an address, of which nobody says that it is gone.
    is_address: bool,
}

impl<T: Send + Sync + 'static> RemoteProperty<T> {
    /// A property whose changes arrive in this slot.
    pub(crate) fn new(calls: &Arc<Calls>, name: &str, form: Form<T>, slot: Slot) -> Self {
        let core = Arc::new(Core {
            name: name.into(),
            slot,
            form,
            latest: Mutex::default(),
        });
        let hears = Arc::clone(&core);
        core.slot
            .connect(move |call: &mut Invocation<'_>| hears.changed(call));
        let remote: Arc<dyn Remote> = Arc::clone(&core) as _;
        calls.properties.add_remote(remote);
        RemoteProperty { core }
    }

    /// Adds a handler of changes, the first value of each peer included: a function of the
    /// sender and the value. They take their turn like handlers of calls, and what they change is in a
    /// `Mutex` or an atomic, or goes into a channel, as for those.
    pub fn connect<F, R, K>(&self, handler: F) -> Connection
    where
        F: Fn(&Sender, T) -> R + Send + Sync + 'static,
        R: Returns<(), K>,
    {
        let argument = self.core.form.argument;
        self.core
            .slot
            .connect(move |call: &mut Invocation<'_>| match argument(call) {
                Ok(value) => {
                    let returned = handler(call.sender(), value);
                    call.done(returned)
                }
                Err(outcome) => outcome,
            })
    }

    /// Adds a handler that need not be `Send`: it runs on the thread that calls
    /// `process_pending()`, with [`Processing::Manual`](crate::Processing::Manual) alone;
    /// `start()` fails otherwise.
    pub fn connect_local<F, R, K>(&self, handler: F) -> Connection
    where
        F: Fn(&Sender, T) -> R + 'static,
        R: Returns<(), K>,
    {
        let argument = self.core.form.argument;
        self.core
            .slot
            .connect_local(move |call: &mut Invocation<'_>| match argument(call) {
                Ok(value) => {
                    let returned = handler(call.sender(), value);
                    call.done(returned)
                }
                Err(outcome) => outcome,
            })
    }

    /// Receives the changes instead of handling them.
    pub fn subscribe(&self) -> Subscription<(Sender, T)> {
        let argument = self.core.form.argument;
        self.core.slot.subscribe(
            move |call: &mut Invocation<'_>, pass: &dyn Fn((Sender, T))| match argument(call) {
                Ok(value) => {
                    pass((call.sender().clone(), value));
                    call.done(())
                }
                Err(outcome) => outcome,
            },
        )
    }

    /// The last value that a peer has told, if it is connected and has told one: a `Sender`, or
    /// a name. It is that of the last change whose handlers have begun.
    pub fn latest(&self, peer: impl Receivers) -> Option<T> {
        let mut list = ReceiverList::default();
        peer.add_to(&mut list);
        let value = {
            let latest = lock(&self.core.latest);
            let found = match list.0.first()? {
                Receiver::Peer(peer) => latest.get(&peer.id),
                // Of several with one name the last one that has come.
                Receiver::Anyone => None,
                Receiver::Name(name) => latest.values().rev().find(|one| one.name == *name),
            };
            Arc::clone(&found?.value)
        };
        // Without the lock: the type is the user's.
        Some((self.core.form.clone)(&value))
    }
}

impl<T: Send + Sync + 'static> Core<T> {
    /// Remembers a change, before other handlers hear of it.
    fn changed(&self, call: &mut Invocation<'_>) -> Outcome {
        let value = match (self.form.argument)(call) {
            Ok(value) => Arc::new(value),
            Err(outcome) => return outcome,
        };
        let sender = call.sender();
        let is_address = sender.wire != 0;
        let mut latest = lock(&self.latest);
        let before = latest.get(&sender.id).map_or(0, |one| one.bytes);
        let now = Latest {
            name: Arc::clone(&sender.name),
            value,
            bytes: call.size(),
            is_address,
        };
        let mut gone = latest.insert(sender.id, now);
        if gone.is_none() && is_address {
            let addresses = || latest.iter().filter(|(_, one)| one.is_address);
            if addresses().count() > ADDRESSES {
                // The one that has come first.
                let first = addresses().next().map(|(id, _)| *id);
                gone = first.and_then(|first| latest.remove(&first));
            }
        }
        drop(latest);
        drop(gone);
        call.keeps(before);
        call.done(())
    }
}

impl<T: Send + Sync + 'static> Remote for Core<T> {
    fn property(&self) -> &str {
        &self.name
    }

    fn change(&self) -> &str {
        &self.slot.0.name
    }

    fn is_known(&self, peer: u64) -> bool {
        lock(&self.latest).contains_key(&peer)
    }

    fn forget(&self, peer: Option<u64>) {
        let mut latest = lock(&self.latest);
        let gone = match peer {
            Some(peer) => latest.remove(&peer).into_iter().collect(),
            None => std::mem::take(&mut *latest)
                .into_values()
                .collect::<Vec<_>>(),
        };
        drop(latest);
        drop(gone);
    }
}

impl<T> Clone for RemoteProperty<T> {
    fn clone(&self) -> Self {
        RemoteProperty {
            core: Arc::clone(&self.core),
        }
    }
}

impl<T> fmt::Debug for RemoteProperty<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteProperty({})", self.core.slot.0.name)
    }
}
