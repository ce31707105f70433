//! Signed messages: HMAC-SHA-256 (RFC 2104, FIPS 180-4) under the key of a user.
//!
//! `docs/security.md` has the exact bytes, and says why they are what they are.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use ::hmac::{Hmac as Mac, Mac as _};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::Sha256;

use super::fields::{EVERYBODY, Fields, random_id};
use super::keys::{Key, Keys, is_name, now_micros};
use super::parties::Parties;
use super::session::{Opened, PeerContext, Sealed, SecuritySession, Telegram};
use super::{SecInfo, Security};
use crate::base::error::{BoxError, Result};
use crate::base::security::SecurityError;
use crate::base::sync::lock;
use crate::expr::{KeySource, SecurityExpr};

/// What the signature begins with, so that it means nothing to any other protocol.
const PROTOCOL: &str = "quickrpc-hmac-1";
/// Asks the peer to sign something, and tells it the session that is to be signed. A call,
/// since everybody answers a call; its id is one that no call of ours reaches.
const HELLO: &[u8] = br#"{"jsonrpc":"2.0","method":"rpc.hello","params":{},"id":9007199254740991}"#;
const HELLO_ANSWER: &[u8] = br#"{"jsonrpc":"2.0","result":null,"id":9007199254740991}"#;

/// Signs each message with HMAC-SHA-256 under a user's key, and accepts only messages that
/// are signed: `hmac:<user>?keys=<file>`.
///
/// The user at the other end is then `sender.secinfo()["user"]`, and what the keys file says
/// about it decides [`Sender::has_role`](crate::Sender::has_role).
///
/// Nothing is encrypted: others can read the messages, but not change, repeat or divert them.
/// `docs/security.md` says in detail what it protects against, and how a program in another
/// language does the same.
///
/// ```
/// use quickrpc::expr::KeySource;
/// use quickrpc::remote_api;
/// use quickrpc::security::Hmac;
///
/// #[remote_api]
/// trait Door {
///     #[incoming]
///     fn open(&self) -> String;
/// }
///
/// # fn main() -> quickrpc::Result<()> {
/// # let dir = std::env::temp_dir().join(format!("quickrpc-hmac-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir).unwrap();
/// # let path = dir.join("keys.toml").display().to_string();
/// # std::fs::write(&path, "[users.alice]\nkeys = [\"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\"]").unwrap();
/// # std::process::Command::new("chmod").args(["600", &path]).status().unwrap();
/// let keys = KeySource::File(path); // [users.alice], keys = ["..."]
/// let door = Door::builder()
///     .security(Hmac::open("door", keys.clone())?)
///     .transport("tcpserv:127.0.0.1:0")
///     .build()?;
/// door.open.connect(|sender| format!("come in, {}", sender.secinfo()["user"]));
/// door.start()?;
///
/// let visitor = DoorInverse::builder()
///     .security(Hmac::open("alice", keys)?.to("door")?)
///     .transport(format!("tcp:{}", door.local_addrs()[0]))
///     .build()?;
/// visitor.start()?;
/// assert_eq!(visitor.all().open().result()?, "come in, alice");
/// # std::fs::remove_dir_all(&dir).unwrap();
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Hmac {
    parties: Arc<Parties>,
}

impl Hmac {
    /// A provider that signs as this user, with its key; or, if the keys hold none of that
    /// user, with the key of the user that is talked to.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) if the keys cannot be read, the file can be read
    /// by everybody on the machine, or the name cannot be that of a user.
    pub fn open(user: &str, keys: KeySource) -> Result<Self> {
        let parties = Arc::new(Parties::open(user, keys)?);
        Ok(Hmac { parties })
    }

    /// The same, for talking to this user only.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) if the name cannot be that of a user, or is our
    /// own.
    pub fn to(self, user: &str) -> Result<Self> {
        let parties = Parties::open(&self.parties.user, self.parties.source().clone())?;
        let parties = Arc::new(parties.to(user)?);
        Ok(Hmac { parties })
    }
}

impl Security for Hmac {
    fn expression(&self) -> String {
        let parties = &self.parties;
        SecurityExpr::hmac(&parties.user, parties.source(), parties.to.as_deref()).to_string()
    }

