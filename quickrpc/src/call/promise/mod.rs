//! Results that come later.

mod call;
mod each;
mod local;
mod made_of;
mod shared;
#[cfg(test)]
mod tests;
mod typed;
pub(crate) mod wish;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{self, Poll};
use std::time::{Duration, Instant};

pub(crate) use call::{CallInfo, Context, Decode, ItemOutcome, PendingCall};
pub use each::{Promises, Results};
pub(crate) use made_of::behind;
pub(crate) use shared::SETTLING;
use shared::{Shared, Turn};
pub use typed::TypedPromise;
use wish::{Unwanted, Wish};

use crate::base::error::{BoxError, Error, Result};
use crate::base::foreign::catch;

/// A result that comes later: the answer to a call, or whatever a [`Resolver`] is given.
///
/// The value is given once, in the way that suits: [`result`](Promise::result) blocks,
/// [`then`](Promise::then) calls back, and `.await` works in any async runtime and needs
/// none.
///
/// [`cancel`](Promise::cancel) gives the call up, and the other side is told. So does dropping a
/// promise that was polled as a future, as `select!` and time-outs of async runtimes do. A promise
/// that was never polled can be dropped without that: the call runs, and its answer is dropped.
///
/// The promise of a call is always settled, since every call has a deadline.
///
/// ```
/// use quickrpc::Promise;
///
/// let (promise, resolver) = Promise::pair();
/// std::thread::spawn(move || resolver.set_result(6 * 7));
/// assert_eq!(promise.result()?, 42);
/// # Ok::<(), quickrpc::Error>(())
/// ```
#[must_use = "the call was sent and runs, but nobody will see its result or its error; \
              call `.result()`, `.then(..)` or `.await`, or `drop(..)` it if you do not mind"]
pub struct Promise<T> {
    shared: Arc<Shared<T>>,
}

