//! Security providers: who vouches for a sender.
//!
//! A provider is named by a [`SecurityExpr`], or given as an object
//! that implements [`Security`]. It puts a header before each message that is sent, and
//! checks the header of each that is received. One that needs more, such as a greeting or
//! counters, has a [`SecuritySession`] for each peer.

mod believe;
#[cfg(any(feature = "hmac", feature = "seal"))]
mod fields;
#[cfg(any(feature = "hmac", feature = "seal"))]
mod generate;
mod guarded;
mod header;
#[cfg(feature = "hmac")]
mod hmac;
#[cfg(any(feature = "hmac", feature = "seal", feature = "websocket"))]
#[cfg_attr(
    not(any(feature = "hmac", feature = "seal")),
    allow(dead_code, reason = "who shows a key signs nothing")
)]
mod keys;
#[cfg(any(feature = "hmac", feature = "seal"))]
mod parties;
#[cfg(any(feature = "hmac", feature = "seal"))]
mod replay;
#[cfg(feature = "seal")]
mod seal;
mod session;
#[cfg(feature = "hmac")]
mod signature;
#[cfg(feature = "websocket")]
mod tokens;

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use crate::base::security::{SecInfo, SecurityError};
pub use believe::BlindlyBelieveEverything;
#[cfg(any(feature = "hmac", feature = "seal"))]
pub use generate::generate_secret;
#[cfg(feature = "seal")]
pub use generate::{KeyPair, generate_key_pair};
pub(crate) use guarded::Guarded;
#[doc(hidden)]
pub use header::Header;
#[cfg(feature = "hmac")]
pub use hmac::Hmac;
#[cfg(feature = "seal")]
pub use seal::Seal;
pub(crate) use session::signed_map;
pub use session::{Opened, PeerContext, Sealed, SecuritySession, Telegram};
#[doc(hidden)]
pub use session::{Outgoing, SIGNED};
#[cfg(feature = "websocket")]
pub(crate) use tokens::{Guest, Tokens};

use crate::base::error::{BoxError, Error, Result};
use crate::base::expr_error::ExprKind;
use crate::expr::{KeySource, Params, Registry, SecurityExpr, SecurityKind};

use self::guarded::guarded;

/// A security provider.
///
/// One object serves all peers of a wire; both methods may be called on several threads
/// at once.
///
/// ```
/// use std::borrow::Cow;
/// use quickrpc::BoxError;
/// use quickrpc::security::{SecInfo, Security};
///
/// /// Says a password that everybody knows.
/// #[derive(Debug)]
/// struct Password(String);
///
/// impl Security for Password {
///     fn expression(&self) -> String {
///         String::from("password:")
///     }
///
///     fn sec_out(&self, payload: Vec<u8>) -> Result<(Option<SecInfo>, Vec<u8>), BoxError> {
///         let header = SecInfo::from([(String::from("password"), self.0.clone())]);
///         Ok((Some(header), payload))
///     }
///
///     fn sec_in<'a>(
///         &self,
///         payload: Cow<'a, [u8]>,
///         header: Option<&SecInfo>,
///     ) -> Result<(Cow<'a, [u8]>, SecInfo), BoxError> {
///         match header.and_then(|header| header.get("password")) {
///             Some(password) if *password == self.0 => Ok((payload, SecInfo::new())),
///             _ => Err("wrong password".into()),
///         }
///     }
/// }
/// ```
pub trait Security: fmt::Debug + Send + Sync + 'static {
    /// The expression that makes this provider; without its secrets.
    fn expression(&self) -> String;

    /// Secures a message that is sent: gives the header to put before it, and the message
    /// itself, perhaps transformed.
    ///
    /// # Errors
    ///
    /// Anything; the message is then not sent.
    fn sec_out(&self, payload: Vec<u8>) -> Result<(Option<SecInfo>, Vec<u8>), BoxError>;

    /// Checks a received message: gives the message itself, perhaps transformed back, and
    /// what is now known about its sender (`sender.secinfo()`).
    ///
    /// The header is `None` where the peer sent none; it is for the provider to accept
    /// that.
    ///
    /// # Errors
    ///
    /// Anything; the message is then not handled, and nothing is answered.
    fn sec_in<'a>(
        &self,
        payload: Cow<'a, [u8]>,
        header: Option<&SecInfo>,
    ) -> Result<(Cow<'a, [u8]>, SecInfo), BoxError>;

    /// What is to be kept for a new peer. With a session, its messages go through that, and
    /// the two methods above are not called for them.
    fn session(&self, peer: &PeerContext) -> Option<Box<dyn SecuritySession>> {
        let _ = peer;
        None
    }

    /// How large a message of so many bytes becomes, without its header; larger ones than
    /// [`Limits::message_size`](crate::Limits::message_size) are not sent.
    fn sealed_size(&self, size: usize) -> usize {
        size
    }
}

