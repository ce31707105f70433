//! Wires by name, from a TOML file.
//!
//! ```toml
//! # lab.toml: one table for each wire
//! [wire.lab]
//! codec = "terse"                                       # jrpc if it is missing
//! transport = "restart:5:tcp:${LAB_HOST:-localhost}:8888"
//! timeout = "30s"                                       # of calls to its peers; 10 s if it is missing
//!
//! [wire.vault]
//! transport = "tcpserv:127.0.0.1:0"
//! security = "hmac:alice?keys=${VAULT_KEYS}"
//! ```
//!
//! `${NAME}` is the environment variable of that name, `${NAME:-text}` the text where there is none or it is empty, and
//! `$$` a dollar. What a program has in the same file beside the table `wire` is its own affair.
//!
//! ```
//! use quickrpc::config::Config;
//! use quickrpc::remote_api;
//!
//! #[remote_api]
//! trait Echo {
//!     #[incoming]
//!     fn say(&self, text: &str);
//! }
//!
//! # fn main() -> quickrpc::Result<()> {
//! # let dir = std::env::temp_dir().join(format!("quickrpc-config-{}", std::process::id()));
//! # std::fs::create_dir_all(&dir).unwrap();
//! # let file = dir.join("lab.toml");
//! # std::fs::write(&file, "[wire.people]\ncodec = 'terse'\ntransport = 'tcpserv:127.0.0.1:${PORT:-0}'\n").unwrap();
//! let config = Config::read(&file)?;
//! let api = Echo::builder().wire(config.wire("people")?).build()?;
//! api.start()?;
//! # std::fs::remove_dir_all(&dir).unwrap();
//! # Ok(()) }
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use crate::base::error::{Error, Result};
use crate::base::expr_error::{ExprError, nearest};
use crate::expr::{CodecExpr, SecurityExpr, TransportExpr, read_timeout};

use super::builder::Builder;

/// The wires of a file.
#[derive(Debug, Clone)]
pub struct Config {
    file: String,
    wires: BTreeMap<String, Wire>,
}

/// What an API is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wire {
    /// How messages become bytes.
    pub codec: CodecExpr,
    /// Who is believed, if that is said.
    pub security: Option<SecurityExpr>,
    /// Where they go.
    pub transport: TransportExpr,
    /// How long calls to its peers may take, if that is said.
    pub timeout: Option<Duration>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    wire: BTreeMap<String, Section>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    codec: Option<Spanned<String>>,
    security: Option<Spanned<String>>,
    transport: Spanned<String>,
    timeout: Option<Spanned<Timeout>>,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a number of seconds, or a text such as \"500ms\""
)]
enum Timeout {
    Integer(i64),
    Float(f64),
    Text(String),
}

impl Wire {
    /// A wire with the codec `jrpc`, and nothing else said.
    pub fn new(transport: TransportExpr) -> Self {
        Wire {
            codec: CodecExpr::default(),
            security: None,
            transport,
            timeout: None,
        }
    }
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with the file, the line and the column, and what was expected there.
    pub fn read(file: impl AsRef<Path>) -> Result<Self> {
        let name = file.as_ref().display().to_string();
        let text = fs::read_to_string(file.as_ref()).map_err(|error| {
            let next = match error.kind() {
                ErrorKind::NotFound => "name a file that exists",
                ErrorKind::IsADirectory => "name a file in it",
                ErrorKind::InvalidData => "save it as UTF-8",
                ErrorKind::PermissionDenied => "let this user read it",
                _ => "name a file that can be read",
            };
            let text = format!("cannot read {name}: {error}; {next}");
            Error::Config(text.into())
        })?;
        Self::parse(&name, &text)
    }

