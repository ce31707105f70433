//! Streams: a handshake of the Noise protocol (revision 34), and messages in its order.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};

use base64_simd::STANDARD;
use snow::{Builder, HandshakeState, StatelessTransportState};

use super::super::SecInfo;
use super::super::fields::{Said, random_id};
use super::super::header::Header;
use super::super::keys::{Key, Keys, is_name, now_micros};
use super::super::parties::{Parties, expired, seconds};
use super::super::session::{Opened, Outgoing, Sealed, SecuritySession, Telegram};
use super::{PROTOCOL, broken, decode, decode_to, derive, not_sealed};
use crate::base::error::BoxError;
use crate::base::scratch::with_scratch;
use crate::base::security::SecurityError;
use crate::base::sync::lock;

/// Says who is there. A notification, so that nobody answers who knows nothing of all this.
const HELLO: &[u8] = br#"{"jsonrpc":"2.0","method":"rpc.hello","params":{}}"#;
/// For sides with a pair of keys each.
const PAIRS: &str = "Noise_XX_25519_ChaChaPoly_SHA256";
/// For sides that share a key.
const SHARED: &str = "Noise_NNpsk0_25519_ChaChaPoly_SHA256";
/// A message of Noise has at most so many bytes (its section 3).
const LARGEST: usize = 65_535;
/// What Noise adds, and a byte of ours that says whether more parts follow.
pub(super) const OVERHEAD: usize = 16 + 1;
/// A larger message is sealed in parts.
pub(super) const PART: usize = LARGEST - OVERHEAD;
/// The base64 of a whole part, which is that of three bytes after the other, so that what is encoded
/// part by part is as if it had been encoded at once.
const TEXT: usize = LARGEST / 3 * 4;
const _: () = assert!(LARGEST.is_multiple_of(3) && PART + OVERHEAD == LARGEST);
const MORE: u8 = 0;
const LAST: u8 = 1;

/// What is kept for one peer.
pub(super) struct Session {
    parties: Arc<Parties>,
    /// New for each connection.
    id: String,
    /// Guards how far the greeting is, and what was received; last but for the pass and the
    /// keys in the lock order.
    stage: Mutex<Stage>,
    /// The keys of the connection, when they are agreed on.
    channel: OnceLock<StatelessTransportState>,
    /// Guards why the peer may be here, from then on; last but for the keys in the lock order.
    pass: Mutex<Option<Pass>>,
    /// Guards the number of parts that were sealed; a leaf in the lock order.
    sent: Mutex<u64>,
}

enum Stage {
    /// Nobody is there yet.
    Nobody,
    /// The handshake goes on: one for each key that the peer may have.
    Handshake(Vec<(HandshakeState, Who)>),
    /// It is over, and so many parts were received.
    Open(u64),
    /// It has failed, and nothing more is accepted.
    Failed,
}

/// Why a peer may be here.
struct Pass {
    who: Who,
    /// The keys with which that was last checked.
    keys: Arc<Keys>,
    info: Arc<SecInfo>,
    /// When its key expires, in seconds since 1970.
    expires: Option<u64>,
}

/// By what the peer is known.
#[derive(Clone)]
enum Who {
    /// It has a shared key of this user.
    Shares {
        user: String,
        key: [u8; 32],
    },
    /// By the public key of a pair, which the handshake brings.
    Pair,
    Public(Vec<u8>),
}

impl Session {
    pub(super) fn new(parties: Arc<Parties>) -> Self {
        Session {
            parties,
            id: random_id(),
            stage: Mutex::new(Stage::Nobody),
            channel: OnceLock::new(),
            pass: Mutex::default(),
            sent: Mutex::new(0),
        }
    }

