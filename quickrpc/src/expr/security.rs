//! Expressions that name a security provider.

use std::fmt;
use std::str::FromStr;

use super::codec::parse_custom;
use super::error::{ExprError, ExprKind, Wrong, found};
use super::options::Scope;
use super::parse::{
    Parsed, Piece, escape, is_tame, split_options, split_shorthand, unknown_shorthand,
};
use super::registry::{CustomExpr, is_registered};

/// Who vouches for a sender: `null`, `blindly_believe_everything:<user>`, or a registered
/// provider.
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
    /// A provider that was registered.
    Custom(CustomExpr),
}

impl SecurityExpr {
    /// What the expression says.
    pub fn kind(&self) -> &SecurityKind {
        &self.kind
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
            SecurityKind::Custom(custom) => custom.fmt(f),
        }
    }
}

const BELIEVE: &str = "blindly_believe_everything";

#[cfg(test)]
mod tests {
    use super::*;

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
                0,
                "unknown security, found `hmac`; known are",
            ),
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
