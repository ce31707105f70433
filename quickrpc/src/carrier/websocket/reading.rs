//! Reading what comes before a body.

use std::io;

use super::super::greeter::read_some;
use super::super::stream::Stream;
use crate::wire::http::HEAD;

/// Reads until something whole can be taken from the input, which `take` tries. `None` if
/// the other side has to send more.
pub(super) fn read_head<T>(
    stream: &Stream,
    input: &mut Vec<u8>,
    mut take: impl FnMut(&mut Vec<u8>) -> Option<T>,
) -> io::Result<Option<T>> {
    loop {
        if !input.is_empty()
            && let Some(taken) = take(input)
        {
            return Ok(Some(taken));
        }
        if !read_some(stream, input, HEAD)? {
            return Ok(None);
        }
    }
}
