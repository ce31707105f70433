//! What a program is told beside calls: peers that come and go, and trouble.

use std::fmt;
use std::sync::{Arc, Mutex};

use crate::base::error::{CallError, Error};
use crate::base::foreign::guarded;
use crate::base::log::Shown;
use crate::base::reason::DisconnectReason;
use crate::base::sender::Sender;
use crate::base::sync::lock;

use crate::net::status::TransportStatus;

type OnConnect = Arc<dyn Fn(&Sender) + Send + Sync>;
type OnDisconnect = Arc<dyn Fn(&Sender, &DisconnectReason) + Send + Sync>;
type OnError = Arc<dyn Fn(&Sender, &Error, Option<&str>) + Send + Sync>;
type OnStatus = Arc<dyn Fn(&TransportStatus) + Send + Sync>;
type OnPending = Arc<dyn Fn() + Send + Sync>;

/// The handlers of events. They are added, and stay.
#[derive(Default)]
pub(crate) struct Observers {
    connect: Mutex<Vec<OnConnect>>,
    disconnect: Mutex<Vec<OnDisconnect>>,
    error: Mutex<Vec<OnError>>,
    status: Mutex<Vec<OnStatus>>,
    pending: Mutex<Option<OnPending>>,
    /// An event with a handler that stays on its thread.
    local: Mutex<Option<&'static str>>,
}

impl Observers {
    pub(crate) fn on_connect(&self, handler: OnConnect) {
        lock(&self.connect).push(handler);
    }

    pub(crate) fn on_disconnect(&self, handler: OnDisconnect) {
        lock(&self.disconnect).push(handler);
    }

    pub(crate) fn on_error(&self, handler: OnError) {
        lock(&self.error).push(handler);
    }

    pub(crate) fn on_status(&self, handler: OnStatus) {
        lock(&self.status).push(handler);
    }

    pub(crate) fn on_pending(&self, waker: OnPending) {
        let before = lock(&self.pending).replace(waker);
        drop(before);
    }

    /// A handler of this event stays on its thread.
    pub(crate) fn has_local_handler(&self, event: &'static str) {
        *lock(&self.local) = Some(event);
    }

    /// An event with a handler that stays on its thread, if there is one.
    pub(crate) fn with_local_handler(&self) -> Option<String> {
        lock(&self.local).map(str::to_owned)
    }

    pub(crate) fn watches_connect(&self) -> bool {
        !lock(&self.connect).is_empty()
    }

    pub(crate) fn connected(&self, peer: &Sender) {
        let handlers = lock(&self.connect).clone();
        for handler in handlers {
            guarded("a handler of `on_connect`", || handler(peer));
        }
    }

    pub(crate) fn disconnected(&self, peer: &Sender, reason: &DisconnectReason) {
        let handlers = lock(&self.disconnect).clone();
        for handler in handlers {
            guarded("a handler of `on_disconnect`", || handler(peer, reason));
        }
    }

    pub(crate) fn watches_status(&self) -> bool {
        !lock(&self.status).is_empty()
    }

    pub(crate) fn status(&self, status: &TransportStatus) {
        let handlers = lock(&self.status).clone();
        for handler in handlers {
            guarded("a handler of `on_status`", || handler(status));
        }
    }

    /// Tells of trouble; by default in the log.
    pub(crate) fn trouble(&self, peer: &Sender, error: &Error, in_reply_to: Option<&str>) {
        let handlers = lock(&self.error).clone();
        if handlers.is_empty() {
            let (kind, origin) = (kind(error, in_reply_to), &peer.origin);
            let shown = Shown(error);
            match in_reply_to.map(Shown) {
                Some(method) => crate::base::log::warn_often!(
                    kind, origin, &format_args!("{method}: {shown}");
                    peer = %peer, "`{method}`: {shown}"
                ),
                None => crate::base::log::warn_often!(
                    kind, origin, &shown; peer = %peer, "{shown}"
                ),
            }
        }
        for handler in handlers {
            guarded("a handler of `on_error`", || {
                handler(peer, error, in_reply_to)
            });
        }
    }

    pub(crate) fn pending(&self) {
        let waker = lock(&self.pending).clone();
        if let Some(waker) = waker {
            guarded("a handler of `on_pending`", || waker());
        }
    }

    /// Drops all handlers, which may own handles of this API.
    pub(crate) fn clear(&self) {
        let connect = std::mem::take(&mut *lock(&self.connect));
        let disconnect = std::mem::take(&mut *lock(&self.disconnect));
        let error = std::mem::take(&mut *lock(&self.error));
        let status = std::mem::take(&mut *lock(&self.status));
        let pending = std::mem::take(&mut *lock(&self.pending));
        drop((connect, disconnect, error, status, pending));
    }
}

/// What kind of trouble it is, for the log. What peers do wrong does not hide what handlers do.
fn kind(error: &Error, in_reply_to: Option<&str>) -> &'static str {
    match error {
        Error::Decode(_) | Error::MessageTooLarge { .. } => "messages that cannot be read",
        Error::Security(_) => "messages that were refused",
        Error::Call(error) if error.code == CallError::FORBIDDEN => "calls that are not allowed",
        Error::Call(error) if error.code == CallError::TOO_MANY_CALLS => "too many calls",
        Error::Call(error) if in_reply_to.is_some() && !is_of_caller(error) => {
            "handlers that failed"
        }
        Error::Call(_) => "calls that failed",
        _ => "messages that were not sent",
    }
}

/// Whether the caller is wrong, by the code.
fn is_of_caller(error: &CallError) -> bool {
    matches!(
        error.code,
        CallError::METHOD_NOT_FOUND | CallError::INVALID_PARAMS | CallError::INVALID_REQUEST
    )
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observers")
    }
}
