//! User names that nobody checks.

use std::borrow::Cow;

use super::{SecInfo, Security};
use crate::base::error::BoxError;
use crate::expr::SecurityExpr;

/// Sends a user name with each message, and believes those that it receives.
///
/// Nothing is checked: use it only where every peer is to be trusted, or in tests of
/// what depends on the user.
///
/// ```
/// use quickrpc::security::{BlindlyBelieveEverything, Security};
///
/// let provider = BlindlyBelieveEverything::new("john");
/// assert_eq!(provider.expression(), "blindly_believe_everything:john");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BlindlyBelieveEverything {
    user: String,
}

impl BlindlyBelieveEverything {
    /// A provider that sends this user; an empty one is sent, too.
    pub fn new(user: impl Into<String>) -> Self {
        BlindlyBelieveEverything { user: user.into() }
    }

    /// The user that is sent.
    pub fn user(&self) -> &str {
        &self.user
    }
}

impl Security for BlindlyBelieveEverything {
    fn expression(&self) -> String {
        SecurityExpr::believe(&self.user).to_string()
    }

    fn sec_out(&self, payload: Vec<u8>) -> Result<(Option<SecInfo>, Vec<u8>), BoxError> {
        let header = SecInfo::from([(String::from("user"), self.user.clone())]);
        Ok((Some(header), payload))
    }

    /// As in the original, a message without a header is accepted, from nobody in
    /// particular.
    fn sec_in<'a>(
        &self,
        payload: Cow<'a, [u8]>,
        header: Option<&SecInfo>,
    ) -> Result<(Cow<'a, [u8]>, SecInfo), BoxError> {
        Ok((payload, header.cloned().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_goes_out_and_whatever_comes_is_believed() {
        for user in ["john", ""] {
            let provider = BlindlyBelieveEverything::new(user);
            let (header, payload) = provider.sec_out(b"{}".to_vec()).unwrap();
            assert_eq!(payload, b"{}");
            let header = header.unwrap();
            assert_eq!(header.get("user").map(String::as_str), Some(user));
            let (same, info) = provider
                .sec_in(Cow::Borrowed(&payload), Some(&header))
                .unwrap();
            assert_eq!((&*same, &info), (&b"{}"[..], &header));
        }
        let provider = BlindlyBelieveEverything::default();
        let (_, info) = provider.sec_in(Cow::Borrowed(b"{}"), None).unwrap();
        assert!(info.is_empty());
    }
}
