//! What all layers say of who vouches for a peer.

use std::collections::BTreeMap;
use std::sync::Arc;

/// What a security header says, and what a provider verified: a map of strings.
pub type SecInfo = BTreeMap<String, String>;

/// Why a security provider refused a message; what is in [`Error::Security`].
///
/// The message was not handled. None of these texts holds a secret, and none is sent to the
/// peer.
///
/// ```
/// use quickrpc::Error;
/// use quickrpc::security::SecurityError;
///
/// fn is_attack(error: &Error) -> bool {
///     matches!(
///         error,
///         Error::Security(SecurityError::InvalidSignature(_) | SecurityError::Replayed(_))
///     )
/// }
/// ```
///
/// [`Error::Security`]: crate::Error::Security
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecurityError {
    /// The message is not signed, or not with a key of its user: it was changed on its way,
    /// or the two sides have different keys.
    #[error("invalid signature: {0}")]
    InvalidSignature(Arc<str>),

    /// There is no key for this user.
    #[error("unknown user `{0}`")]
    UnknownUser(Arc<str>),

    /// The message was received before, or was made for another connection.
    #[error("replayed: {0}")]
    Replayed(Arc<str>),

    /// The key, or the message, is too old.
    #[error("expired: {0}")]
    Expired(Arc<str>),

    /// The message is for somebody else, or comes from somebody else than expected.
    #[error("misdirected: {0}")]
    Misdirected(Arc<str>),

    /// Anything else, in words.
    #[error("{0}")]
    Refused(Arc<str>),
}

impl From<String> for SecurityError {
    fn from(text: String) -> Self {
        SecurityError::Refused(text.into())
    }
}

impl From<&str> for SecurityError {
    fn from(text: &str) -> Self {
        SecurityError::Refused(text.into())
    }
}
