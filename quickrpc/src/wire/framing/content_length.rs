//! The headers before each message of the Language Server Protocol (version 3.17, "Base
//! Protocol"), which are written like those of HTTP (RFC 9112, section 5):
//!
//! ```text
//! Content-Length: 42\r\n
//! \r\n
//! {"jsonrpc":"2.0",...
//! ```

use std::ops::Range;

use memchr::memchr;

use crate::base::mark::MARK;

const NAME: &str = "Content-Length";

/// All headers of one message together, in bytes. Usual are 30 of them, and 90 with a
/// `Content-Type`.
const HEADERS: usize = 4096;

/// Where the message is whose headers are at the front of the buffer, as soon as they are
/// complete. A blank line before them is an empty message, as a program that writes a line
/// end behind each message sends it, and a byte order mark before them is passed over.
///
/// Headers that are incomplete are read anew when more of them has arrived.
///
/// # Errors
///
/// When these are no headers, and what is wrong about them.
pub(super) fn read(buffer: &[u8]) -> Result<Option<Range<usize>>, String> {
    let mut length = None;
    let mut begins = true;
    let mut at = match buffer.starts_with(MARK) {
        true => MARK.len(),
        false if MARK.starts_with(buffer) => return Ok(None),
        false => 0,
    };
    loop {
        let rest = buffer.get(at..).unwrap_or_default();
        let line = match memchr(b'\n', rest) {
            Some(end) => rest.get(..end).unwrap_or_default(),
            None if buffer.len() > HEADERS => return Err(too_long()),
            None if begins_wrong(rest) => return Err(no_header(rest)),
            None => return Ok(None),
        };
        at += line.len() + 1;
        if at > HEADERS {
            return Err(too_long());
        }
        match line.strip_suffix(b"\r").unwrap_or(line) {
            [] if begins => return Ok(Some(at..at)),
            [] => break,
            line => {
                begins = false;
                let Some((name, value)) = header(line) else {
                    return Err(no_header(line));
                };
                if name.eq_ignore_ascii_case(NAME.as_bytes()) {
                    let number = number(value).ok_or_else(|| no_length(value))?;
                    if length.replace(number).is_some_and(|other| other != number) {
                        return Err(format!("two headers `{NAME}` contradict each other"));
                    }
                }
            }
        }
    }
    match length {
        Some(length) => Ok(Some(at..at.saturating_add(length))),
        None => Err(format!("there is no header `{NAME}` before the message")),
    }
}

/// Puts the header before the message that begins at `start` and is the last thing in
/// `out`: the message is moved once.
pub(super) fn insert(out: &mut Vec<u8>, start: usize) {
    let mut digits = itoa::Buffer::new();
    let length = digits.format(out.len().saturating_sub(start));
    let before = out.len();
    for part in [NAME, ": ", length, "\r\n\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    let header = out.len() - before;
    if let Some(frame) = out.get_mut(start..) {
        frame.rotate_right(header);
    }
}

/// The name and the value of a header line.
fn header(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr(b':', line)?;
    let (name, value) = (line.get(..colon)?, line.get(colon + 1..)?);
    let is_name = !name.is_empty() && name.iter().all(|byte| is_token(*byte));
    is_name.then(|| (name, value.trim_ascii()))
}

/// The characters of a header's name (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether this cannot become a header line, whatever follows: so that who sends bare JSON
/// is told at once, and not after so many bytes as headers may have.
fn begins_wrong(rest: &[u8]) -> bool {
    rest.first()
        .is_some_and(|byte| !is_token(*byte) && *byte != b'\r')
}

/// A length; one beyond all numbers is larger than any limit.
fn number(value: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(value).ok()?;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(usize::MAX))
}

fn no_header(line: &[u8]) -> String {
    format!(
        "expected a header such as `{NAME}: 42`, found {}",
        shown(line)
    )
}

fn no_length(value: &[u8]) -> String {
    format!(
        "expected a number of bytes as `{NAME}`, found {}",
        shown(value)
    )
}

fn too_long() -> String {
    format!("the headers of a message may have {HEADERS} bytes")
}

/// The beginning of what was found.
fn shown(bytes: &[u8]) -> String {
    const SHOWN: usize = 40;
    let beginning = bytes.get(..SHOWN).unwrap_or(bytes);
    let mut text = String::from("`");
    for c in String::from_utf8_lossy(beginning).chars() {
        match c.is_control() {
            true => text.extend(c.escape_default()),
            false => text.push(c),
        }
    }
    text.push_str(if beginning.len() < bytes.len() {
        "...`"
    } else {
        "`"
    });
    text
}
