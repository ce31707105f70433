//! The parts of a message: an empty one, the header, the payload, and bytes that are encoded
//! already.

use crate::wire::zmtp::{Parts, part};

/// What is in a request or an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Body<'a> {
    /// In the format that the header says.
    pub(crate) payload: &'a [u8],
    /// Empty if there is none.
    pub(crate) encoded: &'a [u8],
}

/// A message that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frames<'a> {
    pub(crate) header: &'a [u8],
    pub(crate) body: Body<'a>,
}

/// A message that has too few parts, or too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Miscounted<'a> {
    /// What should be its header, if there is one: who has sent it may be told.
    pub(crate) header: Option<&'a [u8]>,
    /// As the package counts, with the identity before it.
    pub(crate) count: usize,
}

/// So many parts a message has. What is in the first one is of no interest.
const PARTS: usize = 4;

impl<'a> Frames<'a> {
    /// # Errors
    ///
    /// When it has another number of parts.
    pub(crate) fn take(parts: Parts<'a>) -> Result<Self, Miscounted<'a>> {
        let count = parts.iter().count();
        let mut parts = parts.iter();
        match [(); PARTS].map(|()| parts.next()) {
            [_, Some(header), Some(payload), Some(encoded)] if count == PARTS => Ok(Frames {
                header,
                body: Body { payload, encoded },
            }),
            [_, header, _, _] => Err(Miscounted {
                header,
                count: count + 1,
            }),
        }
    }

    /// An event, which has its id before that.
    ///
    /// # Errors
    ///
    /// When it has another number of parts.
    pub(crate) fn take_event(parts: Parts<'a>) -> Result<(&'a [u8], Self), Miscounted<'a>> {
        let count = parts.iter().count();
        let mut parts = parts.iter();
        match [(); PARTS + 1].map(|()| parts.next()) {
            [Some(id), _, Some(header), Some(payload), Some(encoded)] if count == PARTS + 1 => {
                let body = Body { payload, encoded };
                Ok((id, Frames { header, body }))
            }
            [_, _, header, _, _] => Err(Miscounted { header, count }),
        }
    }
}

/// Appends a message with this header.
pub(crate) fn write(out: &mut Vec<u8>, header: &[u8], body: Body<'_>) {
    part(out, &[], true);
    part(out, header, true);
    part(out, body.payload, true);
    part(out, body.encoded, false);
}

/// Appends an event, with its id before it.
pub(crate) fn write_event(out: &mut Vec<u8>, id: &[u8], header: &[u8], body: Body<'_>) {
    part(out, id, true);
    write(out, header, body);
}
