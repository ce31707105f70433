//! Telegrams of a stream, cut and looked into as far as people want to see them.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use quickrpc::expr::{CodecKind, Framing, TransportKind};
use quickrpc::{CodecExpr, TransportExpr, Value};

use super::failure::Failure;
use super::relay;

/// Where a telegram ends.
#[derive(Debug, Clone)]
pub enum Cut {
    Delimiter(Vec<u8>),
    ContentLength,
}

impl Cut {
    pub fn of(codec: &CodecExpr) -> Result<Self, Failure> {
        match codec.kind() {
            CodecKind::Jrpc {
                framing: Framing::Delimiter(delimiter),
                ..
            } => Ok(Cut::Delimiter(delimiter.clone().into_bytes())),
            CodecKind::Jrpc { .. } => Ok(Cut::ContentLength),
            CodecKind::Terse => Ok(Cut::Delimiter(b"\n".to_vec())),
            _ => Err(relay::not_text(codec)),
        }
    }

    /// Whether these are connections whose bytes can be passed on as they are.
    pub fn is_plain(transport: &TransportExpr) -> bool {
        matches!(
            transport.kind(),
            TransportKind::Tcp { tls: None, .. } | TransportKind::TcpServer { tls: None, .. }
        )
    }

    /// Takes whole telegrams off the front, without what is around them.
    pub fn telegrams(&self, bytes: &mut Vec<u8>) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        loop {
            let (start, end, next) = match self {
                Cut::Delimiter(delimiter) => {
                    let width = delimiter.len().max(1);
                    match bytes
                        .windows(width)
                        .position(|part| part == delimiter.as_slice())
                    {
                        Some(end) => (0, end, end + width),
                        None => return found,
                    }
                }
                Cut::ContentLength => match announced(bytes) {
                    Some((start, length)) if bytes.len() >= start + length => {
                        (start, start + length, start + length)
                    }
                    _ => return found,
                },
            };
            let rest = bytes.split_off(next);
            let telegram = std::mem::replace(bytes, rest);
            let telegram = telegram.get(start..end).unwrap_or_default().to_vec();
            if !telegram.is_empty() {
                found.push(telegram);
            }
        }
    }

    /// A telegram as it is sent.
    pub fn enclose(&self, telegram: &[u8]) -> Vec<u8> {
        match self {
            Cut::Delimiter(delimiter) => [telegram, delimiter].concat(),
            Cut::ContentLength => {
                let header = format!("Content-Length: {}\r\n\r\n", telegram.len());
                [header.as_bytes(), telegram].concat()
            }
        }
    }
}

fn announced(bytes: &[u8]) -> Option<(usize, usize)> {
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n")?;
    let headers = String::from_utf8_lossy(bytes.get(..end)?).to_lowercase();
    let length = headers
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))?;
    Some((end + 4, length.trim().parse().ok()?))
}

/// What a telegram says, as far as that shows.
#[derive(Debug, PartialEq)]
pub enum Said {
    /// With its id, if it wants an answer.
    Call {
        method: String,
        id: Option<String>,
    },
    /// To the call with this id; an error or not.
    Answer {
        id: String,
        failed: bool,
    },
    Other,
}

impl Said {
    pub fn of(telegram: &[u8]) -> Self {
        let text = String::from_utf8_lossy(telegram);
        match text.trim_start().starts_with('{') {
            true => Self::json(&text),
            false => Self::terse(text.trim()),
        }
    }

    fn json(text: &str) -> Self {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            return Said::Other;
        };
        let id = value
            .get("id")
            .filter(|id| !id.is_null())
            .map(Value::to_string);
        match (value["method"].as_str(), id) {
            (Some(method), id) => Said::Call {
                method: method.to_owned(),
                id,
            },
            (None, Some(id)) => Said::Answer {
                id,
                failed: value.get("error").is_some_and(|error| !error.is_null()),
            },
            (None, None) => Said::Other,
        }
    }

    fn terse(line: &str) -> Self {
        if let Some((id, rest)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let id = id.to_owned();
            return match rest.chars().next() {
                Some(':') => Said::Answer { id, failed: false },
                Some('!') => Said::Answer { id, failed: true },
                _ => Said::Other,
            };
        }
        let end = line.find([' ', '[', '/']).unwrap_or(line.len());
        let (method, rest) = line.split_at(end);
        if method.is_empty() || method == "!" {
            return Said::Other;
        }
        let id = match rest.chars().next() {
            Some('[') => rest
                .get(1..)
                .and_then(|rest| rest.split_once(']'))
                .map(|(id, _)| id),
            Some('/') => rest.get(1..).and_then(|rest| rest.split(' ').next()),
            _ => None,
        };
        Said::Call {
            method: method.to_owned(),
            id: id.map(str::to_owned),
        }
    }
}

