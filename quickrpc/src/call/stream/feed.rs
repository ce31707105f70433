//! Feeding a peer: from a handler's stream to its queue.

use std::sync::Arc;
use std::task::{Context, Poll};

use serde::Serialize;

use super::Stream;
use super::feeds::Fed;
use super::telegrams::{CallId, ITEM, Item};
use crate::base::error::{CallError, Error, Result};
use crate::base::foreign;
use crate::base::scratch::with_scratch;
use crate::call::answer::{LateAnswer, internal};
use crate::call::reply::Via;
use crate::call::task::Task;
use crate::net::collect::Batch;
use crate::net::conn::Conn;
use crate::wire::session::About;

/// So many items are sent before others of the peer have their turn.
const TURN: usize = 64;

/// Feeds the caller with a handler's stream, and answers the call behind it.
pub(crate) fn feed<T, W, R, V>(answer: LateAnswer, stream: Stream<T, R>)
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
    if let Some(why) = conn.wire.lacks_streams() {
        foreign::catch("dropping a stream", || drop(stream));
        return answer.settle::<()>(Err(Error::Call(internal(why))));
    }
    let Some(fed) = calls.feeds.begin(peer, &id) else {
        foreign::catch("dropping a stream", || drop(stream));
        let error = CallError::new(
            CallError::INVALID_REQUEST,
            "another stream of this connection has the same id",
        );
        return answer.settle::<()>(Err(Error::Call(error)));
    };
    drop(conn);
    let feeding = Feeding {
        answer,
        stream,
        id,
        peer,
        fed: Arc::clone(&fed),
        refused: Vec::new(),
    };
    let mut feeding = Some(feeding);
    let work = move |cx: &mut Context<'_>| {
        let Some(now) = &mut feeding else {
            return Poll::Ready(());
        };
        let Poll::Ready(end) = now.go_on::<W, V>(cx) else {
            return Poll::Pending;
        };
        if let Some(now) = feeding.take() {
            now.end::<W, V>(end);
        }
        Poll::Ready(())
    };
    let weak = Arc::downgrade(&calls);
    let post = move |item| {
        if let Some(calls) = weak.upgrade() {
            calls.post(peer, item, 0);
        }
    };
    calls
        .feeds
        .run(&fed, Task::new(Box::new(post), Box::new(work)));
}

struct Feeding<T, R> {
    answer: LateAnswer,
    stream: Stream<T, R>,
    id: CallId,
    peer: u64,
    fed: Arc<Fed>,
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
    fn go_on<W, V>(&mut self, cx: &mut Context<'_>) -> Poll<End>
    where
        T: Via<W>,
        W: Serialize,
    {
        let Some(conn) = self.answer.conn.upgrade().filter(|conn| !conn.is_closed()) else {
            return Poll::Ready(End::Gone);
        };
        let _batch = Batch::begin();
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
            let polled = foreign::inside(|| self.stream.poll_item(cx));
            let item = match polled {
                Ok(Poll::Ready(Some(Ok(item)))) => item,
                Ok(Poll::Pending) => {
                    self.fed.unsent();
                    return Poll::Pending;
                }
                Ok(Poll::Ready(_)) => return Poll::Ready(End::Ended),
                Err(panic) => {
                    foreign::report("a stream", &foreign::told(panic));
                    let text = format!("the stream of `{}` panicked", self.answer.method);
                    return Poll::Ready(End::Failed(Error::Call(internal(text))));
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
                let item = Item {
                    id: &self.id,
                    value,
                };
                conn.wire.codec.encode_call(out, ITEM, &item, None)
            });
            let failed = match written {
                Some(Ok(())) => match conn.frame(out, ITEM) {
                    Ok(()) => None,
                    Err(error) => Some(error.to_string()),
                },
                Some(Err(reason)) => Some(reason),
                None => Some(String::from("writing it panicked")),
            };
            if let Some(reason) = failed {
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
        let about = About::Call {
            method: ITEM,
            id: None,
        };
        self.answer
            .calls
            .net
            .offer(conn, item, about)
            .map_err(|error| match conn.is_closed() {
                true => End::Gone,
                false => End::Failed(error),
            })
    }

    fn end<W, V>(self, end: End)
    where
        R: Via<V>,
        V: Serialize,
    {
        let Feeding {
            answer,
            stream,
            id,
            peer,
            ..
        } = self;
        answer.calls.feeds.ended(peer, &id);
        match end {
            End::Ended => answer.settle(stream.into_end().map(Via::into_wire)),
            End::Failed(error) => {
                foreign::catch("dropping a stream", || drop(stream));
                answer.settle::<()>(Err(error));
            }
            End::Gone => {
                foreign::catch("dropping a stream", || drop(stream));
                answer.settle::<()>(Err(Error::Abandoned));
            }
        }
    }
}