    /// The peer says who it is. The one with the greater session begins the handshake, so
    /// that it does not matter who has connected to whom.
    fn hello(
        &self,
        stage: &mut Stage,
        before: &Stage,
        said: &Said<'_>,
        payload: &[u8],
    ) -> Result<Vec<Telegram>, SecurityError> {
        let user = said.user.filter(|user| is_name(user));
        let session = said.session.filter(|session| is_name(session));
        let (Some(user), Some(session), HELLO) = (user, session, payload) else {
            return Err(SecurityError::InvalidSignature(
                "the message is not sealed".into(),
            ));
        };
        if !matches!(before, Stage::Nobody) {
            return Err(SecurityError::Replayed("a second greeting".into()));
        }
        self.parties.check_user(user)?;
        let us = (&*self.parties.user, &*self.id);
        let (initiates, [one, two]) = match session.cmp(&self.id) {
            Ordering::Less => (true, [us, (user, session)]),
            Ordering::Greater => (false, [(user, session), us]),
            Ordering::Equal => {
                let text = "it is our own greeting";
                return Err(SecurityError::Misdirected(text.into()));
            }
        };
        // Both sides have seen the same names and sessions, or the handshake fails.
        let prologue = format!("{PROTOCOL}\n{}\n{}\n{}\n{}\n", one.0, one.1, two.0, two.1);
        let now = now_micros();
        let keys = self.parties.keys(now);
        let mut handshakes = Vec::new();
        for who in self.possible(&keys, user, initiates, now)? {
            let noise = start(&keys, &who, initiates, &prologue);
            handshakes.push((noise.map_err(|error| failed(&error))?, who));
        }
        let mut answers = Vec::new();
        if initiates && let Some((noise, _)) = handshakes.first_mut() {
            answers.push(next(noise)?);
        }
        *stage = Stage::Handshake(handshakes);
        Ok(answers)
    }

    /// The keys that the peer may have: one for who begins.
    fn possible(
        &self,
        keys: &Keys,
        user: &str,
        initiates: bool,
        now: u64,
    ) -> Result<Vec<Who>, SecurityError> {
        let shares = |key| Who::Shares {
            user: user.to_owned(),
            key: derive(key, "psk"),
        };
        if keys.private().is_some() {
            return Ok(vec![Who::Pair]);
        }
        if initiates {
            return Ok(vec![shares(self.parties.key_for(keys, user, now)?)]);
        }
        let candidates = self.parties.candidates(keys, user)?;
        match candidates.is_empty() {
            true => Err(SecurityError::UnknownUser(user.into())),
            false => Ok(candidates.iter().map(shares).collect()),
        }
    }

    /// What lets a peer be here, if anything does.
    fn admit(&self, keys: Arc<Keys>, who: Who, now: u64) -> Result<Pass, SecurityError> {
        let (info, expires) = match &who {
            Who::Shares { user, key } => {
                let candidates = self.parties.candidates(&keys, user)?;
                let own = keys.user(&self.parties.user);
                let own = own.map_or(&[][..], |ourselves| &ourselves.keys);
                let fits = |one: &&Key| derive(one, "psk") == *key;
                let key = candidates.iter().chain(own).find(fits);
                let key = key.ok_or_else(|| broken(user))?;
                Parties::check_age(key, user, now)?;
                (Parties::known(&keys, user), key.expires())
            }
            Who::Public(public) => {
                let Some((user, known)) = keys.owner(public) else {
                    let text = format!("with the public key {}", STANDARD.encode_to_string(public));
                    return Err(SecurityError::UnknownUser(text.into()));
                };
                self.parties.check_user(user)?;
                (known.info(user), None)
            }
            Who::Pair => return Err(broken("?")),
        };
        Ok(Pass {
            who,
            keys,
            info: Arc::new(info),
            expires,
        })
    }

    /// What is known of the peer, as long as it may be here: keys are taken away, and expire.
    fn info(&self) -> Result<Arc<SecInfo>, SecurityError> {
        let mut pass = lock(&self.pass);
        let Some(before) = pass.as_ref() else {
            return Err(SecurityError::Refused("the greeting is not over".into()));
        };
        let now = now_micros();
        let keys = self.parties.keys(now);
        if !Arc::ptr_eq(&keys, &before.keys) {
            let who = before.who.clone();
            let admitted = self.admit(keys, who, now)?;
            return Ok(Arc::clone(&pass.insert(admitted).info));
        }
        if before
            .expires
            .is_some_and(|expires| expires <= seconds(now))
        {
            return Err(expired(before.info.get("user").map_or("", String::as_str)));
        }
        Ok(Arc::clone(&before.info))
    }

