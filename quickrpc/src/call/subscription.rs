//! Calls as items of a channel instead of calls of a handler.

use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use crossbeam_channel::{Receiver, Sender, TryRecvError, select};

use crate::base::foreign::catch;
use crate::base::sync::lock;
use crate::call::slot::Connection;

/// The calls of one incoming method, as items to be received: made by a slot's
/// `subscribe()`, ended by dropping it.
///
/// Dereferences to a [`crossbeam_channel::Receiver`], so that it works with
/// `recv_timeout`, `try_iter` and `select!`. An item is the sender with the arguments,
/// owned, and at the end a [`Resolver`](crate::Resolver) if the call has a reply.
///
/// ```
/// use quickrpc::remote_api;
///
/// #[remote_api]
/// trait Adder {
///     #[incoming]
///     fn add(&self, a: i64, b: i64) -> i64;
/// }
///
/// # fn main() -> quickrpc::Result<()> {
/// let (adder, client) = Adder::pair();
/// let calls = adder.add.subscribe();
/// let sum = client.all().add(2, 3);
///
/// let (sender, a, b, resolver) = calls.recv().expect("a call");
/// println!("{sender} adds");
/// resolver.set_result(a + b)?;
/// assert_eq!(sum.result()?, 5);
/// # Ok(()) }
/// ```
///
/// It is a `futures_core::Stream`, too, so that a task can await the next call.
///
/// What nobody receives waits, up to [`Limits::subscription`](crate::Limits::subscription)
/// calls; then peers are not read until there is room.
///
/// # Blocking
///
/// Receiving blocks the calling thread until there is a call. It ends when the API is gone;
/// stopping is not the end, since the API may be started again.
#[must_use = "a subscription ends when it is dropped"]
pub struct Subscription<T> {
    receiver: Receiver<T>,
    waiting: Arc<Waiting>,
    connection: Connection,
}

/// The task that waits for the next call, if one does.
#[derive(Default)]
pub(crate) struct Waiting(Mutex<Option<Waker>>);

impl Waiting {
    fn wake(&self) {
        let waker = lock(&self.0).take();
        if let Some(waker) = waker {
            catch("a waker", || waker.wake());
        }
    }
}

/// The channel's other end.
pub(crate) struct Feeder<T> {
    /// There until it is dropped.
    items: Option<Sender<T>>,
    waiting: Arc<Waiting>,
}

impl<T> Feeder<T> {
    pub(crate) fn new(items: Sender<T>, waiting: Arc<Waiting>) -> Self {
        let items = Some(items);
        Feeder { items, waiting }
    }

    /// Waits while the subscription is full, so that the peers are not read; not beyond the stop.
    pub(crate) fn send(&self, item: T, stopped: &Receiver<()>) {
        let Some(items) = &self.items else {
            return;
        };
        if let Err(full) = items.try_send(item) {
            select! {
                send(items, full.into_inner()) -> _ => {}
                recv(stopped) -> _ => {}
            }
        }
        self.waiting.wake();
    }
}

impl<T> Drop for Feeder<T> {
    fn drop(&mut self) {
        // The end is there before the task that waits for it is woken.
        drop(self.items.take());
        self.waiting.wake();
    }
}

impl<T> Subscription<T> {
    pub(crate) fn new(
        receiver: Receiver<T>,
        waiting: Arc<Waiting>,
        connection: Connection,
    ) -> Self {
        Subscription {
            receiver,
            waiting,
            connection,
        }
    }

    /// The channel's end, for `select!` and the like.
    pub fn receiver(&self) -> &Receiver<T> {
        &self.receiver
    }
}

impl<T> Deref for Subscription<T> {
    type Target = Receiver<T>;

    fn deref(&self) -> &Receiver<T> {
        &self.receiver
    }
}

impl<T> Drop for Subscription<T> {
    fn drop(&mut self) {
        self.connection.disconnect();
    }
}

/// The next call, until the API is gone.
impl<T> futures_core::Stream for Subscription<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let received = || match self.receiver.try_recv() {
            Ok(item) => Some(Some(item)),
            Err(TryRecvError::Disconnected) => Some(None),
            Err(TryRecvError::Empty) => None,
        };
        if let Some(item) = received() {
            return Poll::Ready(item);
        }
        let waker = cx.waker().clone();
        let before = lock(&self.waiting.0).replace(waker);
        drop(before);
        // One may have come before the task was known to wait.
        received().map_or(Poll::Pending, Poll::Ready)
    }
}

/// Receives until the API is gone.
impl<'a, T> IntoIterator for &'a Subscription<T> {
    type Item = T;
    type IntoIter = crossbeam_channel::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.receiver.iter()
    }
}

/// Receives until the API is gone; the subscription ends with the iterator.
impl<T> IntoIterator for Subscription<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter(self)
    }
}

/// The iterator over a [`Subscription`] that owns it.
#[derive(Debug)]
pub struct IntoIter<T>(Subscription<T>);

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.receiver.recv().ok()
    }
}

impl<T> fmt::Debug for Subscription<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subscription({} waiting)", self.receiver.len())
    }
}
