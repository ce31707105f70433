//! What the greeting of a connection has found out of its peer.

use std::fmt;
use std::sync::Arc;

use crate::base::error::Error;
use crate::base::security::{SecInfo, SecurityError};

use super::http::Caller;
use super::session::About;
use super::zmtp::Peer;

/// Who has let a peer in, and may take that back.
pub(crate) trait Vouched: fmt::Debug + Send + Sync {
    /// What is known of the peer now, as long as it may be here. The same object, as long as it is
    /// the same.
    ///
    /// # Errors
    ///
    /// When it may not be here any more.
    fn info(&self) -> Result<Arc<SecInfo>, SecurityError>;
}

/// What is known of a peer when its greeting is over.
#[derive(Debug, Clone)]
pub(crate) enum Met {
    /// A socket of ZeroMQ.
    #[cfg_attr(not(feature = "zmq"), allow(dead_code, reason = "there are none"))]
    Zmtp(Arc<Peer>),
    /// It posts its messages over HTTP.
    #[cfg_attr(not(feature = "websocket"), allow(dead_code, reason = "nobody posts"))]
    Posts(Arc<Caller>),
    /// It is like others, and has said who it is.
    #[cfg_attr(
        not(feature = "websocket"),
        allow(dead_code, reason = "nobody says so")
    )]
    Known(Arc<dyn Vouched>),
}

impl Met {
    /// Who it says it is, in words for people, if it does.
    pub(crate) fn name(&self) -> Option<Arc<str>> {
        match self {
            Met::Zmtp(peer) => peer.name(),
            Met::Posts(_) | Met::Known(_) => None,
        }
    }

    /// Whether nobody else may be connected under its name.
    pub(crate) fn is_alone(&self) -> bool {
        match self {
            Met::Zmtp(peer) => peer.is_alone(),
            Met::Posts(_) | Met::Known(_) => false,
        }
    }

    /// Appends a telegram as it is framed for this peer, or nothing where it wants no such message.
    ///
    /// # Errors
    ///
    /// When it cannot be told this.
    pub(crate) fn enclose(
        &self,
        out: &mut Vec<u8>,
        about: About<'_>,
        telegram: &[u8],
    ) -> Result<(), Error> {
        match self {
            Met::Zmtp(peer) => peer.enclose(out, about, telegram),
            Met::Posts(caller) => caller.enclose(out, about, telegram),
            // Framed as for all of its wire.
            Met::Known(_) => Ok(()),
        }
    }
}
