//! What a connection's first bytes say that is not of this wire: the other side speaks TLS, or it
//! is a browser.

/// Whether the bytes are from the handshake of TLS: a record of that kind, or the alert that
/// it has failed, and the version (RFC 8446, section 5.1). No text begins so.
pub(crate) fn is_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [0x15 | 0x16, 0x03, ..])
}

pub(crate) const TLS: &str = "the other side speaks TLS, and this wire is not encrypted; use `tls:`, \
                   `tlsserv:` or their likes on both sides, or on none";

/// Whether a telegram begins as a request of HTTP does.
///
/// Any page that somebody looks at can make the browser send a request to any port, loopback
/// included, and choose what comes behind the headers; there must be no calls in it.
pub(crate) fn is_http_request(telegram: &[u8]) -> bool {
    const METHODS: [&[u8]; 9] = [
        b"GET ",
        b"HEAD ",
        b"POST ",
        b"PUT ",
        b"DELETE ",
        b"CONNECT ",
        b"OPTIONS ",
        b"TRACE ",
        b"PATCH ",
    ];
    // Of most telegrams the first byte is enough.
    if !telegram.first().is_some_and(u8::is_ascii_uppercase) {
        return false;
    }
    let line = telegram.split(|byte| *byte == b'\n').next();
    let line = line.unwrap_or_default().trim_ascii_end();
    let version = line.ends_with(b" HTTP/1.1") || line.ends_with(b" HTTP/1.0");
    version && METHODS.iter().any(|method| line.starts_with(method))
}
