//! When there is no answer: which codec the other side speaks, found out by asking in each.

use std::time::Duration;

use quickrpc::{CodecExpr, Error, TransportExpr};

use super::failure::Failure;
use super::wire::{Bound, Connected};

/// Those that a stranger may speak.
const CODECS: [&str; 5] = [
    "jrpc",
    "terse",
    r"jrpc:\n",
    "jrpc:content-length",
    "msgpack",
];

/// Adds to a failure of a call what can be found out about it.
pub fn explain(connected: &Connected, error: Error) -> Failure {
    let silent = matches!(
        error,
        Error::Timeout { .. } | Error::Disconnected { .. } | Error::Decode(_)
    );
    let mut failure = Failure::from(error);
    if !silent {
        return failure;
    }
    let trouble = connected.trouble();
    if let Some(trouble) = trouble.last() {
        failure = failure.hint(format!("before that: {trouble}"));
    }
    let bound = &connected.bound;
    match spoken(bound) {
        Some(codec) => failure.hint(format!(
            "the peer answers in `{codec}`, and you speak `{}`: --codec '{codec}'",
            bound.codec
        )),
        None if wants_tls(bound) => {
            failure.hint("it wants TLS: `tls:` in the place of `tcp:`, `wss:` in that of `ws:`")
        }
        None => failure,
    }
}

/// The codec in which something answers there, if it is not the one that was tried.
fn spoken(bound: &Bound) -> Option<CodecExpr> {
    if !is_client(&bound.transport) {
        return None;
    }
    let codecs = CODECS
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
    let Ok(transport) = format!("tls:{place}").parse() else {
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
