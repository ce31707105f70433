//! JSON-RPC messages in the one form in which this library writes them, which is told at a
//! glance: by their beginning and their end.
//!
//! What lies between the two is not looked at here. Whoever reads the arguments or the
//! result reads every byte of them, and finds out what is wrong ([`Payload::Raw`]); the
//! telegram then is decoded in full. So a message is gone through once, and not twice. If
//! everything between beginning and end is one value, the message is valid, and says what
//! it seems to say: nothing can be hidden in a value.

use memchr::memchr;

use crate::format::text::{Json, apart, find_special, joined, write_str};
use crate::wire::codec::envelope::{Envelope, Part, Payload, Span};

/// How a call begins.
pub(crate) const CALL: &[u8] = br#"{"jsonrpc":"2.0","method":""#;
/// Between its name and its arguments.
pub(crate) const PARAMS: &[u8] = br#"","params":"#;
/// How an answer begins.
pub(crate) const RESULT: &[u8] = br#"{"jsonrpc":"2.0","result":"#;
/// Before the id, which comes last.
pub(crate) const ID: &[u8] = br#","id":"#;
/// How a security header begins.
pub(crate) const HEADER: &[u8] = br#"{"jsonrpc":"2.0","method":"rpc.secinfo","params":{""#;
/// Between the name of one of its fields and the value; between that and the next name; and its end.
const IS: &[u8] = br#"":""#;
const NEXT: &[u8] = br#"",""#;
const END: &[u8] = br#""}}"#;
/// A longer one, or one of more fields, is left to the full decoder.
const LONGEST: usize = 1024;
const FIELDS: usize = 8;
/// Ids of more digits are left to the full decoder, which knows the limit of ids.
pub(crate) const DIGITS: usize = 18;

/// A telegram in this form; `None` for all others, which are decoded in full.
#[inline]
pub(crate) fn decode(telegram: &str) -> Option<Envelope> {
    find(telegram.as_bytes())
}

#[inline]
fn find(bytes: &[u8]) -> Option<Envelope> {
    if bytes.starts_with(CALL) {
        return call(bytes);
    }
    let id = id(bytes)?;
    let start = bytes.starts_with(RESULT).then_some(RESULT.len())?;
    let end = id.start.checked_sub(ID.len())?;
    Some(Envelope::Reply {
        id: Some(id.value),
        result: Payload::Raw(Span::new(start..end)?),
    })
}

fn call(bytes: &[u8]) -> Option<Envelope> {
    let start = CALL.len();
    let end = find_special(bytes, start);
    let method = bytes.get(start..end)?;
    if !bytes.get(end..)?.starts_with(PARAMS) {
        return None;
    }
    // What may mean something to whoever reads.
    if matches!(method, [b'r', b'p', b'c', b'.', ..] | [b'$', ..]) {
        return None;
    }
    let params = end + PARAMS.len();
    let id = id(bytes);
    let last = match &id {
        Some(id) => id.start.checked_sub(ID.len())?,
        // Without one, the last byte is the message's own bracket.
        None => bytes.strip_suffix(b"}")?.len(),
    };
    // Only containers are arguments.
    match bytes.get(params) {
        Some(b'{' | b'[') if params < last => {}
        _ => return None,
    }
    let id = match id {
        Some(id) => Some(Part::Span(Span::new(id.start..bytes.len() - 1)?)),
        None => None,
    };
    Some(Envelope::Call {
        method: Part::Span(Span::new(start..end)?),
        params: Payload::Raw(Span::new(params..last)?),
        id,
    })
}

/// Whether these bytes are a call or a reply in this form, for which nobody looks any further.
pub(crate) fn is_message(bytes: &[u8]) -> bool {
    find(bytes).is_some()
}

/// Finds the names and values of a security header in this form: texts without escapes, in the order
/// of their names. Gives false for all others, and leaves in `fields` whatever it likes.
pub(crate) fn header(telegram: &str, fields: &mut Vec<(Span, Span)>) -> bool {
    telegram.len() <= LONGEST && find_fields(telegram.as_bytes(), fields).is_some()
}

fn find_fields(bytes: &[u8], fields: &mut Vec<(Span, Span)>) -> Option<()> {
    let mut at = bytes.starts_with(HEADER).then_some(HEADER.len())?;
    // Looked at all together, so that the compiler makes vector instructions of it.
    let is_special = |byte: u8| (byte < 0x20) | (byte == b'\\');
    let special = |found, &byte: &u8| found | is_special(byte);
    if bytes.iter().fold(false, special) {
        return None;
    }
    let mut before: &[u8] = &[];
    while fields.len() < FIELDS {
        let rest = bytes.get(at..)?;
        let length = rest.iter().take_while(|b| b.is_ascii_lowercase()).count();
        let (name, rest) = rest.split_at_checked(length)?;
        // In order, so that none is there twice. Others than such may mean something to whoever reads.
        if name <= before {
            return None;
        }
        before = name;
        let rest = rest.strip_prefix(IS)?;
        let from = at + length + IS.len();
        let to = from + memchr(b'"', rest)?;
        fields.push((Span::new(at..at + length)?, Span::new(from..to)?));
        let rest = bytes.get(to..)?;
        if rest == END {
            return Some(());
        }
        at = rest.starts_with(NEXT).then_some(to + NEXT.len())?;
    }
    None
}

