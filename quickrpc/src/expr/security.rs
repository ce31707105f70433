//! Expressions that name a security provider.

use std::fmt;
use std::str::FromStr;

use super::codec::parse_custom;
use super::options::Scope;
use super::parse::{
    Parsed, Piece, escape, is_tame, split_options, split_shorthand, unknown_shorthand,
};
use super::registry::{CustomExpr, is_registered};
use crate::base::expr_error::{ExprError, ExprKind, Wrong, found};

/// Who vouches for a sender: `null`, `blindly_believe_everything:<user>`,
/// `hmac:<user>?keys=<file>`, `seal:<user>?keys=<file>`, or a registered provider.
///
/// ```
/// use quickrpc::SecurityExpr;
///
/// let expr: SecurityExpr = "null:".parse()?;
/// assert_eq!(expr, SecurityExpr::default());
/// assert_eq!(expr.to_string(), "null");
/// # Ok::<(), quickrpc::ExprError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecurityExpr {
    kind: SecurityKind,
}

/// What a [`SecurityExpr`] says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SecurityKind {
    /// No security: nothing is added to messages and nothing accepted.
    #[default]
    Null,
    /// User names that nobody checks.
    BlindlyBelieveEverything {
        /// The user that is sent with each message.
        user: String,
    },
    /// Messages that are signed.
    Hmac {
        /// Who signs.
        user: String,
        /// Where the keys are.
        keys: KeySource,
        /// Who is to be at the other end; anybody with a key if it is not given.
        to: Option<String>,
    },
    /// Messages that are encrypted.
    Seal {
        /// Who we are.
        user: String,
        /// Where the keys are.
        keys: KeySource,
        /// Who is to be at the other end; anybody with a key if it is not given.
        to: Option<String>,
    },
    /// A provider that was registered.
    Custom(CustomExpr),
}

/// Where keys are: they never stand in an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// In the file of this name (`keys=`).
    File(String),
    /// In the environment variable of this name (`env=`).
    Environment(String),
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeySource::File(path) => write!(f, "the file `{path}`"),
            KeySource::Environment(name) => write!(f, "the environment variable `{name}`"),
        }
    }
}

impl KeySource {
    /// Takes `keys=` or `env=`, of which one has to be there.
    fn take(scope: &Scope<'_, '_>, whole: Piece<'_>) -> Parsed<Self> {
        let text = |key| scope.take(key).map(|option| option.text()).transpose();
        let keys = scope.take("keys").map(|option| match option.value.text {
            // Told of below.
            "" => Ok(String::new()),
            _ => option.path("the name of a file"),
        });
        match (keys.transpose()?, text("env")?) {
            (Some(path), None) if !path.is_empty() => Ok(KeySource::File(path)),
            (None, Some(name)) if !name.is_empty() => Ok(KeySource::Environment(name)),
            (Some(_), Some(_)) => Err(Wrong::new(
                whole.end(),
                "give either `keys=<file>` or `env=<variable>`".to_owned(),
            )),
            _ => Err(Wrong::new(
                whole.end(),
                "expected `?keys=<file>` or `?env=<variable>`; keys do not stand in an expression"
                    .to_owned(),
            )),
        }
    }

    /// The option that says it.
    fn option(&self) -> (&'static str, &str) {
        match self {
            KeySource::File(path) => ("keys", path),
            KeySource::Environment(name) => ("env", name),
        }
    }
}

impl SecurityExpr {
    /// What the expression says.
    pub fn kind(&self) -> &SecurityKind {
        &self.kind
    }

    /// `hmac:<user>`, and the rest.
    #[cfg(feature = "hmac")]
    pub(crate) fn hmac(user: &str, keys: &KeySource, to: Option<&str>) -> Self {
        SecurityExpr {
            kind: SecurityKind::Hmac {
                user: user.into(),
                keys: keys.clone(),
                to: to.map(Into::into),
            },
        }
    }

    /// `seal:<user>`, and the rest.
    #[cfg(feature = "seal")]
    pub(crate) fn seal(user: &str, keys: &KeySource, to: Option<&str>) -> Self {
        SecurityExpr {
            kind: SecurityKind::Seal {
                user: user.into(),
                keys: keys.clone(),
                to: to.map(Into::into),
            },
        }
    }

    /// `blindly_believe_everything:<user>`.
    pub(crate) fn believe(user: &str) -> Self {
        SecurityExpr {
            kind: SecurityKind::BlindlyBelieveEverything { user: user.into() },
        }
    }
}

impl FromStr for SecurityExpr {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        match parse(Piece::whole(text)) {
            Ok(kind) => Ok(SecurityExpr { kind }),
            Err(wrong) => Err(wrong.within(ExprKind::Security, text)),
        }
    }
}

