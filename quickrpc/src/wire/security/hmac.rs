//! Signed messages: HMAC-SHA-256 (RFC 2104, FIPS 180-4) under the key of a user.
//!
//! `docs/security.md` has the exact bytes, and says why they are what they are.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use super::fields::{self, EVERYBODY, Fields, Said, is_field, random_id};
use super::header::Header;
use super::keys::{Key, Keys, is_name, now_micros};
use super::parties::{Parties, seconds};
use super::session::{
    Opened, Outgoing, PeerContext, Sealed, SecuritySession, Telegram, signed_map,
};
use super::signature::Begun;
use super::{SecInfo, Security};
use crate::base::error::{BoxError, Result};
use crate::base::security::SecurityError;
use crate::base::sync::lock;
use crate::expr::{KeySource, SecurityExpr};

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
        // What was read already, if nobody else has it: a pipe is read once.
        let parties = Arc::try_unwrap(self.parties)
            .or_else(|shared| Parties::open(&shared.user, shared.source().clone()))?;
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
            signing: Mutex::default(),
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
    /// Guards what was signed; before `peer` in the lock order.
    signing: Mutex<Signing>,
}

#[derive(Debug, Default)]
struct Peer {
    /// Its name and its session: as it says, until somebody is vouched for.
    is: Option<Arc<(String, String)>>,
    greeted: bool,
    /// The highest counter.
    last: u64,
    vouched: Option<Arc<Vouched>>,
}

/// Who has signed a message.
#[derive(Debug)]
struct Vouched {
    is: Arc<(String, String)>,
    /// The keys that say so.
    keys: Arc<Keys>,
    /// When the one that fitted expires, in seconds since 1970.
    expires: Option<u64>,
    /// With that key, for the next message.
    begun: Begun,
    info: Arc<SecInfo>,
}

#[derive(Debug, Default)]
struct Signing {
    /// The number of messages that were signed.
    counter: u64,
    ready: Option<Ready>,
}

/// What all messages to a peer have in common.
#[derive(Debug)]
struct Ready {
    keys: Arc<Keys>,
    /// When the key expires, in seconds since 1970.
    expires: Option<u64>,
    begun: Begun,
    /// Whom they are for, and its session.
    to: String,
    peer: String,
}

fn is_over(expires: Option<u64>, now: u64) -> bool {
    expires.is_some_and(|expires| expires <= seconds(now))
}

