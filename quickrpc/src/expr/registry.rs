//! Plug-ins: constructors by shorthand.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::parse::{escape, is_tame};
use crate::base::error::{BoxError, Error, Result};
use crate::base::expr_error::{ExprKind, nearest};

/// An expression whose shorthand belongs to a plug-in, as parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomExpr {
    pub(super) shorthand: String,
    pub(super) text: String,
    pub(super) options: Vec<(String, String)>,
}

impl CustomExpr {
    /// What stands before the first colon.
    pub fn shorthand(&self) -> &str {
        &self.shorthand
    }

    /// What stands between the first colon and the options.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The options in the order in which they were given.
    pub fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        self.options
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The text where it can stand for itself, and the options to write.
    pub(super) fn written(&self) -> (&str, Vec<(&str, String)>) {
        let tame = is_tame(&self.text);
        let text = (!tame).then(|| (TEXT_OPTION, escape(&self.text)));
        let options = self.options().map(|(key, value)| (key, escape(value)));
        let written = text.into_iter().chain(options).collect();
        (if tame { &self.text } else { "" }, written)
    }
}

impl fmt::Display for CustomExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, options) = self.written();
        f.write_str(&self.shorthand)?;
        if !text.is_empty() || options.is_empty() {
            write!(f, ":{text}")?;
        }
        for (i, (key, value)) in options.iter().enumerate() {
            write!(f, "{}{key}={value}", if i == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

/// What the constructor of a plug-in gets: the parsed expression.
///
/// Options that the constructor never asked for are refused after it has returned, so
/// that a mistyped one does not go unnoticed.
///
/// ```
/// use quickrpc::expr::Params;
///
/// let params = Params::new("serial", "/dev/ttyUSB0", [("baud", "9600")]);
/// assert_eq!(params.text(), "/dev/ttyUSB0");
/// assert_eq!(params.option("baud"), Some("9600"));
/// assert_eq!(params.option("parity"), None);
/// assert_eq!(params.expression(), "serial:/dev/ttyUSB0?baud=9600");
/// ```
#[derive(Debug, Clone)]
pub struct Params {
    expr: CustomExpr,
    asked: RefCell<BTreeSet<String>>,
}

impl Params {
    /// Parameters as a constructor gets them; for tests of plug-ins.
    pub fn new<K: Into<String>, V: Into<String>>(
        shorthand: &str,
        text: &str,
        options: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let options = options.into_iter();
        Params::of(CustomExpr {
            shorthand: shorthand.into(),
            text: text.into(),
            options: options.map(|(k, v)| (k.into(), v.into())).collect(),
        })
    }

    fn of(expr: CustomExpr) -> Self {
        Params {
            expr,
            asked: RefCell::new(BTreeSet::new()),
        }
    }

    /// What stands before the first colon.
    pub fn shorthand(&self) -> &str {
        self.expr.shorthand()
    }

    /// What stands between the first colon and the options.
    pub fn text(&self) -> &str {
        self.expr.text()
    }

    /// The value of an option; `None` if it is not given.
    pub fn option(&self, key: &str) -> Option<&str> {
        self.asked.borrow_mut().insert(key.to_owned());
        self.expr
            .options()
            .find_map(|(name, value)| (name == key).then_some(value))
    }

    /// All options; whoever asks for all is taken to know all.
    pub fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        let names = self.expr.options().map(|(key, _)| key.to_owned());
        self.asked.borrow_mut().extend(names);
        self.expr.options()
    }

    /// The whole expression, for messages.
    pub fn expression(&self) -> String {
        self.expr.to_string()
    }

    fn check_all_asked(&self) -> Result<(), String> {
        let asked = self.asked.borrow();
        let Some((stray, _)) = self.expr.options().find(|(key, _)| !asked.contains(*key)) else {
            return Ok(());
        };
        let hint = nearest(stray, asked.iter().map(String::as_str))
            .map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
        Err(format!("unknown option `{stray}`{hint}"))
    }
}

/// What makes a `T` from parameters.
pub(crate) type Constructor<T> = Arc<dyn Fn(&Params) -> Result<T, BoxError> + Send + Sync>;

/// The constructors for one kind of expression; each trait has its own static.
pub(crate) struct Registry<T> {
    kind: ExprKind,
    /// Guards the constructors; taken after `NAMES`, and not held while one runs.
    entries: RwLock<BTreeMap<String, Constructor<T>>>,
}

impl<T> Registry<T> {
    pub(crate) const fn new(kind: ExprKind) -> Self {
        Registry {
            kind,
            entries: RwLock::new(BTreeMap::new()),
        }
    }

    /// From now on, expressions of this kind may have the shorthand.
    ///
    /// # Errors
    ///
    /// `Config` if the shorthand is malformed, built in, or registered before.
    pub(crate) fn register(&self, shorthand: &str, constructor: Constructor<T>) -> Result<()> {
        let kind = self.kind;
        let refuse = |why: &str| {
            let text = format!("cannot register {kind} `{shorthand}`: {why}");
            Err(Error::Config(text.into()))
        };
        if !is_shorthand(shorthand) {
            return refuse(
                "a shorthand is made of a-z, 0-9, `_`, `+`, `-` and begins with a letter",
            );
        }
        if built_in(kind).contains(&shorthand) || ALIASES.contains(&shorthand) {
            return refuse("it is built in");
        }
        let mut names = NAMES.write().unwrap_or_else(PoisonError::into_inner);
        if !names.insert((kind, shorthand.to_owned())) {
            return refuse("it is registered already");
        }
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.insert(shorthand.to_owned(), constructor);
        Ok(())
    }

    /// Calls the constructor for the expression.
    ///
    /// # Errors
    ///
    /// An [`Error`] that the constructor returned; `Config` with the expression for any
    /// other error of it, and for options that it does not know.
    pub(crate) fn build(&self, expr: &CustomExpr) -> Result<T> {
        let constructor = {
            let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
            entries.get(expr.shorthand()).cloned()
        };
        let refuse = |why: &dyn fmt::Display| {
            let text = format!("cannot create {} `{expr}`: {why}", self.kind);
            Error::Config(text.into())
        };
        let Some(constructor) = constructor else {
            return Err(refuse(&"it is not registered"));
        };
        let params = Params::of(expr.clone());
        let made = constructor(&params).map_err(|error| match error.downcast::<Error>() {
            Ok(error) => *error,
            Err(error) => refuse(&error),
        })?;
        params.check_all_asked().map_err(|why| refuse(&why))?;
        Ok(made)
    }
}

/// Whether a plug-in has this shorthand. All kinds share one table of names, so that the
/// parser needs no access to the registries, which live beside their traits.
pub(super) fn is_registered(kind: ExprKind, shorthand: &str) -> bool {
    let names = NAMES.read().unwrap_or_else(PoisonError::into_inner);
    names.contains(&(kind, shorthand.to_owned()))
}

/// All shorthands of this kind, in alphabetical order.
pub(super) fn known(kind: ExprKind) -> Vec<String> {
    let names = NAMES.read().unwrap_or_else(PoisonError::into_inner);
    let registered = names.iter().filter(|(other, _)| *other == kind);
    let mut known: Vec<String> = registered.map(|(_, name)| name.clone()).collect();
    known.extend(built_in(kind).iter().map(|name| (*name).to_owned()));
    known.sort_unstable();
    known
}

fn built_in(kind: ExprKind) -> &'static [&'static str] {
    match kind {
        ExprKind::Codec => &["hololinked", "jrpc", "juggler", "msgpack", "terse", "zonis"],
        ExprKind::Security => &["blindly_believe_everything", "hmac", "null", "seal"],
        ExprKind::Transport => &[
            "http", "https", "internal", "mqtt", "mqtts", "mux", "nats", "nats+tls", "process",
            "restart", "stdio", "tcp", "tcpserv", "tls", "tlsserv", "udp", "unix", "unixserv",
            "ws", "wsserv", "wss", "wssserv", "zmq", "zmqserv",
        ],
    }
}