    /// Not called, since every peer has a session.
    fn sec_out(&self, _payload: Vec<u8>) -> Result<(Option<SecInfo>, Vec<u8>), BoxError> {
        Err("messages are signed for one peer".into())
    }

    /// Not called, since every peer has a session.
    fn sec_in<'a>(
        &self,
        _payload: Cow<'a, [u8]>,
        _header: Option<&SecInfo>,
    ) -> Result<(Cow<'a, [u8]>, SecInfo), BoxError> {
        Err("messages are signed for one peer".into())
    }

    fn session(&self, peer: &PeerContext) -> Option<Box<dyn SecuritySession>> {
        Some(Box::new(Session {
            parties: Arc::clone(&self.parties),
            id: random_id(),
            datagrams: peer.datagrams,
            everybody: peer.everybody,
            peer: Mutex::default(),
            counter: Mutex::new(0),
        }))
    }
}

/// What is kept for one peer.
#[derive(Debug)]
struct Session {
    parties: Arc<Parties>,
    /// Names the session to the peer, and makes what it signs fresh. Empty where the system
    /// has no random numbers.
    id: String,
    datagrams: bool,
    everybody: bool,
    /// Guards what is known of the peer; last but for the keys and the sessions in the lock
    /// order.
    peer: Mutex<Peer>,
    /// The number of messages that were signed. Guards nothing else; a leaf, too.
    counter: Mutex<u64>,
}

#[derive(Debug, Default)]
struct Peer {
    /// Its name and its session: as it says, until `secinfo` is there.
    is: Option<Arc<(String, String)>>,
    greeted: bool,
    /// The highest counter.
    last: u64,
    /// What is known for certain, and the keys that say so.
    secinfo: Option<(Arc<SecInfo>, Arc<Keys>)>,
}

/// The signature of a message and its header, as far as it is made.
fn sign(key: &Key, fields: &Fields<'_>, payload: &[u8]) -> Mac<Sha256> {
    let mut mac = key.mac.clone();
    mac.update(fields.text(PROTOCOL).as_bytes());
    mac.update(payload);
    mac
}

impl Session {
    /// The beginning of a greeting, which is not signed, and after which nothing happens but
    /// that we sign a message without meaning.
    fn hello(&self, header: &SecInfo, payload: &[u8]) -> Result<Opened<'static>, SecurityError> {
        let unsigned = || SecurityError::InvalidSignature("the message is not signed".into());
        if self.datagrams || payload != HELLO {
            return Err(unsigned());
        }
        let field = |name: &str| header.get(name).filter(|text| is_name(text));
        let (Some(user), Some(session)) = (field("user"), field("session")) else {
            return Err(unsigned());
        };
        self.parties.check_user(user)?;
        let mut peer = lock(&self.peer);
        if std::mem::replace(&mut peer.greeted, true) {
            return Err(SecurityError::Replayed("a second greeting".into()));
        }
        peer.becomes(user, session)?;
        drop(peer);
        let answer = Telegram::Sealed(HELLO_ANSWER.to_vec());
        Ok(Opened::Greeting(vec![answer]))
    }

    /// Checks that a message was signed by the user that it names.
    fn verify(
        &self,
        keys: &Keys,
        fields: &Fields<'_>,
        header: &SecInfo,
        payload: &[u8],
    ) -> Result<(), SecurityError> {
        let user = fields.user;
        self.parties.check_user(user)?;
        let candidates = self.parties.candidates(keys, user)?;
        let mac = header.get("mac").and_then(|mac| STANDARD.decode(mac).ok());
        let mac = mac.unwrap_or_default();
        let fits = |key: &&Key| sign(key, fields, payload).verify_slice(&mac).is_ok();
        let Some(key) = candidates.iter().find(fits) else {
            let text = format!("not by a key of `{user}`");
            return Err(SecurityError::InvalidSignature(text.into()));
        };
        Parties::check_age(key, user)
    }

    fn check(&self, payload: &[u8], header: &SecInfo) -> Result<Arc<SecInfo>, SecurityError> {
        let fields = Fields::of(header)?;
        let keys = self.parties.keys();
        self.verify(&keys, &fields, header, payload)?;
        self.parties.check_receiver(fields.to, self.datagrams)?;
        let mut peer = lock(&self.peer);
        if self.datagrams {
            self.parties.take_datagram(&fields)?;
            // Another program may have got the address.
            let is = (fields.user.to_owned(), fields.session.to_owned());
            peer.is = Some(Arc::new(is));
        } else {
            if fields.peer != self.id {
                let text = "it was made for another connection";
                return Err(SecurityError::Replayed(text.into()));
            }
            peer.becomes(fields.user, fields.session)?;
            let counter = fields.counter()?;
            if counter <= peer.last {
                let text = "it was received before, or was overtaken";
                return Err(SecurityError::Replayed(text.into()));
            }
            peer.last = counter;
        }
        if let Some((known, by)) = &peer.secinfo
            && Arc::ptr_eq(by, &keys)
            && known.get("user").is_some_and(|user| user == fields.user)
        {
            return Ok(Arc::clone(known));
        }
        // Roles may have changed with the file.
        let known = Arc::new(Parties::known(&keys, fields.user));
        let same = match &peer.secinfo {
            Some((same, _)) if *same == known => Arc::clone(same),
            _ => known,
        };
        peer.secinfo = Some((Arc::clone(&same), keys));
        Ok(same)
    }
}