macro_rules! forward {
    ($($pointer:ident)*) => {$(
        impl<S: Security + ?Sized> Security for $pointer<S> {
            fn expression(&self) -> String {
                (**self).expression()
            }

            fn sec_out(&self, payload: Vec<u8>) -> Result<(Option<SecInfo>, Vec<u8>), BoxError> {
                (**self).sec_out(payload)
            }

            fn sec_in<'a>(
                &self,
                payload: Cow<'a, [u8]>,
                header: Option<&SecInfo>,
            ) -> Result<(Cow<'a, [u8]>, SecInfo), BoxError> {
                (**self).sec_in(payload, header)
            }

            fn session(&self, peer: &PeerContext) -> Option<Box<dyn SecuritySession>> {
                (**self).session(peer)
            }

            fn sealed_size(&self, size: usize) -> usize {
                (**self).sealed_size(size)
            }
        }
    )*};
}

forward! { Arc Box }

/// Makes `shorthand` an expression for a security provider of your own.
///
/// ```
/// use quickrpc::security::BlindlyBelieveEverything;
/// use quickrpc::{SecurityExpr, register_security};
///
/// register_security("guest", |_params| Ok(BlindlyBelieveEverything::new("guest")))?;
/// let expr: SecurityExpr = "guest:".parse()?;
/// # Ok::<(), quickrpc::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Config`] if the shorthand is malformed, built in, or registered before.
pub fn register_security<S: Security>(
    shorthand: &str,
    constructor: impl Fn(&Params) -> Result<S, BoxError> + Send + Sync + 'static,
) -> Result<()> {
    let make = move |params: &Params| -> Result<Arc<dyn Security>, BoxError> {
        Ok(Arc::new(constructor(params)?))
    };
    PROVIDERS.register(shorthand, Arc::new(make))
}

static PROVIDERS: Registry<Arc<dyn Security>> = Registry::new(ExprKind::Security);

/// What names a security provider: a string, a [`SecurityExpr`], or a provider.
pub trait IntoSecurity {
    #[doc(hidden)]
    fn into_security(self) -> Result<AnySecurity>;
}

/// A provider, or none; asked once for each message, so none must cost nothing.
#[doc(hidden)]
#[derive(Debug, Clone, Default)]
pub enum AnySecurity {
    #[default]
    Null,
    Provider(Arc<dyn Security>),
}

impl AnySecurity {
    /// The expression that makes this provider.
    pub fn expression(&self) -> String {
        match self {
            AnySecurity::Null => String::from("null"),
            AnySecurity::Provider(provider) => provider.expression(),
        }
    }

    /// The file with its keys, if they are in one.
    pub(crate) fn key_file(&self) -> Option<PathBuf> {
        let AnySecurity::Provider(provider) = self else {
            return None;
        };
        let expr: SecurityExpr = provider.expression().parse().ok()?;
        match expr.kind() {
            SecurityKind::Hmac { keys, .. } | SecurityKind::Seal { keys, .. } => match keys {
                KeySource::File(path) => Some(PathBuf::from(path)),
                KeySource::Environment(_) => None,
            },
            _ => None,
        }
    }

    /// Whether messages travel without a header.
    pub fn is_null(&self) -> bool {
        matches!(self, AnySecurity::Null)
    }

    /// See [`Security::session`].
    pub(crate) fn session(&self, peer: &PeerContext) -> Option<Guarded> {
        match self {
            AnySecurity::Null => None,
            AnySecurity::Provider(provider) => guarded::session(|| provider.session(peer)),
        }
    }

    /// See [`Security::sealed_size`].
    pub(crate) fn sealed_size(&self, size: usize) -> usize {
        match self {
            AnySecurity::Null => size,
            AnySecurity::Provider(provider) => provider.sealed_size(size),
        }
    }

    /// See [`Security::sec_out`].
    pub fn sec_out(&self, payload: Vec<u8>) -> Result<(Option<SecInfo>, Vec<u8>)> {
        match self {
            AnySecurity::Null => Ok((None, payload)),
            AnySecurity::Provider(provider) => {
                guarded(|| provider.sec_out(payload)).map_err(refused)
            }
        }
    }

    /// See [`Security::sec_in`]. Without a provider, a header is refused as in the
    /// original: nobody could say whether it is true.
    pub fn sec_in<'a>(
        &self,
        payload: Cow<'a, [u8]>,
        header: Option<&SecInfo>,
    ) -> Result<(Cow<'a, [u8]>, SecInfo)> {
        match (self, header) {
            (AnySecurity::Null, None) => Ok((payload, SecInfo::new())),
            (AnySecurity::Null, Some(_)) => {
                let text = "the peer sends a security header, but no provider is set here";
                Err(Error::Security(text.into()))
            }
            (AnySecurity::Provider(provider), header) => {
                guarded(|| provider.sec_in(payload, header)).map_err(refused)
            }
        }
    }
}

/// What a provider's error is here: a typed one stays what it is.
pub(crate) fn refused(error: BoxError) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(error) => return *error,
        Err(error) => error,
    };
    Error::Security(match error.downcast::<SecurityError>() {
        Ok(error) => *error,
        Err(error) => error.to_string().into(),
    })
}

