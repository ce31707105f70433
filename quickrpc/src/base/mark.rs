//! The byte order mark, with which many programs of Windows begin a text. It means nothing in
//! UTF-8, and RFC 8259 (section 8.1) lets a reader pass over it.

/// As it is in UTF-8.
pub(crate) const MARK: &[u8] = "\u{feff}".as_bytes();

/// The text behind the mark, if it begins with one.
#[inline]
pub(crate) fn unmarked(text: &[u8]) -> &[u8] {
    text.strip_prefix(MARK).unwrap_or(text)
}