fn parse(piece: Piece<'_>) -> Parsed<SecurityKind> {
    let (body, options) = split_options(piece);
    let scope = Scope::new(None, false, options)?;
    let (shorthand, params) = split_shorthand(body);
    let (kind, known): (_, &[&str]) = match shorthand.text {
        "null" if params.text.is_empty() => (SecurityKind::Null, &[]),
        "null" => {
            let message = format!("`null` takes no parameters, {}", found(params.text));
            return Err(Wrong::new(params.at, message));
        }
        BELIEVE => {
            let user = match params.text {
                "" => scope.take("user").map(|o| o.text()).transpose()?,
                user => Some(user.to_owned()),
            };
            let user = user.unwrap_or_default();
            (SecurityKind::BlindlyBelieveEverything { user }, &["user"])
        }
        name @ ("hmac" | "seal") => {
            let user = match params.text {
                "" => scope.take("user").map(|o| o.text()).transpose()?,
                user => Some(user.to_owned()),
            };
            let user = user
                .filter(|user| !user.is_empty())
                .ok_or_else(|| Wrong::new(body.end(), "expected the name of a user".to_owned()))?;
            let keys = KeySource::take(&scope, body)?;
            let to = scope.take("to").map(|o| o.text()).transpose()?;
            let kind = match name {
                "hmac" => SecurityKind::Hmac { user, keys, to },
                _ => SecurityKind::Seal { user, keys, to },
            };
            (kind, &["user", "keys", "env", "to"])
        }
        name if is_registered(ExprKind::Security, name) => {
            let custom = parse_custom(name, params, &scope)?;
            (SecurityKind::Custom(custom), &[])
        }
        _ => return Err(unknown_shorthand(ExprKind::Security, shorthand)),
    };
    scope.finish(|| known.to_vec())?;
    Ok(kind)
}

impl fmt::Display for SecurityExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            SecurityKind::Null => f.write_str("null"),
            SecurityKind::BlindlyBelieveEverything { user } if is_tame(user) => {
                write!(f, "{BELIEVE}:{user}")
            }
            SecurityKind::BlindlyBelieveEverything { user } => {
                write!(f, "{BELIEVE}?user={}", escape(user))
            }
            SecurityKind::Hmac { user, keys, to } => keyed(f, "hmac", user, keys, to.as_deref()),
            SecurityKind::Seal { user, keys, to } => keyed(f, "seal", user, keys, to.as_deref()),
            SecurityKind::Custom(custom) => custom.fmt(f),
        }
    }
}

/// An expression with keys.
fn keyed(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    user: &str,
    keys: &KeySource,
    to: Option<&str>,
) -> fmt::Result {
    let (key, value) = keys.option();
    match is_tame(user) {
        true => write!(f, "{name}:{user}?{key}={}", escape(value))?,
        false => write!(f, "{name}:?user={}&{key}={}", escape(user), escape(value))?,
    }
    to.iter().try_for_each(|to| write!(f, "&to={}", escape(to)))
}

const BELIEVE: &str = "blindly_believe_everything";

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(user: &str, keys: KeySource, to: Option<&str>) -> SecurityExpr {
        let (user, to) = (user.to_owned(), to.map(str::to_owned));
        SecurityExpr {
            kind: SecurityKind::Hmac { user, keys, to },
        }
    }

    fn believe(user: &str) -> SecurityExpr {
        SecurityExpr::believe(user)
    }

    #[test]
    fn both_directions() {
        let cases = [
            ("null", SecurityExpr::default(), "null"),
            ("null:", SecurityExpr::default(), "null"),
            (BELIEVE, believe(""), "blindly_believe_everything:"),
            (
                "blindly_believe_everything:",
                believe(""),
                "blindly_believe_everything:",
            ),
            (
                "blindly_believe_everything:john: doe?",
                believe("john: doe?"),
                "blindly_believe_everything:john: doe?",
            ),
            (
                "hmac:alice?to=hub&keys=k.toml",
                signed("alice", KeySource::File("k.toml".into()), Some("hub")),
                "hmac:alice?keys=k.toml&to=hub",
            ),
            (
                r"hmac?user=a\x26b&env=KEY",
                signed("a&b", KeySource::Environment("KEY".into()), None),
                r"hmac:a&b?env=KEY",
            ),
            (
                r"blindly_believe_everything?user=a\x26\n",
                believe("a&\n"),
                r"blindly_believe_everything?user=a\x26\n",
            ),
        ];
        for (text, value, written) in cases {
            assert_eq!(text.parse::<SecurityExpr>().as_ref(), Ok(&value), "{text}");
            assert_eq!(value.to_string(), written);
            assert_eq!(written.parse::<SecurityExpr>(), Ok(value));
        }
    }

    #[test]
    fn mistakes() {
        let cases = [
            ("", 0, "expected a security"),
            (
                "hmac:secret",
                11,
                "expected `?keys=<file>` or `?env=<variable>`; keys do not stand",
            ),
            ("hmac:?keys=k", 5, "expected the name of a user"),
            ("hmac:a?keys=k&env=K", 6, "give either"),
            ("hmac:a?key=k", 6, "expected `?keys=<file>`"),
            ("hmac:a?keys=k&too=b", 14, "unknown option"),
            (
                "nul:",
                0,
                "unknown security, found `nul`; did you mean `null`?",
            ),
            ("null:x", 5, "`null` takes no parameters, found `x`"),
            (
                "blindly_believe_everything:a?user=b",
                29,
                "`user` is given already, as a parameter",
            ),
        ];
        for (text, position, message) in cases {
            let error = text.parse::<SecurityExpr>().unwrap_err();
            assert_eq!(error.position(), position, "{error}");
            assert!(error.message().starts_with(message), "{error}");
        }
    }
}
