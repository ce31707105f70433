//! Results that come bit by bit; arguments likewise, by `given.rs` and `taken.rs`.
//!
//! ```text
//! handler ─► Stream<T, R> ─► feed.rs: takes items as the peer has credit and its queue room
//!                                  │ rpc.item, then the answer      ▲ rpc.more
//!                                  ▼                                │
//! caller  ◄─ Stream<T, R> ◄─ incoming.rs: puts them into a channel, counts in window.rs
//! ```
//!
//! In the convention of other people: `foreign/`.
//!
//! A stream does not know who takes its items: one that a caller has got can be what a handler
//! of another API returns.

pub(crate) mod arguments;
pub(crate) mod asking;
mod channel;
mod each;
pub(crate) mod feed;
pub(crate) mod feeds;
pub(crate) mod foreign;
pub(crate) mod given;
mod hearing;
mod incoming;
mod kept;
mod sender;
mod serving;
mod taken;
pub(crate) mod telegrams;
#[cfg(test)]
mod tests;
mod window;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

pub(crate) use asking::Either;
use channel::{Channel, Taken};
pub use sender::{SendItem, StreamSender, TrySendError};

use crate::base::error::{BoxError, Error, Result};
use crate::base::here;
use crate::base::sync::lock;
use crate::call::promise::Context as Brings;

/// How many items of a channel wait before its sender has to.
const ROOM: usize = 16;

/// Items that come one after the other, and then a result; what a call gives, or takes.
///
/// A call that is declared `-> Stream<T>` gives it at once. It is an iterator, whose items are
/// `Result`s, and a `futures_core::Stream`; [`each`](Stream::each) calls back. Behind the
/// items, [`result`](Stream::result) gives what the call as a whole came to. Dropped before its
/// end, it cancels the call.
///
/// As an argument, `fn upload(&self, data: Stream<Bytes>) -> u64`, it is sent as the handler takes
/// it, and dropped where nobody does; the deadline of such a call counts while the peer takes
/// nothing. A handler that waits for items runs under
/// [`Processing::Queue`](crate::Processing::Queue) or `Pool`; one that runs inline calls back
/// with [`each`](Stream::each), or passes the stream on.
///
/// It goes to one peer; a call to [`each`](crate::Handle::each) of several is given what makes a stream
/// for each of them, `hub.each().upload("a", |peer| Stream::iter(..))`, and none waits for another.
///
/// A handler returns one, made of [an iterator](Stream::iter), of [a channel](Stream::channel)
/// or of [a future](Stream::future). Whoever reads slowly makes it wait, and nobody else.
///
/// ```
/// use quickrpc::{remote_api, Stream};
///
/// #[remote_api]
/// trait Counter {
///     #[incoming]
///     fn count(&self, to: u32) -> Stream<u32>;
/// }
///
/// # fn main() -> quickrpc::Result<()> {
/// let (counter, client) = Counter::pair();
/// counter.count.connect(|_sender, to| Stream::iter(1..=to));
///
/// let mut sum = 0;
/// for number in client.all().count(4) {
///     sum += number?;
/// }
/// assert_eq!(sum, 10);
/// # Ok(()) }
/// ```
#[must_use = "a stream that is dropped cancels its call"]
pub struct Stream<T, R = ()> {
    source: Source<T, R>,
    /// What came behind the items, once it is known.
    end: Option<Result<R>>,
}

enum Source<T, R> {
    Iter {
        items: Box<dyn Iterator<Item = Result<T>> + Send>,
        result: Option<R>,
    },
    Channel(Arc<Channel<T, R>>),
    Task {
        channel: Arc<Channel<T, R>>,
        task: Pin<Box<dyn Future<Output = Result<R>> + Send>>,
    },
    Call {
        channel: Arc<Channel<T, R>>,
        call: Arc<dyn StreamCall>,
    },
    Over,
}

/// The call that a stream belongs to.
pub(crate) trait StreamCall: Send + Sync {
    /// The API that brings the items.
    fn context(&self) -> Arc<dyn Brings>;

