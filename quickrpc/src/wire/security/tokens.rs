//! Users who show their secrets, as HTTP has it: `Basic` with a name (RFC 7617), `Bearer` without
//! (RFC 6750). For connections that nobody else can read.

use std::fmt;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::keys::{Key, KeyStore, Keys, decode_secret, now_micros};
use super::{SecInfo, SecurityError};
use crate::base::error::Result;
use crate::base::sync::lock;
use crate::expr::KeySource;
use crate::wire::met::Vouched;

/// What is signed with a secret to compare it with another one, in a time that depends on neither.
const PROBE: &[u8] = b"who shows this secret";

/// Whose secrets are known.
#[derive(Debug)]
pub(crate) struct Tokens(Arc<KeyStore>);

/// Somebody who has shown a secret, for as long as that is one of his.
#[derive(Debug)]
pub(crate) struct Guest {
    store: Arc<KeyStore>,
    user: Arc<str>,
    secret: Secret,
    /// Guards why he may be here; last but for the keys in the lock order.
    pass: Mutex<Pass>,
}

/// Why somebody may be here.
#[derive(Debug)]
struct Pass {
    /// The keys with which that was last checked.
    keys: Arc<Keys>,
    info: Arc<SecInfo>,
    /// When the secret expires, in seconds since 1970.
    expires: Option<u64>,
}

impl Vouched for Guest {
    fn info(&self) -> std::result::Result<Arc<SecInfo>, SecurityError> {
        let micros = now_micros();
        let now = micros / 1_000_000;
        let keys = self.store.current(micros);
        let mut pass = lock(&self.pass);
        if !Arc::ptr_eq(&keys, &pass.keys) {
            let user = keys.user(&self.user);
            let user = user.ok_or_else(|| SecurityError::UnknownUser(Arc::clone(&self.user)))?;
            let key = self.secret.key_of(&user.keys, now).ok_or_else(|| {
                let text = format!(
                    "what `{}` has shown is no key of that user any more",
                    self.user
                );
                SecurityError::Refused(text.into())
            })?;
            let info = user.info(&self.user);
            if info != *pass.info {
                pass.info = Arc::new(info);
            }
            pass.expires = key.expires();
            pass.keys = keys;
        }
        if pass.expires.is_some_and(|expires| expires <= now) {
            let text = format!("the key that `{}` has shown", self.user);
            return Err(SecurityError::Expired(text.into()));
        }
        Ok(Arc::clone(&pass.info))
    }
}

impl Tokens {
    /// Reads a file of keys; it is read again when it has changed.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or others may read it.
    pub(crate) fn open(path: &str) -> Result<Self> {
        KeyStore::open(KeySource::File(path.to_owned()), "").map(|store| Tokens(Arc::new(store)))
    }

    /// Who has sent this `Authorization`.
    ///
    /// # Errors
    ///
    /// Why nobody knows, with nothing of what was sent.
    pub(crate) fn who(&self, authorization: &str) -> std::result::Result<Guest, &'static str> {
        let now = now_micros();
        let keys = self.0.current(now);
        let (user, secret, info, expires) = who(&keys, authorization, now / 1_000_000)?;
        let info = Arc::new(info);
        Ok(Guest {
            store: Arc::clone(&self.0),
            user: user.into(),
            secret,
            pass: Mutex::new(Pass {
                keys,
                info,
                expires,
            }),
        })
    }
}

/// Who has sent this, and shows which secret; what is known of him, and until when, in seconds since
/// 1970.
type Found<'k> = (&'k str, Secret, SecInfo, Option<u64>);

/// Who has sent this, at so many seconds since 1970.
fn who<'k>(
    keys: &'k Keys,
    authorization: &str,
    now: u64,
) -> std::result::Result<Found<'k>, &'static str> {
    let (scheme, shown) = authorization.trim().split_once(' ').unwrap_or_default();
    let shown = shown.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        let secret = Secret::shown(shown).ok_or(UNKNOWN)?;
        let mut known = None;
        // All of them, so that the time tells nothing of the place.
        for (name, user) in keys.users() {
            if let Some(key) = secret.key_of(&user.keys, now) {
                known = Some((name, user.info(name), key.expires()));
            }
        }
        let (name, info, expires) = known.ok_or(UNKNOWN)?;
        return Ok((name, secret, info, expires));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err("`Authorization` has to be `Basic` or `Bearer`");
    }
    let pair = STANDARD.decode(shown).ok();
    let pair = pair.and_then(|pair| String::from_utf8(pair).ok());
    let pair = pair.ok_or("`Basic` is no user and password in base64")?;
    let (name, shown) = pair.split_once(':').ok_or("`Basic` has no password")?;
    let secret = Secret::shown(shown).ok_or(UNKNOWN)?;
    let (name, user) = keys.entry(name).ok_or(UNKNOWN)?;
    let key = secret.key_of(&user.keys, now).ok_or(UNKNOWN)?;
    Ok((name, secret, user.info(name), key.expires()))
}

const UNKNOWN: &str = "nobody is known by that";

/// What somebody shows, as it signs.
struct Secret(Vec<u8>);

impl Secret {
    /// Of its base64, as it stands in the file of keys.
    fn shown(text: &str) -> Option<Self> {
        let secret = decode_secret(text).ok()?;
        let mac = Hmac::<Sha256>::new_from_slice(&secret).ok()?;
        let signed = mac.chain_update(PROBE).finalize().into_bytes();
        Some(Secret(signed.to_vec()))
    }

    /// Which of these it is, if it is one that has not expired.
    fn key_of<'k>(&self, keys: &'k [Key], now: u64) -> Option<&'k Key> {
        let mut keys = keys.iter().filter(|key| !key.is_expired(now));
        keys.find(|key| {
            let mac = key.mac.clone().chain_update(PROBE);
            mac.verify_slice(&self.0).is_ok()
        })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "YWxpY2VhbGljZWFsaWNlYWxpY2U=";
    const BOB: &str = "Ym9iYm9iYm9iYm9iYm9iYm9i";

    #[test]
    fn who_shows_a_secret_is_known() {
        let keys = Keys::parse(&format!(
            "[users.alice]\nkeys = [\"{ALICE}\"]\nroles = [\"admin\"]\n\
             [users.bob]\nkeys = [{{ secret = \"{BOB}\", expires = 2020-01-01 }}]\n"
        ));
        let keys = keys.unwrap();
        let now = now_micros() / 1_000_000;
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        for good in [
            format!("Bearer {ALICE}"),
            format!("bearer   {ALICE} "),
            basic(&format!("alice:{ALICE}")),
        ] {
            let (_, _, info, _) = who(&keys, &good, now).unwrap();
            assert_eq!(info["user"], "alice");
            assert_eq!(info["roles"], "admin");
        }
        for bad in [
            String::new(),
            String::from("Bearer"),
            String::from("Bearer "),
            // Expired.
            format!("Bearer {BOB}"),
            basic(&format!("bob:{BOB}")),
            basic(&format!("alice:{BOB}")),
            basic(&format!("carol:{ALICE}")),
            basic("alice:"),
            basic("alice"),
            format!("Bearer {}", &ALICE[1..]),
            format!("Digest {ALICE}"),
            String::from("Basic %%%"),
        ] {
            let why = who(&keys, &bad, now).err().unwrap();
            assert!(!why.contains(ALICE), "{why}");
        }
        assert!(who(&keys, &format!("Bearer {BOB}"), 0).is_ok());
    }
}
