//! The hearing half of a peer's session: from bytes to messages, and from these to what they mean.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};
use std::{fmt, mem};

use memchr::memmem::Finder;

use crate::base::error::Error;
use crate::base::limits::Limits;
use crate::base::mark::unmarked;
use crate::base::security::SecInfo;
use crate::base::sender::Sender;
use crate::base::utf8;

use super::Wire;
use super::codec::{AnyCodec, DecodeError, Envelope};
use super::cutter::Cutter;
use super::jrpc::canonical;
use super::met::Met;
use super::security::{Header, Opened, SecuritySession, Telegram, refused};
use super::session::{Heard, Listening, Say};
use super::zmtp::Parts;

/// A message of so many bytes is not searched for the name of a header if that can be avoided.
const LARGE: usize = 4 << 10;
/// A header is an object within another.
const HEADER_DEPTH: usize = 2;

/// What hears one peer. It belongs to whoever reads, and does no I/O.
#[derive(Debug)]
pub(crate) struct Hearing {
    pub(crate) cutter: Cutter,
    pub(crate) sense: Sense,
}

/// What is known of a peer for making sense of its messages.
#[derive(Default)]
pub(crate) struct Sense {
    /// Of who proves who it is; others pay no memory for it.
    proved: Option<Box<Proved>>,
    /// Of a protocol that is more than a codec.
    protocol: Option<Box<dyn Listening>>,
}

/// What is known of a peer that signs or seals what it says.
#[derive(Default)]
struct Proved {
    /// The security header that belongs to the next message, if there is one.
    header: Header,
    is_headed: bool,
    /// Who has sent the last message, as its header says.
    sender: Option<Sender>,
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
                protocol,
                ..Sense::default()
            },
        }
    }
}

impl Sense {
    /// Takes a message that is a security header, if it is one: it belongs to the next message.
    pub(crate) fn takes_header(&mut self, wire: &Wire, message: &[u8]) -> bool {
        let is_header = self.is_header(wire, message);
        if is_header {
            self.proved().is_headed = true;
        }
        is_header
    }

    /// What a message is behind the security provider of a wire, which may keep a session for
    /// the peer. What has to be transformed back goes into `room`.
    pub(crate) fn unseal<'t>(
        &mut self,
        wire: &Wire,
        session: Option<&dyn SecuritySession>,
        message: &'t [u8],
        room: &'t mut Vec<u8>,
    ) -> Unsealed<'t> {
        let proved = self.proved.as_deref_mut();
        let header =
            proved.and_then(|proved| mem::take(&mut proved.is_headed).then_some(&proved.header));
        let Some(session) = session else {
            let header = header.map(Header::to_map);
            let payload = Cow::Borrowed(message);
            return match wire.security.sec_in(payload, header.as_ref()) {
                Ok((payload, info)) => Unsealed::Message(payload, Arc::new(info)),
                Err(error) => Unsealed::Refused(error),
            };
        };
        match session.open_in(message, header, room) {
            Ok(Opened::Message(payload, info)) => Unsealed::Message(payload, info),
            Ok(Opened::Greeting(answers)) => Unsealed::Greeting(answers),
            Err(error) => Unsealed::Refused(refused(error)),
        }
    }

    /// Whether a message is a security header, which is read then. A header is not sealed.
    fn is_header(&mut self, wire: &Wire, message: &[u8]) -> bool {
        static NAME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("rpc.secinfo"));
        if !wire.codec.may_be_header(message) {
            return false;
        }
        if let AnyCodec::Jrpc(_) = wire.codec {
            // What is known by its beginning and its end need not be searched.
            if message.len() >= LARGE && canonical::is_message(message) {
                return false;
            }
            if message.starts_with(canonical::HEADER)
                && wire.limits.nesting_depth >= HEADER_DEPTH
                && let Ok(text) = utf8::text(message)
                && self.proved().header.read(text, canonical::header)
            {
                return true;
            }
        }
        if NAME.find(message).is_none() {
            return false;
        }
        match wire.codec.decode_bytes(message, &wire.limits) {
            Ok((_, Envelope::Header(info))) => {
                self.proved().header.put(info);
                true
            }
            _ => false,
        }
    }

    /// The sender of a message, of whom this is known: the peer, or whoever it is there.
    pub(crate) fn sender(&mut self, peer: &Sender, info: Arc<SecInfo>) -> Sender {
        match self.proved().sender.take() {
            Some(last)
                if last
                    .secinfo
                    .as_ref()
                    .is_some_and(|one| Arc::ptr_eq(one, &info)) =>
            {
                last
            }
            _ => Sender {
                secinfo: Some(info),
                ..peer.clone()
            },
        }
    }

    /// Keeps a sender in mind: the next message is likely to have the same.
    pub(crate) fn keep(&mut self, sender: Sender) {
        self.proved().sender = Some(sender);
    }

    fn proved(&mut self) -> &mut Proved {
        self.proved.get_or_insert_default()
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
                return match &mut self.protocol {
                    Some(protocol) => protocol.hear_parts(parts, limits, say),
                    None => Ok(("", Heard::Nothing)),
                };
            }
        };
        let text = utf8::text(unmarked(message))
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

impl fmt::Debug for Sense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sense")
    }
}