    /// A message of the handshake.
    fn handshake(
        &self,
        stage: &mut Stage,
        mut handshakes: Vec<(HandshakeState, Who)>,
        message: &[u8],
    ) -> Result<Vec<Telegram>, SecurityError> {
        let mut buffer = vec![0; message.len()];
        let fits = |(noise, _): &mut (HandshakeState, Who)| {
            // Nothing is in the message but the handshake itself.
            matches!(noise.read_message(message, &mut buffer), Ok(0))
        };
        let Some(place) = handshakes.iter_mut().position(fits) else {
            let text = "the handshake fails: the two sides have different keys, or keys of \
                        different kinds";
            return Err(SecurityError::InvalidSignature(text.into()));
        };
        let (mut noise, mut who) = handshakes.swap_remove(place);
        let now = now_micros();
        let keys = self.parties.keys(now);
        if let (Who::Pair, Some(public)) = (&who, noise.get_remote_static()) {
            who = Who::Public(public.to_vec());
            // Before we say more of ourselves.
            self.admit(Arc::clone(&keys), who.clone(), now)?;
        }
        let mut answers = Vec::new();
        if !noise.is_handshake_finished() {
            answers.push(next(&mut noise)?);
        }
        if !noise.is_handshake_finished() {
            *stage = Stage::Handshake(vec![(noise, who)]);
            return Ok(answers);
        }
        let pass = self.admit(keys, who, now)?;
        let channel = noise.into_stateless_transport_mode();
        let channel = channel.map_err(|error| failed(&error))?;
        if self.channel.set(channel).is_err() {
            return Err(SecurityError::Replayed("a second handshake".into()));
        }
        *lock(&self.pass) = Some(pass);
        *stage = Stage::Open(0);
        // Shows the peer that we have the keys, as its own shows us.
        answers.push(Telegram::Sealed(Vec::new()));
        Ok(answers)
    }

    /// Makes of sealed parts the message, in `plain`.
    fn unseal<'a>(
        &self,
        received: &mut u64,
        text: &[u8],
        plain: &'a mut Vec<u8>,
    ) -> Result<(&'a [u8], Arc<SecInfo>), SecurityError> {
        let info = self.info()?;
        let user = info.get("user").map_or("", String::as_str);
        let channel = self.channel.get().ok_or_else(|| broken(user))?;
        let mut parts = text.chunks(TEXT).peekable();
        if parts.peek().is_none() {
            return Err(broken(user));
        }
        plain.clear();
        plain.push(0);
        with_scratch(|sealed| {
            while let Some(part) = parts.next() {
                sealed.clear();
                decode_to(part, sealed)?;
                let expected = match parts.peek() {
                    Some(_) if sealed.len() == LARGEST => MORE,
                    Some(_) => return Err(not_sealed()),
                    None => LAST,
                };
                // Its kind comes over the last byte of what was before, which is put back then.
                let start = plain.len() - 1;
                let last = plain.get(start).copied().unwrap_or_default();
                plain.resize(start + sealed.len().max(1), 0);
                let room = plain.get_mut(start..).unwrap_or_default();
                let size = channel
                    .read_message(*received, sealed, room)
                    .map_err(|_| broken(user))?;
                *received += 1;
                match room.first_mut() {
                    Some(kind) if size > 0 && *kind == expected => *kind = last,
                    _ => return Err(broken(user)),
                }
                plain.truncate(start + size);
            }
            Ok(())
        })?;
        Ok((plain.get(1..).unwrap_or_default(), info))
    }

    /// Appends a message in sealed parts.
    fn seal_parts(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), BoxError> {
        self.info()?;
        let channel = self.channel.get().ok_or("the greeting is not over")?;
        let mut sent = lock(&self.sent);
        let count = payload.len().div_ceil(PART).max(1);
        // And what ends it.
        out.reserve((payload.len() + count * OVERHEAD).div_ceil(3) * 4 + 16);
        let largest = payload.len().min(PART) + OVERHEAD;
        with_scratch(|room| {
            room.resize(2 * largest, 0);
            let (part, sealed) = room.split_at_mut(largest);
            for number in 1..=count {
                let from = (number - 1) * PART;
                let to = payload.len().min(from + PART);
                let bytes = payload.get(from..to).unwrap_or_default();
                let part = part.get_mut(..=bytes.len()).unwrap_or_default();
                let Some((kind, rest)) = part.split_first_mut() else {
                    return Err("there is no room".into());
                };
                *kind = if number < count { MORE } else { LAST };
                rest.copy_from_slice(bytes);
                let size = channel
                    .write_message(*sent, part, sealed)
                    .map_err(|error| error.to_string())?;
                *sent += 1;
                STANDARD.encode_append(sealed.get(..size).unwrap_or_default(), out);
            }
            Ok(())
        })
    }

    fn opened<'a>(
        &self,
        payload: &[u8],
        said: Option<Said<'_>>,
        room: &'a mut Vec<u8>,
    ) -> Result<Opened<'a>, BoxError> {
        if self.id.is_empty() {
            return Err("the system has no random numbers".into());
        }
        let mut stage = lock(&self.stage);
        // What fails leaves it so.
        let before = std::mem::replace(&mut *stage, Stage::Failed);
        if let Some(said) = said {
            let answers = self.hello(&mut stage, &before, &said, payload)?;
            return Ok(Opened::Greeting(answers));
        }
        match before {
            Stage::Handshake(handshakes) => {
                let message = decode(payload)?;
                let answers = self.handshake(&mut stage, handshakes, &message)?;
                Ok(Opened::Greeting(answers))
            }
            Stage::Open(mut received) => {
                let (plain, info) = self.unseal(&mut received, payload, room)?;
                *stage = Stage::Open(received);
                Ok(Opened::Message(Cow::Borrowed(plain), info))
            }
            Stage::Nobody | Stage::Failed => {
                decode(payload)?;
                Err(SecurityError::InvalidSignature(
                    "the message comes before the greeting, or after it has failed".into(),
                )
                .into())
            }
        }
    }
}

