//! What peers send is text only if it is UTF-8.

use std::str::Utf8Error;

/// The text that this is. As [`std::str::from_utf8`], but where text is not ASCII, that takes longer than all else
/// that is done with a message: three to four times as long for a megabyte of German or Chinese.
///
/// # Errors
///
/// Where it is none, and how far it is.
#[inline]
pub(crate) fn text(bytes: &[u8]) -> Result<&str, Utf8Error> {
    // Which does not say how far it is.
    simdutf8::basic::from_utf8(bytes).or_else(|_| std::str::from_utf8(bytes))
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_what_the_standard_library_says() {
        let text = "Grüße, 你好 🦀, ".repeat(20);
        for (at, _) in text.char_indices() {
            assert_eq!(super::text(&text.as_bytes()[..at]), Ok(&text[..at]));
        }
        let mut bytes = text.clone().into_bytes();
        for at in 0..bytes.len() {
            for wrong in [0x80, 0xC0, 0xE0, 0xED, 0xF5, 0xFF] {
                let right = std::mem::replace(&mut bytes[at], wrong);
                assert_eq!(super::text(&bytes), std::str::from_utf8(&bytes));
                assert_eq!(
                    super::text(&bytes[..=at]),
                    std::str::from_utf8(&bytes[..=at])
                );
                bytes[at] = right;
            }
        }
    }
}