impl Session {
    /// The beginning of a greeting, which is not signed, and after which nothing happens but
    /// that we sign a message without meaning.
    fn hello(&self, said: &Said<'_>, payload: &[u8]) -> Result<Opened<'static>, SecurityError> {
        let unsigned = || SecurityError::InvalidSignature("the message is not signed".into());
        if self.datagrams || payload != HELLO {
            return Err(unsigned());
        }
        let user = said.user.filter(|user| is_name(user));
        let session = said.session.filter(|session| is_name(session));
        let (Some(user), Some(session)) = (user, session) else {
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

    /// Who has signed this, if it is as the messages before it; whether it is the right time for it
    /// has to be seen. `None`: it has to be looked at in full.
    fn as_before(
        &self,
        keys: &Arc<Keys>,
        said: &Said<'_>,
        payload: &[u8],
        now: u64,
    ) -> Option<Arc<Vouched>> {
        let vouched = lock(&self.peer).vouched.clone()?;
        let (user, session) = &*vouched.is;
        let same = !self.datagrams
            && said.user == Some(user)
            && said.session == Some(session)
            && said.to == Some(&self.parties.user)
            && said.peer == Some(&self.id)
            && Arc::ptr_eq(&vouched.keys, keys)
            && !is_over(vouched.expires, now);
        let (counter, time) = (said.counter?, said.time?);
        (same
            && is_field(counter)
            && is_field(time)
            && vouched.begun.fits(counter, time, payload, said.mac?))
        .then_some(vouched)
    }

    /// Checks that a message was signed by the user that it names.
    fn verify(
        &self,
        keys: &Arc<Keys>,
        fields: &Fields<'_>,
        mac: &str,
        payload: &[u8],
        now: u64,
    ) -> Result<Vouched, SecurityError> {
        let user = fields.user;
        self.parties.check_user(user)?;
        let mut candidates = self.parties.candidates(keys, user)?.iter();
        let fits = |key: &Key| {
            let begun = Begun::new(key, fields);
            let fits = begun.fits(fields.counter, fields.time, payload, mac);
            fits.then_some(begun)
        };
        let Some((key, begun)) = candidates.find_map(|key| Some((key, fits(key)?))) else {
            let text = format!("not by a key of `{user}`");
            return Err(SecurityError::InvalidSignature(text.into()));
        };
        Parties::check_age(key, user, now)?;
        Ok(Vouched {
            is: Arc::new((user.to_owned(), fields.session.to_owned())),
            keys: Arc::clone(keys),
            expires: key.expires(),
            begun,
            // Roles may have changed with the file.
            info: Arc::new(Parties::known(keys, user)),
        })
    }

    fn check(&self, payload: &[u8], said: &Said<'_>) -> Result<Arc<SecInfo>, SecurityError> {
        let now = now_micros();
        let keys = self.parties.keys(now);
        if let Some(vouched) = self.as_before(&keys, said, payload, now) {
            lock(&self.peer).counts(said.counter.unwrap_or_default())?;
            return Ok(Arc::clone(&vouched.info));
        }
        let fields = said.checked()?;
        let mac = said.mac.unwrap_or_default();
        let mut vouched = self.verify(&keys, &fields, mac, payload, now)?;
        self.parties.check_receiver(fields.to, self.datagrams)?;
        let mut peer = lock(&self.peer);
        if self.datagrams {
            self.parties.take_datagram(&fields, now)?;
            // Another program may have got the address.
            peer.is = Some(Arc::clone(&vouched.is));
        } else {
            if fields.peer != self.id {
                let text = "it was made for another connection";
                return Err(SecurityError::Replayed(text.into()));
            }
            peer.becomes(fields.user, fields.session)?;
            peer.counts(fields.counter)?;
        }
        if let Some(before) = &peer.vouched
            && before.info == vouched.info
        {
            vouched.info = Arc::clone(&before.info);
        }
        let info = Arc::clone(&vouched.info);
        peer.vouched = Some(Arc::new(vouched));
        Ok(info)
    }

    fn opened<'a>(
        &self,
        payload: Cow<'a, [u8]>,
        said: Option<Said<'_>>,
    ) -> Result<Opened<'a>, BoxError> {
        let Some(said) = said else {
            let text = "the message is not signed";
            return Err(SecurityError::InvalidSignature(text.into()).into());
        };
        if self.id.is_empty() {
            return Err("the system has no random numbers".into());
        }
        if said.mac.is_none() {
            return Ok(self.hello(&said, &payload)?);
        }
        let known = self.check(&payload, &said)?;
        // Without a meaning in any codec.
        let payload = match *payload == *HELLO_ANSWER {
            true => Cow::Borrowed(&[][..]),
            false => payload,
        };
        Ok(Opened::Message(payload, known))
    }

    /// What the messages from now on have in common.
    fn ready(&self, keys: Arc<Keys>, now: u64) -> Result<Ready, BoxError> {
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
        let key = self.parties.key_for(&keys, to, now)?;
        let fields = Fields {
            user: &self.parties.user,
            to,
            session: &self.id,
            peer: session,
            counter: "",
            time: "",
        };
        Ok(Ready {
            expires: key.expires(),
            begun: Begun::new(key, &fields),
            to: to.to_owned(),
            peer: session.to_owned(),
            keys,
        })
    }

    /// Signs a message, and hands on what its header says, in the order of its names.
    fn signed<R>(&self, payload: &[u8], then: impl FnOnce(&[&str; 7]) -> R) -> Result<R, BoxError> {
        if self.id.is_empty() {
            return Err("the system has no random numbers".into());
        }
        let now = now_micros();
        let keys = self.parties.keys(now);
        let mut signing = lock(&self.signing);
        let Signing { counter, ready } = &mut *signing;
        // Who is there at an address may change, and on a stream never does.
        let still = |ready: &Ready| {
            !self.datagrams && Arc::ptr_eq(&ready.keys, &keys) && !is_over(ready.expires, now)
        };
        if !ready.as_ref().is_some_and(still) {
            *ready = None;
        }
        let ready = match ready {
            Some(ready) => ready,
            None => ready.insert(self.ready(keys, now)?),
        };
        *counter += 1;
        let (mut digits, mut time) = (itoa::Buffer::new(), itoa::Buffer::new());
        let (counter, time) = (digits.format(*counter), time.format(now));
        let mac = ready.begun.sign(counter, time, payload);
        Ok(then(&[
            counter,
            mac.text(),
            &ready.peer,
            &self.id,
            time,
            &ready.to,
            &self.parties.user,
        ]))
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

    /// Counts a message, of which this is the counter.
    fn counts(&mut self, counter: &str) -> Result<(), SecurityError> {
        let counter = fields::counter(counter)?;
        if counter <= self.last {
            let text = "it was received before, or was overtaken";
            return Err(SecurityError::Replayed(text.into()));
        }
        self.last = counter;
        Ok(())
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
        let header = self.signed(payload, signed_map)?;
        Ok((Some(header), Cow::Borrowed(payload)))
    }

    fn open<'a>(
        &self,
        payload: Cow<'a, [u8]>,
        header: Option<&SecInfo>,
    ) -> Result<Opened<'a>, BoxError> {
        self.opened(payload, header.map(Said::of_map))
    }

    fn seal_to(&self, payload: &[u8], out: &mut dyn Outgoing) -> Result<(), BoxError> {
        self.signed(payload, |fields| out.signed(fields))??;
        out.message().extend_from_slice(payload);
        Ok(())
    }

    fn open_in<'a>(
        &self,
        payload: &'a [u8],
        header: Option<&Header>,
        _room: &'a mut Vec<u8>,
    ) -> Result<Opened<'a>, BoxError> {
        let said = header.map(Said::of_header);
        self.opened(Cow::Borrowed(payload), said)
    }
}
