//! Callbacks of streams that stay on the thread that made them.

use std::cell::RefCell;

use super::{Source, Stream};
use crate::base::error::Error;
use crate::call::local::Local;
use crate::call::promise::Promise;

impl<T: Send + 'static, R: Send + 'static> Stream<T, R> {
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
            Source::Call { call, .. } => call.is_manual(),
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
