//! The byte order mark, with which many programs of Windows begin a text. It means nothing in
//! UTF-8, and RFC 8259 (section 8.1) lets a reader pass over it.

/// As it is in UTF-8.
pub(crate) const MARK: &[u8] = "\u{feff}".as_bytes();

/// The text behind the mark, if it begins with one.
#[inline]
pub(crate) fn unmarked(text: &[u8]) -> &[u8] {
    text.strip_prefix(MARK).unwrap_or(text)
}

/// What a file says that should be UTF-8, behind its mark.
///
/// # Errors
///
/// When its mark tells that it is another encoding, as some shells and editors write it.
#[cfg(any(
    feature = "http",
    feature = "tls",
    feature = "websocket",
    feature = "hmac",
    feature = "seal"
))]
pub(crate) fn of_file(bytes: &[u8]) -> Result<&[u8], &'static str> {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Err("it is UTF-16; save it as UTF-8"),
        bytes => Ok(unmarked(bytes)),
    }
}

/// The same for a text.
///
/// # Errors
///
/// When it is none.
#[cfg(any(
    feature = "http",
    feature = "websocket",
    feature = "hmac",
    feature = "seal"
))]
pub(crate) fn text_of_file(bytes: &[u8]) -> Result<&str, &'static str> {
    std::str::from_utf8(of_file(bytes)?).map_err(|_| "it is not UTF-8")
}
