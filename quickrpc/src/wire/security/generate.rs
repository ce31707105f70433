//! New keys.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::base::error::{Error, Result};

/// A new secret of 32 random bytes, as it stands in a keys file.
///
/// # Errors
///
/// [`Error::Config`] if the system has no random numbers.
pub fn generate_secret() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Error::Config(error.to_string().into()))?;
    Ok(STANDARD.encode(bytes))
}

/// A new pair of keys (X25519), as they stand in keys files: the private one in that of its
/// owner, the public one in those of the others.
///
/// # Errors
///
/// [`Error::Config`] if the system has no random numbers.
#[cfg(feature = "seal")]
pub fn generate_key_pair() -> Result<KeyPair> {
    let failed = |error: snow::Error| Error::Config(error.to_string().into());
    let params = "Noise_XX_25519_ChaChaPoly_SHA256".parse().map_err(failed)?;
    let pair = snow::Builder::new(params).generate_keypair();
    let pair = pair.map_err(failed)?;
    Ok(KeyPair {
        private: STANDARD.encode(pair.private),
        public: STANDARD.encode(pair.public),
    })
}

/// Two keys that belong to each other, in base64.
#[cfg(feature = "seal")]
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyPair {
    /// The one that is to stay where it is.
    pub private: String,
    /// The one that everybody may know.
    pub public: String,
}

#[cfg(feature = "seal")]
impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPair")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}
