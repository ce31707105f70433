//! Signed messages: HMAC-SHA-256 (RFC 2104, FIPS 180-4) under the key of a user.
//!
//! `docs/security.md` has the exact bytes, and says why they are what they are.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use ::hmac::{Hmac as Mac, Mac as _};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::Sha256;

use super::keys::{Key, KeyStore, Keys, check_name, is_name, now_micros};
use super::replay::Sessions;
use super::session::{Opened, PeerContext, Sealed, SecuritySession, Telegram};
use super::{SecInfo, Security, SecurityError};
use crate::error::{BoxError, Error, Result};
use crate::expr::{KeySource, SecurityExpr};
use crate::sync::lock;

/// What the signature begins with, so that it means nothing to any other protocol.
const PROTOCOL: &str = "quickrpc-hmac-1";
/// Asks the peer to sign something, and tells it the session that is to be signed. A call,
/// since everybody answers a call; its id is one that no call of ours reaches.
const HELLO: &[u8] = br#"{"jsonrpc":"2.0","method":"rpc.hello","params":{},"id":9007199254740991}"#;
const HELLO_ANSWER: &[u8] = br#"{"jsonrpc":"2.0","result":null,"id":9007199254740991}"#;
/// To everybody on a wire of datagrams.
const EVERYBODY: &str = "*";

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
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    user: String,
    to: Option<String>,
    keys: KeyStore,
    /// What came in datagrams. Guards itself; a leaf in the lock order.
    sessions: Mutex<Sessions>,
    clock: fn() -> u64,
}

impl Hmac {
    /// A provider that signs as this user, with its key; or, if the keys hold none of that
    /// user, with the key of the user that is talked to.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if the keys cannot be read, the file can be read by everybody on the
    /// machine, or the name cannot be that of a user.
    pub fn open(user: &str, keys: KeySource) -> Result<Self> {
        Self::with_clock(user, keys, now_micros)
    }

    fn with_clock(user: &str, keys: KeySource, clock: fn() -> u64) -> Result<Self> {
        check_name(user).map_err(|why| Error::Config(why.into()))?;
        Ok(Hmac {
            shared: Arc::new(Shared {
                user: user.to_owned(),
                to: None,
                keys: KeyStore::open(keys, user)?,
                sessions: Mutex::new(Sessions::new(clock())),
                clock,
            }),
        })
    }

    /// The same, for talking to this user only.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if the name cannot be that of a user, or is our own.
    pub fn to(self, user: &str) -> Result<Self> {
        check_name(user).map_err(|why| Error::Config(why.into()))?;
        if user == self.shared.user {
            let text = format!("`{user}` cannot talk to itself: two sides have two names");
            return Err(Error::Config(text.into()));
        }
        let shared = &self.shared;
        let keys = KeyStore::open(shared.keys.source().clone(), &shared.user)?;
        Ok(Hmac {
            shared: Arc::new(Shared {
                user: shared.user.clone(),
                to: Some(user.to_owned()),
                keys,
                sessions: Mutex::new(Sessions::new((shared.clock)())),
                clock: shared.clock,
            }),
        })
    }
}

impl Security for Hmac {
    fn expression(&self) -> String {
        let shared = &self.shared;
        SecurityExpr::hmac(&shared.user, shared.keys.source(), shared.to.as_deref()).to_string()
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
            shared: Arc::clone(&self.shared),
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
    shared: Arc<Shared>,
    /// Names the session to the peer, and makes what it signs fresh. Empty where the system
    /// has no random numbers.
    id: String,
    datagrams: bool,
    everybody: bool,
    /// Guards what is known of the peer; a leaf in the lock order.
    peer: Mutex<Peer>,
    /// The number of messages that were signed. Guards nothing else; a leaf, too.
    counter: Mutex<u64>,
}

#[derive(Debug, Default)]
struct Peer {
    /// Its name and its session: as it says, until `secinfo` is there.
    is: Option<(String, String)>,
    greeted: bool,
    /// The highest counter.
    last: u64,
    /// What is known for certain.
    secinfo: Option<Arc<SecInfo>>,
}

/// What is signed, beside the message.
struct Fields<'a> {
    user: &'a str,
    to: &'a str,
    session: &'a str,
    peer: &'a str,
    counter: &'a str,
    time: &'a str,
}

