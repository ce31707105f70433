//! Cuts what a broker sends into verbs.

use super::info::Info;
use crate::base::utf8;

/// A line of a broker is no longer than this; that of `INFO` names all servers of a cluster.
const LINE: usize = 4096 + 512;
const INFO_LINE: usize = 64 << 10;
/// The headers of a message are no longer than this.
const HEADERS: usize = 64 << 10;

/// What cuts the input of one connection.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// So many bytes belong to a message that is too large, and are thrown away.
    skip: usize,
}

/// What was found at the front of the input.
#[derive(Debug, PartialEq)]
pub(crate) enum Event<'a> {
    /// More is needed.
    Incomplete,
    /// Part of a message that was too large.
    Part,
    /// Something that means nothing to us.
    Nothing,
    Ping,
    Pong,
    Info(Box<Info>),
    Message(Delivery<'a>),
    /// A message of which something is larger than its limit; its bytes are thrown away.
    TooLarge {
        size: usize,
        limit: usize,
        subject: &'a str,
    },
    /// What is behind `-ERR`.
    Error(&'a str),
}

/// A message, as a broker delivers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delivery<'a> {
    pub(crate) subject: &'a str,
    /// Where answers go; empty: nowhere.
    pub(crate) reply: &'a str,
    /// What the broker itself says in the place of a message, such as 503.
    pub(crate) status: Option<u16>,
    pub(crate) payload: &'a [u8],
}

impl Reader {
    /// Looks at the front of the input. Gives how many bytes it took.
    ///
    /// # Errors
    ///
    /// What is wrong, where this cannot be a broker.
    pub(crate) fn next<'a>(
        &mut self,
        bytes: &'a [u8],
        limit: usize,
    ) -> Result<(usize, Event<'a>), String> {
        if self.skip > 0 {
            let taken = self.skip.min(bytes.len());
            self.skip -= taken;
            let event = match taken {
                0 => Event::Incomplete,
                _ => Event::Part,
            };
            return Ok((taken, event));
        }
        let head = bytes.get(..bytes.len().min(INFO_LINE)).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\n', head) else {
            let most = match is_info(bytes) {
                true => INFO_LINE,
                false => LINE,
            };
            return match bytes.len() >= most {
                true => Err(format!("a line of more than {most} bytes")),
                false => Ok((0, Event::Incomplete)),
            };
        };
        let line = bytes.get(..end).unwrap_or_default().trim_ascii();
        if end >= LINE && !is_info(bytes) {
            return Err(format!("a line of more than {LINE} bytes"));
        }
        let (verb, rest) = match line.iter().position(|byte| matches!(byte, b' ' | b'\t')) {
            Some(at) => line.split_at(at),
            None => (line, &[][..]),
        };
        let rest = rest.trim_ascii();
        let after = end + 1;
        let is = |name: &[u8]| verb.eq_ignore_ascii_case(name);
        if is(b"MSG") || is(b"HMSG") {
            return self.message(bytes, after, rest, is(b"HMSG"), limit);
        }
        let event = if is(b"PING") {
            Event::Ping
        } else if is(b"PONG") {
            Event::Pong
        } else if is(b"+OK") || line.is_empty() {
            Event::Nothing
        } else if is(b"INFO") {
            let info = Info::parse(rest).map_err(|why| format!("an INFO that is none: {why}"))?;
            Event::Info(Box::new(info))
        } else if is(b"-ERR") {
            let text = std::str::from_utf8(rest).map_err(|_| "an error that is no text")?;
            Event::Error(text.trim_matches('\''))
        } else {
            let verb = verb.get(..verb.len().min(16)).unwrap_or_default();
            return Err(format!("`{}` is no verb of NATS", verb.escape_ascii()));
        };
        Ok((after, event))
    }

    fn message<'a>(
        &mut self,
        bytes: &'a [u8],
        after: usize,
        line: &'a [u8],
        has_headers: bool,
        limit: usize,
    ) -> Result<(usize, Event<'a>), String> {
        let wrong = || "a line of MSG that is none".to_owned();
        let end = |total: usize| after.checked_add(total)?.checked_add(2);
        let Ok(text) = utf8::text(line) else {
            // As the server does it: whoever publishes may write bytes into a subject that are no text. It is for
            // nobody.
            let line = String::from_utf8_lossy(line);
            let line = Line::read(&line, has_headers).ok_or_else(wrong)?;
            let whole = end(line.total).ok_or_else(wrong)?;
            let here = whole.min(bytes.len());
            self.skip = whole - here;
            return Ok((here, Event::Part));
        };
        let line = Line::read(text, has_headers).ok_or_else(wrong)?;
        let Line {
            subject,
            reply,
            headers,
            total,
        } = line;
        let whole = end(total).ok_or_else(wrong)?;
        let parts = [(total - headers, limit), (headers, HEADERS)];
        if let Some((size, limit)) = parts.into_iter().find(|(size, limit)| size > limit) {
            let here = whole.min(bytes.len());
            self.skip = whole - here;
            let event = Event::TooLarge {
                size,
                limit,
                subject,
            };
            return Ok((here, event));
        }
        let Some(body) = bytes.get(after..after + total) else {
            return Ok((0, Event::Incomplete));
        };
        match bytes.get(after + total..whole) {
            None => return Ok((0, Event::Incomplete)),
            Some(b"\r\n") => {}
            Some(_) => return Err("a message without its end".to_owned()),
        }
        let (headers, payload) = body.split_at_checked(headers).ok_or_else(wrong)?;
        let delivery = Delivery {
            subject,
            reply,
            status: status(headers),
            payload,
        };
        Ok((whole, Event::Message(delivery)))
    }

    /// Whether there is more to come of a message.
    pub(crate) fn is_within_message(&self) -> bool {
        self.skip > 0
    }
}

