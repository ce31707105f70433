//! What a transport needs of the cargo features.

use crate::base::error::Error;
use crate::expr::{TransportExpr, TransportKind};

/// # Errors
///
/// Names all features that are off without which there is no such transport.
pub(crate) fn check(expr: &TransportExpr) -> Result<(), Error> {
    let kind = expr.kind();
    let needs_tls = kind.client_tls().is_some() || kind.server_tls().is_some();
    let is_websocket = matches!(
        kind,
        TransportKind::WebSocket { .. } | TransportKind::WebSocketServer { .. }
    );
    let is_zmq = matches!(
        kind,
        TransportKind::Zmq { .. } | TransportKind::ZmqServer { .. }
    );
    let is_http = matches!(kind, TransportKind::Http { .. });
    let has_nkeys = matches!(kind, TransportKind::Nats(nats)
        if nats.nkey_file.is_some() || nats.creds_file.is_some());
    let needs = [
        (is_websocket, cfg!(feature = "websocket"), "websocket"),
        (is_zmq, cfg!(feature = "zmq"), "zmq"),
        (is_http, cfg!(feature = "http"), "http"),
        (
            matches!(kind, TransportKind::Nats(_)),
            cfg!(feature = "nats"),
            "nats",
        ),
        (has_nkeys, cfg!(feature = "nkeys"), "nkeys"),
        (
            matches!(kind, TransportKind::Mqtt(_)),
            cfg!(feature = "mqtt"),
            "mqtt",
        ),
        // The client of HTTP has its own.
        (needs_tls && !is_http, cfg!(feature = "tls"), "tls"),
    ];
    let lacking: Vec<_> = needs
        .iter()
        .filter(|(needed, is_there, _)| *needed && !is_there)
        .map(|(_, _, feature)| *feature)
        .collect();
    match lacking.is_empty() {
        true => Ok(()),
        false => Err(Error::lacks_features(expr, &lacking)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_the_feature() {
        let off = |feature: &&str| match *feature {
            "websocket" => !cfg!(feature = "websocket"),
            "zmq" => !cfg!(feature = "zmq"),
            "http" => !cfg!(feature = "http"),
            "nats" => !cfg!(feature = "nats"),
            "nkeys" => !cfg!(feature = "nkeys"),
            "mqtt" => !cfg!(feature = "mqtt"),
            "tls" => !cfg!(feature = "tls"),
            _ => false,
        };
        let cases: [(&str, &[&str]); 18] = [
            ("tcp:h:1", &[]),
            ("udp:1", &[]),
            ("ws:h:1", &["websocket"]),
            ("wsserv::1", &["websocket"]),
            ("wss:h:1", &["websocket", "tls"]),
            ("wssserv::1?cert=c.pem&key=k.pem", &["websocket", "tls"]),
            ("tls:h:1", &["tls"]),
            ("tlsserv::1?cert=c.pem&key=k.pem", &["tls"]),
            ("zmq:h:1", &["zmq"]),
            ("zmqserv::1", &["zmq"]),
            ("zmq+unix:/x", &["zmq"]),
            ("zmqserv+unix:/x", &["zmq"]),
            ("http:h:1/rpc", &["http"]),
            ("https:h:443", &["http"]),
            ("nats:h:1/lab", &["nats"]),
            ("nats+tls:h:1/lab", &["nats", "tls"]),
            ("nats:h:1/lab?creds_file=me.creds", &["nats", "nkeys"]),
            ("mqtts:h:1/lab", &["mqtt", "tls"]),
        ];
        for (text, needs) in cases {
            let expr: TransportExpr = text.parse().unwrap();
            let lacking: Vec<&str> = needs.iter().copied().filter(off).collect();
            let checked = check(&expr);
            match &lacking[..] {
                [] => checked.unwrap(),
                [one] => {
                    let error = checked.unwrap_err().to_string();
                    let named = format!("`{expr}` needs the cargo feature `{one}` of quickrpc");
                    assert!(error.starts_with(&named), "{error}");
                    assert!(error.ends_with(&format!("--features {one}`")), "{error}");
                }
                [one, other] => {
                    let error = checked.unwrap_err().to_string();
                    let named = format!("needs the cargo features `{one}` and `{other}` of");
                    assert!(error.contains(&named), "{error}");
                    let all = format!("--features {one},{other}`");
                    assert!(error.ends_with(&all), "{error}");
                }
                more => panic!("{more:?}"),
            }
        }
    }
}
