//! Datagrams, each sealed by itself.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use base64_simd::STANDARD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};

use super::super::SecInfo;
use super::super::fields::{EVERYBODY, Fields, Said, random_id};
use super::super::keys::now_micros;
use super::super::parties::Parties;
use super::super::session::{Opened, Sealed, SecuritySession};
use super::{PROTOCOL, broken, decode, derive};
use crate::base::error::BoxError;
use crate::base::security::SecurityError;
use crate::base::sync::lock;

/// Bytes before and behind the message.
pub(super) const OVERHEAD: usize = NONCE + 16;
const NONCE: usize = 24;

/// What is kept for one address.
#[derive(Debug)]
pub(super) struct Session {
    parties: Arc<Parties>,
    id: String,
    everybody: bool,
    /// Guards who was last heard from there; a leaf in the lock order.
    peer: Mutex<Option<String>>,
    /// Guards the number of messages that were sealed; a leaf in the lock order.
    counter: Mutex<u64>,
}

impl Session {
    pub(super) fn new(parties: Arc<Parties>, everybody: bool) -> Self {
        Session {
            parties,
            id: random_id(),
            everybody,
            peer: Mutex::default(),
            counter: Mutex::new(0),
        }
    }

    fn receiver(&self) -> Result<String, SecurityError> {
        if self.everybody {
            return Ok(EVERYBODY.to_owned());
        }
        let known = lock(&self.peer).clone();
        known.or_else(|| self.parties.to.clone()).ok_or_else(|| {
            let text = "nobody knows who is there; say whom to talk to by `to=<user>`";
            SecurityError::Refused(text.into())
        })
    }

    fn unseal(
        &self,
        text: &[u8],
        header: &SecInfo,
    ) -> Result<(Vec<u8>, Arc<SecInfo>), SecurityError> {
        let fields = Said::of_map(header).checked()?;
        let user = fields.user;
        self.parties.check_user(user)?;
        let sealed = decode(text)?;
        let (nonce, sealed) = sealed.split_at_checked(NONCE).ok_or_else(|| broken(user))?;
        let aad = fields.text(PROTOCOL);
        let payload = Payload {
            msg: sealed,
            aad: aad.as_bytes(),
        };
        let now = now_micros();
        let keys = self.parties.keys(now);
        let candidates = self.parties.candidates(&keys, user)?;
        let mut opened = candidates.iter().filter_map(|key| {
            let cipher = XChaCha20Poly1305::new(&derive(key, "datagram").into());
            let plain = cipher.decrypt(XNonce::from_slice(nonce), payload_of(&payload));
            Some((key, plain.ok()?))
        });
        let (key, plain) = opened.next().ok_or_else(|| broken(user))?;
        Parties::check_age(key, user, now)?;
        self.parties.check_receiver(fields.to, true)?;
        self.parties.take_datagram(&fields, now)?;
        *lock(&self.peer) = Some(user.to_owned());
        Ok((plain, Arc::new(Parties::known(&keys, user))))
    }
}

fn payload_of<'a>(payload: &Payload<'a, 'a>) -> Payload<'a, 'a> {
    Payload {
        msg: payload.msg,
        aad: payload.aad,
    }
}

impl SecuritySession for Session {
    fn seal<'a>(&self, payload: &'a [u8]) -> Result<Sealed<'a>, BoxError> {
        let to = self.receiver()?;
        let now = now_micros();
        let keys = self.parties.keys(now);
        let key = self.parties.key_for(&keys, &to, now)?;
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce)?;
        let counter = {
            let mut counter = lock(&self.counter);
            *counter += 1;
            *counter
        };
        let fields = Fields {
            user: &self.parties.user,
            to: &to,
            session: &self.id,
            peer: "",
            counter: &counter.to_string(),
            time: &now.to_string(),
        };
        let aad = fields.text(PROTOCOL);
        let message = Payload {
            msg: payload,
            aad: aad.as_bytes(),
        };
        let cipher = XChaCha20Poly1305::new(&derive(key, "datagram").into());
        let sealed = cipher
            .encrypt(XNonce::from_slice(&nonce), message)
            .map_err(|_| "the message cannot be encrypted")?;
        let text = STANDARD.encode_to_string([&nonce[..], &sealed].concat());
        Ok((Some(fields.header()), Cow::Owned(text.into_bytes())))
    }

    fn open<'a>(
        &self,
        payload: Cow<'a, [u8]>,
        header: Option<&SecInfo>,
    ) -> Result<Opened<'a>, BoxError> {
        let Some(header) = header else {
            let text = "the message is not sealed";
            return Err(SecurityError::InvalidSignature(text.into()).into());
        };
        let (plain, info) = self.unseal(&payload, header)?;
        Ok(Opened::Message(Cow::Owned(plain), info))
    }
}
