//! Sending to one peer: at once, or into its queue.

use std::sync::Arc;

use crate::base::error::Error;

use crate::wire::session::About;

use super::collect;
use super::conn::{Conn, Content, Queued, Speech, Wait};
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
        let content = match conn.speech {
            Speech::Plain => return self.put(conn, Content::Framed(bytes), wait),
            Speech::Sealed(_) => Content::Payload(bytes),
            Speech::Spoken(_) => Content::Said(about, bytes),
        };
        if !conn.is_greeted() {
            let text = format!("`{}` has not proved who it is yet", conn.peer());
            return Err(Error::Security(text.into()));
        }
        self.put(conn, content, wait)
    }

    pub(crate) fn put(
        &self,
        conn: &Arc<Conn>,
        content: Content<'_>,
        wait: Wait,
    ) -> Result<(), Error> {
        if matches!(wait, Wait::UpTo(_)) && conn.backlog() >= conn.wire.limits.peer_queue {
            // Others may wait for what this thread has collected for them.
            collect::flush();
        }
        match conn.send(content, wait, collect::collector())? {
            Queued::Fine => {}
            Queued::Listed => collect::add(Arc::clone(conn)),
        }
        if self.budget.is_exceeded() {
            self.relieve();
        }
        Ok(())
    }
}
