//! What a connection's first bytes say that is not of this wire: the other side speaks TLS, or it
//! is a browser.

/// Whether the bytes are from the handshake of TLS: a record of that kind, or the alert that
/// it has failed, and the version (RFC 8446, section 5.1). No text begins so.
pub(crate) fn is_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [0x15 | 0x16, 0x03, ..])
}

pub(crate) const TLS: &str = "the other side speaks TLS, and this wire is not encrypted; use `tls:`, \
                   `tlsserv:` or their likes on both sides, or on none";

/// What the first bytes of a peer say on a wire of text, if that is none: it speaks TLS or
/// MessagePack-RPC.
#[inline]
pub(crate) fn stranger(bytes: &[u8]) -> Option<&'static str> {
    // Of most peers the first byte is enough.
    match bytes.first() {
        Some(0x15 | 0x16) if is_tls(bytes) => Some(TLS),
        Some(0x93 | 0x94) if is_message_pack(bytes) => Some(MESSAGE_PACK),
        _ => None,
    }
}

/// Whether the bytes are the beginning of a message of MessagePack-RPC: a list of three or four
/// that begins with its kind. No text begins so.
fn is_message_pack(bytes: &[u8]) -> bool {
    matches!(bytes, [0x93, 2, ..] | [0x94, 0 | 1, ..])
}

const MESSAGE_PACK: &str = "the other side speaks MessagePack-RPC; use the codec `msgpack` on both \
                            sides, or on none";

/// What begins so, where every message is a list of MessagePack.
#[cfg(feature = "msgpack")]
pub(crate) fn no_list(bytes: &[u8]) -> String {
    if is_tls(bytes) {
        return String::from(TLS);
    }
    if is_http_request(bytes) || bytes.starts_with(b"GET ") || bytes.starts_with(b"POST ") {
        return String::from("it speaks HTTP, and not MessagePack-RPC");
    }
    let shown = bytes.get(..bytes.len().min(16)).unwrap_or_default();
    let other = match shown.trim_ascii_start().first() {
        Some(b'{' | b'[') => "it looks like JSON: use the codec `jrpc` on both sides, or on none",
        Some(byte) if byte.is_ascii_graphic() => {
            "it looks like text: use another codec, `terse` or `jrpc`, on both sides, or on none"
        }
        _ => "every message of MessagePack-RPC is an array",
    };
    format!(
        "found `{}`, and no array of MessagePack; {other}",
        shown.escape_ascii()
    )
}

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