impl<T: Send + 'static> Promise<T> {
    /// A promise, and what settles it.
    ///
    /// A handler that cannot answer at once returns the promise and keeps the resolver.
    pub fn pair() -> (Promise<T>, Resolver<T>) {
        let shared = Arc::new(Shared::new());
        let promise = Promise {
            shared: shared.clone(),
        };
        (promise, Resolver { shared })
    }

    /// A promise that is settled already.
    ///
    /// ```
    /// use quickrpc::Promise;
    ///
    /// assert_eq!(Promise::ready(5).result()?, 5);
    /// # Ok::<(), quickrpc::Error>(())
    /// ```
    pub fn ready(value: T) -> Promise<T> {
        let shared = Arc::new(Shared::settled(Ok(value)));
        Promise { shared }
    }

    /// A promise that has failed already.
    ///
    /// ```
    /// use quickrpc::{CallError, Promise};
    ///
    /// let promise = Promise::<i64>::failed(CallError::new(404, "no such file").into());
    /// assert_eq!(promise.result().unwrap_err().to_string(), "no such file (code 404)");
    /// ```
    pub fn failed(error: Error) -> Promise<T> {
        let shared = Arc::new(Shared::settled(Err(error)));
        Promise { shared }
    }

    /// The promise of a call, and the other end for the table of pending calls.
    pub(crate) fn for_call(
        context: Arc<dyn Context>,
        info: CallInfo,
        decode: Decode<T>,
    ) -> (Promise<T>, Arc<dyn PendingCall>) {
        let shared = Arc::new(Shared::for_call(context, info, decode));
        let promise = Promise {
            shared: shared.clone(),
        };
        (promise, shared)
    }

    /// Waits for the result.
    ///
    /// # Errors
    ///
    /// What the promise failed with; for a call [`Error::Call`] if the other side answered
    /// with an error, [`Error::Timeout`] past its deadline, [`Error::Disconnected`] if the
    /// peer went; [`Error::Deadlock`] where waiting could never end; [`Error::Done`] if the
    /// value has been taken before.
    ///
    /// # Blocking
    ///
    /// Until the promise is settled; for a call at most until its deadline. The waiting
    /// thread may read from the connection meanwhile, but runs no handlers and no callbacks.
    pub fn result(self) -> Result<T> {
        match self.shared.wait(None) {
            Some(result) => result,
            // Without a limit of its own, waiting ends with a result.
            None => Err(Error::Abandoned),
        }
    }

    /// Waits for the result, but no longer than `timeout`.
    ///
    /// If the time is not enough the call stays pending, and can be asked again.
    ///
    /// ```
    /// use std::time::Duration;
    /// use quickrpc::{Error, Promise};
    ///
    /// let (promise, resolver) = Promise::pair();
    /// let result = promise.result_timeout(Duration::from_millis(1));
    /// assert!(matches!(result, Err(Error::Timeout { .. })));
    ///
    /// resolver.set_result(5)?;
    /// assert_eq!(promise.result_timeout(Duration::ZERO)?, 5);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] if it is not settled in time, otherwise as
    /// [`result`](Promise::result); once the value is given, [`Error::Done`].
    ///
    /// # Blocking
    ///
    /// As [`result`](Promise::result), and no longer than `timeout`.
    pub fn result_timeout(&self, timeout: Duration) -> Result<T> {
        let until = Instant::now().checked_add(timeout);
        match self.shared.wait(until) {
            Some(result) => result,
            None => Err(self.shared.timeout_error(true, timeout)),
        }
    }

    /// The result if it is there; `None` while it is pending.
    ///
    /// Inside a handler on whose end the answer has to wait, where asking again and again
    /// could never end, it is [`Error::Deadlock`] at once; the call stays pending.
    ///
    /// ```
    /// use quickrpc::Promise;
    ///
    /// let (promise, resolver) = Promise::pair();
    /// assert!(promise.try_result().is_none());
    /// resolver.set_result("done")?;
    /// assert_eq!(promise.try_result().transpose()?, Some("done"));
    /// # Ok::<(), quickrpc::Error>(())
    /// ```
    pub fn try_result(&self) -> Option<Result<T>> {
        self.shared.poll()
    }

    /// Calls `callback` with the value, or `errback` with the error, once.
    ///
    /// Callbacks of calls take their turn like handlers: by default on the thread that
    /// receives. On a promise that is settled already they run at once, on this thread, and on
    /// one that a [`Resolver`] settles, on the thread that does. A panic in them is caught and
    /// logged.
    ///
    /// ```
    /// use quickrpc::Promise;
    ///
    /// let (promise, resolver) = Promise::pair();
    /// promise.then(|sum: i64| println!("{sum}"), |error| eprintln!("{error}"));
    /// resolver.set_result(5)?;
    /// # Ok::<(), quickrpc::Error>(())
    /// ```
    pub fn then(
        self,
        callback: impl FnOnce(T) + Send + 'static,
        errback: impl FnOnce(Error) + Send + 'static,
    ) {
        let deliver = move |result| {
            catch("a callback of a promise", || match result {
                Ok(value) => callback(value),
                Err(error) => errback(error),
            });
        };
        let context = self.shared.context().cloned();
        self.shared
            .on_settled(move |result, turn| match (turn, context) {
                (Turn::Lane(lane), Some(context)) => {
                    context.run(lane, Box::new(move || deliver(result)));
                }
                _ => deliver(result),
            });
    }

    /// Gives it up: it fails with [`Error::Cancelled`], and whoever is to give the value is told.
    ///
    /// The peer that was called finds out by
    /// [`Sender::is_cancelled`](crate::Sender::is_cancelled), or by the [`Resolver`] if it answers
    /// later. A call that waits for its turn there is not begun. What it answers all the same is
    /// dropped. One that does not know of cancelling goes on working, and no harm is done.
    ///
    /// A promise that is settled already keeps its value.
    ///
    /// ```
    /// use quickrpc::{Error, Promise};
    ///
    /// let (job, resolver) = Promise::<u32>::pair();
    /// job.cancel();
    /// assert!(resolver.is_cancelled());
    /// assert!(matches!(job.result(), Err(Error::Cancelled)));
    /// ```
    pub fn cancel(&self) {
        self.shared.cancel();
    }

    /// What is told when nobody wants the value of a promise any more that is handed on.
    pub(crate) fn unwanted(&self) -> Weak<dyn Unwanted> {
        let shared: Weak<Shared<T>> = Arc::downgrade(&self.shared);
        shared
    }

    /// Calls back on whichever thread settles the promise; at once if it is settled.
    ///
    /// For parts of this library: it takes no turn, and panics are not caught.
    pub(crate) fn on_settled(self, callback: impl FnOnce(Result<T>) + Send + 'static) {
        self.shared.on_settled(move |result, _| callback(result));
    }
}

