//! Items of streams that go to callbacks.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, Wake};

use super::{Source, Stream};
use crate::base::error::Error;
use crate::base::foreign::running;
use crate::base::here;
use crate::call::local::Local;
use crate::call::promise::{Promise, behind};
use crate::call::task::{Post, Task};

/// So many items go to a callback before others have their turn.
const EACH_TURN: usize = 64;

impl<T: Send + 'static, R: Send + 'static> Stream<T, R> {
    /// Calls back with each item, and gives a promise of the result.
    ///
    /// Items of a call take their turn like handlers; of another stream they come on the thread
    /// that makes them. A panic in the callback ends the stream, and the promise fails as a call does
    /// whose handler panics; cancelling the promise ends the stream, too.
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
    /// client.all().count(3).each(|number| println!("{number}")).result()?;
    /// # Ok(()) }
    /// ```
    pub fn each(mut self, mut callback: impl FnMut(T) + Send + 'static) -> Promise<R> {
        let (post, context) = match &self.source {
            Source::Call { call, .. } => {
                let (call, context) = (Arc::clone(call), call.context());
                let post: Post = Box::new(move |item| call.run(item));
                (Some(post), Some(context))
            }
            _ => (None, None),
        };
        let (promise, resolver) = behind(context);
        let resolver = Arc::new(resolver);
        let (settles, taken) = (
            Arc::downgrade(&resolver),
            Arc::new(OnceLock::<Weak<Task>>::new()),
        );
        let task = Arc::clone(&taken);
        resolver.on_cancel(move || {
            if let Some(resolver) = settles.upgrade() {
                resolver.settle_with(Err(Error::Cancelled));
            }
            // With it the stream is dropped.
            if let Some(task) = task.get().and_then(Weak::upgrade) {
                task.end();
            }
        });
        let work = move |cx: &mut Context<'_>| {
            for _ in 0..EACH_TURN {
                let taken = match running("the stream", || self.poll_item(cx)) {
                    Ok(Poll::Ready(Some(Ok(item)))) => {
                        let call_back = || here::may_wait(|| callback(item));
                        running("the callback given to `each`", call_back)
                    }
                    Ok(Poll::Ready(_)) => {
                        let result = self.end.take().unwrap_or(Err(Error::Done));
                        here::may_wait(|| resolver.settle_with(result));
                        return Poll::Ready(());
                    }
                    Ok(Poll::Pending) => return Poll::Pending,
                    Err(panicked) => Err(panicked),
                };
                if let Err(panicked) = taken {
                    here::may_wait(|| resolver.settle_with(Err(Error::Call(panicked))));
                    return Poll::Ready(());
                }
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        };
        let task = Task::new(post, Box::new(work));
        taken.get_or_init(|| Arc::downgrade(&task));
        Wake::wake(task);
        promise
    }

    /// As [`each`](Self::each), with a callback that need not be `Send`: it runs on this thread,
    /// when it calls `process_pending()`.
    ///
    /// For streams of an API with [`Processing::Manual`](crate::Processing::Manual): those that its
    /// calls gave, and those that its handlers got. The promise of another one fails with
    /// [`Error::Config`].
    ///
    /// ```
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    /// use quickrpc::{Processing, Stream, remote_api};
    ///
    /// #[remote_api]
    /// trait Lab {
    ///     #[outgoing]
    ///     fn calibrate(&self) -> Stream<u8>;
    /// }
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// let (window, lab) = Lab::builder().processing(Processing::Manual).pair();
    /// lab.calibrate.connect(|_sender| Stream::iter([50, 100]));
    /// let bar = Rc::new(Cell::new(0)); // of the toolkit
    /// let shown = bar.clone();
    /// let done = window.all().calibrate().each_local(move |percent| shown.set(percent));
    /// # while bar.get() < 100 {
    /// window.process_pending(); // in the program's loop
    /// # }
    /// # drop(done);
    /// # Ok(()) }
    /// ```
    pub fn each_local(self, callback: impl FnMut(T) + 'static) -> Promise<R> {
        let is_manual = match &self.source {
            Source::Call { call, .. } => call.context().is_manual(),
            _ => false,
        };
        if !is_manual {
            return Promise::failed(Error::Config(
                "`each_local` needs a stream of an API with `.processing(Processing::Manual)`, \
                 whose `process_pending()` brings the items to this thread; or use `each`"
                    .into(),
            ));
        }
        let local = Local::new(RefCell::new(callback));
        self.each(move |item| {
            if let Some(callback) = local.get() {
                callback.borrow_mut()(item);
            }
        })
    }
}