    /// Reads a text; the name is for errors.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        Self::parse_with(name, text, |variable| std::env::var(variable).ok())
    }

    /// The same with variables from somewhere else.
    ///
    /// ```
    /// use quickrpc::config::Config;
    ///
    /// let text = "[wire.lab]\ntransport = 'tcp:${HOST}:90000'\n";
    /// let error = Config::parse_with("lab.toml", text, |_name| Some("hub".to_owned())).unwrap_err();
    /// assert_eq!(error.to_string(), "\
    /// lab.toml:2:26: wrong transport expression: expected a port number from 0 to 65535, found `90000`
    ///     transport = 'tcp:${HOST}:90000'
    ///                              ^");
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn parse_with(
        name: &str,
        text: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let source = Source { name, text };
        let file: File = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            source.error(at, error.message())
        })?;
        let mut wires = BTreeMap::new();
        for (name, section) in file.wire {
            let wire = source.wire(section, &variable)?;
            wires.insert(name, wire);
        }
        let file = name.to_owned();
        Ok(Config { file, wires })
    }

    /// The wire of that name.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with the names that there are.
    pub fn wire(&self, name: &str) -> Result<&Wire> {
        self.wires.get(name).ok_or_else(|| {
            let mut text = format!("{} has no wire `{name}`", self.file);
            let names = || self.wires.keys().map(String::as_str);
            if let Some(meant) = nearest(name, names()) {
                let _ = write!(text, "; did you mean `{meant}`?");
            } else if self.wires.is_empty() {
                let _ = write!(text, "; a wire is a table such as `[wire.{name}]`");
            } else {
                let _ = write!(text, "; it has {}", names().collect::<Vec<_>>().join(", "));
            }
            Error::Config(text.into())
        })
    }

    /// All wires by name.
    pub fn wires(&self) -> impl Iterator<Item = (&str, &Wire)> {
        self.wires.iter().map(|(name, wire)| (name.as_str(), wire))
    }
}

impl<A> Builder<A> {
    /// Binds the API to a wire of a file, beside others that it has.
    ///
    /// Its timeout is that of calls to its peers, in place of
    /// [`call_timeout`](Self::call_timeout). A call to peers of several wires has the longest of
    /// theirs, and one that waits for a peer ([`wait_for_peer`](Self::wait_for_peer)) that of all wires.
    pub fn wire(self, wire: &Wire) -> Self {
        let (transport, timeout) = (wire.transport.clone(), wire.timeout);
        match &wire.security {
            Some(security) => self.bind_for(&wire.codec, security, transport, timeout),
            None => self.bind_for(&wire.codec, "null", transport, timeout),
        }
    }
}

/// A text with a name, for errors.
struct Source<'a> {
    name: &'a str,
    text: &'a str,
}

impl Source<'_> {
    fn wire(&self, section: Section, variable: &dyn Fn(&str) -> Option<String>) -> Result<Wire> {
        let codec = section.codec.map(|codec| self.expression(&codec, variable));
        let security = section
            .security
            .map(|security| self.expression(&security, variable));
        let transport = self.expression(&section.transport, variable)?;
        let timeout = section.timeout.map(|timeout| {
            let at = timeout.span().start;
            let text = match timeout.into_inner() {
                Timeout::Integer(seconds) => seconds.to_string(),
                Timeout::Float(seconds) => seconds.to_string(),
                Timeout::Text(text) => text,
            };
            read_timeout(&text).map_err(|wrong| self.error(at, &wrong))
        });
        Ok(Wire {
            codec: codec.transpose()?.unwrap_or_default(),
            security: security.transpose()?,
            transport,
            timeout: timeout.transpose()?,
        })
    }

    fn expression<E: FromStr<Err = ExprError>>(
        &self,
        value: &Spanned<String>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<E> {
        let span = value.span();
        // Places in the value are places in the file where nothing is escaped.
        let written = self.text.get(span.clone()).unwrap_or_default();
        let quote = written
            .bytes()
            .take_while(|byte| matches!(byte, b'"' | b'\''))
            .count();
        let quote = quote.min(written.len().saturating_sub(value.get_ref().len()) / 2);
        let plain = written
            .get(quote..)
            .is_some_and(|text| text.starts_with(value.get_ref()));
        let place = |at: usize| match plain {
            true => span.start + quote + at,
            false => span.start,
        };
        let expanded = expand(value.get_ref(), variable)
            .map_err(|(at, message)| self.error(place(at), &message))?;
        expanded.text.parse().map_err(|error: ExprError| {
            let message = format!("wrong {} expression: {}", error.kind(), error.message());
            self.error(place(expanded.origin(error.position())), &message)
        })
    }

    /// What is wrong, at a place in the text.
    fn error(&self, at: usize, message: &str) -> Error {
        let before = self.text.get(..at).unwrap_or(self.text);
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = before.matches('\n').count() + 1;
        let column = before.get(start..).map_or(0, |text| text.chars().count());
        let shown = self
            .text
            .get(start..)
            .and_then(|rest| rest.lines().next())
            .unwrap_or_default();
        let shown: String = shown
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let (name, position) = (self.name, column + 1);
        let text = format!(
            "{name}:{line}:{position}: {message}\n    {shown}\n    {:column$}^",
            ""
        );
        Error::Config(text.into())
    }
}