impl<'a> Fields<'a> {
    fn of(header: &'a SecInfo) -> Option<Self> {
        let field = |name: &str| {
            let field = header.get(name).map(String::as_str);
            field.filter(|field| field.len() <= 128 && !field.contains(char::is_control))
        };
        Some(Fields {
            user: field("user").filter(|user| is_name(user))?,
            to: field("to")?,
            session: field("session").filter(|session| !session.is_empty())?,
            peer: field("peer")?,
            counter: field("counter")?,
            time: field("time")?,
        })
    }

    fn mac(&self, key: &Key, payload: &[u8]) -> Mac<Sha256> {
        let mut mac = key.mac.clone();
        let Fields {
            user,
            to,
            session,
            peer,
            counter,
            time,
        } = self;
        // No field has a line end, so that nothing can move from one to the next.
        for field in [PROTOCOL, user, to, session, peer, counter, time] {
            mac.update(field.as_bytes());
            mac.update(b"\n");
        }
        mac.update(payload);
        mac
    }

    fn header(&self, mac: Mac<Sha256>) -> SecInfo {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        SecInfo::from([
            field("user", self.user),
            field("to", self.to),
            field("session", self.session),
            field("peer", self.peer),
            field("counter", self.counter),
            field("time", self.time),
            field("mac", &STANDARD.encode(mac.finalize().into_bytes())),
        ])
    }
}

impl Shared {
    fn now(&self) -> u64 {
        (self.clock)()
    }

    /// The key for messages to this user.
    fn signing_key<'k>(&self, keys: &'k Keys, to: &str) -> Result<&'k Key, SecurityError> {
        let now = self.now() / 1_000_000;
        let owner = match keys.user(&self.user) {
            Some(_) => &self.user,
            None => to,
        };
        keys.current(owner, now)
            .ok_or_else(|| match keys.user(owner) {
                Some(_) => SecurityError::Expired(format!("all keys of `{owner}`").into()),
                None => SecurityError::UnknownUser(owner.into()),
            })
    }

    /// Checks that a message was signed by the user that it names; gives what is known of
    /// the user then.
    fn verify(
        &self,
        fields: &Fields<'_>,
        header: &SecInfo,
        payload: &[u8],
    ) -> Result<SecInfo, SecurityError> {
        let keys = self.keys.current();
        let user = fields.user;
        self.check_user(user)?;
        let (candidates, roles) = match (keys.user(user), keys.user(&self.user)) {
            (Some(known), _) => (&known.keys, known.roles.as_str()),
            // Whoever has our own key speaks for somebody whom we do not know otherwise.
            (None, Some(ourselves)) => (&ourselves.keys, ""),
            (None, None) => return Err(SecurityError::UnknownUser(user.into())),
        };
        let mac = header.get("mac").and_then(|mac| STANDARD.decode(mac).ok());
        let fits = |key: &&Key| {
            let mac = mac.as_deref().unwrap_or_default();
            fields.mac(key, payload).verify_slice(mac).is_ok()
        };
        let Some(key) = candidates.iter().find(fits) else {
            let text = format!("not by a key of `{user}`");
            return Err(SecurityError::InvalidSignature(text.into()));
        };
        if key.is_expired(self.now() / 1_000_000) {
            return Err(SecurityError::Expired(
                format!("the key of `{user}`").into(),
            ));
        }
        let mut known = SecInfo::from([("user".to_owned(), user.to_owned())]);
        if !roles.is_empty() {
            known.insert("roles".to_owned(), roles.to_owned());
        }
        Ok(known)
    }

    /// Whether this user may talk to us.
    fn check_user(&self, user: &str) -> Result<(), SecurityError> {
        let text = match &self.to {
            _ if user == self.user => format!("it comes from `{user}`, which is our own name"),
            Some(expected) if expected != user => {
                format!("it comes from `{user}`, not from `{expected}`")
            }
            _ => return Ok(()),
        };
        Err(SecurityError::Misdirected(text.into()))
    }
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
        self.shared.check_user(user)?;
        let mut peer = lock(&self.peer);
        if std::mem::replace(&mut peer.greeted, true) {
            return Err(SecurityError::Replayed("a second greeting".into()));
        }
        peer.becomes(user, session)?;
        drop(peer);
        let answer = Telegram::Sealed(HELLO_ANSWER.to_vec());
        Ok(Opened::Greeting(vec![answer]))
    }

    fn check(&self, payload: &[u8], header: &SecInfo) -> Result<Arc<SecInfo>, SecurityError> {
        let incomplete = || {
            let text = "the header is incomplete, or a field of it is malformed";
            SecurityError::InvalidSignature(text.into())
        };
        let fields = Fields::of(header).ok_or_else(incomplete)?;
        let known = self.shared.verify(&fields, header, payload)?;
        let number = |text: &str| text.parse::<u64>().map_err(|_| incomplete());
        let (counter, time) = (number(fields.counter)?, number(fields.time)?);
        let to = fields.to;
        if to != self.shared.user && !(self.datagrams && to == EVERYBODY) {
            return Err(SecurityError::Misdirected(
                format!("it is for `{to}`").into(),
            ));
        }
        let for_us = match self.datagrams {
            true => fields.peer.is_empty(),
            false => fields.peer == self.id,
        };
        if !for_us {
            let text = "it was made for another connection";
            return Err(SecurityError::Replayed(text.into()));
        }
        let mut peer = lock(&self.peer);
        if self.datagrams {
            let now = self.shared.now();
            let mut sessions = lock(&self.shared.sessions);
            sessions.take(fields.user, fields.session, counter, time, now)?;
            drop(sessions);
            // Another program may have got the address.
            peer.is = Some((fields.user.to_owned(), fields.session.to_owned()));
        } else {
            peer.becomes(fields.user, fields.session)?;
            if counter <= peer.last {
                let text = "it was received before, or was overtaken";
                return Err(SecurityError::Replayed(text.into()));
            }
            peer.last = counter;
        }
        // Roles may have changed with the file.
        match &peer.secinfo {
            Some(same) if **same == known => Ok(Arc::clone(same)),
            _ => Ok(Arc::clone(peer.secinfo.insert(Arc::new(known)))),
        }
    }
}

