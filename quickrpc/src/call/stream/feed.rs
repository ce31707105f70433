//! Feeding a peer: from a handler's stream to its queue.

use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll};

use serde::Serialize;

use super::Stream;
use super::feeds::{Fed, Kind, May};
use super::foreign::serving::Subscription;
use super::telegrams::{CallId, ITEM, Item};
use crate::base::error::{CallError, Error, Result};
use crate::base::foreign;
use crate::base::scratch::with_scratch;
use crate::base::sync::lock;
use crate::call::answer::{LateAnswer, internal};
use crate::call::calls::Calls;
use crate::call::promise::wish::{Callback, Unwanted};
use crate::call::reply::Via;
use crate::call::task::Task;
use crate::net::collect::Batch;
use crate::net::conn::Conn;
use crate::net::reactor::Command;
use crate::wire::session::About;

/// So many items are sent before others of the peer have their turn.
const TURN: usize = 64;

/// Whether a stream is wanted, before it is there and while it is fed.
pub(crate) struct Wanted {
    /// Of a handler that gives the stream later.
    promise: Weak<dyn Unwanted>,
    state: Mutex<Feedable>,
}

#[derive(Default)]
struct Feedable {
    is_cancelled: bool,
    fed: Option<Arc<Fed>>,
}

impl Wanted {
    pub(crate) fn new(promise: Weak<dyn Unwanted>) -> Arc<Self> {
        Arc::new(Wanted {
            promise,
            state: Mutex::default(),
        })
    }

    /// The stream is fed from now on; it is ended at once if nobody wants it.
    fn is_fed(&self, fed: &Arc<Fed>) {
        let mut state = lock(&self.state);
        state.fed = Some(Arc::clone(fed));
        let is_cancelled = state.is_cancelled;
        drop(state);
        if is_cancelled {
            fed.end();
        }
    }
}

impl Unwanted for Wanted {
    fn unwanted(&self) -> Vec<Callback> {
        let mut state = lock(&self.state);
        state.is_cancelled = true;
        let fed = state.fed.take();
        drop(state);
        match fed {
            Some(fed) => vec![Box::new(move || fed.end())],
            None => {
                let promise = self.promise.upgrade();
                promise.map_or_else(Vec::new, |promise| promise.unwanted())
            }
        }
    }
}

/// The entry of a stream among those that are fed, until it is dropped.
pub(crate) struct Entry {
    calls: Arc<Calls>,
    peer: u64,
    id: CallId,
    fed: Arc<Fed>,
}

impl Entry {
    /// One for the stream that answers this call.
    ///
    /// # Errors
    ///
    /// The call's answer where there can be no stream: none, if nobody is there for it.
    pub(crate) fn of(answer: &LateAnswer) -> Result<Self, Option<Error>> {
        let (Some(conn), Some(id)) = (answer.conn.upgrade(), &answer.id) else {
            return Err(None);
        };
        if let Some(why) = conn.wire.lacks_streams() {
            return Err(Some(Error::Call(internal(why))));
        }
        let (calls, peer, id) = (Arc::clone(&answer.calls), conn.id(), CallId::of(id));
        let Some(fed) = calls.feeds.begin(peer, &id) else {
            let text = "another stream of this connection has the same id";
            let error = CallError::new(CallError::INVALID_REQUEST, text);
            return Err(Some(Error::Call(error)));
        };
        // Whoever hears of that looks at the streams after it, and this one after entering.
        if conn.end.has_ended() {
            fed.is_silent();
        }
        Ok(Entry {
            calls,
            peer,
            id,
            fed,
        })
    }

    /// One for an argument of a call of ours; `None` if the peer uses this id.
    pub(crate) fn of_argument(calls: &Arc<Calls>, conn: &Conn, id: &CallId) -> Option<Self> {
        let fed = calls.feeds.begin_argument(conn.id(), id)?;
        Some(Entry {
            calls: Arc::clone(calls),
            peer: conn.id(),
            id: id.clone(),
            fed,
        })
    }

    /// One for a subscription in the convention of others, which this call ends. `None`: there are so
    /// many already, or it is there.
    pub(super) fn of_subscription(
        calls: &Arc<Calls>,
        conn: &Conn,
        id: CallId,
        cancel: &'static str,
        limit: usize,
    ) -> Option<Self> {
        let kind = Kind::Subscription(cancel);
        let fed = calls.feeds.enter(conn.id(), &id, kind, limit)?;
        Some(Entry {
            calls: Arc::clone(calls),
            peer: conn.id(),
            id,
            fed,
        })
    }

    pub(super) fn id(&self) -> &CallId {
        &self.id
    }

    pub(crate) fn fed(&self) -> Arc<Fed> {
        Arc::clone(&self.fed)
    }