/// What a line of a message says.
struct Line<'a> {
    subject: &'a str,
    reply: &'a str,
    /// So many bytes are headers, of so many in all.
    headers: usize,
    total: usize,
}

impl<'a> Line<'a> {
    fn read(line: &'a str, has_headers: bool) -> Option<Self> {
        let (subject, rest) = cut(line)?;
        let (_number, rest) = cut(rest)?;
        let (first, rest) = cut(rest)?;
        let (reply, headers, total) = match (has_headers, cut(rest)) {
            (false, None) => ("", "0", first),
            (true, None) => return None,
            (false, Some((total, ""))) => (first, "0", total),
            (true, Some((total, ""))) => ("", first, total),
            (false, Some(_)) => return None,
            (true, Some((headers, rest))) => match cut(rest)? {
                (total, "") => (first, headers, total),
                _ => return None,
            },
        };
        let (headers, total) = (headers.parse().ok()?, total.parse().ok()?);
        (headers <= total).then_some(Line {
            subject,
            reply,
            headers,
            total,
        })
    }
}

/// The first word of a line, and what follows it.
fn cut(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start_matches([' ', '\t']);
    let end = memchr::memchr2(b' ', b'\t', line.as_bytes());
    let (word, rest) = line.split_at_checked(end.unwrap_or(line.len()))?;
    (!word.is_empty()).then_some((word, rest))
}

fn is_info(bytes: &[u8]) -> bool {
    bytes
        .get(..4)
        .is_some_and(|verb| verb.eq_ignore_ascii_case(b"INFO"))
}

/// What the broker says in the first line of headers: `NATS/1.0 503`.
fn status(headers: &[u8]) -> Option<u16> {
    let line = headers.split(|byte| *byte == b'\n').next()?;
    let rest = line.strip_prefix(b"NATS/1.0")?.trim_ascii();
    std::str::from_utf8(rest.get(..3)?).ok()?.parse().ok()
}
