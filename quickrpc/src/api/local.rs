//! Handlers of events that stay on the thread of a program with a loop of its own.

use crate::base::error::Error;
use crate::base::reason::DisconnectReason;
use crate::base::sender::Sender;
use crate::call::slot::Local;
use crate::net::status::TransportStatus;

use super::handle::Api;

impl Api {
    /// As [`on_connect`](Api::on_connect), for a handler that need not be `Send`: it runs on this
    /// thread, when it calls [`process_pending`](Api::process_pending). With
    /// [`Processing::Manual`](crate::Processing::Manual) alone; `start()` fails otherwise.
    ///
    /// ```
    /// use std::cell::RefCell;
    /// use std::rc::Rc;
    /// use quickrpc::{Processing, remote_api};
    ///
    /// #[remote_api]
    /// trait Window {
    ///     #[incoming]
    ///     fn show(&self, text: &str);
    /// }
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// let window = Window::builder()
    ///     .transport("internal:on-connect-local:window")
    ///     .processing(Processing::Manual)
    ///     .build()?;
    /// let title = Rc::new(RefCell::new(String::new())); // of the toolkit
    /// let shown = title.clone();
    /// window.on_connect_local(move |peer| shown.replace(format!("{peer} is here")).clear());
    /// window.start()?;
    /// # let client = WindowInverse::bind("jrpc", "internal:on-connect-local:client")?;
    /// # client.start()?;
    /// # while title.borrow().is_empty() { window.process_pending(); }
    /// # assert_eq!(*title.borrow(), "client is here");
    /// # Ok(()) }
    /// ```
    pub fn on_connect_local(&self, handler: impl Fn(&Sender) + 'static) {
        let local = Local::new(handler);
        self.stays("on_connect");
        self.on_connect(move |peer| {
            if let Some(handler) = local.get() {
                handler(peer);
            }
        });
    }

    /// As [`on_disconnect`](Api::on_disconnect), for a handler that stays on this thread; see
    /// [`on_connect_local`](Api::on_connect_local).
    pub fn on_disconnect_local(&self, handler: impl Fn(&Sender, &DisconnectReason) + 'static) {
        let local = Local::new(handler);
        self.stays("on_disconnect");
        self.on_disconnect(move |peer, reason| {
            if let Some(handler) = local.get() {
                handler(peer, reason);
            }
        });
    }

    /// As [`on_error`](Api::on_error), for a handler that stays on this thread; see
    /// [`on_connect_local`](Api::on_connect_local).
    pub fn on_error_local(&self, handler: impl Fn(&Sender, &Error, Option<&str>) + 'static) {
        let local = Local::new(handler);
        self.stays("on_error");
        self.on_error(move |peer, error, method| {
            if let Some(handler) = local.get() {
                handler(peer, error, method);
            }
        });
    }

    /// As [`on_status`](Api::on_status), for a handler that stays on this thread; see
    /// [`on_connect_local`](Api::on_connect_local).
    pub fn on_status_local(&self, handler: impl Fn(&TransportStatus) + 'static) {
        let local = Local::new(handler);
        self.stays("on_status");
        self.on_status(move |status| {
            if let Some(handler) = local.get() {
                handler(status);
            }
        });
    }

    /// A handler of an event stays on its thread.
    fn stays(&self, event: &'static str) {
        self.calls().observers.has_local_handler(event);
    }
}
