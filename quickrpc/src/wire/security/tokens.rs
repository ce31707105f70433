//! Users who show their secrets, as HTTP has it: `Basic` with a name (RFC 7617), `Bearer` without
//! (RFC 6750). For connections that nobody else can read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::SecInfo;
use super::keys::{Key, KeyStore, Keys, decode_secret, now_micros};
use crate::base::error::Result;
use crate::expr::KeySource;

/// What is signed with a secret to compare it with another one, in a time that depends on neither.
const PROBE: &[u8] = b"who shows this secret";

/// Whose secrets are known.
#[derive(Debug)]
pub(crate) struct Tokens(KeyStore);

impl Tokens {
    /// Reads a file of keys; it is read again when it has changed.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or others may read it.
    pub(crate) fn open(path: &str) -> Result<Self> {
        KeyStore::open(KeySource::File(path.to_owned()), "").map(Tokens)
    }

    /// Who has sent this `Authorization`.
    ///
    /// # Errors
    ///
    /// Why nobody knows, with nothing of what was sent.
    pub(crate) fn who(&self, authorization: &str) -> std::result::Result<SecInfo, &'static str> {
        let now = now_micros();
        who(&self.0.current(now), authorization, now / 1_000_000)
    }
}

/// Who has sent this, at so many seconds since 1970.
fn who(keys: &Keys, authorization: &str, now: u64) -> std::result::Result<SecInfo, &'static str> {
    let (scheme, shown) = authorization.trim().split_once(' ').unwrap_or_default();
    let shown = shown.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        let secret = Secret::shown(shown).ok_or(UNKNOWN)?;
        let mut known = None;
        // All of them, so that the time tells nothing of the place.
        for (name, user) in keys.users() {
            if secret.is_one_of(&user.keys, now) {
                known = Some(user.info(name));
            }
        }
        return known.ok_or(UNKNOWN);
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err("`Authorization` has to be `Basic` or `Bearer`");
    }
    let pair = STANDARD.decode(shown).ok();
    let pair = pair.and_then(|pair| String::from_utf8(pair).ok());
    let pair = pair.ok_or("`Basic` is no user and password in base64")?;
    let (name, shown) = pair.split_once(':').ok_or("`Basic` has no password")?;
    let secret = Secret::shown(shown);
    match (keys.user(name), secret) {
        (Some(user), Some(secret)) if secret.is_one_of(&user.keys, now) => Ok(user.info(name)),
        _ => Err(UNKNOWN),
    }
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

    fn is_one_of(&self, keys: &[Key], now: u64) -> bool {
        let mut keys = keys.iter().filter(|key| !key.is_expired(now));
        keys.any(|key| {
            let mac = key.mac.clone().chain_update(PROBE);
            mac.verify_slice(&self.0).is_ok()
        })
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
            let info = who(&keys, &good, now).unwrap();
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
            let why = who(&keys, &bad, now).unwrap_err();
            assert!(!why.contains(ALICE), "{why}");
        }
        assert!(who(&keys, &format!("Bearer {BOB}"), 0).is_ok());
    }
}