    /// The thread that waits may read by itself until `done`, or this time.
    fn drive(&self, done: &dyn Fn() -> bool, until: Option<Instant>);

    /// When the peer has been silent for too long, as far as is known now.
    fn deadline(&self) -> Option<Instant>;

    /// That time has come.
    fn expire(&self);

    /// Somebody waits without a thread that could read.
    fn attend(&self);

    /// An item was taken.
    fn taken(&self);

    /// The stream was dropped before its end.
    fn give_up(&self);

    /// Runs something when its turn comes in the API.
    fn run(&self, item: Box<dyn FnOnce() + Send>);

    /// The method, for people.
    fn method(&self) -> &str;
}

impl<T: Send + 'static> Stream<T> {
    /// A stream of the items of an iterator.
    ///
    /// Served by a handler, an item is taken when the peer has room for it, in the peer's turn,
    /// so that an iterator that waits holds up the peer's other calls; let a thread feed a
    /// [`channel`](Stream::channel) then.
    ///
    /// ```
    /// use quickrpc::Stream;
    ///
    /// let words = Stream::iter(["a", "b"]);
    /// let words: quickrpc::Result<Vec<_>> = words.collect();
    /// assert_eq!(words?, ["a", "b"]);
    /// # Ok::<(), quickrpc::Error>(())
    /// ```
    pub fn iter<I>(items: I) -> Self
    where
        I: IntoIterator<Item = T>,
        I::IntoIter: Send + 'static,
    {
        Stream::from_source(Source::Iter {
            items: Box::new(items.into_iter().map(Ok)),
            result: Some(()),
        })
    }

    /// The same for an iterator that can fail, as reading a file can; an error ends the stream.
    ///
    /// ```no_run
    /// use std::io::{BufRead, BufReader};
    /// use quickrpc::Stream;
    ///
    /// let file = std::fs::File::open("notes.txt")?;
    /// let lines: Stream<String> = Stream::try_iter(BufReader::new(file).lines());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_iter<I, E>(items: I) -> Self
    where
        I: IntoIterator<Item = Result<T, E>>,
        I::IntoIter: Send + 'static,
        E: Into<BoxError>,
    {
        let items = items.into_iter();
        Stream::from_source(Source::Iter {
            items: Box::new(
                items.map(|item| item.map_err(|error| Error::from_boxed(error.into()))),
            ),
            result: Some(()),
        })
    }
}

impl<T: Send + 'static, R: Send + 'static> Stream<T, R> {
    /// A stream, and what sends its items, from any thread.
    ///
    /// ```
    /// use quickrpc::Stream;
    ///
    /// let (items, mut numbers) = Stream::<u8, &str>::channel();
    /// std::thread::spawn(move || -> quickrpc::Result<()> {
    ///     for number in 0..3 {
    ///         items.send(number)?;
    ///     }
    ///     items.finish("done")
    /// });
    /// let all: quickrpc::Result<Vec<u8>> = numbers.by_ref().collect();
    /// assert_eq!(all?, [0, 1, 2]);
    /// assert_eq!(numbers.result()?, "done");
    /// # Ok::<(), quickrpc::Error>(())
    /// ```
    pub fn channel() -> (StreamSender<T, R>, Stream<T, R>) {
        let channel = Arc::new(Channel::new(ROOM));
        let stream = Stream::from_source(Source::Channel(Arc::clone(&channel)));
        (StreamSender::new(channel), stream)
    }