    /// Before the answer leaves: the peer may use the id again then.
    fn leave(&self) {
        self.calls.feeds.ended(self.peer, &self.id, &self.fed);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Feeds the caller with a handler's stream, and answers the call behind it.
pub(crate) fn feed<T, W, R, V>(
    answer: LateAnswer,
    stream: Stream<T, R>,
    wanted: Arc<Wanted>,
    entry: Entry,
) where
    T: Via<W> + Send + 'static,
    W: Serialize + 'static,
    R: Via<V> + Send + 'static,
    V: Serialize + 'static,
{
    let fed = Arc::clone(&entry.fed);
    let behind = Behind::Answer {
        answer,
        _wanted: Arc::clone(&wanted),
    };
    run::<T, W, R, V>(behind, stream, entry);
    wanted.is_fed(&fed);
}

/// Feeds a peer with an argument of a call, once it asks for it.
pub(crate) fn feed_argument<T, W, R, V>(conn: &Arc<Conn>, stream: Stream<T, R>, entry: Entry)
where
    T: Via<W> + Send + 'static,
    W: Serialize + 'static,
    R: Via<V> + Send + 'static,
    V: Serialize + 'static,
{
    run::<T, W, R, V>(Behind::Done(Arc::downgrade(conn)), stream, entry);
}

/// Feeds a peer with a subscription in the convention of others.
pub(super) fn feed_subscription<T, W, R, V>(
    conn: Weak<Conn>,
    stream: Stream<T, R>,
    wanted: &Wanted,
    entry: Entry,
    subscription: Subscription,
) where
    T: Via<W> + Send + 'static,
    W: Serialize + 'static,
    R: Via<V> + Send + 'static,
    V: Serialize + 'static,
{
    let fed = entry.fed();
    run::<T, W, R, V>(Behind::Subscription(conn, subscription), stream, entry);
    wanted.is_fed(&fed);
}

fn run<T, W, R, V>(behind: Behind, stream: Stream<T, R>, entry: Entry)
where
    T: Via<W> + Send + 'static,
    W: Serialize + 'static,
    R: Via<V> + Send + 'static,
    V: Serialize + 'static,
{
    let (calls, peer, fed) = (Arc::clone(&entry.calls), entry.peer, Arc::clone(&entry.fed));
    let mut feeding = Feeding {
        behind: Some(behind),
        stream: Some(stream),
        entry,
        refused: Vec::new(),
    };
    let work = move |cx: &mut Context<'_>| {
        let _batch = Batch::begin();
        feeding.in_a_row(true);
        let polled = feeding.go_on::<W>(cx);
        feeding.in_a_row(false);
        polled.map(|end| feeding.end::<V>(end))
    };
    let weak = Arc::downgrade(&calls);
    let post = move |item| {
        if let Some(calls) = weak.upgrade() {
            calls.post(peer, item, 0);
        }
    };
    let task = Task::new(Some(Box::new(post)), Box::new(work));
    calls.feeds.run(&fed, task);
}

/// What the peer hears behind the items.
enum Behind {
    /// The answer to its call. Whoever cancels holds what is wanted weakly.
    Answer {
        answer: LateAnswer,
        _wanted: Arc<Wanted>,
    },
    /// That there are no more.
    Done(Weak<Conn>),
    /// The same, in the convention of others.
    Subscription(Weak<Conn>, Subscription),
}

impl Behind {
    fn conn(&self) -> Option<Arc<Conn>> {
        match self {
            Behind::Answer { answer, .. } => answer.conn.upgrade(),
            Behind::Done(conn) | Behind::Subscription(conn, _) => conn.upgrade(),
        }
    }
}

/// A stream on its way to a peer. Dropped before its end, it is given up.
struct Feeding<T, R> {
    /// `None` once it is said.
    behind: Option<Behind>,
    stream: Option<Stream<T, R>>,
    entry: Entry,
    /// An item for which there was no room.
    refused: Vec<u8>,
}

/// How feeding ends.
enum End {
    /// The stream has ended.
    Ended,
    /// It ends with this.
    Failed(Error),
    /// The peer is gone.
    Gone,
}

impl<T: Send + 'static, R: Send + 'static> Feeding<T, R> {
    /// Sends what there is, as far as the peer takes it.
    fn go_on<W>(&mut self, cx: &mut Context<'_>) -> Poll<End>
    where
        T: Via<W>,
        W: Serialize,
    {
        let conn = self.behind.as_ref().and_then(Behind::conn);
        let Some(conn) = conn.filter(|conn| !conn.is_closed()) else {
            return Poll::Ready(End::Gone);
        };
        for _ in 0..TURN {
            if !self.refused.is_empty() {
                match self.offer(&conn, &self.refused) {
                    Ok(true) => self.refused = Vec::new(),
                    Ok(false) => return Poll::Pending,
                    Err(end) => return Poll::Ready(end),
                }
            }
            let concludes = match self.entry.fed.may_send() {
                May::Send => false,
                May::Conclude => true,
                May::Wait => return Poll::Pending,
                May::Look => {
                    self.look();
                    return Poll::Pending;
                }
            };
            let Some(stream) = &mut self.stream else {
                return Poll::Ready(End::Gone);
            };
            let item = match foreign::inside(|| stream.poll_item(cx)) {
                Ok(Poll::Ready(Some(Ok(item)))) => item,
                Ok(Poll::Pending) => {
                    if !concludes {
                        self.entry.fed.unsent();
                    }
                    return Poll::Pending;
                }
                Ok(Poll::Ready(_)) => return Poll::Ready(End::Ended),
                Err(panic) => {
                    foreign::report("a stream", &foreign::told(panic));
                    let error = internal("the stream panicked");
                    return Poll::Ready(End::Failed(Error::Call(error)));
                }
            };
            if concludes {
                foreign::catch("dropping an item", || drop(item));
                return Poll::Ready(End::Failed(Error::Call(CallError::new(
                    CallError::CANCELLED,
                    "the caller has ended its side before it asked for all items",
                ))));
            }
            if let Err(end) = self.send::<W>(&conn, item) {
                return Poll::Ready(end);
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn in_a_row(&self, in_a_row: bool) {
        if let Some(stream) = &self.stream {
            stream.polls_in_a_row(in_a_row);
        }
    }

    /// Goes on when the poll thread has done what it does now.
    fn look(&self) {
        let fed = self.entry.fed();
        match self.entry.calls.net.reactor() {
            Some(reactor) => reactor.ask(Command::Call(Box::new(move || fed.looked()))),
            None => fed.looked(),
        }
    }

    fn send<W>(&mut self, conn: &Arc<Conn>, item: T) -> Result<(), End>
    where
        T: Via<W>,
        W: Serialize,
    {
        with_scratch(|out| {
            let written = foreign::catch("writing an item", || {
                let value = &item.into_wire();
                let id = &self.entry.id;
                if let Some(Behind::Subscription(_, subscription)) = &self.behind {
                    return subscription.encode(conn, out, id, value);
                }
                match conn.wire.is_nameless(false) {
                    true => conn.wire.codec.encode_call(out, ITEM, &(id, value), None),
                    false => {
                        let item = Item { id, value };
                        conn.wire.codec.encode_call(out, ITEM, &item, None)
                    }
                }
            });
            let failed = match written {
                Some(Ok(())) => conn
                    .frame(out, self.notification())
                    .map_err(|error| error.to_string()),
                Some(Err(reason)) => Err(reason),
                None => Err(String::from("writing it panicked")),
            };
            if let Err(reason) = failed {
                let text = format!("an item cannot be sent: {reason}");
                return Err(End::Failed(Error::Call(internal(text))));
            }
            if !self.offer(conn, out)? {
                self.refused = out.clone();
            }
            Ok(())
        })
    }

    fn offer(&self, conn: &Arc<Conn>, item: &[u8]) -> Result<bool, End> {
        let about = About::notification(self.notification());
        let offered = self.entry.calls.net.offer(conn, item, about);
        offered.map_err(|error| match conn.is_closed() {
            true => End::Gone,
            false => End::Failed(error),
        })
    }

    /// What an item is called.
    fn notification(&self) -> &'static str {
        match &self.behind {
            Some(Behind::Subscription(_, subscription)) => subscription.item,
            _ => ITEM,
        }
    }

    fn end<V>(&mut self, end: End)
    where
        R: Via<V>,
        V: Serialize,
    {
        if let End::Ended = end
            && let Some(stream) = self.stream.take()
        {
            return self.settle(stream.into_end().map(Via::into_wire));
        }
        self.give_up(match end {
            End::Failed(error) => error,
            End::Ended | End::Gone => Error::Cancelled,
        });
    }
}

impl<T, R> Feeding<T, R> {
    fn give_up(&mut self, error: Error) {
        let stream = self.stream.take();
        foreign::catch("dropping a stream", || drop(stream));
        self.settle::<()>(Err(error));
    }

    /// Says what comes behind the items, unless it is said.
    fn settle<V: Serialize>(&mut self, end: Result<V>) {
        let asked_for = self.entry.fed.is_asked_for();
        match self.behind.take() {
            Some(Behind::Answer { answer, .. }) => {
                self.entry.leave();
                answer.settle(end);
            }
            Some(Behind::Done(conn)) => {
                self.entry.leave();
                // Who has not asked for it may not know what it is.
                if asked_for && let Some(conn) = conn.upgrade() {
                    self.entry.calls.say_done(&conn, &self.entry.id, end);
                }
            }
            Some(Behind::Subscription(conn, subscription)) => {
                self.entry.leave();
                if let Some(conn) = conn.upgrade() {
                    let (calls, id) = (&self.entry.calls, &self.entry.id);
                    calls.say_subscription_over(&conn, id, end, subscription);
                }
            }
            None => {}
        }
    }
}

impl<T, R> Drop for Feeding<T, R> {
    fn drop(&mut self) {
        if let Some(Behind::Subscription(..)) = &self.behind {
            // Who has ended it knows that.
            self.behind = None;
        }
        self.give_up(match self.entry.calls.net.check_running() {
            Ok(()) => Error::Cancelled,
            // Nobody has cancelled anything.
            Err(_) => Error::Call(CallError::shutting_down(
                "the API was stopped before the stream was over",
            )),
        });
    }
}
