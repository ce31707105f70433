//! Telegrams of a stream, cut and looked into as far as people want to see them.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use memchr::memmem;
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

/// What is longer is passed on, and not looked into: what is not over yet has to be kept.
const LONGEST: usize = 64 << 20;

/// Headers are no longer than that.
const HEADERS: usize = 64 << 10;

/// Cuts what comes piece by piece.
#[derive(Debug)]
pub struct Cutter {
    cut: Cut,
    longest: usize,
    /// What is not over yet.
    bytes: Vec<u8>,
    /// So much of that was looked at before.
    searched: usize,
    skips: Skips,
}

/// What is not kept.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Skips {
    Nothing,
    ToDelimiter,
    Bytes(u64),
    /// Where the next telegram begins is not known any more.
    All,
}

#[derive(Debug, PartialEq)]
pub enum Found {
    Telegram(Vec<u8>),
    /// Something that is too long, or none.
    Unseen,
}

impl Cutter {
    pub fn new(cut: &Cut) -> Self {
        Self::up_to(cut, LONGEST)
    }

    fn up_to(cut: &Cut, longest: usize) -> Self {
        Cutter {
            cut: cut.clone(),
            longest,
            bytes: Vec::new(),
            searched: 0,
            skips: Skips::Nothing,
        }
    }

    /// Takes what has come, and gives the telegrams that are whole now, without what is around them.
    pub fn push(&mut self, piece: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        let mut piece = piece;
        match self.skips {
            Skips::All => return found,
            Skips::Bytes(left) => {
                let here = usize::try_from(left).map_or(piece.len(), |left| left.min(piece.len()));
                piece = piece.get(here..).unwrap_or_default();
                self.skips = match left - here as u64 {
                    0 => Skips::Nothing,
                    left => Skips::Bytes(left),
                };
            }
            Skips::Nothing | Skips::ToDelimiter => {}
        }
        self.bytes.extend_from_slice(piece);
        let mut start = 0;
        while let Some((end, next)) = self.end(start, &mut found) {
            let telegram = self.bytes.get(start..end).unwrap_or_default();
            if self.skips == Skips::ToDelimiter {
                self.skips = Skips::Nothing;
            } else if !telegram.is_empty() {
                found.push(Found::Telegram(telegram.to_vec()));
            }
            start = next;
            self.searched = next;
        }
        self.bytes.drain(..start.min(self.bytes.len()));
        self.searched = self.searched.saturating_sub(start);
        if self.bytes.capacity() > self.bytes.len().max(1 << 20) * 2 {
            self.bytes.shrink_to(1 << 20);
        }
        found
    }

    /// Where the telegram that begins there ends, and where the next one begins.
    fn end(&mut self, start: usize, found: &mut Vec<Found>) -> Option<(usize, usize)> {
        match &self.cut {
            Cut::Delimiter(delimiter) => {
                let width = delimiter.len().max(1);
                // A delimiter may have come in two pieces.
                let from = start.max(self.searched.saturating_sub(width - 1));
                let rest = self.bytes.get(from..).unwrap_or_default();
                let end = memmem::find(rest, delimiter);
                if let Some(end) = end.filter(|_| !delimiter.is_empty()) {
                    return Some((from + end, from + end + width));
                }
                self.searched = self.bytes.len();
                let is_too_long = self.bytes.len() - start > self.longest;
                if is_too_long && self.skips == Skips::Nothing {
                    self.skips = Skips::ToDelimiter;
                    found.push(Found::Unseen);
                }
                if self.skips == Skips::ToDelimiter {
                    let kept = self.bytes.len().saturating_sub(width - 1).max(start);
                    self.bytes.drain(start..kept);
                    self.searched = self.bytes.len();
                }
                None
            }
            Cut::ContentLength => {
                let from = start.max(self.searched.saturating_sub(3));
                let rest = self.bytes.get(from..).unwrap_or_default();
                let Some(end) = memmem::find(rest, b"\r\n\r\n") else {
                    self.searched = self.bytes.len();
                    if self.bytes.len() - start > HEADERS {
                        self.lose(found);
                    }
                    return None;
                };
                // Until all is there, it is found there again at once.
                self.searched = from + end + 3;
                let begin = from + end + 4;
                let headers = self.bytes.get(start..from + end).unwrap_or_default();
                let Some(length) = announced(headers) else {
                    self.lose(found);
                    return None;
                };
                let here = self.bytes.len() - begin;
                let fits = usize::try_from(length)
                    .ok()
                    .filter(|&length| length <= self.longest);
                match fits {
                    Some(length) if length <= here => {
                        self.bytes.drain(start..begin);
                        Some((start + length, start + length))
                    }
                    Some(_) => None,
                    None => {
                        found.push(Found::Unseen);
                        match length.checked_sub(here as u64) {
                            Some(left) if left > 0 => {
                                self.bytes.truncate(start);
                                self.searched = start;
                                self.skips = Skips::Bytes(left);
                                None
                            }
                            // It has come in one piece.
                            _ => {
                                let over = begin + usize::try_from(length).unwrap_or(here);
                                self.bytes.drain(start..over.min(self.bytes.len()));
                                self.searched = start;
                                Some((start, start))
                            }
                        }
                    }
                }
            }
        }
    }