    /// A stream made by a future, which gets what sends its items.
    ///
    /// It needs no runtime: it goes on whenever the one who takes the items does. What it awaits
    /// has to wake it, as every future does; a timer of tokio needs tokio.
    ///
    /// ```
    /// use quickrpc::Stream;
    ///
    /// let mut stream = Stream::<u8, usize>::future(|items| async move {
    ///     for number in 0..3 {
    ///         items.send_async(number).await?;
    ///     }
    ///     Ok(3)
    /// });
    /// assert_eq!(stream.by_ref().count(), 3);
    /// assert_eq!(stream.result()?, 3);
    /// # Ok::<(), quickrpc::Error>(())
    /// ```
    pub fn future<F, U>(make: F) -> Stream<T, R>
    where
        F: FnOnce(StreamSender<T, R>) -> U,
        U: Future<Output = Result<R>> + Send + 'static,
    {
        let channel = Arc::new(Channel::new(ROOM));
        let items = StreamSender::new(Arc::clone(&channel));
        // A future that drops what it got, or never used it, has not ended by that.
        let kept = items.clone();
        let task = make(items);
        let task = Box::pin(async move {
            let end = task.await;
            drop(kept);
            end
        });
        Stream::from_source(Source::Task { channel, task })
    }

    /// A stream that has failed already. Like others, it says so by its last item, which here is
    /// the first.
    pub fn failed(error: Error) -> Stream<T, R> {
        Stream::from_source(Source::Iter {
            items: Box::new(std::iter::once(Err(error))),
            result: None,
        })
    }

    pub(crate) fn of_call(channel: Arc<Channel<T, R>>, call: Arc<dyn StreamCall>) -> Self {
        Stream::from_source(Source::Call { channel, call })
    }

    fn from_source(source: Source<T, R>) -> Self {
        Stream { source, end: None }
    }

    /// What came behind the items. Those that were not taken are passed over.
    ///
    /// # Errors
    ///
    /// What the stream failed with; for a call as [`Promise::result`](crate::Promise::result), and [`Error::Timeout`]
    /// after a silence as long as the call's deadline.
    ///
    /// # Blocking
    ///
    /// Until the stream has ended.
    pub fn result(mut self) -> Result<R> {
        while self.next().is_some() {}
        self.end.take().unwrap_or(Err(Error::Done))
    }

    /// Ends the stream: its call is cancelled, and its result is [`Error::Cancelled`].
    pub fn cancel(&mut self) {
        self.close();
        self.end.get_or_insert(Err(Error::Cancelled));
    }

    /// Drops it without a word to whoever sends it.
    fn forget(mut self) {
        self.source = Source::Over;
    }

    /// The next item, or `None` behind the last one, as a future is polled.
    pub(crate) fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let taken = match &mut self.source {
            Source::Iter { items, result } => match here::may_wait(|| items.next()) {
                Some(Ok(item)) => return Poll::Ready(Some(Ok(item))),
                Some(Err(error)) => Taken::End(Err(error)),
                None => Taken::End(result.take().ok_or(Error::Done)),
            },
            Source::Channel(channel) => match channel.poll_take(cx) {
                Poll::Ready(taken) => taken,
                Poll::Pending => return Poll::Pending,
            },
            Source::Task { channel, task } => match channel.poll_take(cx) {
                Poll::Ready(taken) => taken,
                Poll::Pending => {
                    let end = match task.as_mut().poll(cx) {
                        Poll::Ready(end) => end,
                        Poll::Pending => match channel.take() {
                            Some(taken) => return self.took(taken),
                            None => return Poll::Pending,
                        },
                    };
                    // Its sender has gone with it, perhaps without a result.
                    let left = Arc::clone(channel);
                    left.end_with(end);
                    self.source = Source::Channel(left);
                    return self.poll_item(cx);
                }
            },
            Source::Call { channel, call } => match channel.poll_take(cx) {
                Poll::Ready(taken) => taken,
                Poll::Pending => {
                    call.attend();
                    return Poll::Pending;
                }
            },
            Source::Over => return Poll::Ready(None),
        };
        self.took(taken)
    }

    fn took(&mut self, taken: Taken<T, R>) -> Poll<Option<Result<T>>> {
        match taken {
            Taken::Item(item, kept) => {
                if let Source::Call { call, .. } = &self.source {
                    drop(kept);
                    call.taken();
                }
                Poll::Ready(Some(Ok(item)))
            }
            Taken::End(end) => {
                let failed = end.as_ref().err().cloned();
                self.close();
                self.end = Some(end);
                Poll::Ready(failed.map(Err))
            }
        }
    }

    /// Items are polled in a row from now on, or no longer.
    pub(crate) fn polls_in_a_row(&self, in_a_row: bool) {
        if let Source::Channel(channel) = &self.source {
            channel.takes_in_a_row(in_a_row);
        }
    }

    /// What came behind the items, once they were all taken.
    pub(crate) fn into_end(mut self) -> Result<R> {
        self.end.take().unwrap_or(Err(Error::Done))
    }

    /// Before somebody waits who is not the runtime. An error ends the stream.
    fn before_wait(&mut self) -> Result<()> {
        let Source::Call { channel, call } = &self.source else {
            return Ok(());
        };
        let checked = match channel.is_ready() {
            true => Ok(()),
            false => call.context().before_wait(),
        };
        if let Err(error) = &checked {
            self.close();
            self.end = Some(Err(error.clone()));
        }
        checked
    }

    fn next_item(&mut self) -> Option<Result<T>> {
        if let Err(error) = self.before_wait() {
            return Some(Err(error));
        }
        if let Source::Call { channel, call } = &self.source {
            wait(channel, &**call);
        }
        if let Source::Channel(channel) = &self.source {
            channel.wait(None);
        }
        let parked = Arc::new(Parked::default());
        let waker = Waker::from(Arc::clone(&parked));
        let mut context = Context::from_waker(&waker);
        loop {
            match self.poll_item(&mut context) {
                Poll::Ready(item) => return item,
                Poll::Pending => parked.wait(),
            }
        }
    }
}

