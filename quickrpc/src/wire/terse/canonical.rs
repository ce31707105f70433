//! Calls in the one form in which this library writes them, which is told at a glance: a plain name,
//! perhaps a number in brackets, a blank, and the name of an argument.
//!
//! The arguments are not looked at here. Whoever reads them finds out what is wrong
//! ([`Payload::Raw`]); the line then is decoded in full. So it is gone through once, and not twice.

use super::jrpc::canonical::DIGITS;
use crate::wire::codec::envelope::{Envelope, Part, Payload, Span};

/// A line in this form; `None` for all others, which are decoded in full.
#[inline]
pub(crate) fn decode(line: &str) -> Option<Envelope> {
    let bytes = line.as_bytes();
    let end = plain(bytes)?;
    let (id, start) = match bytes.get(end)? {
        b' ' => (None, end + 1),
        b'[' => {
            let digits = bytes.get(end + 1..)?;
            let count = digits.iter().position(|byte| !byte.is_ascii_digit())?;
            if count == 0 || count > DIGITS || !digits.get(count..)?.starts_with(b"] ") {
                return None;
            }
            let id = Span::new(end + 1..end + 1 + count)?;
            (Some(Part::Span(id)), end + count + 3)
        }
        _ => return None,
    };
    // Neither blanks nor anything that begins no argument; none behind the last one.
    let name = plain(bytes.get(start..)?)?;
    if bytes.get(start + name) != Some(&b':') || bytes.last()?.is_ascii_whitespace() {
        return None;
    }
    Some(Envelope::Call {
        method: Part::Span(Span::new(0..end)?),
        params: Payload::Raw(Span::new(start..bytes.len())?),
        id,
    })
}

/// How long the word is that it begins with. What may mean something to whoever reads has a dot or a
/// dollar in its name.
#[inline]
fn plain(bytes: &[u8]) -> Option<usize> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let end = bytes.iter().position(|byte| !is_plain(byte))?;
    (end > 0).then_some(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::limits::Limits;
    use crate::wire::terse::Terse;

    #[test]
    fn what_this_library_writes_is_told_at_a_glance() {
        for line in [
            "add[7] a:1 b:2",
            "note text:\"x y\"",
            "a_1[123456789012345678] x:[1 2]",
        ] {
            assert!(decode(line).is_some(), "{line}");
        }
        for line in [
            "",
            "add",
            "add[7]",
            "add[] a:1",
            "add[x] a:1",
            "add[7]  a:1",
            "add[7]a:1",
            "add[1234567890123456789] a:1",
            "add/7 a:1",
            "add a",
            "add a b:1",
            "add :1",
            "add a:1 ",
            " add a:1",
            "rpc.cancel id:7",
            "$/cancelRequest id:7",
            "[7]:1",
            "! message:\"x\"",
            "ä a:1",
        ] {
            assert_eq!(decode(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_is_told_at_a_glance_is_what_it_is(line in "[a-c_]{0,2}(\\[[0-9x]{0,2}\\])?[ /]{0,2}([ab\"]:?[0-9\\[\\]\"x ]{0,3} ?){0,3}") {
            if let Some(Envelope::Call { method, params: Payload::Raw(at), id }) = decode(&line) {
                // Where the arguments are wrong, the full decoder says so when they are read.
                match Terse::new().decode(&line, &Limits::default()) {
                    Ok(full @ Envelope::Call { .. }) => {
                        let params = Payload::Pairs(at);
                        prop_assert_eq!(full, Envelope::Call { method, params, id });
                    }
                    Ok(Envelope::Invalid { id: wrong, .. }) => prop_assert_eq!(wrong, id),
                    Ok(other) => prop_assert!(false, "{:?}", other),
                    Err(_) => prop_assert_eq!(id, None),
                }
            }
        }
    }
}