impl<T> Future for Promise<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<T>> {
        self.shared.poll_with(cx)
    }
}

// The call stays pending, and its answer is dropped unread; unless it was polled as a future.
impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.shared.give_up();
    }
}

impl<T> fmt::Debug for Promise<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Promise({})", self.shared.describe())
    }
}

/// What settles the [`Promise`] that it was made with.
///
/// Dropped without having done so, it fails the promise with [`Error::Abandoned`].
pub struct Resolver<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Resolver<T> {
    /// Gives the promise its value.
    ///
    /// A callback of the promise runs before this returns, on this thread.
    ///
    /// # Errors
    ///
    /// [`Error::Done`] if the promise has been settled before. That nobody wants the value
    /// any more is no error.
    pub fn set_result(&self, value: T) -> Result<()> {
        self.settle(Ok(value))
    }

    /// Lets the promise fail. A [`CallError`](crate::CallError) keeps its code and data.
    ///
    /// ```
    /// use quickrpc::{CallError, Promise};
    ///
    /// let (promise, resolver) = Promise::<i64>::pair();
    /// resolver.set_error(CallError::new(7, "no such lamp"))?;
    /// assert_eq!(promise.result().unwrap_err().to_string(), "no such lamp (code 7)");
    /// # Ok::<(), quickrpc::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`set_result`](Resolver::set_result).
    pub fn set_error(&self, error: impl Into<BoxError>) -> Result<()> {
        self.settle(Err(Error::from_boxed(error.into())))
    }

    /// Settles it, unless it is settled.
    pub(crate) fn settle_with(&self, result: Result<T>) {
        self.shared.settle(result, Turn::Now);
    }

    /// Whether nobody wants the value any more: the promise was [cancelled](Promise::cancel), or
    /// dropped after it was polled as a future. For the answer to a call: its caller has
    /// cancelled it, has given it up at its deadline, or is gone.
    ///
    /// The answer may be given all the same. Who has nothing to say drops the resolver, or sets
    /// [`Error::Cancelled`].
    ///
    /// ```
    /// # use quickrpc::remote_api;
    /// # #[remote_api]
    /// # trait Lab { #[incoming] fn calibrate(&self, channel: u8) -> u32; }
    /// use quickrpc::Promise;
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// # let (api, client) = Lab::pair();
    /// api.calibrate.connect(|_sender, _channel| {
    ///     let (answer, resolver) = Promise::pair();
    ///     std::thread::spawn(move || {
    ///         while !resolver.is_cancelled() {
    ///             // .. one step of the work
    /// #           std::thread::yield_now();
    ///         }
    ///     });
    ///     answer
    /// });
    /// # let job = client.all().calibrate(1);
    /// # job.cancel();
    /// # assert!(matches!(job.result(), Err(quickrpc::Error::Cancelled)));
    /// # Ok(()) }
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.shared.wish().is_some_and(Wish::is_cancelled)
    }

    /// Runs the callback when nobody wants the value any more; at once if that is so already.
    /// It is dropped when the resolver is.
    ///
    /// It should do little, such as wake whoever works: where a peer cancels, it runs on the
    /// thread that reads what peers send. A panic in it is caught and logged.
    pub fn on_cancel(&self, callback: impl FnOnce() + Send + 'static) {
        if let Some(wish) = self.shared.wish() {
            wish.on_cancel(Box::new(callback));
        }
    }

    fn settle(&self, result: Result<T>) -> Result<()> {
        match self.shared.settle(result, Turn::Now) {
            true => Ok(()),
            false => Err(Error::Done),
        }
    }
}

impl<T> Drop for Resolver<T> {
    fn drop(&mut self) {
        self.shared.settle(Err(Error::Abandoned), Turn::Now);
        if let Some(wish) = self.shared.wish() {
            wish.forget();
        }
    }
}

impl<T> fmt::Debug for Resolver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resolver({})", self.shared.describe())
    }
}