impl Peer {
    /// Who the peer is, from now on.
    fn becomes(&mut self, user: &str, session: &str) -> Result<(), SecurityError> {
        match self.is.as_deref() {
            Some((is, at)) if is == user && at == session => Ok(()),
            Some((is, _)) => {
                let text = format!("this connection belongs to another session of `{is}`");
                Err(SecurityError::Misdirected(text.into()))
            }
            None => {
                self.is = Some(Arc::new((user.to_owned(), session.to_owned())));
                Ok(())
            }
        }
    }
}

impl SecuritySession for Session {
    fn greets(&self) -> bool {
        !self.datagrams
    }

    fn greeting(&self) -> Vec<Telegram> {
        let header = SecInfo::from([
            ("user".to_owned(), self.parties.user.clone()),
            ("session".to_owned(), self.id.clone()),
        ]);
        vec![Telegram::Plain(Some(header), HELLO.to_vec())]
    }

    fn seal<'a>(&self, payload: &'a [u8]) -> Result<Sealed<'a>, BoxError> {
        if self.id.is_empty() {
            return Err("the system has no random numbers".into());
        }
        let peer = lock(&self.peer).is.clone();
        let (to, session) = match (peer.as_deref(), self.parties.to.as_deref()) {
            _ if self.everybody => (EVERYBODY, ""),
            (Some((user, _)), _) if self.datagrams => (&**user, ""),
            (Some((user, session)), _) => (&**user, &**session),
            (None, Some(to)) if self.datagrams => (to, ""),
            _ => {
                let text = "nobody knows who is there; say whom to talk to by `to=<user>`";
                return Err(SecurityError::Refused(text.into()).into());
            }
        };
        let keys = self.parties.keys();
        let key = self.parties.key_for(&keys, to)?;
        let mut counter = lock(&self.counter);
        *counter += 1;
        let fields = Fields {
            user: &self.parties.user,
            to,
            session: &self.id,
            peer: session,
            counter: &counter.to_string(),
            time: &now_micros().to_string(),
        };
        let mac = sign(key, &fields, payload).finalize().into_bytes();
        let mut header = fields.header();
        header.insert("mac".to_owned(), STANDARD.encode(mac));
        Ok((Some(header), Cow::Borrowed(payload)))
    }

    fn open<'a>(
        &self,
        payload: Cow<'a, [u8]>,
        header: Option<&SecInfo>,
    ) -> Result<Opened<'a>, BoxError> {
        let Some(header) = header else {
            let text = "the message is not signed";
            return Err(SecurityError::InvalidSignature(text.into()).into());
        };
        if self.id.is_empty() {
            return Err("the system has no random numbers".into());
        }
        if !header.contains_key("mac") {
            return Ok(self.hello(header, &payload)?);
        }
        let known = self.check(&payload, header)?;
        // Without a meaning in any codec.
        let payload = match *payload == *HELLO_ANSWER {
            true => Cow::Borrowed(&[][..]),
            false => payload,
        };
        Ok(Opened::Message(payload, known))
    }
}
