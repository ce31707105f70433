//! When there is no answer: which codec the other side speaks, found out by asking in each.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use quickrpc::expr::{CodecKind, TransportKind};
use quickrpc::{CodecExpr, Error, TransportExpr};

use super::failure::Failure;
use super::wire::{Bound, Connected};

/// Those that a stranger may speak who says nothing. Only text: what is none ends the service of a Python
/// QuickRPC, and so do headers one that reads lines.
const OF_THE_SILENT: [&str; 3] = ["jrpc", "terse", r"jrpc:\n"];

/// Those of a stranger who has said something, or ended the connection.
const OF_OTHERS: [&str; 5] = [
    "jrpc",
    "terse",
    r"jrpc:\n",
    "jrpc:content-length",
    "msgpack",
];

/// Adds to a failure of a call what can be found out about it.
pub fn explain(connected: &Connected, error: Error) -> Failure {
    // Who was there a moment ago may say more by how he went.
    let error = match error {
        Error::NoPeer { .. } => connected.gone().unwrap_or(error),
        error => error,
    };
    let silent = matches!(
        error,
        Error::Timeout { .. } | Error::Disconnected { .. } | Error::Decode(_)
    );
    let is_quiet = matches!(error, Error::Timeout { .. });
    let unserved = matches!(error, Error::NoPeer { .. } | Error::Disconnected { .. });
    let bound = &connected.bound;
    let mut failure = Failure::from(error);
    if unserved && bound.has_broker() {
        return failure.hint("nobody in this namespace serves it, or he is gone");
    }
    if !silent {
        return failure;
    }
    let trouble = connected.trouble();
    if let Some(trouble) = trouble.last() {
        failure = failure.hint(format!("before that: {trouble}"));
    }
    match spoken(bound, is_quiet) {
        Some(codec) => failure.hint(format!(
            "the peer answers in `{codec}`, and you speak `{}`: --codec '{codec}'",
            bound.codec
        )),
        None if !is_quiet && wants_tls(bound) => {
            failure.hint("it wants TLS: `tls:` in the place of `tcp:`, `wss:` in that of `ws:`")
        }
        None => match guess(connected, is_quiet) {
            Some(guess) => failure.hint(guess),
            None => failure,
        },
    }
}

/// What it may be, where that cannot be asked.
fn guess(connected: &Connected, is_quiet: bool) -> Option<String> {
    let bound = &connected.bound;
    let is_usual = matches!(bound.codec.kind(), CodecKind::Jrpc { .. });
    match bound.transport.kind() {
        TransportKind::Tcp {
            host,
            port,
            tls: None,
            ..
        } if !is_quiet && speaks_http(host, *port) => {
            let place = format!("{host}:{port}/");
            let text =
                format!("it speaks HTTP: `http://{place}`, or `ws://{place}` for WebSockets");
            Some(text)
        }
        TransportKind::WebSocket { .. } if is_usual => {
            let text = "others speak protocols of their own there: --codec zonis:NAME, --codec juggler:0.7";
            Some(text.to_owned())
        }
        TransportKind::Zmq { .. } if is_usual => {
            let server = connected.api.peers().first().map(ToString::to_string);
            Some(format!(
                "a Thing of hololinked is called with --codec hololinked:{}/THING",
                server.as_deref().unwrap_or("SERVER")
            ))
        }
        TransportKind::Tcp { .. } | TransportKind::Unix { .. } if is_usual => Some(
            "language servers want --codec jrpc:content-length, and some --codec msgpack".into(),
        ),
        _ if matches!(bound.codec.kind(), CodecKind::Terse) => {
            let text = "the Python QuickRPC answers nothing in `terse`: use `quickrpc notify`, or `jrpc` on both";
            Some(format!("{text} sides"))
        }
        _ => None,
    }
}

fn speaks_http(host: &str, port: u16) -> bool {
    let ask = || -> io::Result<[u8; 5]> {
        let mut stream = TcpStream::connect((host, port))?;
        stream.set_read_timeout(Some(SOON))?;
        stream.write_all(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes())?;
        let mut begin = [0; 5];
        stream.read_exact(&mut begin)?;
        Ok(begin)
    };
    ask().is_ok_and(|begin| begin == *b"HTTP/")
}

/// The codec in which something answers there, if it is not the one that was tried.
fn spoken(bound: &Bound, is_quiet: bool) -> Option<CodecExpr> {
    if !is_client(&bound.transport) {
        return None;
    }
    let codecs: &[&str] = match is_quiet {
        true => &OF_THE_SILENT,
        false => &OF_OTHERS,
    };
    let codecs = codecs
        .iter()
        .filter_map(|codec| codec.parse::<CodecExpr>().ok());
    codecs
        .filter(|codec| *codec != bound.codec)
        .find(|codec| answers(bound, codec.clone(), bound.transport.clone()))
}

fn wants_tls(bound: &Bound) -> bool {
    let text = bound.transport.to_string();
    let Some(place) = text.strip_prefix("tcp:") else {
        return false;
    };
    // Who says nothing at all is not waited for.
    let more = if place.contains('?') { '&' } else { '?' };
    let Ok(transport) = format!("tls:{place}{more}greeting=1").parse() else {
        return false;
    };
    let probe = Bound {
        transport,
        timeout: SOON,
        ..bound.clone()
    };
    // A certificate that is not believed is one.
    match probe.build().map(|api| api.start()) {
        Ok(Ok(())) => true,
        Ok(Err(error)) => error.to_string().contains("certificate"),
        Err(_) => false,
    }
}

/// Whether there is an answer of any kind.
fn answers(bound: &Bound, codec: CodecExpr, transport: TransportExpr) -> bool {
    let probe = Bound {
        codec,
        transport,
        timeout: SOON,
        ..bound.clone()
    };
    let Ok(api) = probe.build() else {
        return false;
    };
    // What it says to that is no news.
    api.on_error(|_peer, _error, _call| ());
    if api.start().is_err() {
        return false;
    }
    matches!(
        api.call("rpc.discover", ()).result(),
        Ok(_) | Err(Error::Call(_))
    )
}

fn is_client(transport: &TransportExpr) -> bool {
    let text = transport.to_string();
    ["tcp:", "tls:", "unix:"]
        .iter()
        .any(|kind| text.starts_with(kind))
}

const SOON: Duration = Duration::from_secs(1);
