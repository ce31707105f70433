//! Messages in the frames of WebSocket (RFC 6455).
//!
//! On the way out a frame depends on nothing but the message; on the way in, a peer has a
//! [`Reader`].

mod frame;
mod reader;
#[cfg(test)]
mod test_reader;

pub(crate) use frame::Side;
pub(crate) use reader::{Event, Reader};
