//! What a security provider keeps for one peer.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::SecInfo;
use super::header::Header;
use crate::base::error::BoxError;

/// The peer that a session is for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PeerContext {
    /// The peer's name, for texts.
    pub name: Arc<str>,
    /// Messages may be lost, doubled or out of order; nothing is connected.
    pub datagrams: bool,
    /// It stands for everybody on a wire of datagrams.
    pub everybody: bool,
}

impl PeerContext {
    /// A peer of a stream; for tests of providers.
    pub fn new(name: &str) -> Self {
        PeerContext {
            name: name.into(),
            datagrams: false,
            everybody: false,
        }
    }
}

/// Security for one peer, where a provider needs more than a header for each message: keys
/// that are agreed on, counters, a greeting. Made by [`Security::session`].
///
/// Messages are sealed in the order in which they leave, by one thread at a time, and opened
/// in the order in which they arrive; both may happen at once.
///
/// # Greeting
///
/// With a greeting, the peer counts as connected when its first message was opened: before
/// that it is not among the peers, nothing can be sent to it, and a client's `start()` waits
/// for it. A peer that is refused meanwhile, or is not done within
/// [`Limits::greeting`](crate::Limits::greeting), is disconnected.
///
/// [`Security::session`]: super::Security::session
pub trait SecuritySession: fmt::Debug + Send + Sync + 'static {
    /// Whether there is a greeting.
    fn greets(&self) -> bool {
        false
    }

    /// What is sent when the peer is there, if there is a greeting.
    fn greeting(&self) -> Vec<Telegram> {
        Vec::new()
    }

    /// Whether a peer is disconnected when something that it sent was refused, even after the
    /// greeting: where nothing that follows could be opened.
    fn ends_with_refusal(&self) -> bool {
        false
    }

    /// Secures a message: gives the header to put before it, and what to send in its place.
    ///
    /// # Errors
    ///
    /// Anything; the message is then not sent.
    fn seal<'a>(&self, payload: &'a [u8]) -> Result<Sealed<'a>, BoxError>;

    /// Checks what was received. The header is `None` where the peer sent none.
    ///
    /// # Errors
    ///
    /// Anything; the message is then not handled, and nothing is answered.
    fn open<'a>(
        &self,
        payload: Cow<'a, [u8]>,
        header: Option<&SecInfo>,
    ) -> Result<Opened<'a>, BoxError>;

    /// [`seal`](Self::seal) for providers of this library, which make neither a map of the header
    /// nor a copy of the message: both are appended to what leaves.
    #[doc(hidden)]
    fn seal_to(&self, payload: &[u8], out: &mut dyn Outgoing) -> Result<(), BoxError> {
        let (header, sealed) = self.seal(payload)?;
        if let Some(header) = &header {
            out.header(header)?;
        }
        out.message().extend_from_slice(&sealed);
        Ok(())
    }

    /// [`open`](Self::open) likewise. What has to be transformed back goes into `room`.
    #[doc(hidden)]
    fn open_in<'a>(
        &self,
        payload: &'a [u8],
        header: Option<&Header>,
        room: &'a mut Vec<u8>,
    ) -> Result<Opened<'a>, BoxError> {
        let _ = room;
        let header = header.map(Header::to_map);
        self.open(Cow::Borrowed(payload), header.as_ref())
    }
}

/// The fields of a signed message, in their order.
#[doc(hidden)]
pub const SIGNED: [&str; 7] = ["counter", "mac", "peer", "session", "time", "to", "user"];

/// What they say, in a map.
pub(crate) fn signed_map(fields: &[&str; 7]) -> SecInfo {
    let pairs = SIGNED.iter().zip(fields);
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Where a sealed message goes: a header, if it has one, and then the message itself.
#[doc(hidden)]
pub trait Outgoing {
    /// Puts a header before the message.
    fn header(&mut self, header: &SecInfo) -> Result<(), BoxError>;

    /// The same of a signed message: what its fields say, in the order of [`SIGNED`]. The counter, the
    /// signature and the time are digits and base64.
    fn signed(&mut self, fields: &[&str; 7]) -> Result<(), BoxError>;

    /// Where the message is appended.
    fn message(&mut self) -> &mut Vec<u8>;
}

/// A header, and the message as it travels.
pub type Sealed<'a> = (Option<SecInfo>, Cow<'a, [u8]>);

/// What a session sends by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Telegram {
    /// As it is: a header, if any, and a message.
    Plain(Option<SecInfo>, Vec<u8>),
    /// A message that is sealed when its turn comes.
    Sealed(Vec<u8>),
}

/// What a session made of something that was received.
#[derive(Debug)]
pub enum Opened<'a> {
    /// A message, and what is known about its sender. An empty one is passed over.
    Message(Cow<'a, [u8]>, Arc<SecInfo>),
    /// Part of the greeting, and what is sent in return.
    Greeting(Vec<Telegram>),
}
