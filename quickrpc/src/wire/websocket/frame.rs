//! Frames on their way out: without state, so that a broadcast is framed once for all.

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// Which end of a WebSocket we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Who sends frames with a mask, so that nobody in between takes them for HTTP.
    Client,
    Server,
}

/// A control frame may have so many bytes (RFC 6455, section 5.5).
pub(crate) const CONTROL: usize = 125;

impl Side {
    /// Makes a message of what begins at `start` of `out`.
    pub(crate) fn enclose(self, out: &mut Vec<u8>, start: usize, text: bool) {
        let opcode = match text {
            true => Data::Text,
            false => Data::Binary,
        };
        self.frame(out, start, OpCode::Data(opcode));
    }

    /// A ping without content.
    pub(crate) fn ping(self) -> Vec<u8> {
        self.control(Control::Ping, &[])
    }

    /// The answer to a ping.
    pub(crate) fn pong(self, payload: &[u8]) -> Vec<u8> {
        self.control(Control::Pong, payload)
    }

    /// The last frame. Codes that only mean that there was none are not sent.
    pub(crate) fn close_frame(self, code: u16, text: &str) -> Vec<u8> {
        let mut payload = Vec::new();
        if is_code(code) {
            payload.extend(code.to_be_bytes());
            let room = CONTROL - payload.len();
            let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
            let end = ends.take_while(|end| *end <= room).last().unwrap_or(0);
            payload.extend_from_slice(text.get(..end).unwrap_or_default().as_bytes());
        }
        self.control(Control::Close, &payload)
    }

    fn control(self, control: Control, payload: &[u8]) -> Vec<u8> {
        let mut out = payload.to_vec();
        self.frame(&mut out, 0, OpCode::Control(control));
        out
    }

    /// Puts a header before what begins at `start`.
    fn frame(self, out: &mut Vec<u8>, start: usize, opcode: OpCode) {
        let mask = match self {
            Side::Client => Some(rand::random()),
            Side::Server => None,
        };
        let payload = out.get_mut(start..).unwrap_or_default();
        if let Some(mask) = mask {
            apply_mask(payload, mask);
        }
        let header = FrameHeader {
            opcode,
            mask,
            ..FrameHeader::default()
        };
        let mut bytes = [0; LONGEST];
        let length = payload.len() as u64;
        let mut room = &mut bytes[..];
        // It fits by the definition of headers.
        if header.format(length, &mut room).is_ok() {
            let header = LONGEST - room.len();
            out.splice(start..start, bytes.into_iter().take(header));
        }
    }
}

/// Whether a close frame may carry it (RFC 6455, section 7.4, and what IANA has registered
/// since).
pub(crate) fn is_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// Masks, or takes the mask away. Gives the mask for what follows.
pub(crate) fn apply_mask(bytes: &mut [u8], mask: [u8; 4]) -> [u8; 4] {
    if mask == [0; 4] {
        return mask;
    }
    let [a, b, c, d] = mask;
    let key = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let length = bytes.len();
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ key).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
    let mut next = mask;
    next.rotate_left(length % 4);
    next
}

/// Of a header.
const LONGEST: usize = 14;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masking_in_pieces_is_masking_at_once() {
        let mask = [0x6d, 0xb6, 0xb2, 0x80];
        let plain: Vec<u8> = (0..100).collect();
        let expected: Vec<u8> = plain
            .iter()
            .zip(mask.iter().cycle())
            .map(|(a, b)| a ^ b)
            .collect();
        for cut in 0..plain.len() {
            let mut bytes = plain.clone();
            let (head, tail) = bytes.split_at_mut(cut);
            let next = apply_mask(head, mask);
            apply_mask(tail, next);
            assert_eq!(bytes, expected, "cut at {cut}");
        }
    }

    #[test]
    fn the_reason_of_a_close_frame_is_cut_between_characters() {
        let frame = Side::Server.close_frame(1002, &"ä".repeat(100));
        assert_eq!(frame.len(), 2 + 2 + 122);
        assert!(str::from_utf8(&frame[4..]).is_ok());
        assert_eq!(Side::Server.close_frame(1005, "none"), [0x88, 0]);
    }
}
