//! Peers with a security session: sealing as they send, and the greeting before they count
//! as connected.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::base::error::Error;
use crate::base::security::SecInfo;
use crate::base::sender::Sender;
use crate::base::sync::{after, lock};
use crate::wire::security::{PeerContext, SecuritySession, Telegram, refused};

use super::conn::{Conn, Outlet, Wait};
use super::core::Core;
use super::link::{Link, Wire};
use super::poll::{Loop, Timer};
use super::reactor::Command;
use crate::base::reason::DisconnectReason;

/// Nobody needs a larger message for a greeting; so many bytes a stranger may send at once.
const GREETING: usize = 64 << 10;

/// What is given to a peer for sending.
#[derive(Clone, Copy)]
pub(crate) enum Content<'a> {
    /// Complete, the delimiter included.
    Framed(&'a [u8]),
    /// To be sealed by the session of the peer.
    Payload(&'a [u8]),
    /// To be framed only.
    Plain(Option<&'a SecInfo>, &'a [u8]),
}

impl Wire {
    /// The session of a new peer, where the security provider has sessions.
    pub(crate) fn session(
        &self,
        name: &Arc<str>,
        outlet: &Outlet,
        everybody: bool,
    ) -> Option<Box<dyn SecuritySession>> {
        if self.security.is_null() {
            return None;
        }
        self.security.session(&PeerContext {
            name: Arc::clone(name),
            datagrams: matches!(outlet, Outlet::Datagram(_)),
            everybody,
        })
    }

    /// Puts a header before a message, and the delimiters behind both.
    pub(crate) fn wrap(
        &self,
        out: &mut Vec<u8>,
        header: Option<&SecInfo>,
        payload: &[u8],
    ) -> Result<(), String> {
        if let Some(header) = header {
            self.codec.encode_header(out, header)?;
            self.frame_out(out, 0)?;
        }
        let start = out.len();
        out.extend_from_slice(payload);
        self.frame_out(out, start)
    }
}

impl Conn {
    /// The peer, with what is known of it for certain.
    pub(crate) fn sender(&self) -> Sender {
        Sender {
            secinfo: self.known.get().or(self.peer.secinfo.as_ref()).cloned(),
            ..self.peer.clone()
        }
    }

    /// What a security provider knows, with what the peer's certificate says, of whom nobody
    /// can say to be another.
    pub(crate) fn certified(&self, info: Arc<SecInfo>) -> Arc<SecInfo> {
        match &self.peer.secinfo {
            None => info,
            Some(certificate) => {
                let mut both = Arc::unwrap_or_clone(info);
                both.extend(SecInfo::clone(certificate));
                Arc::new(both)
            }
        }
    }

    /// Whether the peer has proved who it is, where it has to.
    pub(crate) fn is_greeted(&self) -> bool {
        self.greeted.load(Ordering::Acquire)
    }

    /// The largest message that is read.
    pub(crate) fn input_limit(&self) -> usize {
        let limit = self.wire.limits.message_size;
        match self.session.is_none() || self.is_greeted() {
            true => limit,
            false => limit.min(GREETING),
        }
    }

    /// The bytes that leave. With the sending half locked, so that the counters of a session
    /// and the bytes keep the same order.
    pub(crate) fn finish<'a>(&self, content: Content<'a>) -> Result<Cow<'a, [u8]>, Error> {
        let framed = |reason: String| Error::Encode {
            method: "".into(),
            reason: reason.into(),
        };
        let mut out = Vec::new();
        match (content, &self.session) {
            (Content::Framed(bytes), _) => return Ok(Cow::Borrowed(bytes)),
            (Content::Payload(payload), Some(session)) => {
                let (header, sealed) = session.seal(payload).map_err(refused)?;
                let wrapped = self.wire.wrap(&mut out, header.as_ref(), &sealed);
                wrapped.map_err(framed)?;
            }
            (Content::Payload(payload), None) => {
                self.wire.wrap(&mut out, None, payload).map_err(framed)?;
            }
            (Content::Plain(header, payload), _) => {
                self.wire.wrap(&mut out, header, payload).map_err(framed)?;
            }
        }
        if self.wire.datagrams {
            self.wire.check_size(&out)?;
        }
        Ok(Cow::Owned(out))
    }
}

impl Core {
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
                    self.trouble(&conn.peer, error, None);
                }
                return;
            }
        }
    }

    /// The first message of a peer was opened: from now on it counts as connected.
    pub(crate) fn greeted(&self, conn: &Arc<Conn>, info: &Arc<SecInfo>) {
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
        self.announce(conn);
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