impl<T, R> Stream<T, R> {
    /// Nothing more is taken.
    fn close(&mut self) {
        match std::mem::replace(&mut self.source, Source::Over) {
            Source::Channel(channel) => drop(channel.give_up()),
            Source::Task { channel, task } => {
                channel.give_up();
                drop(task);
            }
            Source::Call { channel, call } => {
                if channel.give_up() {
                    call.give_up();
                }
            }
            Source::Iter { .. } | Source::Over => {}
        }
    }
}

impl<T, R> Drop for Stream<T, R> {
    fn drop(&mut self) {
        self.close();
    }
}

// Nothing in it is pinned but what is in a box.
impl<T, R> Unpin for Stream<T, R> {}

impl<T: Send + 'static, R: Send + 'static> Iterator for Stream<T, R> {
    type Item = Result<T>;

    /// The next item; an error is the last one.
    fn next(&mut self) -> Option<Result<T>> {
        // Within a future that is polled it would wait for what wakes it.
        here::may_wait(|| self.next_item())
    }
}

impl<T: Send + 'static, R: Send + 'static> futures_core::Stream for Stream<T, R> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        // Within a stream that is fed it is woken by the same threads that it would wait for.
        if !here::polls()
            && let Err(error) = self.before_wait()
        {
            return Poll::Ready(Some(Err(error)));
        }
        self.poll_item(cx)
    }
}

impl<T, R> fmt::Debug for Stream<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.source {
            Source::Iter { .. } => "Stream(iterator)",
            Source::Channel(_) => "Stream(channel)",
            Source::Task { .. } => "Stream(future)",
            Source::Call { call, .. } => return write!(f, "Stream(`{}`)", call.method()),
            Source::Over => "Stream(ended)",
        })
    }
}

/// Waits until there is something, which its deadline sees to.
fn wait<T, R>(channel: &Channel<T, R>, call: &dyn StreamCall) {
    while !channel.is_ready() {
        let until = call.deadline();
        if until.is_some_and(|until| until <= Instant::now()) {
            return call.expire();
        }
        call.drive(&|| channel.is_ready(), until);
        channel.wait(until);
    }
}

/// A thread that waits to be woken.
#[derive(Default)]
struct Parked {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Parked {
    fn wait(&self) {
        let mut woken = lock(&self.woken);
        while !*woken {
            woken = self
                .changed
                .wait(woken)
                .unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        *woken = false;
    }
}

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        *lock(&self.woken) = true;
        self.changed.notify_all();
    }
}
