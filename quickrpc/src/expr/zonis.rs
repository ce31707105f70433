//! `zonis:<identifier>?secret_env=..&override_env=..`

use std::fmt;

use super::codec::CodecKind;
use super::options::Scope;
use super::parse::{Parsed, Piece, escape, is_tame};
use crate::base::expr_error::Wrong;

/// What a `zonis:` expression says.
///
/// Its secrets are in files or in the environment, never in the expression.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ZonisExpr {
    /// How a client identifies itself; `DEFAULT`, as in the original, if it does not say.
    pub identifier: Option<String>,
    /// Where the key is that both sides have; an empty one if none is given.
    pub secret: Option<SecretSource>,
    /// Where the key is with which a client takes the place of another of its name.
    pub override_key: Option<SecretSource>,
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// The content of the file of this name, without the line end.
    File(String),
    /// In the environment variable of this name.
    Environment(String),
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretSource::File(path) => write!(f, "the secret in the file `{path}`"),
            SecretSource::Environment(name) => {
                write!(f, "the secret in the environment variable `{name}`")
            }
        }
    }
}

/// The options of `zonis:`.
pub(super) const OPTIONS: [&str; 5] = [
    "identifier",
    "secret_env",
    "secret_file",
    "override_env",
    "override_file",
];

pub(super) fn parse(params: Piece<'_>, scope: &Scope<'_, '_>) -> Parsed<CodecKind> {
    let identifier = match params.text {
        "" => scope
            .take("identifier")
            .map(|option| option.text())
            .transpose()?,
        text => Some(text.to_owned()),
    };
    Ok(CodecKind::Zonis(ZonisExpr {
        identifier,
        secret: source(scope, "secret_env", "secret_file", params)?,
        override_key: source(scope, "override_env", "override_file", params)?,
    }))
}

fn source(
    scope: &Scope<'_, '_>,
    env: &str,
    file: &str,
    whole: Piece<'_>,
) -> Parsed<Option<SecretSource>> {
    let text = |key: &str| scope.take(key).map(|option| option.text()).transpose();
    match (text(env)?, text(file)?) {
        (None, None) => Ok(None),
        (Some(name), None) if !name.is_empty() => Ok(Some(SecretSource::Environment(name))),
        (None, Some(path)) if !path.is_empty() => Ok(Some(SecretSource::File(path))),
        _ => {
            let message = format!("give either `{env}=<variable>` or `{file}=<file>`");
            Err(Wrong::new(whole.end(), message))
        }
    }
}

impl fmt::Display for ZonisExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("zonis")?;
        let mut separator = '?';
        match &self.identifier {
            Some(identifier) if is_tame(identifier) && !identifier.is_empty() => {
                write!(f, ":{identifier}")?;
            }
            Some(identifier) => {
                write!(f, "?identifier={}", escape(identifier))?;
                separator = '&';
            }
            None => {}
        }
        for (source, env, file) in [
            (&self.secret, "secret_env", "secret_file"),
            (&self.override_key, "override_env", "override_file"),
        ] {
            let (key, value) = match source {
                None => continue,
                Some(SecretSource::Environment(name)) => (env, name),
                Some(SecretSource::File(path)) => (file, path),
            };
            write!(f, "{separator}{key}={}", escape(value))?;
            separator = '&';
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::CodecExpr;
    use crate::expr::{CodecKind, SecretSource};

    #[test]
    fn both_directions() {
        let table = [
            ("zonis", "zonis"),
            ("zonis:", "zonis"),
            ("zonis:cog", "zonis:cog"),
            ("zonis:cog?secret_env=KEY", "zonis:cog?secret_env=KEY"),
            (
                "zonis?override_file=o&secret_file=s",
                "zonis?secret_file=s&override_file=o",
            ),
            (r"zonis?identifier=a\x3fb", "zonis:a?b"),
        ];
        for (text, shown) in table {
            let expr: CodecExpr = text.parse().unwrap();
            assert_eq!(expr.to_string(), shown, "{text}");
            assert_eq!(expr, shown.parse().unwrap(), "{text}");
        }
        let expr: CodecExpr = "zonis:cog?secret_env=KEY".parse().unwrap();
        let CodecKind::Zonis(zonis) = expr.kind() else {
            panic!("{expr:?}");
        };
        assert_eq!(zonis.identifier.as_deref(), Some("cog"));
        assert_eq!(zonis.secret, Some(SecretSource::Environment("KEY".into())));
    }

    #[test]
    fn what_is_wrong_is_shown() {
        for (text, wrong) in [
            (
                "zonis:a?secret_env=A&secret_file=b",
                "give either `secret_env=",
            ),
            ("zonis:a?secret=x", "unknown option, found `secret`"),
        ] {
            let error = text.parse::<CodecExpr>().unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
        }
    }
}
