//! `hololinked:<server id>/<thing id>?id=..&logs=on`

use std::fmt;

use super::codec::CodecKind;
use super::options::{Scope, take};
use super::parse::{Parsed, Piece, escape, is_tame};
#[cfg(feature = "hololinked")]
use super::transport::TransportExpr;
#[cfg(feature = "hololinked")]
use super::zmq::{self, Beside};
use crate::base::expr_error::Wrong;

/// What a `hololinked:` expression says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct HololinkedExpr {
    /// What the server is called: its identity on sockets of ZeroMQ.
    pub server: String,
    /// Which of the server's Things it is.
    pub thing: String,
    /// What a client is called. Without, each connection has a name of its own.
    pub id: Option<String>,
    /// Whether a client wants to know what the Thing logs during a call.
    pub logs: bool,
    /// Whether clients may end a server by `EXIT`.
    pub exit: bool,
    /// Whether there is a connection for events and changes beside that for calls; on by default.
    pub events: Events,
}

/// Where events and changes of properties come from, or go to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Events {
    /// Where the package has them: on the next port, or in `<name>.event-publisher.ipc`.
    #[default]
    Beside,
    /// There are none.
    Off,
    /// On this port.
    Port(u16),
    /// At this path.
    Socket(String),
}

pub(super) const OPTIONS: [&str; 6] = ["server", "thing", "id", "logs", "exit", "events"];

/// A name is no longer than this (RFC 37), and what makes it one of its own comes behind it.
const LONGEST: usize = 200;

impl HololinkedExpr {
    /// The transport that events go over beside this one, if they do.
    #[cfg(feature = "hololinked")]
    pub(crate) fn events_beside(&self, transport: &TransportExpr) -> Option<TransportExpr> {
        let place = match &self.events {
            Events::Off => return None,
            Events::Beside => Beside::Next,
            Events::Port(port) => Beside::Port(*port),
            Events::Socket(path) => Beside::Socket(path.clone()),
        };
        let topic = format!("{}/", self.thing);
        let kind = zmq::beside(transport.kind(), &place, events_path, &topic)?;
        Some(TransportExpr::new(kind, transport.options().clone()))
    }
}

/// Where the events of a server are that is at this path, in the package.
#[cfg(feature = "hololinked")]
pub(crate) fn events_path(path: &str) -> String {
    let name = path.strip_suffix(".ipc").unwrap_or(path);
    format!("{name}.event-publisher.ipc")
}

pub(super) fn parse(params: Piece<'_>, scope: &Scope<'_, '_>) -> Parsed<CodecKind> {
    let whole = match params.text {
        "" => take(scope, "server", |o| o.text())?.unwrap_or_default(),
        text => text.to_owned(),
    };
    let thing = take(scope, "thing", |o| o.text())?;
    let (server, thing) = match (thing, whole.rsplit_once('/')) {
        (Some(thing), _) => (whole, thing),
        (None, Some((server, thing))) => (server.to_owned(), thing.to_owned()),
        // As with the methods of the package that start a server for one Thing.
        (None, None) => (whole.clone(), whole),
    };
    if server.is_empty() || thing.is_empty() {
        let message = "expected `hololinked:<server id>/<thing id>`, or one id that is both";
        return Err(Wrong::new(params.at, message));
    }
    if server.len() > LONGEST {
        let message = format!("an id has at most {LONGEST} bytes");
        return Err(Wrong::new(params.at, message));
    }
    let id = take(scope, "id", |o| match o.text()? {
        id if id.is_empty() || id.len() > LONGEST || id.starts_with('\0') => {
            Err(o.expected("a name of 1 to 200 bytes"))
        }
        id => Ok(id),
    })?;
    let events = take(scope, "events", |o| {
        let text = o.text()?;
        Ok(match text.as_str() {
            "on" => Events::Beside,
            "off" => Events::Off,
            text => match text.parse() {
                Ok(port) => Events::Port(port),
                Err(_) if text.contains(['/', '@', '\\']) => Events::Socket(text.to_owned()),
                Err(_) => return Err(o.expected("`on`, `off`, a port or a path")),
            },
        })
    })?;
    Ok(CodecKind::Hololinked(HololinkedExpr {
        server,
        thing,
        id,
        logs: take(scope, "logs", |o| o.flag())?.unwrap_or(false),
        exit: take(scope, "exit", |o| o.flag())?.unwrap_or(false),
        events: events.unwrap_or_default(),
    }))
}

impl fmt::Display for HololinkedExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HololinkedExpr { server, thing, .. } = self;
        let mut options = Vec::new();
        let both = format!("{server}/{thing}");
        if is_tame(&both) && !thing.contains('/') {
            write!(f, "hololinked:{both}")?;
        } else {
            f.write_str("hololinked")?;
            options.push(format!("server={}", escape(server)));
            options.push(format!("thing={}", escape(thing)));
        }
        if let Some(id) = &self.id {
            options.push(format!("id={}", escape(id)));
        }
        for (name, on) in [("logs", self.logs), ("exit", self.exit)] {
            if on {
                options.push(format!("{name}=on"));
            }
        }
        match &self.events {
            Events::Beside => {}
            Events::Off => options.push(String::from("events=off")),
            Events::Port(port) => options.push(format!("events={port}")),
            Events::Socket(path) => options.push(format!("events={}", escape(path))),
        }
        for (number, option) in options.iter().enumerate() {
            let before = if number == 0 { '?' } else { '&' };
            write!(f, "{before}{option}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::CodecExpr;

    #[test]
    fn both_directions() {
        let table = [
            ("hololinked:srv/thg", "hololinked:srv/thg"),
            ("hololinked:both", "hololinked:both/both"),
            ("hololinked:lab/dev:1/thg", "hololinked:lab/dev:1/thg"),
            ("hololinked:s?thing=a/b", "hololinked?server=s&thing=a/b"),
            (
                "hololinked:s/t?logs=on&exit=1&id=me",
                "hololinked:s/t?id=me&logs=on&exit=on",
            ),
            ("hololinked:s/t?events=on", "hololinked:s/t"),
            ("hololinked:s/t?events=5556", "hololinked:s/t?events=5556"),
            ("hololinked:s/t?events=/a/b", "hololinked:s/t?events=/a/b"),
            ("hololinked:s/t?events=off", "hololinked:s/t?events=off"),
        ];
        for (text, shown) in table {
            let expr: CodecExpr = text.parse().unwrap();
            assert_eq!(expr.to_string(), shown, "{text}");
            assert_eq!(expr, shown.parse().unwrap(), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_shown() {
        for (text, wrong) in [
            ("hololinked", "expected `hololinked:<server id>/<thing id>`"),
            ("hololinked:/t", "expected `hololinked:<server id>/"),
            ("hololinked:s/t?events=x", "expected `on`, `off`, a port"),
            ("hololinked:s/t?id=", "expected a name of 1 to 200 bytes"),
            ("hololinked:s/t?log=on", "did you mean `logs`"),
        ] {
            let error = text.parse::<CodecExpr>().unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
        }
    }
}
