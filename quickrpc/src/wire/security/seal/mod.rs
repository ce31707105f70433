//! Encrypted messages: the Noise protocol on streams, an AEAD for each datagram.
//!
//! `docs/security.md` has the exact bytes, and says why they are what they are.

mod datagram;
mod stream;

use std::borrow::Cow;
use std::sync::Arc;

use base64_simd::STANDARD;
use hmac::Mac as _;

use super::keys::Key;
use super::parties::Parties;
use super::session::{PeerContext, SecuritySession};
use super::{SecInfo, Security};
use crate::base::error::{BoxError, Result};
use crate::base::security::SecurityError;
use crate::expr::{KeySource, SecurityExpr};

/// What everything begins with that is authenticated, so that it means nothing to any other
/// protocol.
const PROTOCOL: &str = "quickrpc-seal-1";

/// Encrypts and authenticates each message, under keys that both sides share or under a pair
/// of keys of each side: `seal:<user>?keys=<file>`.
///
/// A keys file with a `private` key is for pairs: `Noise_XX_25519_ChaChaPoly_SHA256`. One
/// without is for shared keys: `Noise_NNpsk0_25519_ChaChaPoly_SHA256`. Either way each
/// connection has keys of its own, which nobody can compute later, not even with the keys of
/// the file. Over `udp` there are only shared keys, and each datagram is encrypted under them
/// by itself (XChaCha20-Poly1305).
///
/// The user at the other end is `sender.secinfo()["user"]`, and what the keys file says about
/// it decides [`Sender::has_role`](crate::Sender::has_role).
///
/// ```
/// use quickrpc::expr::KeySource;
/// use quickrpc::remote_api;
/// use quickrpc::security::{Seal, generate_key_pair};
///
/// #[remote_api]
/// trait Door {
///     #[incoming]
///     fn open(&self) -> String;
/// }
///
/// # fn main() -> quickrpc::Result<()> {
/// # let dir = std::env::temp_dir().join(format!("quickrpc-seal-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir).unwrap();
/// # let write = |name: &str, text: String| {
/// #     let path = dir.join(name).display().to_string();
/// #     std::fs::write(&path, text).unwrap();
/// #     std::process::Command::new("chmod").args(["600", &path]).status().unwrap();
/// #     KeySource::File(path)
/// # };
/// let (door, alice) = (generate_key_pair()?, generate_key_pair()?); // keygen --pair
/// let doors = format!("private = '{}'\n[users.alice]\npublic = '{}'", door.private, alice.public);
/// let alices = format!("private = '{}'\n[users.door]\npublic = '{}'", alice.private, door.public);
///
/// let api = Door::builder()
///     .security(Seal::open("door", write("door.toml", doors))?)
///     .transport("tcpserv:127.0.0.1:0")
///     .build()?;
/// api.open.connect(|sender| format!("come in, {}", sender.secinfo()["user"]));
/// api.start()?;
///
/// let visitor = DoorInverse::builder()
///     .security(Seal::open("alice", write("alice.toml", alices))?.to("door")?)
///     .transport(format!("tcp:{}", api.local_addrs()[0]))
///     .build()?;
/// visitor.start()?;
/// assert_eq!(visitor.all().open().result()?, "come in, alice");
/// # std::fs::remove_dir_all(&dir).unwrap();
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Seal {
    parties: Arc<Parties>,
}

impl Seal {
    /// A provider for this user.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) if the keys cannot be read, the file can be read
    /// by everybody on the machine, or the name cannot be that of a user.
    pub fn open(user: &str, keys: KeySource) -> Result<Self> {
        let parties = Arc::new(Parties::open(user, keys)?);
        Ok(Seal { parties })
    }

    /// The same, for talking to this user only.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) if the name cannot be that of a user, or is our
    /// own.
    pub fn to(self, user: &str) -> Result<Self> {
        // What was read already, if nobody else has it: a pipe is read once.
        let parties = Arc::try_unwrap(self.parties)
            .or_else(|shared| Parties::open(&shared.user, shared.source().clone()))?;
        let parties = Arc::new(parties.to(user)?);
        Ok(Seal { parties })
    }
}

impl Security for Seal {
    fn expression(&self) -> String {
        let parties = &self.parties;
        SecurityExpr::seal(&parties.user, parties.source(), parties.to.as_deref()).to_string()
    }

    /// Not called, since every peer has a session.
    fn sec_out(&self, _payload: Vec<u8>) -> Result<(Option<SecInfo>, Vec<u8>), BoxError> {
        Err("messages are sealed for one peer".into())
    }

    /// Not called, since every peer has a session.
    fn sec_in<'a>(
        &self,
        _payload: Cow<'a, [u8]>,
        _header: Option<&SecInfo>,
    ) -> Result<(Cow<'a, [u8]>, SecInfo), BoxError> {
        Err("messages are sealed for one peer".into())
    }

    fn session(&self, peer: &PeerContext) -> Option<Box<dyn SecuritySession>> {
        let parties = Arc::clone(&self.parties);
        Some(match peer.datagrams {
            true => Box::new(datagram::Session::new(parties, peer.everybody)),
            false => Box::new(stream::Session::new(parties)),
        })
    }

    fn sealed_size(&self, size: usize) -> usize {
        let parts = size / stream::PART + 1;
        let sealed = size.saturating_add(parts * stream::OVERHEAD);
        let sealed = sealed.saturating_add(datagram::OVERHEAD);
        sealed.div_ceil(3).saturating_mul(4)
    }
}

/// A key for one purpose, made from a shared one (as HKDF-Expand does, RFC 5869).
fn derive(key: &Key, purpose: &str) -> [u8; 32] {
    let mut mac = key.mac.clone();
    mac.update(format!("{PROTOCOL} {purpose}\u{1}").as_bytes());
    mac.finalize().into_bytes().into()
}

/// Sealed bytes travel as text, in which no delimiter can be.
fn decode(text: &[u8]) -> Result<Vec<u8>, SecurityError> {
    let mut bytes = Vec::new();
    decode_to(text, &mut bytes)?;
    Ok(bytes)
}

fn decode_to(text: &[u8], out: &mut Vec<u8>) -> Result<(), SecurityError> {
    let decoded = STANDARD.decode_append(text, out);
    decoded.map_err(|_| not_sealed())
}

fn not_sealed() -> SecurityError {
    SecurityError::InvalidSignature("the message is not sealed".into())
}

fn broken(user: &str) -> SecurityError {
    let text = format!("the message is not sealed with a key of `{user}`");
    SecurityError::InvalidSignature(text.into())
}
