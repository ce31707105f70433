//! The messages of the floor: NUL-delimited JSON-RPC, which this library's `jrpc` also reads.

use std::io::{self, Read};
use std::ops::Range;

/// The arguments of every call.
pub(crate) const A: i64 = 123;
pub(crate) const B: i64 = 456;
pub(crate) const NOTE: &str = "a note of 18 bytes";
pub(crate) const SUM: i64 = A + B;

/// The first id of a connection: six digits, so that a call has 100 bytes.
pub(crate) const FIRST_ID: u64 = 100_000;

const CALL: &str = r#"{"jsonrpc":"2.0","method":"add","params":{"a":123,"b":456,"note":"a note of 18 bytes"},"id":"#;
const LOG: &str =
    r#"{"jsonrpc":"2.0","method":"log","params":{"a":123,"b":456,"note":"a note of 18 bytes"}}"#;
const TEXT: &str = r#"{"jsonrpc":"2.0","method":"text","params":{"text":""#;

/// Appends a call of 100 bytes.
pub(crate) fn push_call(out: &mut Vec<u8>, id: u64) {
    out.extend_from_slice(CALL.as_bytes());
    push_id(out, id);
    out.extend_from_slice(b"}\0");
}

/// Appends a notification.
pub(crate) fn push_log(out: &mut Vec<u8>) {
    out.extend_from_slice(LOG.as_bytes());
    out.push(0);
}

/// Appends an echo of this text.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &[u8], id: u64) {
    out.extend_from_slice(TEXT.as_bytes());
    out.extend_from_slice(text);
    out.extend_from_slice(br#""},"id":"#);
    push_id(out, id);
    out.extend_from_slice(b"}\0");
}

/// The id at the end of a call or an answer, which ends with `123456}`.
pub(crate) fn id_digits(frame: &[u8]) -> &[u8] {
    let end = frame.len().saturating_sub(1);
    &frame[end.saturating_sub(6)..end]
}

/// The id at the end of an answer, as a number.
pub(crate) fn id_of(frame: &[u8]) -> u64 {
    id_digits(frame)
        .iter()
        .fold(0, |id, digit| id * 10 + u64::from(digit.wrapping_sub(b'0')))
}

fn push_id(out: &mut Vec<u8>, id: u64) {
    // Six digits, always: cheaper than any general formatting.
    let mut digits = [0; 6];
    let mut rest = id;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits);
}

/// Cuts what is read at NUL bytes; no byte is looked at twice.
#[derive(Debug)]
pub(crate) struct Frames {
    buffer: Vec<u8>,
    start: usize,
    searched: usize,
    end: usize,
}

impl Frames {
    pub(crate) fn new() -> Self {
        Frames {
            buffer: vec![0; 1 << 16],
            start: 0,
            searched: 0,
            end: 0,
        }
    }

    /// Reads once. 0 at the end of input.
    pub(crate) fn fill(&mut self, mut stream: impl Read) -> io::Result<usize> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.searched -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(2 * self.end, 0);
        }
        let length = stream.read(&mut self.buffer[self.end..])?;
        self.end += length;
        Ok(length)
    }

    /// The next complete frame, without its NUL.
    pub(crate) fn next_frame(&mut self) -> Option<Range<usize>> {
        let Some(found) = memchr::memchr(0, &self.buffer[self.searched..self.end]) else {
            self.searched = self.end;
            return None;
        };
        let frame = self.start..self.searched + found;
        self.start = frame.end + 1;
        self.searched = self.start;
        Some(frame)
    }

    pub(crate) fn frame(&self, range: Range<usize>) -> &[u8] {
        &self.buffer[range]
    }

    /// Whether nothing is left over.
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_100_bytes() {
        let mut call = Vec::new();
        push_call(&mut call, FIRST_ID);
        assert_eq!(call.len(), 100);
        assert_eq!(id_of(&call[..99]), FIRST_ID);
    }

    #[test]
    fn frames_are_cut_wherever_the_input_is_split() {
        let input = b"one\0two\0\0three\0";
        for step in 1..input.len() {
            let (mut frames, mut seen) = (Frames::new(), Vec::new());
            for part in input.chunks(step) {
                frames.fill(part).unwrap();
                while let Some(frame) = frames.next_frame() {
                    seen.push(frames.frame(frame).to_vec());
                }
            }
            assert_eq!(seen, [&b"one"[..], b"two", b"", b"three"]);
        }
    }
}