fn is_shorthand(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_+-".contains(&b);
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(allowed)
}

/// The option that carries a text that cannot stand for itself.
pub(super) const TEXT_OPTION: &str = "params";

/// The Qt names of the original; understood, but not what we write.
const ALIASES: [&str; 3] = ["qprocess", "qtcp", "qudp"];

/// Guards the shorthands of plug-ins.
static NAMES: RwLock<BTreeSet<(ExprKind, String)>> = RwLock::new(BTreeSet::new());

#[cfg(test)]
mod tests {
    use super::*;

    fn length() -> Constructor<usize> {
        Arc::new(|params| {
            params.option("unit");
            match params.text() {
                "" => Err("empty".into()),
                "io" => Err(Box::new(Error::NotStarted)),
                text => Ok(text.len()),
            }
        })
    }

    fn expr(text: &str, options: &[(&str, &str)]) -> CustomExpr {
        Params::new("reglen", text, options.iter().copied()).expr
    }

    #[test]
    fn shorthands_are_checked_and_unique() {
        let registry = Registry::<usize>::new(ExprKind::Codec);
        for wrong in ["", "A", "1a", "a:b", "a b", "ä", "jrpc", "a?", "_a"] {
            let refused = registry.register(wrong, length());
            assert!(matches!(refused, Err(Error::Config(_))), "{wrong}");
        }
        assert!(!is_registered(ExprKind::Codec, "reg-a+1_"));
        registry.register("reg-a+1_", length()).unwrap();
        assert!(is_registered(ExprKind::Codec, "reg-a+1_"));
        assert!(!is_registered(ExprKind::Transport, "reg-a+1_"));
        assert!(known(ExprKind::Codec).contains(&"reg-a+1_".to_owned()));
        let twice = registry.register("reg-a+1_", length()).unwrap_err();
        assert_eq!(
            twice.to_string(),
            "cannot register codec `reg-a+1_`: it is registered already"
        );
    }

    #[test]
    fn constructors_fail_with_the_expression() {
        let registry = Registry::<usize>::new(ExprKind::Security);
        let early = registry.build(&expr("abc", &[])).unwrap_err();
        assert!(early.to_string().ends_with("it is not registered"));
        registry.register("reglen", length()).unwrap();
        assert_eq!(registry.build(&expr("abc", &[("unit", "x")])).unwrap(), 3);
        assert!(matches!(
            registry.build(&expr("io", &[])),
            Err(Error::NotStarted)
        ));
        assert_eq!(
            registry.build(&expr("", &[])).unwrap_err().to_string(),
            "cannot create security `reglen:`: empty"
        );
        assert_eq!(
            registry
                .build(&expr("a", &[("unti", "&")]))
                .unwrap_err()
                .to_string(),
            "cannot create security `reglen:a?unti=\\x26`: \
             unknown option `unti`; did you mean `unit`?"
        );
    }
}