impl IntoSecurity for SecurityExpr {
    fn into_security(self) -> Result<AnySecurity> {
        Ok(match self.kind() {
            SecurityKind::Null => AnySecurity::Null,
            SecurityKind::BlindlyBelieveEverything { user } => {
                AnySecurity::Provider(Arc::new(BlindlyBelieveEverything::new(user)))
            }
            #[cfg(feature = "hmac")]
            SecurityKind::Hmac { user, keys, to } => {
                let provider = Hmac::open(user, keys.clone())?;
                AnySecurity::Provider(Arc::new(match to {
                    Some(to) => provider.to(to)?,
                    None => provider,
                }))
            }
            #[cfg(feature = "seal")]
            SecurityKind::Seal { user, keys, to } => {
                let provider = Seal::open(user, keys.clone())?;
                AnySecurity::Provider(Arc::new(match to {
                    Some(to) => provider.to(to)?,
                    None => provider,
                }))
            }
            #[cfg(not(feature = "hmac"))]
            SecurityKind::Hmac { .. } => return Err(missing(&self, "hmac")),
            #[cfg(not(feature = "seal"))]
            SecurityKind::Seal { .. } => return Err(missing(&self, "seal")),
            SecurityKind::Custom(custom) => AnySecurity::Provider(PROVIDERS.build(custom)?),
        })
    }
}

#[cfg(not(all(feature = "hmac", feature = "seal")))]
fn missing(expr: &SecurityExpr, feature: &str) -> Error {
    Error::lacks_feature(expr, feature)
}

impl IntoSecurity for &SecurityExpr {
    fn into_security(self) -> Result<AnySecurity> {
        self.clone().into_security()
    }
}

impl IntoSecurity for &str {
    fn into_security(self) -> Result<AnySecurity> {
        self.parse::<SecurityExpr>()?.into_security()
    }
}

impl IntoSecurity for String {
    fn into_security(self) -> Result<AnySecurity> {
        self.as_str().into_security()
    }
}

impl IntoSecurity for &String {
    fn into_security(self) -> Result<AnySecurity> {
        self.as_str().into_security()
    }
}

impl<T: Security> IntoSecurity for T {
    fn into_security(self) -> Result<AnySecurity> {
        Ok(AnySecurity::Provider(Arc::new(self)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_expressions_and_objects_name_providers() {
        let expression = |any: Result<AnySecurity>| any.unwrap().expression();
        let believe = "blindly_believe_everything:jo";
        let expr: SecurityExpr = believe.parse().unwrap();
        assert!("null".into_security().unwrap().is_null());
        assert_eq!(expression("null:".into_security()), "null");
        assert_eq!(expression(believe.into_security()), believe);
        assert_eq!(expression(String::from(believe).into_security()), believe);
        assert_eq!(
            expression((&String::from(believe)).into_security()),
            believe
        );
        assert_eq!(expression((&expr).into_security()), believe);
        assert_eq!(expression(expr.into_security()), believe);
        let object = BlindlyBelieveEverything::new("jo");
        assert_eq!(expression(object.clone().into_security()), believe);
        let shared: Arc<dyn Security> = Arc::new(object);
        assert_eq!(expression(shared.into_security()), believe);
        assert!(matches!(
            "hmac:key".into_security(),
            Err(Error::Expression(_))
        ));
    }

    #[cfg(not(any(feature = "hmac", feature = "seal")))]
    #[test]
    fn the_error_names_the_feature_of_a_provider() {
        for name in ["hmac", "seal"] {
            let made = format!("{name}:alice?keys=keys.toml").into_security();
            assert_eq!(
                made.unwrap_err().to_string(),
                format!(
                    "`{name}:alice?keys=keys.toml` needs the cargo feature `{name}` of quickrpc, \
                     which is off: `cargo add quickrpc --features {name}`"
                )
            );
        }
    }

    #[test]
    fn registered_providers_are_made_from_their_parameters() {
        register_security("sectest", |params| match params.text() {
            "" => Err("expected a name".into()),
            name => Ok(BlindlyBelieveEverything::new(name)),
        })
        .unwrap();
        let made = "sectest:ann".into_security().unwrap();
        assert_eq!(made.expression(), "blindly_believe_everything:ann");
        assert_eq!(
            "sectest".into_security().unwrap_err().to_string(),
            "cannot create security `sectest:`: expected a name"
        );
        assert_eq!(
            "sectest:ann?x=1".into_security().unwrap_err().to_string(),
            "cannot create security `sectest:ann?x=1`: unknown option `x`"
        );
    }

    #[test]
    fn null_adds_nothing_and_accepts_no_header() {
        let null = AnySecurity::Null;
        assert_eq!(null.sec_out(vec![1]).unwrap(), (None, vec![1]));
        let payload = Cow::Borrowed(&b"x"[..]);
        let (same, info) = null.sec_in(payload.clone(), None).unwrap();
        assert!(matches!(same, Cow::Borrowed(b"x")) && info.is_empty());
        let refused = null.sec_in(payload, Some(&SecInfo::new()));
        assert!(matches!(refused, Err(Error::Security(_))));
    }
}
