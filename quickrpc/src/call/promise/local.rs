//! Callbacks that stay on the thread of a program with a loop of its own.

use std::cell::RefCell;
use std::sync::Arc;

use super::Promise;
use crate::base::error::Error;
use crate::call::slot::Local;

impl<T: Send + 'static> Promise<T> {
    /// As [`then`](Promise::then), for callbacks that need not be `Send`: they run on this thread,
    /// when it calls [`process_pending`](crate::Api::process_pending).
    ///
    /// For calls of an API with [`Processing::Manual`](crate::Processing::Manual), and what is made
    /// of their promises. Where nobody could bring the result to this thread, `errback` is called at
    /// once, with [`Error::Config`]; unless the result is there already, which is passed on at once.
    ///
    /// ```
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    /// use quickrpc::{Processing, remote_api};
    ///
    /// #[remote_api]
    /// trait Lab {
    ///     #[outgoing]
    ///     fn measure(&self) -> f64;
    /// }
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// let (window, lab) = Lab::builder().processing(Processing::Manual).pair();
    /// lab.measure.connect(|_sender| 1.5);
    /// let label = Rc::new(Cell::new(0.0)); // of the toolkit
    /// let shown = label.clone();
    /// window.all().measure().then_local(
    ///     move |volts| shown.set(volts),
    ///     |error| eprintln!("{error}"),
    /// );
    /// # while label.get() == 0.0 {
    /// window.process_pending(); // in the program's loop
    /// # }
    /// # assert_eq!(label.get(), 1.5);
    /// # Ok(()) }
    /// ```
    pub fn then_local(
        self,
        callback: impl FnOnce(T) + 'static,
        errback: impl FnOnce(Error) + 'static,
    ) {
        let is_manual = self.shared.context().is_some_and(|api| api.is_manual());
        if !is_manual {
            return match self.shared.take() {
                Some(Ok(value)) => callback(value),
                Some(Err(error)) => errback(error),
                None => errback(Error::Config(
                    "`then_local` needs an API with `.processing(Processing::Manual)`, whose \
                     `process_pending()` brings the result to this thread; or use `then`"
                        .into(),
                )),
            };
        }
        let local = Arc::new(Local::new(RefCell::new(Some((callback, errback)))));
        let same = Arc::clone(&local);
        self.then(
            move |value| {
                if let Some((callback, _)) = local.get().and_then(|both| both.take()) {
                    callback(value);
                }
            },
            move |error| {
                if let Some((_, errback)) = same.get().and_then(|both| both.take()) {
                    errback(error);
                }
            },
        );
    }
}
