//! The hearing half of a peer's session: from bytes to messages, and from these to what they mean.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::base::error::Error;
use crate::base::limits::Limits;
use crate::base::mark::unmarked;
use crate::base::security::SecInfo;

use super::Wire;
use super::codec::{DecodeError, Envelope};
use super::cutter::Cutter;
use super::met::Met;
use super::security::{Opened, SecuritySession, Telegram, refused};
use super::session::{Heard, Listening, Say};
use super::zmtp::Parts;

/// What hears one peer. It belongs to whoever reads, and does no I/O.
#[derive(Debug)]
pub(crate) struct Hearing {
    pub(crate) cutter: Cutter,
    pub(crate) sense: Sense,
}

/// What is known of a peer for making sense of its messages.
#[derive(Default)]
pub(crate) struct Sense {
    /// The security header that belongs to the next message.
    header: Option<SecInfo>,
    /// Of a protocol that is more than a codec.
    protocol: Option<Box<dyn Listening>>,
}

/// What a session hears.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Message<'t> {
    Whole(&'t [u8]),
    Parts(Parts<'t>),
}

/// What a message is behind the security provider.
#[derive(Debug)]
pub(crate) enum Unsealed<'t> {
    /// A message, and what is known of its sender.
    Message(Cow<'t, [u8]>, Arc<SecInfo>),
    /// Nothing yet, but what is to be sent in return.
    Greeting(Vec<Telegram>),
    /// Nothing yet.
    Nothing,
    /// It was refused.
    Refused(Error),
}

impl Hearing {
    pub(crate) fn new(
        wire: &Wire,
        met: Option<&Met>,
        protocol: Option<Box<dyn Listening>>,
    ) -> Self {
        Hearing {
            cutter: Cutter::new(wire, met),
            sense: Sense {
                header: None,
                protocol,
            },
        }
    }
}

impl Sense {
    /// What a message is behind the security provider of a wire, which may keep a session for
    /// the peer.
    pub(crate) fn unseal<'t>(
        &mut self,
        wire: &Wire,
        session: Option<&dyn SecuritySession>,
        message: &'t [u8],
    ) -> Unsealed<'t> {
        if let Some(info) = wire.header(message) {
            self.header = Some(info);
            return Unsealed::Nothing;
        }
        let header = self.header.take();
        let payload = Cow::Borrowed(message);
        let Some(session) = session else {
            return match wire.security.sec_in(payload, header.as_ref()) {
                Ok((payload, info)) => Unsealed::Message(payload, Arc::new(info)),
                Err(error) => Unsealed::Refused(error),
            };
        };
        match session.open(payload, header.as_ref()) {
            Ok(Opened::Message(payload, info)) => Unsealed::Message(payload, info),
            Ok(Opened::Greeting(answers)) => Unsealed::Greeting(answers),
            Err(error) => Unsealed::Refused(refused(error)),
        }
    }

    /// What a message means to the session of a protocol, and the text that the places in it are
    /// in.
    ///
    /// # Errors
    ///
    /// When it is no message at all.
    pub(crate) fn understand<'t>(
        &mut self,
        limits: &Limits,
        message: Message<'t>,
        say: &mut Say,
    ) -> Result<(&'t str, Heard), DecodeError> {
        let message = match message {
            Message::Whole(message) => message,
            Message::Parts(parts) => {
                let heard = match &mut self.protocol {
                    Some(protocol) => protocol.hear_parts(parts, limits, say)?,
                    None => Heard::Nothing,
                };
                return Ok(("", heard));
            }
        };
        let text = std::str::from_utf8(unmarked(message))
            .map_err(|error| DecodeError::new("not UTF-8", error.valid_up_to()))?;
        match &mut self.protocol {
            Some(protocol) => Ok((text, protocol.hear(text, limits, say)?)),
            None => Ok((text, Heard::Nothing)),
        }
    }

    /// The bytes that are held of a message in pieces.
    pub(crate) fn held(&self) -> usize {
        let protocol = self.protocol.as_ref();
        protocol.map_or(0, |protocol| protocol.held())
    }

    /// The protocol of the peer, where it is more than a codec.
    pub(crate) fn protocol(&mut self) -> Option<&mut (dyn Listening + 'static)> {
        self.protocol.as_deref_mut()
    }
}

impl Wire {
    /// The security header that a message is, if it is one. A header is not sealed.
    fn header(&self, message: &[u8]) -> Option<SecInfo> {
        memchr::memmem::find(message, b"rpc.secinfo")?;
        match self.codec.decode_bytes(message, &self.limits) {
            Ok((_, Envelope::Header(info))) => Some(info),
            _ => None,
        }
    }
}

impl fmt::Debug for Sense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sense")
    }
}
