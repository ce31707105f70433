//! What we say to a broker.

pub(crate) const PING: &[u8] = b"PING\r\n";
pub(crate) const PONG: &[u8] = b"PONG\r\n";

/// Appends a message for a subject. Where the answers go is `reply`; both are in pieces.
pub(crate) fn publish(out: &mut Vec<u8>, subject: &[&str], reply: &[&str], payload: &[u8]) {
    out.extend_from_slice(b"PUB ");
    for piece in subject {
        out.extend_from_slice(piece.as_bytes());
    }
    out.push(b' ');
    if reply.iter().any(|piece| !piece.is_empty()) {
        for piece in reply {
            out.extend_from_slice(piece.as_bytes());
        }
        out.push(b' ');
    }
    out.extend_from_slice(itoa::Buffer::new().format(payload.len()).as_bytes());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(payload);
    out.extend_from_slice(b"\r\n");
}

/// Appends a subscription, perhaps as one of a group, of which one hears each message.
pub(crate) fn subscribe(out: &mut Vec<u8>, subject: &str, group: Option<&str>, number: u64) {
    out.extend_from_slice(b"SUB ");
    out.extend_from_slice(subject.as_bytes());
    if let Some(group) = group {
        out.push(b' ');
        out.extend_from_slice(group.as_bytes());
    }
    out.extend_from_slice(format!(" {number}\r\n").as_bytes());
}

/// Appends the end of a subscription.
pub(crate) fn unsubscribe(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(format!("UNSUB {number}\r\n").as_bytes());
}
