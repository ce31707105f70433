//! Peers with a security session: sealing as they send, and the greeting before they count
//! as connected.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::base::error::Error;
use crate::base::security::SecInfo;
use crate::base::sync::{after, lock};
use crate::wire::security::Telegram;

use super::above::Above;
use super::conn::{Conn, Content, Wait};
use super::link::Link;
use super::poll::{Loop, Timer};
use super::reactor::Command;
use crate::base::reason::DisconnectReason;
use crate::net::net::Net;

impl Net {
    /// Begins the greeting with a peer that is there now.
    pub(crate) fn greet(&self, conn: &Arc<Conn>) {
        let Some(session) = &conn.session else {
            return;
        };
        self.ask(Command::Greeting(Arc::clone(conn)));
        self.send_telegrams(conn, session.greeting());
    }

    /// Sends what a session says by itself.
    pub(crate) fn send_telegrams(&self, conn: &Arc<Conn>, telegrams: Vec<Telegram>) {
        for telegram in &telegrams {
            let content = match telegram {
                Telegram::Plain(header, payload) => Content::Plain(header.as_ref(), payload),
                Telegram::Sealed(payload) => Content::Payload(payload),
            };
            if let Err(error) = self.put(conn, content, Wait::Answer) {
                if !matches!(error, Error::Disconnected { .. } | Error::Stopped) {
                    self.refuse(conn, &error);
                    self.trouble(&conn.peer, error);
                }
                return;
            }
        }
    }

    /// The first message of a peer was opened: from now on it counts as connected.
    pub(crate) fn greeted(&self, above: &dyn Above, conn: &Arc<Conn>, info: &Arc<SecInfo>) {
        if conn.is_greeted() {
            return;
        }
        // Only one thread reads a peer, so that nobody else has set it.
        let _ = conn.known.set(Arc::clone(info));
        if conn.greeted.swap(true, Ordering::AcqRel) {
            return;
        }
        lock(&self.peers).make_known(conn);
        tracing::debug!(peer = %conn.peer, wire = %conn.wire.name, "greeted");
        self.announce(above, conn);
        self.ask(Command::Greeted(Arc::clone(conn)));
    }

    /// What a peer sent was refused. One that has not proved who it is goes at once.
    pub(crate) fn refuse(&self, conn: &Conn, error: &Error) {
        let session = conn.session.as_ref();
        let ends = session.is_some_and(|session| session.ends_with_refusal());
        if (ends || !conn.is_greeted())
            && let Error::Security(reason) = error
        {
            conn.close(DisconnectReason::Refused(reason.clone()));
        }
    }
}

impl Loop {
    /// A client is connected. It is open when it is greeted too.
    pub(crate) fn opened_with(&mut self, index: usize, conn: &Conn) {
        if conn.is_greeted() {
            return self.opened(index);
        }
        if let Some(state) = self.states.get_mut(index) {
            state.greeting = true;
        }
    }

    /// The greeting with a peer has begun.
    pub(crate) fn greeting(&mut self, conn: &Arc<Conn>) {
        let at = after(conn.wire.limits.greeting);
        self.after(at, Timer::Greeting(Arc::downgrade(conn)));
    }

    /// The greeting with a peer is over.
    pub(crate) fn greeted(&mut self, conn: &Conn) {
        let index = conn.link;
        let waits = |state: &mut super::poll::LinkState| std::mem::take(&mut state.greeting);
        if self.states.get_mut(index).is_some_and(waits) {
            self.opened(index);
        }
    }

    /// The time for the greeting with a peer is over.
    pub(crate) fn greeting_timeout(&mut self, conn: &Conn) {
        if !conn.is_greeted() {
            let after = conn.wire.limits.greeting;
            conn.close(DisconnectReason::NotGreeted { after });
        }
    }

    /// The error of a client that ended before it was greeted; `None` for others.
    pub(crate) fn greeting_failed(
        &mut self,
        index: usize,
        link: &Link,
        reason: Option<&Error>,
    ) -> Option<Error> {
        let state = self.states.get_mut(index)?;
        if !std::mem::take(&mut state.greeting) {
            return None;
        }
        let why = reason.map_or_else(|| "it ended".to_owned(), Error::to_string);
        let reason = format!(
            "no greeting by security `{}`: {why}; do both sides have the same provider, and \
             keys that fit?",
            link.wire.security.expression()
        );
        Some(Error::Start {
            transport: Arc::clone(&link.wire.name),
            reason: reason.into(),
            kind: None,
        })
    }
}