/// A plain connection.
pub fn connect(transport: &TransportExpr, timeout: Duration) -> Result<TcpStream, Failure> {
    use std::net::ToSocketAddrs as _;
    let TransportKind::Tcp { host, port, .. } = transport.kind() else {
        return Err(plain(transport, "tcp:<host>:<port>"));
    };
    let cannot = |error: io::Error| {
        Failure::new(
            super::failure::Kind::Connection,
            format!("cannot connect to `{transport}`: {error}"),
        )
    };
    let addresses = (host.as_str(), *port).to_socket_addrs().map_err(cannot)?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "it has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(cannot)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(cannot(last))
}

/// A plain listener.
pub fn listen(transport: &TransportExpr) -> Result<TcpListener, Failure> {
    let TransportKind::TcpServer {
        interface, port, ..
    } = transport.kind()
    else {
        return Err(plain(transport, "tcpserv:<interface>:<port>"));
    };
    let interface = if interface.is_empty() {
        "0.0.0.0"
    } else {
        interface
    };
    TcpListener::bind((interface, *port))
        .map_err(|error| Failure::usage(format!("cannot listen on `{transport}`: {error}")))
}

fn plain(transport: &TransportExpr, expected: &str) -> Failure {
    Failure::usage(format!(
        "expected a plain `{expected}` here, found `{transport}`"
    ))
}

/// Passes bytes on, and shows them meanwhile; until the end, which is passed on, too.
pub fn pass(from: &TcpStream, to: &TcpStream, mut see: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let (mut from, mut to) = (from, to);
        match from.read(&mut buffer) {
            Ok(count) if count > 0 => {
                let bytes = buffer.get(..count).unwrap_or_default();
                // Before it is passed on: else its answer may be seen first.
                see(bytes);
                if to.write_all(bytes).is_err() {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => break,
        }
    }
    // Either may be gone.
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telegrams_are_cut_wherever_the_pieces_end() {
        let cut = Cut::Delimiter(b"\0".to_vec());
        let mut bytes = b"{\"a\":1}\0\0{\"b".to_vec();
        assert_eq!(cut.telegrams(&mut bytes), [b"{\"a\":1}".to_vec()]);
        bytes.extend_from_slice(b"\":2}\0");
        assert_eq!(cut.telegrams(&mut bytes), [b"{\"b\":2}".to_vec()]);
        assert!(bytes.is_empty());
        let cut = Cut::ContentLength;
        let mut bytes = cut.enclose(b"{}");
        bytes.extend_from_slice(b"Content-Length: 4\r\n\r\n{ ");
        assert_eq!(cut.telegrams(&mut bytes), [b"{}".to_vec()]);
        assert!(cut.telegrams(&mut bytes).is_empty());
    }

    #[test]
    fn what_is_said_shows() {
        let call = |method: &str, id: Option<&str>| Said::Call {
            method: method.into(),
            id: id.map(str::to_owned),
        };
        let answer = |id: &str, failed| Said::Answer {
            id: id.into(),
            failed,
        };
        let cases = [
            (
                r#"{"jsonrpc":"2.0","method":"add","id":7}"#,
                call("add", Some("7")),
            ),
            (r#"{"method":"say","id":null}"#, call("say", None)),
            (r#"{"id":"a","result":5}"#, answer("\"a\"", false)),
            (r#"{"id":7,"error":{"code":1}}"#, answer("7", true)),
            ("{", Said::Other),
            ("add[7] a:1", call("add", Some("7"))),
            ("add/7 a:1", call("add", Some("7"))),
            ("say text:\"x[1]\"", call("say", None)),
            ("[7]:5", answer("7", false)),
            ("[7]! message:\"x\"", answer("7", true)),
            ("! what", Said::Other),
        ];
        for (text, said) in cases {
            assert_eq!(Said::of(text.as_bytes()), said, "{text}");
        }
    }
}
