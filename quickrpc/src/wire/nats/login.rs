//! How we say who we are, by a password, a token, or a key that signs what the server gives us.

use std::fmt;

/// How we say who we are.
pub(crate) enum Login {
    None,
    User { user: String, password: String },
    Token(String),
    Key(Box<Key>),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

/// A key of ours (an *nkey*), and what somebody else has said of it.
pub(crate) struct Key {
    pair: Pair,
    /// The certificate of a file of credentials.
    jwt: Option<String>,
}

/// What is said of a key in `CONNECT`.
#[derive(Debug)]
pub(super) struct Signed<'a> {
    pub(super) nkey: Option<String>,
    pub(super) jwt: Option<&'a str>,
    pub(super) signature: String,
}

impl Key {
    /// The one that a seed is of.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub(crate) fn of_seed(seed: &str) -> Result<Self, String> {
        Ok(Key {
            pair: Pair::of_seed(seed)?,
            jwt: None,
        })
    }

    /// The one in a file of credentials, as NATS's own tools write it: a certificate, and the seed of the
    /// key that it is for, each between lines of dashes.
    ///
    /// # Errors
    ///
    /// If it is no such file.
    pub(crate) fn of_credentials(text: &str) -> Result<Self, String> {
        let mut found = Vec::new();
        let mut begun = false;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if line.starts_with("---") {
                begun = !line.contains("END");
            } else if begun {
                found.push(line);
                begun = false;
            }
        }
        let [jwt, seed] = found.as_slice() else {
            let text = "it is no file of credentials, which has a `NATS USER JWT` and a `USER NKEY SEED` \
                        between lines of dashes";
            return Err(text.to_owned());
        };
        Ok(Key {
            pair: Pair::of_seed(seed)?,
            jwt: Some((*jwt).to_owned()),
        })
    }

    /// Signs what the server has given us.
    ///
    /// # Errors
    ///
    /// If it has given nothing.
    pub(super) fn sign(&self, nonce: &str) -> Result<Signed<'_>, String> {
        if nonce.is_empty() {
            let text =
                "the broker asks for no signature: it knows no user by a key or by credentials";
            return Err(text.to_owned());
        }
        Ok(Signed {
            nkey: self.jwt.is_none().then(|| self.pair.public()),
            jwt: self.jwt.as_deref(),
            signature: self.pair.sign(nonce)?,
        })
    }
}

use pair::Pair;

#[cfg(feature = "nkeys")]
mod pair {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use nkeys::{KeyPair, KeyPairType};

    pub(super) struct Pair(KeyPair);

    impl Pair {
        pub(super) fn of_seed(seed: &str) -> Result<Self, String> {
            let pair = KeyPair::from_seed(seed)
                .map_err(|error| format!("it has no seed of a key (`SU..`): {error}"))?;
            match pair.key_pair_type() {
                KeyPairType::User => Ok(Pair(pair)),
                _ => Err(
                    "its seed is of something else than a user, whose begin with `SU`".to_owned(),
                ),
            }
        }

        pub(super) fn public(&self) -> String {
            self.0.public_key()
        }

        pub(super) fn sign(&self, nonce: &str) -> Result<String, String> {
            let signature = self.0.sign(nonce.as_bytes());
            let signature = signature.map_err(|error| format!("the key does not sign: {error}"))?;
            Ok(URL_SAFE_NO_PAD.encode(signature))
        }
    }
}

#[cfg(not(feature = "nkeys"))]
mod pair {
    pub(super) enum Pair {}

    impl Pair {
        pub(super) fn of_seed(_seed: &str) -> Result<Self, String> {
            Err("the cargo feature `nkeys` is off".to_owned())
        }

        pub(super) fn public(&self) -> String {
            match *self {}
        }

        pub(super) fn sign(&self, _nonce: &str) -> Result<String, String> {
            match *self {}
        }
    }
}

#[cfg(all(test, feature = "nkeys"))]
mod tests {
    use super::Key;

    #[test]
    fn files_of_credentials_are_read() {
        let pair = nkeys::KeyPair::new_user();
        let seed = pair.seed().unwrap();
        let text = format!(
            "-----BEGIN NATS USER JWT-----\r\nabc.def\r\n------END NATS USER JWT------\r\n\r\n\
             *** IMPORTANT ***\n\n-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        let key = Key::of_credentials(&text).unwrap();
        assert_eq!(key.sign("nonce").unwrap().jwt, Some("abc.def"));
        assert!(key.sign("").is_err());
        let key = Key::of_seed(&seed).unwrap();
        assert_eq!(key.sign("nonce").unwrap().nkey, Some(pair.public_key()));
        let account = nkeys::KeyPair::new_account().seed().unwrap();
        for wrong in ["", "SU", &seed[1..], &account] {
            assert!(Key::of_seed(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", &seed, "---\nx\n---", &text[..60]] {
            assert!(Key::of_credentials(wrong).is_err(), "{wrong}");
        }
    }
}
