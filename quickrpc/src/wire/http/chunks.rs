//! Bodies in chunks (RFC 9112, section 7.1).

use httparse::Status;

use super::head::HEAD;

/// The line before a chunk has at most so many bytes, its extensions included.
const LINE: usize = 1 << 10;

/// A body that arrives in chunks.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    /// What has arrived of it.
    pub(super) body: Vec<u8>,
    part: Part,
    /// Bytes of trailers, which mean nothing here.
    trailers: usize,
}

#[derive(Debug, Default)]
enum Part {
    /// The line before a chunk.
    #[default]
    Line,
    /// So many bytes of a chunk.
    Data(usize),
    /// The end of the line behind a chunk.
    End,
    Trailers,
}

/// Why a body cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    TooLarge,
    Malformed(&'static str),
}

impl Chunks {
    /// Takes what there is. Gives how many bytes it took, and whether the body is complete.
    pub(super) fn take(&mut self, bytes: &[u8], limit: usize) -> Result<(usize, bool), Wrong> {
        let mut taken = 0;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            let (count, done) = self.step(rest, limit)?;
            taken += count;
            if done || count == 0 {
                return Ok((taken, done));
            }
        }
    }

    fn step(&mut self, rest: &[u8], limit: usize) -> Result<(usize, bool), Wrong> {
        match self.part {
            // Never more of it than may be there, so that it does not matter in which pieces it comes.
            Part::Line => match httparse::parse_chunk_size(rest.get(..LINE).unwrap_or(rest)) {
                Ok(Status::Complete((length, 0))) => {
                    self.part = Part::Trailers;
                    Ok((length, false))
                }
                Ok(Status::Complete((length, size))) => {
                    let room = limit.saturating_sub(self.body.len());
                    let size = usize::try_from(size).ok().filter(|size| *size <= room);
                    self.part = Part::Data(size.ok_or(Wrong::TooLarge)?);
                    Ok((length, false))
                }
                Ok(Status::Partial) if rest.len() <= LINE => Ok((0, false)),
                Ok(Status::Partial) => Err(Wrong::Malformed("the line before a chunk is too long")),
                Err(_) => Err(Wrong::Malformed("a chunk has no size")),
            },
            Part::Data(left) => {
                let data = rest.get(..left.min(rest.len())).unwrap_or_default();
                self.body.extend_from_slice(data);
                self.part = match left - data.len() {
                    0 => Part::End,
                    left => Part::Data(left),
                };
                Ok((data.len(), false))
            }
            Part::End => match rest {
                [] | [b'\r'] => Ok((0, false)),
                [b'\r', b'\n', ..] => {
                    self.part = Part::Line;
                    Ok((2, false))
                }
                _ => Err(Wrong::Malformed("a chunk is longer than it says")),
            },
            Part::Trailers => {
                let end = memchr::memchr(b'\n', rest);
                let length = end.map_or(rest.len(), |end| end + 1);
                if self.trailers + length > HEAD {
                    return Err(Wrong::Malformed("there is too much behind the body"));
                }
                if end.is_none() {
                    return Ok((0, false));
                }
                self.trailers += length;
                let line = rest.get(..length).unwrap_or_default();
                Ok((length, line.trim_ascii().is_empty()))
            }
        }
    }
}
