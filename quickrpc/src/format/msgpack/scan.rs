//! Where a value ends, found without reading it.

use super::mark;

/// What is known of a value that arrives bit by bit. It begins as the default, and no byte is
/// looked at twice, but for the few of a head that arrived in part. It takes no memory for what
/// is nested: all that counts is how many values are still to come.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Where the next head is, which may be beyond what is there.
    at: usize,
    /// How many values begin there, or behind.
    left: usize,
}

/// Why a value has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It will have more bytes than it may.
    TooLarge,
    /// There is the one byte that MessagePack does not use.
    Unused,
}

impl Scan {
    /// Goes on with a buffer that begins where the value does. Gives its size once all of it is
    /// there, and then begins anew.
    ///
    /// # Errors
    ///
    /// When it has no end, or more bytes than `limit`.
    pub(crate) fn advance(&mut self, bytes: &[u8], limit: usize) -> Result<Option<usize>, Stop> {
        if *self == Scan::default() {
            self.left = 1;
        }
        while self.left > 0 {
            let Some(rest) = bytes.get(self.at..) else {
                return Ok(None);
            };
            let (size, values) = match head(rest) {
                Head::Whole { size, values } => (size, values),
                Head::Cut => return Ok(None),
                Head::Unused => return Err(Stop::Unused),
            };
            self.at = self.at.saturating_add(size);
            self.left = (self.left - 1).saturating_add(values);
            // Each of them has a byte at least.
            if self.at.saturating_add(self.left) > limit {
                return Err(Stop::TooLarge);
            }
        }
        if self.at > bytes.len() {
            return Ok(None);
        }
        Ok(Some(std::mem::take(self).at))
    }
}

/// Whether the value that begins so is a list.
pub(crate) fn is_list(first: u8) -> bool {
    matches!(first, 0x90..=0x9f | mark::LIST16 | mark::LIST32)
}

/// Whether the value that begins so is a map.
pub(crate) fn is_map(first: u8) -> bool {
    matches!(first, 0x80..=0x8f | mark::MAP16 | mark::MAP32)
}

/// How many bytes are before the data of a byte string that begins so; `None` if it is none.
pub(crate) fn head_of_bytes(first: u8) -> Option<usize> {
    match first {
        mark::BIN8 => Some(2),
        mark::BIN16 => Some(3),
        mark::BIN32 => Some(5),
        _ => None,
    }
}

/// What the first bytes of a value say.
enum Head {
    /// How many bytes it has, without the values in it, and how many of these there are.
    Whole {
        size: usize,
        values: usize,
    },
    /// There are too few.
    Cut,
    Unused,
}

#[inline]
fn head(bytes: &[u8]) -> Head {
    let Some(first) = bytes.first() else {
        return Head::Cut;
    };
    let plain = |size: usize| Head::Whole { size, values: 0 };
    let list = |length: usize, values: usize| Head::Whole {
        size: 1 + length,
        values,
    };
    // A length of so many bytes, and what is behind it and before the data.
    let long = |width: usize, more: usize| match length(bytes, width) {
        Some(data) => plain((1 + width + more).saturating_add(data)),
        None => Head::Cut,
    };
    let many = |width: usize, each: usize| match length(bytes, width) {
        Some(count) => list(width, count.saturating_mul(each)),
        None => Head::Cut,
    };
    match *first {
        0x00..=0x7f | 0xe0..=0xff | mark::NIL | mark::FALSE | mark::TRUE => plain(1),
        first @ 0x80..=0x8f => list(0, usize::from(first & 0x0f) * 2),
        first @ 0x90..=0x9f => list(0, usize::from(first & 0x0f)),
        first @ 0xa0..=0xbf => plain(1 + usize::from(first & 0x1f)),
        0xc1 => Head::Unused,
        mark::BIN8 | mark::STR8 => long(1, 0),
        mark::BIN16 | mark::STR16 => long(2, 0),
        mark::BIN32 | mark::STR32 => long(4, 0),
        mark::EXT8 => long(1, 1),
        mark::EXT16 => long(2, 1),
        mark::EXT32 => long(4, 1),
        mark::U8 | mark::I8 => plain(2),
        mark::U16 | mark::I16 => plain(3),
        mark::F32 | mark::U32 | mark::I32 => plain(5),
        mark::F64 | mark::U64 | mark::I64 => plain(9),
        first @ mark::FIX_EXT..=0xd8 => plain(2 + (1 << (first - mark::FIX_EXT))),
        mark::LIST16 => many(2, 1),
        mark::LIST32 => many(4, 1),
        mark::MAP16 => many(2, 2),
        mark::MAP32 => many(4, 2),
    }
}

/// The number of so many bytes behind the first one.
#[inline]
fn length(bytes: &[u8], width: usize) -> Option<usize> {
    let digits = bytes.get(1..1 + width)?;
    let digits = digits.iter().map(|digit| usize::from(*digit));
    Some(digits.fold(0, |number, digit| (number << 8) | digit))
}