/// Appends the security header of a signed message; see [`Outgoing::signed`].
///
/// [`Outgoing::signed`]: crate::wire::security::Outgoing::signed
pub(crate) fn write_signed(out: &mut Vec<u8>, fields: &[&str; 7]) {
    let [counter, mac, peer, session, time, to, user] = fields;
    out.reserve(LONGEST);
    out.extend_from_slice(HEADER);
    out.extend_from_slice(br#"counter":""#);
    out.extend_from_slice(counter.as_bytes());
    out.extend_from_slice(br#"","mac":""#);
    out.extend_from_slice(mac.as_bytes());
    out.extend_from_slice(br#"","peer":"#);
    write_str(out, Json, peer);
    out.extend_from_slice(br#","session":"#);
    write_str(out, Json, session);
    out.extend_from_slice(br#","time":""#);
    out.extend_from_slice(time.as_bytes());
    out.extend_from_slice(br#"","to":"#);
    write_str(out, Json, to);
    out.extend_from_slice(br#","user":"#);
    write_str(out, Json, user);
    out.extend_from_slice(b"}}");
}

/// An id at the end of a message.
struct Id {
    /// Where its digits begin.
    start: usize,
    value: u64,
}

fn id(bytes: &[u8]) -> Option<Id> {
    let [before @ .., b'}'] = bytes else {
        return None;
    };
    if let Some(id) = small_id(before) {
        return Some(id);
    }
    let (mut value, mut unit) = (0_u64, 1_u64);
    let mut start = before.len();
    while let Some(digit @ 0..=9) = before
        .get(start.wrapping_sub(1))
        .map(|b| b.wrapping_sub(b'0'))
    {
        if before.len() - start >= DIGITS {
            return None;
        }
        value += u64::from(digit) * unit;
        unit *= 10;
        start -= 1;
    }
    let digits = before.get(start..)?;
    // JSON's numbers have no zeros in front.
    let is_number = matches!(digits, [b'0'] | [b'1'..=b'9', ..]);
    (is_number && before.get(..start)?.ends_with(ID)).then_some(Id { start, value })
}

/// One of up to seven digits, which are looked at together.
#[inline]
fn small_id(before: &[u8]) -> Option<Id> {
    let (digits, others) = apart(u64::from_le_bytes(*before.last_chunk()?));
    let bits = others.leading_zeros() & !7;
    if bits == 0 || bits == 64 {
        return None;
    }
    let start = before.len() - bits as usize / 8;
    if bits > 8 && before.get(start) == Some(&b'0') {
        return None;
    }
    let value = joined(digits & (u64::MAX << (64 - bits)));
    before
        .get(..start)?
        .ends_with(ID)
        .then_some(Id { start, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of a telegram that is in this form.
    fn parts(telegram: &str) -> Option<String> {
        let raw = |payload: &Payload| match payload {
            Payload::Raw(span) => span.of(telegram).to_owned(),
            other => format!("{other:?}"),
        };
        Some(match decode(telegram)? {
            Envelope::Call { method, params, id } => {
                let id = id.as_ref().map_or("-", |id| id.of(telegram));
                format!("{} {} {id}", method.of(telegram), raw(&params))
            }
            Envelope::Reply { id, result } => format!("{} {id:?}", raw(&result)),
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn what_this_library_writes_is_taken_apart() {
        for (telegram, expected) in [
            (
                r#"{"jsonrpc":"2.0","method":"add","params":{"a":1},"id":7}"#,
                r#"add {"a":1} 7"#,
            ),
            (
                r#"{"jsonrpc":"2.0","method":"ä","params":[1,2]}"#,
                r"ä [1,2] -",
            ),
            (
                r#"{"jsonrpc":"2.0","method":"a","params":{"x":1,"id":5}}"#,
                r#"a {"x":1,"id":5} -"#,
            ),
            (r#"{"jsonrpc":"2.0","method":"a","params":{}}"#, "a {} -"),
            (
                r#"{"jsonrpc":"2.0","result":"x","id":123456789012345678}"#,
                r#""x" Some(123456789012345678)"#,
            ),
            (r#"{"jsonrpc":"2.0","result":null,"id":0}"#, "null Some(0)"),
        ] {
            assert_eq!(parts(telegram).as_deref(), Some(expected), "{telegram}");
        }
    }

    #[test]
    fn the_rest_is_left_to_the_full_decoder() {
        for telegram in [
            "",
            "}",
            r#"{"jsonrpc":"2.0","method":""#,
            r#"{"jsonrpc":"2.0","method":"a","params":"#,
            r#"{"jsonrpc":"2.0","method":"a","params":}"#,
            r#"{"jsonrpc":"2.0","method":"a","params":5}"#,
            r#"{"jsonrpc":"2.0","method":"a\n","params":{}}"#,
            r#"{"jsonrpc":"2.0","method":"rpc.secinfo","params":{}}"#,
            r#"{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":1}}"#,
            r#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}"#,
            r#"{"jsonrpc":"2.0","method":"a","id":1}"#,
            r#"{"jsonrpc":"2.0","method":"a","params":{},"id":1"#,
            r#"{"jsonrpc":"2.0","method":"a","params":{},"#,
            r#"{"jsonrpc":"2.0","method":"a","params":,"id":1}"#,
            r#"{"jsonrpc": "2.0", "method": "a", "params": {}}"#,
            r#"{"jsonrpc":"2.0","result":1}"#,
            r#"{"jsonrpc":"2.0","result":1,"id":01}"#,
            r#"{"jsonrpc":"2.0","result":1,"id":"1"}"#,
            r#"{"jsonrpc":"2.0","result":1,"id":1234567890123456789}"#,
            r#"{"jsonrpc":"2.0","result":,"id":1}"#.split_at(25).0,
            r#"{"jsonrpc":"2.0","error":{},"id":1}"#,
        ] {
            assert_eq!(parts(telegram), None, "{telegram}");
        }
    }
}
