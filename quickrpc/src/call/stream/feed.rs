//! Feeding a peer: from a handler's stream to its queue.

use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll};

use serde::Serialize;

use super::Stream;
use super::feeds::Fed;
use super::telegrams::{CallId, ITEM, Item};
use crate::base::error::{CallError, Error, Result};
use crate::base::foreign;
use crate::base::scratch::with_scratch;
use crate::base::sync::lock;
use crate::call::answer::{LateAnswer, internal};
use crate::call::promise::wish::{Callback, Unwanted};
use crate::call::reply::Via;
use crate::call::task::Task;
use crate::net::collect::Batch;
use crate::net::conn::Conn;
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

/// Feeds the caller with a handler's stream, and answers the call behind it.
pub(crate) fn feed<T, W, R, V>(answer: LateAnswer, stream: Stream<T, R>, wanted: Arc<Wanted>)
where
    T: Via<W> + Send + 'static,
    W: Serialize + 'static,
    R: Via<V> + Send + 'static,
    V: Serialize + 'static,
{
    let calls = Arc::clone(&answer.calls);
    let (Some(conn), Some(id)) = (answer.conn.upgrade(), &answer.id) else {
        // Nobody is there for it.
        foreign::catch("dropping a stream", || drop(stream));
        return answer.settle(Ok(()));
    };
    let (peer, id) = (conn.id(), CallId::of(id));
    let begun = match conn.wire.lacks_streams() {
        Some(why) => Err(internal(why)),
        None => calls.feeds.begin(peer, &id).ok_or_else(|| {
            let text = "another stream of this connection has the same id";
            CallError::new(CallError::INVALID_REQUEST, text)
        }),
    };
    drop(conn);
    let fed = match begun {
        Ok(fed) => fed,
        Err(error) => {
            foreign::catch("dropping a stream", || drop(stream));
            return answer.settle::<()>(Err(Error::Call(error)));
        }
    };
    let mut feeding = Feeding {
        answer: Some(answer),
        stream: Some(stream),
        id,
        peer,
        fed: Arc::clone(&fed),
        refused: Vec::new(),
        _wanted: Arc::clone(&wanted),
    };
    let work = move |cx: &mut Context<'_>| {
        let _batch = Batch::begin();
        let polled = feeding.go_on::<W>(cx);
        polled.map(|end| feeding.end::<V>(end))
    };
    let weak = Arc::downgrade(&calls);
    let post = move |item| {
        if let Some(calls) = weak.upgrade() {
            calls.post(peer, item, 0);
        }
    };
    let task = Task::new(Box::new(post), Box::new(work));
    calls.feeds.run(&fed, task);
    wanted.is_fed(&fed);
}

/// A stream on its way to a peer. Dropped before its end, it is given up.
struct Feeding<T, R> {
    /// `None` once it is answered.
    answer: Option<LateAnswer>,
    stream: Option<Stream<T, R>>,
    id: CallId,
    peer: u64,
    fed: Arc<Fed>,
    /// An item for which there was no room.
    refused: Vec<u8>,
    /// Whoever cancels holds it weakly.
    _wanted: Arc<Wanted>,
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
        let conn = self
            .answer
            .as_ref()
            .and_then(|answer| answer.conn.upgrade());
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
            if !self.fed.may_send() {
                return Poll::Pending;
            }
            let Some(stream) = &mut self.stream else {
                return Poll::Ready(End::Gone);
            };
            let item = match foreign::inside(|| stream.poll_item(cx)) {
                Ok(Poll::Ready(Some(Ok(item)))) => item,
                Ok(Poll::Pending) => {
                    self.fed.unsent();
                    return Poll::Pending;
                }
                Ok(Poll::Ready(_)) => return Poll::Ready(End::Ended),
                Err(panic) => {
                    foreign::report("a stream", &foreign::told(panic));
                    let error = internal("the stream panicked");
                    return Poll::Ready(End::Failed(Error::Call(error)));
                }
            };
            if let Err(end) = self.send::<W>(&conn, item) {
                return Poll::Ready(end);
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn send<W>(&mut self, conn: &Arc<Conn>, item: T) -> Result<(), End>
    where
        T: Via<W>,
        W: Serialize,
    {
        with_scratch(|out| {
            let written = foreign::catch("writing an item", || {
                let value = &item.into_wire();
                let id = &self.id;
                match conn.wire.is_nameless(false) {
                    true => conn.wire.codec.encode_call(out, ITEM, &(id, value), None),
                    false => {
                        let item = Item { id, value };
                        conn.wire.codec.encode_call(out, ITEM, &item, None)
                    }
                }
            });
            let failed = match written {
                Some(Ok(())) => conn.frame(out, ITEM).map_err(|error| error.to_string()),
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
        let Some(answer) = &self.answer else {
            return Err(End::Gone);
        };
        let about = About::Call {
            method: ITEM,
            id: None,
        };
        let offered = answer.calls.net.offer(conn, item, about);
        offered.map_err(|error| match conn.is_closed() {
            true => End::Gone,
            false => End::Failed(error),
        })
    }

    fn end<V>(&mut self, end: End)
    where
        R: Via<V>,
        V: Serialize,
    {
        if let End::Ended = end
            && let (Some(stream), Some(answer)) = (self.stream.take(), self.answer.take())
        {
            answer.calls.feeds.ended(self.peer, &self.id);
            return answer.settle(stream.into_end().map(Via::into_wire));
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
        if let Some(answer) = self.answer.take() {
            answer.calls.feeds.ended(self.peer, &self.id);
            answer.settle::<()>(Err(error));
        }
    }
}

impl<T, R> Drop for Feeding<T, R> {
    fn drop(&mut self) {
        self.give_up(Error::Cancelled);
    }
}