impl Peer {
    /// Who the peer is, from now on.
    fn becomes(&mut self, user: &str, session: &str) -> Result<(), SecurityError> {
        match &self.is {
            Some((is, at)) if is == user && at == session => Ok(()),
            Some((is, _)) => {
                let text = format!("this connection belongs to another session of `{is}`");
                Err(SecurityError::Misdirected(text.into()))
            }
            None => {
                self.is = Some((user.to_owned(), session.to_owned()));
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
            ("user".to_owned(), self.shared.user.clone()),
            ("session".to_owned(), self.id.clone()),
        ]);
        vec![Telegram::Plain(Some(header), HELLO.to_vec())]
    }

    fn seal<'a>(&self, payload: &'a [u8]) -> Result<Sealed<'a>, BoxError> {
        if self.id.is_empty() {
            return Err("the system has no random numbers".into());
        }
        let peer = lock(&self.peer).is.clone();
        let (to, session) = match (peer, &self.shared.to) {
            _ if self.everybody => (EVERYBODY.to_owned(), String::new()),
            (Some((user, _)), _) if self.datagrams => (user, String::new()),
            (Some(peer), _) => peer,
            (None, Some(to)) if self.datagrams => (to.clone(), String::new()),
            _ => {
                let text = "nobody knows who is there; say whom to talk to by `to=<user>`";
                return Err(SecurityError::Refused(text.into()).into());
            }
        };
        let keys = self.shared.keys.current();
        let key = self.shared.signing_key(&keys, &to)?;
        let mut counter = lock(&self.counter);
        *counter += 1;
        let fields = Fields {
            user: &self.shared.user,
            to: &to,
            session: &self.id,
            peer: &session,
            counter: &counter.to_string(),
            time: &self.shared.now().to_string(),
        };
        let header = fields.header(fields.mac(key, payload));
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
        if !header.contains_key("mac") {
            return Ok(self.hello(header, &payload)?);
        }
        let known = self.check(&payload, header)?;
        Ok(Opened::Message(payload, known))
    }
}

/// 16 random bytes as hexadecimal digits.
fn random_id() -> String {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Err(error) => {
            tracing::error!("no random numbers: {error}");
            String::new()
        }
    }
}
