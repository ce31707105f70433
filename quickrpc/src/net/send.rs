//! Sending to one peer: at once, or into its queue.

use std::sync::Arc;

use crate::base::error::Error;

use crate::wire::session::About;

use super::collect;
use super::conn::{Collects, Conn, Content, Queued, Speech, Wait};
use super::net::Net;

impl Net {
    /// Sends to one peer what was made ready for it.
    pub(crate) fn transmit(
        &self,
        conn: &Arc<Conn>,
        bytes: &[u8],
        about: About<'_>,
        wait: Wait,
    ) -> Result<(), Error> {
        match conn.speech {
            Speech::Plain => self.put_or_hold(conn, Content::Framed(bytes), Some(&about), wait),
            Speech::Framed(_) => {
                let put = self.put(conn, ready(conn, bytes, about)?, wait);
                conn.responded();
                put
            }
            _ => self.put_or_hold(conn, ready(conn, bytes, about)?, Some(&about), wait),
        }
    }

    /// Offers what was made ready for a peer: gives false if there was no room. Then
    /// [`Above::room`](super::above::Above::room) tells when there is some.
    pub(crate) fn offer(
        &self,
        conn: &Arc<Conn>,
        bytes: &[u8],
        about: About<'_>,
    ) -> Result<bool, Error> {
        let content = ready(conn, bytes, about)?;
        let queued = self.give(conn, content, None, Wait::Offered)?;
        Ok(queued != Queued::NoRoom)
    }

    pub(crate) fn put(
        &self,
        conn: &Arc<Conn>,
        content: Content<'_>,
        wait: Wait,
    ) -> Result<(), Error> {
        self.put_or_hold(conn, content, None, wait)
    }

    #[inline]
    fn put_or_hold(
        &self,
        conn: &Arc<Conn>,
        content: Content<'_>,
        about: Option<&About<'_>>,
        wait: Wait,
    ) -> Result<(), Error> {
        if wait.is_patient() && conn.backlog() >= conn.wire.limits.peer_queue {
            // Others may wait for what this thread has collected for them.
            collect::flush();
        }
        self.give(conn, content, about, wait).map(|_| ())
    }

    #[inline]
    fn give(
        &self,
        conn: &Arc<Conn>,
        content: Content<'_>,
        about: Option<&About<'_>>,
        wait: Wait,
    ) -> Result<Queued, Error> {
        let collects = match collect::collector() {
            Some(thread) => Collects::Thread(thread),
            None if self.may_hold(conn, about, wait) => Collects::Held,
            None => Collects::Nobody,
        };
        let queued = conn.send(content, wait, collects)?;
        match queued {
            Queued::Listed => collect::add(Arc::clone(conn)),
            Queued::Held => self.hold(conn),
            Queued::Fine | Queued::NoRoom => {}
        }
        if self.budget.is_exceeded() {
            self.relieve();
        }
        Ok(queued)
    }
}

/// What is said to a peer, in its way.
#[inline]
fn ready<'a>(conn: &Conn, bytes: &'a [u8], about: About<'a>) -> Result<Content<'a>, Error> {
    let content = match conn.speech {
        Speech::Plain | Speech::Line => return Ok(Content::Framed(bytes)),
        Speech::Sealed(_) => Content::Payload(about, bytes),
        Speech::Framed(_) | Speech::Spoken(_) | Speech::Addressed => Content::Said(about, bytes),
    };
    if !conn.is_greeted() {
        let text = format!("`{}` has not proved who it is yet", conn.peer());
        return Err(Error::Security(text.into()));
    }
    Ok(content)
}
