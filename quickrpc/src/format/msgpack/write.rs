//! Scalars, texts and byte strings on their way out, each in as few bytes as it needs.

use serde::ser;

use super::{SIGNED, Scan, UNSIGNED, is_list, mark};
use crate::format::text::TextError;

#[inline]
pub(crate) fn write_uint(out: &mut Vec<u8>, value: u64) {
    if let Ok(value) = u8::try_from(value) {
        return match value {
            0x00..=0x7f => out.push(value),
            _ => out.extend_from_slice(&[mark::U8, value]),
        };
    }
    if let Ok(value) = u16::try_from(value) {
        marked(out, mark::U16, value.to_be_bytes());
    } else if let Ok(value) = u32::try_from(value) {
        marked(out, mark::U32, value.to_be_bytes());
    } else {
        marked(out, mark::U64, value.to_be_bytes());
    }
}

#[inline]
pub(super) fn write_int(out: &mut Vec<u8>, value: i64) {
    if let Ok(value) = u64::try_from(value) {
        return write_uint(out, value);
    }
    if let Ok(value) = i8::try_from(value) {
        return match value {
            -32.. => out.push(value.cast_unsigned()),
            _ => marked(out, mark::I8, value.to_be_bytes()),
        };
    }
    if let Ok(value) = i16::try_from(value) {
        marked(out, mark::I16, value.to_be_bytes());
    } else if let Ok(value) = i32::try_from(value) {
        marked(out, mark::I32, value.to_be_bytes());
    } else {
        marked(out, mark::I64, value.to_be_bytes());
    }
}

/// With one look at the room that there is.
#[inline]
pub(super) fn marked<const N: usize>(out: &mut Vec<u8>, mark: u8, bytes: [u8; N]) {
    let mut all = [0; 9];
    let (head, tail) = all.split_at_mut(1);
    head.fill(mark);
    if let Some(tail) = tail.first_chunk_mut::<N>() {
        *tail = bytes;
    }
    out.extend_from_slice(all.get(..1 + N).unwrap_or_default());
}

#[inline]
pub(crate) fn write_str(out: &mut Vec<u8>, text: &str) -> Result<(), TextError> {
    match text.len() {
        length @ 0..=31 => out.push(0xa0 | length as u8),
        length => sized(
            out,
            length,
            [Some(mark::STR8), Some(mark::STR16)],
            mark::STR32,
        )?,
    }
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

pub(super) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), TextError> {
    let marks = [Some(mark::BIN8), Some(mark::BIN16)];
    sized(out, bytes.len(), marks, mark::BIN32)?;
    out.extend_from_slice(bytes);
    Ok(())
}

/// Makes what begins at `start` a byte string, unless it is one list, which says by itself where it
/// ends.
pub(crate) fn enclose(out: &mut Vec<u8>, start: usize) -> Result<(), String> {
    let bytes = out.get(start..).unwrap_or_default();
    if bytes.first().is_some_and(|first| is_list(*first))
        && Scan::default().advance(bytes, bytes.len()) == Ok(Some(bytes.len()))
    {
        return Ok(());
    }
    let mut head = Vec::with_capacity(5);
    let marks = [Some(mark::BIN8), Some(mark::BIN16)];
    sized(&mut head, bytes.len(), marks, mark::BIN32).map_err(TextError::into_message)?;
    out.splice(start..start, head);
    Ok(())
}

pub(super) fn write_ext(out: &mut Vec<u8>, kind: i8, data: &[u8]) -> Result<(), TextError> {
    match data.len() {
        size @ (1 | 2 | 4 | 8 | 16) => out.push(mark::FIX_EXT + size.trailing_zeros() as u8),
        size => sized(
            out,
            size,
            [Some(mark::EXT8), Some(mark::EXT16)],
            mark::EXT32,
        )?,
    }
    out.push(kind.cast_unsigned());
    out.extend_from_slice(data);
    Ok(())
}

/// The head of something of this size: in one byte, two or four.
#[inline]
pub(super) fn sized(
    out: &mut Vec<u8>,
    size: usize,
    [one, two]: [Option<u8>; 2],
    four: u8,
) -> Result<(), TextError> {
    if let (Ok(size), Some(mark)) = (u8::try_from(size), one) {
        marked(out, mark, [size]);
    } else if let (Ok(size), Some(mark)) = (u16::try_from(size), two) {
        marked(out, mark, size.to_be_bytes());
    } else if let Ok(size) = u32::try_from(size) {
        marked(out, four, size.to_be_bytes());
    } else {
        return Err(ser::Error::custom("MessagePack has no values of 4 GiB"));
    }
    Ok(())
}

pub(super) fn write_i128(out: &mut Vec<u8>, value: i128) -> Result<(), TextError> {
    if let Ok(value) = i64::try_from(value) {
        write_int(out, value);
    } else if let Ok(value) = u64::try_from(value) {
        write_uint(out, value);
    } else {
        return write_ext(out, SIGNED, &value.to_be_bytes());
    }
    Ok(())
}

pub(super) fn write_u128(out: &mut Vec<u8>, value: u128) -> Result<(), TextError> {
    match i128::try_from(value) {
        Ok(value) => write_i128(out, value),
        Err(_) => write_ext(out, UNSIGNED, &value.to_be_bytes()),
    }
}