/// The first state of a handshake.
fn start(
    keys: &Keys,
    who: &Who,
    initiates: bool,
    prologue: &str,
) -> Result<HandshakeState, snow::Error> {
    let pattern = match who {
        Who::Shares { .. } => SHARED,
        Who::Pair | Who::Public(_) => PAIRS,
    };
    let mut builder = Builder::new(pattern.parse()?).prologue(prologue.as_bytes())?;
    if let Who::Shares { key, .. } = who {
        builder = builder.psk(0, key)?;
    } else if let Some(private) = keys.private() {
        builder = builder.local_private_key(private)?;
    }
    match initiates {
        true => builder.build_initiator(),
        false => builder.build_responder(),
    }
}

/// The next message of a handshake.
fn next(noise: &mut HandshakeState) -> Result<Telegram, SecurityError> {
    // The longest has two keys and two tags.
    let mut message = [0; 256];
    let size = noise
        .write_message(&[], &mut message)
        .map_err(|error| failed(&error))?;
    let text = STANDARD.encode_to_string(message.get(..size).unwrap_or_default());
    Ok(Telegram::Plain(None, text.into_bytes()))
}

fn failed(error: &snow::Error) -> SecurityError {
    SecurityError::Refused(format!("the handshake fails: {error}").into())
}

impl SecuritySession for Session {
    fn greets(&self) -> bool {
        true
    }

    fn greeting(&self) -> Vec<Telegram> {
        let header = SecInfo::from([
            ("user".to_owned(), self.parties.user.clone()),
            ("session".to_owned(), self.id.clone()),
        ]);
        vec![Telegram::Plain(Some(header), HELLO.to_vec())]
    }

    /// A message that is missing or changed makes all that follow it unreadable.
    fn ends_with_refusal(&self) -> bool {
        true
    }

    fn seal<'a>(&self, payload: &'a [u8]) -> Result<Sealed<'a>, BoxError> {
        let mut text = Vec::new();
        self.seal_parts(payload, &mut text)?;
        Ok((None, Cow::Owned(text)))
    }

    fn open<'a>(
        &self,
        payload: Cow<'a, [u8]>,
        header: Option<&SecInfo>,
    ) -> Result<Opened<'a>, BoxError> {
        let mut room = Vec::new();
        Ok(
            match self.opened(&payload, header.map(Said::of_map), &mut room)? {
                Opened::Message(plain, info) => {
                    Opened::Message(Cow::Owned(plain.into_owned()), info)
                }
                Opened::Greeting(answers) => Opened::Greeting(answers),
            },
        )
    }

    fn seal_to(&self, payload: &[u8], out: &mut dyn Outgoing) -> Result<(), BoxError> {
        self.seal_parts(payload, out.message())
    }

    fn open_in<'a>(
        &self,
        payload: &'a [u8],
        header: Option<&Header>,
        room: &'a mut Vec<u8>,
    ) -> Result<Opened<'a>, BoxError> {
        let said = header.map(Said::of_header);
        self.opened(payload, said, room)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("parties", &self.parties)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
