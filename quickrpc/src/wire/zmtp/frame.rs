//! Frames on their way out: without state.

/// More frames of the same message follow.
pub(super) const MORE: u8 = 1;
/// The length has eight bytes.
pub(super) const LONG: u8 = 2;
/// It is no message.
pub(super) const COMMAND: u8 = 4;

/// Of a header.
pub(super) const LONGEST: usize = 9;

/// The header of a frame, and how many bytes of that it has.
fn header(flags: u8, length: usize) -> ([u8; LONGEST], usize) {
    let mut bytes = [0; LONGEST];
    match u8::try_from(length) {
        Ok(short) => {
            bytes[..2].copy_from_slice(&[flags, short]);
            (bytes, 2)
        }
        Err(_) => {
            bytes[0] = flags | LONG;
            bytes[1..].copy_from_slice(&(length as u64).to_be_bytes());
            (bytes, LONGEST)
        }
    }
}

fn append(out: &mut Vec<u8>, flags: u8, pieces: &[&[u8]]) {
    let (bytes, end) = header(flags, pieces.iter().map(|piece| piece.len()).sum());
    out.extend(bytes.into_iter().take(end));
    for piece in pieces {
        out.extend_from_slice(piece);
    }
}

/// Appends one part of a message.
pub(crate) fn part(out: &mut Vec<u8>, part: &[u8], more: bool) {
    append(out, if more { MORE } else { 0 }, &[part]);
}

/// Makes a message of one part of what begins at `start` of `out`.
pub(crate) fn enclose(out: &mut Vec<u8>, start: usize) {
    let (bytes, end) = header(0, out.len().saturating_sub(start));
    out.splice(start..start, bytes.into_iter().take(end));
}

/// Appends a command.
pub(crate) fn command(out: &mut Vec<u8>, name: &str, data: &[&[u8]]) {
    let length = [name.len() as u8];
    let pieces = [&[&length[..], name.as_bytes()], data].concat();
    append(out, COMMAND, &pieces);
}

/// A question whether the peer is still there, after which it need not close by itself.
pub(crate) fn ping() -> Vec<u8> {
    let mut out = Vec::new();
    command(&mut out, "PING", &[&[0, 0]]);
    out
}
