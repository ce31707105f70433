//! The end of a channel that sends.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::channel::{Channel, Offered};
use crate::base::error::{BoxError, Error, Result};

/// What sends the items of the [`Stream`](super::Stream) that it was made with.
///
/// Clones send into the same stream. When all are dropped without [`finish`](Self::finish), a
/// stream without a result ends, and another one fails with [`Error::Abandoned`].
pub struct StreamSender<T, R = ()>
where
    R: 'static,
{
    sending: Arc<Sending<T, R>>,
}

struct Sending<T, R: 'static> {
    channel: Arc<Channel<T, R>>,
}

/// Why an item was not sent; it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// There is no room yet.
    Full(T),
    /// Nobody takes items any more.
    Cancelled(T),
}

impl<T, R: 'static> StreamSender<T, R> {
    pub(super) fn new(channel: Arc<Channel<T, R>>) -> Self {
        StreamSender {
            sending: Arc::new(Sending { channel }),
        }
    }

    fn channel(&self) -> &Channel<T, R> {
        &self.sending.channel
    }

    /// Sends an item.
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`] when nobody takes items any more: the call was cancelled, or its caller
    /// has gone; [`Error::Done`] when the stream was finished.
    ///
    /// # Blocking
    ///
    /// Until there is room: the peer reads slowly. Whoever takes an item, or cancels, ends it.
    pub fn send(&self, item: T) -> Result<()> {
        self.channel().send(item)
    }

    /// Sends an item if there is room.
    ///
    /// # Errors
    ///
    /// The item, and why it was not sent.
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        match self.channel().offer(item, None) {
            Offered::Queued => Ok(()),
            Offered::Full(item) => Err(TrySendError::Full(item)),
            Offered::Gone(item) => Err(TrySendError::Cancelled(item)),
        }
    }

    /// Sends an item, in a future that waits for room.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_async(&self, item: T) -> SendItem<'_, T, R> {
        SendItem {
            channel: self.channel(),
            item: Some(item),
        }
    }

    /// Ends the stream with a result.
    ///
    /// # Errors
    ///
    /// [`Error::Done`] if it has ended, or nobody takes it any more.
    pub fn finish(&self, result: R) -> Result<()> {
        self.end(Ok(result))
    }

    /// Ends the stream with an error. A [`CallError`](crate::CallError) keeps its code and data.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub fn fail(&self, error: impl Into<BoxError>) -> Result<()> {
        self.end(Err(Error::from_boxed(error.into())))
    }

    fn end(&self, end: Result<R>) -> Result<()> {
        match self.channel().finish(end) {
            true => Ok(()),
            false => Err(Error::Done),
        }
    }

    /// Whether nobody takes items any more.
    pub fn is_cancelled(&self) -> bool {
        self.channel().is_closed()
    }

    /// Calls back when nobody takes items any more, on whichever thread finds out; at once if
    /// that is so already. Not called when the stream ends by itself.
    pub fn on_cancel(&self, callback: impl FnOnce() + Send + 'static) {
        self.channel().on_cancel(Box::new(callback));
    }
}

impl<T, R: 'static> Clone for StreamSender<T, R> {
    fn clone(&self) -> Self {
        StreamSender {
            sending: Arc::clone(&self.sending),
        }
    }
}

impl<T, R: 'static> Drop for Sending<T, R> {
    fn drop(&mut self) {
        self.channel.finish(match std::thread::panicking() {
            true => Err(Error::Abandoned),
            false => nothing(),
        });
    }
}

/// What a stream without a result ends with.
pub(super) fn nothing<R: 'static>() -> Result<R> {
    let nothing: Box<dyn Any> = Box::new(());
    nothing
        .downcast()
        .map_or(Err(Error::Abandoned), |nothing| Ok(*nothing))
}

impl<T, R: 'static> fmt::Debug for StreamSender<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamSender")
            .field("cancelled", &self.is_cancelled())
            .finish()
    }
}

/// The future of [`StreamSender::send_async`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct SendItem<'a, T, R> {
    channel: &'a Channel<T, R>,
    item: Option<T>,
}

// The item is never pinned.
impl<T, R> Unpin for SendItem<'_, T, R> {}

impl<T, R> Future for SendItem<'_, T, R> {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let Some(item) = self.item.take() else {
            return Poll::Ready(Err(Error::Done));
        };
        match self.channel.poll_offer(item, cx) {
            Offered::Queued => Poll::Ready(Ok(())),
            Offered::Full(item) => {
                self.item = Some(item);
                Poll::Pending
            }
            Offered::Gone(_) => Poll::Ready(Err(self.channel.gone())),
        }
    }
}

impl<T, R> fmt::Debug for SendItem<'_, T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendItem")
    }
}
