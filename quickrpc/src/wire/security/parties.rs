//! Who talks to whom, and with which keys: what providers with keys have in common.

use std::sync::{Arc, Mutex};

use super::SecInfo;
use super::fields::{EVERYBODY, Fields};
use super::keys::{Key, KeyStore, Keys, check_name, info, now_micros};
use super::replay::Sessions;
use crate::base::error::{Error, Result};
use crate::base::security::SecurityError;
use crate::base::sync::lock;
use crate::expr::KeySource;

/// One side, as a provider was told.
#[derive(Debug)]
pub(super) struct Parties {
    /// Who we are.
    pub(super) user: String,
    /// Whom we talk to; anybody with a key if it is not said.
    pub(super) to: Option<String>,
    store: KeyStore,
    /// Whose datagrams came. Guards itself; a leaf in the lock order.
    sessions: Mutex<Sessions>,
}

impl Parties {
    pub(super) fn open(user: &str, source: KeySource) -> Result<Self> {
        check_name(user).map_err(|why| Error::Config(why.into()))?;
        Ok(Parties {
            user: user.to_owned(),
            to: None,
            store: KeyStore::open(source, user)?,
            sessions: Mutex::new(Sessions::new(now_micros())),
        })
    }

    /// The same, for talking to this user only.
    pub(super) fn to(self, user: &str) -> Result<Self> {
        check_name(user).map_err(|why| Error::Config(why.into()))?;
        if user == self.user {
            let text = format!("`{user}` cannot talk to itself: two sides have two names");
            return Err(Error::Config(text.into()));
        }
        let to = Some(user.to_owned());
        Ok(Parties { to, ..self })
    }

    pub(super) fn source(&self) -> &KeySource {
        self.store.source()
    }

    /// The keys as they are now. Times are in microseconds since 1970 here, so that the clock is looked
    /// at once for a message.
    pub(super) fn keys(&self, now: u64) -> Arc<Keys> {
        self.store.current(now)
    }

    /// The key for messages to this user: ours if we have one, else that of the user.
    pub(super) fn key_for<'k>(
        &self,
        keys: &'k Keys,
        to: &str,
        now: u64,
    ) -> Result<&'k Key, SecurityError> {
        let owner = match keys.user(&self.user) {
            Some(ourselves) if !ourselves.keys.is_empty() => &self.user,
            _ => to,
        };
        keys.current(owner, seconds(now))
            .ok_or_else(|| match keys.user(owner) {
                None if owner == EVERYBODY => {
                    let user = &self.user;
                    let text = format!(
                        "a message to everybody is signed with a key of one's own, and `{user}` has \
                         none: put one into `[users.{user}]`, here and where it is heard"
                    );
                    SecurityError::Refused(text.into())
                }
                Some(_) => SecurityError::Expired(format!("all keys of `{owner}`").into()),
                None => SecurityError::UnknownUser(owner.into()),
            })
    }

    /// The keys that a message of this user may have.
    pub(super) fn candidates<'k>(
        &self,
        keys: &'k Keys,
        user: &str,
    ) -> Result<&'k [Key], SecurityError> {
        // Whoever has our own key speaks for somebody whom we do not know otherwise.
        let owner = keys.user(user).or_else(|| keys.user(&self.user));
        let owner = owner.ok_or_else(|| SecurityError::UnknownUser(user.into()))?;
        Ok(&owner.keys)
    }

    /// What is known of a user whose message has one of those keys; who is not among the users
    /// has no roles.
    pub(super) fn known(keys: &Keys, user: &str) -> SecInfo {
        keys.user(user)
            .map_or_else(|| info(user, ""), |known| known.info(user))
    }

    /// A message fits this key of a user; it may be too old.
    pub(super) fn check_age(key: &Key, user: &str, now: u64) -> Result<(), SecurityError> {
        match key.is_expired(seconds(now)) {
            true => Err(expired(user)),
            false => Ok(()),
        }
    }

    /// Whether this user may talk to us.
    pub(super) fn check_user(&self, user: &str) -> Result<(), SecurityError> {
        let text = match &self.to {
            _ if user == self.user => format!("it comes from `{user}`, which is our own name"),
            Some(expected) if expected != user => {
                format!("it comes from `{user}`, not from `{expected}`")
            }
            _ => return Ok(()),
        };
        Err(SecurityError::Misdirected(text.into()))
    }

    /// Whether an authentic message is for us.
    pub(super) fn check_receiver(&self, to: &str, datagrams: bool) -> Result<(), SecurityError> {
        if to == self.user || (datagrams && to == EVERYBODY) {
            return Ok(());
        }
        Err(SecurityError::Misdirected(
            format!("it is for `{to}`").into(),
        ))
    }

    /// Takes an authentic datagram for us, if it is the first time and not too late.
    pub(super) fn take_datagram(&self, fields: &Fields<'_>, now: u64) -> Result<(), SecurityError> {
        if !fields.peer.is_empty() {
            let text = "it was made for another connection";
            return Err(SecurityError::Replayed(text.into()));
        }
        let (counter, time) = (fields.counter()?, fields.time()?);
        let mut sessions = lock(&self.sessions);
        sessions.take(fields.user, fields.session, counter, time, now)
    }
}

pub(super) fn expired(user: &str) -> SecurityError {
    SecurityError::Expired(format!("the key of `{user}`").into())
}

pub(super) fn seconds(micros: u64) -> u64 {
    micros / 1_000_000
}