    fn lose(&mut self, found: &mut Vec<Found>) {
        found.push(Found::Unseen);
        self.bytes.clear();
        self.searched = 0;
        self.skips = Skips::All;
    }
}

/// The length that headers tell.
fn announced(headers: &[u8]) -> Option<u64> {
    let headers = String::from_utf8_lossy(headers).to_lowercase();
    let length = headers
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))?;
    length.trim().parse().ok()
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

    fn telegram(text: &str) -> Found {
        Found::Telegram(text.as_bytes().to_vec())
    }

    #[test]
    fn telegrams_are_cut_wherever_the_pieces_end() {
        let mut cutter = Cutter::new(&Cut::Delimiter(b"\0".to_vec()));
        assert_eq!(cutter.push(b"{\"a\":1}\0\0{\"b"), [telegram("{\"a\":1}")]);
        assert_eq!(cutter.push(b"\":2}\0"), [telegram("{\"b\":2}")]);
        assert!(cutter.bytes.is_empty());
        let talks = [
            (
                Cut::Delimiter(b"\r\n".to_vec()),
                "one\r\ntwo\r\n\r\nthree\r\nfo".to_owned(),
            ),
            (Cut::ContentLength, {
                let all = ["one", "two", "", "three"];
                let all = all.map(|text| Cut::ContentLength.enclose(text.as_bytes()));
                String::from_utf8(all.concat()).unwrap() + "Content-Length: 4\r\n\r\nfo"
            }),
        ];
        for (cut, text) in talks {
            for width in 1..=text.len() {
                let mut cutter = Cutter::new(&cut);
                let found: Vec<Found> = text
                    .as_bytes()
                    .chunks(width)
                    .flat_map(|piece| cutter.push(piece))
                    .collect();
                let all = [telegram("one"), telegram("two"), telegram("three")];
                assert_eq!(found, all, "{cut:?} by {width}");
            }
        }
    }

    #[test]
    fn what_is_too_long_is_left_out() {
        let long = "x".repeat(50);
        let lines = format!("one\r\n{long}\r\ntwo\r\n");
        let mut headers = Cut::ContentLength.enclose(b"one");
        headers.extend(Cut::ContentLength.enclose(long.as_bytes()));
        headers.extend(Cut::ContentLength.enclose(b"two"));
        let talks = [
            (Cut::Delimiter(b"\r\n".to_vec()), lines.into_bytes()),
            (Cut::ContentLength, headers),
        ];
        for (cut, bytes) in talks {
            for width in [1, 7, 10, 20] {
                let mut cutter = Cutter::up_to(&cut, 20);
                let pieces = bytes.chunks(width);
                let found: Vec<Found> = pieces.flat_map(|piece| cutter.push(piece)).collect();
                let all = [telegram("one"), Found::Unseen, telegram("two")];
                assert_eq!(found, all, "{cut:?} by {width}");
                assert!(cutter.bytes.is_empty());
            }
        }
        // All at once.
        let mut cutter = Cutter::up_to(&Cut::ContentLength, 4);
        let found = cutter.push(b"Content-Length: 5\r\n\r\n12345Content-Length: 1\r\n\r\n6");
        assert_eq!(found, [Found::Unseen, telegram("6")]);
        for headers in [
            "Content-Length: 18446744073709551616",
            "Content-Length: x",
            "Host: a",
        ] {
            let mut cutter = Cutter::new(&Cut::ContentLength);
            let piece = format!("{headers}\r\n\r\n");
            assert_eq!(cutter.push(piece.as_bytes()), [Found::Unseen], "{headers}");
            assert!(cutter.push(piece.as_bytes()).is_empty(), "{headers}");
        }
        let mut cutter = Cutter::new(&Cut::ContentLength);
        let piece = b"Content-Length: 18446744073709551615\r\n\r\nx";
        assert_eq!(cutter.push(piece), [Found::Unseen]);
        assert_eq!(cutter.skips, Skips::Bytes(u64::MAX - 1));
    }

    #[test]
    fn what_was_looked_at_is_not_looked_at_again() {
        let started = std::time::Instant::now();
        let mut cutter = Cutter::new(&Cut::Delimiter(b"\0".to_vec()));
        // 8 GB, if all of it were looked at with each piece.
        for _ in 0..4_096 {
            assert!(cutter.push(&[b'x'; 1_024]).is_empty());
        }
        assert_eq!(cutter.push(b"\0").len(), 1);
        assert!(started.elapsed() < Duration::from_secs(60));
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