/// A value with its variables put in.
struct Expanded {
    text: String,
    /// Where parts of the text begin, in it and in the value, and whether they stand there as they
    /// are.
    parts: Vec<(usize, usize, bool)>,
}

impl Expanded {
    /// Where in the value something stands.
    fn origin(&self, at: usize) -> usize {
        let part = self.parts.iter().rev().find(|(start, ..)| *start <= at);
        part.map_or(at, |(start, origin, plain)| match plain {
            true => origin + (at - start),
            false => *origin,
        })
    }
}

/// Puts in the variables; or gives the place of what is wrong, and what that is.
fn expand(
    value: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Expanded, (usize, String)> {
    let (mut text, mut parts) = (String::new(), Vec::new());
    let mut at = 0;
    while let Some(rest) = value.get(at..).filter(|rest| !rest.is_empty()) {
        let plain = rest.find('$').unwrap_or(rest.len());
        parts.push((text.len(), at, true));
        text.push_str(rest.get(..plain).unwrap_or_default());
        at += plain;
        let Some(rest) = rest.get(plain..).filter(|rest| !rest.is_empty()) else {
            break;
        };
        parts.push((text.len(), at, false));
        if rest.starts_with("$$") {
            text.push('$');
            at += 2;
            continue;
        }
        let inner = rest
            .strip_prefix("${")
            .and_then(|rest| rest.split_once('}'));
        let Some((inner, _)) = inner else {
            let message = "expected `${NAME}`, `${NAME:-text}`, or `$$` for a dollar";
            return Err((at, message.to_owned()));
        };
        let (name, otherwise) = match inner.split_once(":-") {
            Some((name, otherwise)) => (name, Some(otherwise)),
            None => (inner, None),
        };
        // As in shells, one that is empty is as good as none where there is another text.
        let found = variable(name).filter(|found| !found.is_empty() || otherwise.is_none());
        match found.or_else(|| otherwise.map(str::to_owned)) {
            Some(found) => text.push_str(&found),
            None => {
                let message = format!(
                    "there is no environment variable `{name}`; set it, or write \
                     `${{{name}:-text}}` for a text in its place"
                );
                return Err((at, message));
            }
        }
        at += inner.len() + 3;
    }
    Ok(Expanded { text, parts })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config> {
        Config::parse_with("lab.toml", text, |name| match name {
            "HOST" => Some("hub.local".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        })
    }

    #[test]
    fn wires_have_names() {
        let config = read(
            "title = 'mine'\n[wire.lab]\ncodec = 'terse'\nsecurity = 'null'\n\
             transport = 'tcp:${HOST}:${EMPTY:-8888}'\ntimeout = 2.5\n\
             [wire.b]\ntransport = \"unix:/tmp/$$x\"\ntimeout = '500ms'\n",
        )
        .unwrap();
        let lab = config.wire("lab").unwrap();
        assert_eq!(lab.transport.to_string(), "tcp:hub.local:8888");
        assert_eq!(lab.codec.to_string(), "terse");
        assert_eq!(lab.timeout, Some(Duration::from_millis(2500)));
        let b = config.wire("b").unwrap();
        assert_eq!(b.codec.to_string(), "jrpc");
        assert_eq!(b.transport.to_string(), "unix:/tmp/$x");
        assert_eq!(b.timeout, Some(Duration::from_millis(500)));
        let names: Vec<_> = config.wires().map(|(name, _)| name).collect();
        assert_eq!(names, ["b", "lab"]);
        let error = config.wire("lba").unwrap_err().to_string();
        assert_eq!(error, "lab.toml has no wire `lba`; did you mean `lab`?");
        let error = config.wire("vault").unwrap_err().to_string();
        assert_eq!(error, "lab.toml has no wire `vault`; it has b, lab");
        let error = read("").unwrap().wire("x").unwrap_err().to_string();
        assert_eq!(
            error,
            "lab.toml has no wire `x`; a wire is a table such as `[wire.x]`"
        );
    }

    /// How long a call takes that is never answered.
    #[test]
    fn a_timeout_is_that_of_its_wire() {
        use crate::dynamic::Api;
        use crate::{Promise, Sender};

        let config = read(
            "[wire.hasty]\ntransport = 'tcpserv:127.0.0.1:0'\ntimeout = '50ms'\n\
             [wire.patient]\ntransport = 'tcpserv:127.0.0.1:0'\ntimeout = '70ms'\n\
             [wire.usual]\ntransport = 'tcpserv:127.0.0.1:0'\n",
        )
        .unwrap();
        let mut builder = Api::builder().call_timeout(Duration::from_millis(60));
        for name in ["hasty", "patient", "usual"] {
            builder = builder.wire(config.wire(name).unwrap());
        }
        let api = builder.build_dynamic().unwrap();
        let (come, peers) = std::sync::mpsc::channel::<Sender>();
        api.on_connect(move |peer| come.send(peer.clone()).unwrap());
        api.start().unwrap();
        let mut clients = Vec::new();
        let after = |promise: Promise<crate::Value>| match promise.result() {
            Err(Error::Timeout { after, .. }) => after.as_millis(),
            other => panic!("{other:?}"),
        };
        let mut all = Vec::new();
        for (addr, within) in api.local_addrs().into_iter().zip([50, 70, 60]) {
            let client = Api::bind("jrpc", format!("tcp:{addr}")).unwrap();
            let (keep, kept) = std::sync::mpsc::channel();
            client.on("wait", move |_sender, _args| {
                let (promise, resolver) = Promise::<crate::Value>::pair();
                keep.send(resolver).ok();
                promise
            });
            client.start().unwrap();
            let peer = peers.recv_timeout(Duration::from_secs(20)).unwrap();
            assert_eq!(after(api.to(&peer).call("wait", ())), within);
            let own = api.to(&peer).timeout(Duration::from_millis(40));
            assert_eq!(after(own.call("wait", ())), 40);
            clients.push((client, kept));
            all.push(peer);
            // Those of several wires have the longest.
            let longest = if all.len() == 1 { 50 } else { 70 };
            assert_eq!(after(api.to(&all).call("wait", ())), longest);
        }
        api.stop().unwrap();
    }

    #[test]
    fn mistakes_have_a_place() {
        let cases = [
            (
                "transport = 'tcp:hub:90000'",
                "lab.toml:2:22: wrong transport expression: expected a port",
            ),
            (
                "transport = 'tcp:${HOST}:90000'",
                "lab.toml:2:26: wrong transport expression: expected a port",
            ),
            ("transport = 'tcp:${HOST}${EMPTY}'", "lab.toml:2:"),
            (
                "transport = \"tcp:\\u0061:90000\"",
                "lab.toml:2:13: wrong transport expression",
            ),
            (
                "transport = '''tcp:hub:90000'''",
                "lab.toml:2:24: wrong transport",
            ),
            (
                "transport = 'tcp:${NO_SUCH}:1'",
                "lab.toml:2:18: there is no environment variable `NO_SUCH`",
            ),
            (
                "transport = 'tcp:$HOST:1'",
                "lab.toml:2:18: expected `${NAME}`",
            ),
            (
                "transport = 'tcp:${HOST:1'",
                "lab.toml:2:18: expected `${NAME}`",
            ),
            (
                "codec = 'jrcp'\ntransport = 'stdio:'",
                "lab.toml:2:10: wrong codec expression: unknown codec",
            ),
            (
                "transport = 'stdio:'\nsecurity = 'nul'",
                "lab.toml:3:13: wrong security expression",
            ),
            (
                "transport = 'stdio:'\ntimeout = 'soon'",
                "lab.toml:3:11: expected a number of seconds",
            ),
            (
                "transport = 'stdio:'\ntimeout = -1",
                "lab.toml:3:11: expected a number of seconds",
            ),
            (
                "transport = 'stdio:'\ntimeout = true",
                "lab.toml:3:11: expected a number of seconds",
            ),
            (
                "transprot = 'stdio:'",
                "lab.toml:2:1: unknown field `transprot`",
            ),
            ("codec = 'terse'", "lab.toml:1:1: missing field `transport`"),
            ("transport = ", "lab.toml:2:"),
        ];
        for (text, message) in cases {
            let error = read(&format!("[wire.lab]\n{text}"))
                .unwrap_err()
                .to_string();
            assert!(error.starts_with(message), "{text}: {error}");
        }
        let error = Config::read("/no/such/file").unwrap_err().to_string();
        assert!(error.starts_with("cannot read /no/such/file: "), "{error}");
    }
}
