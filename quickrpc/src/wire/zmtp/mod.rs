//! The protocol of ZeroMQ on streams: ZMTP 3.1 (RFC 37 of rfc.zeromq.org), and 3.0 (RFC 23) with
//! peers that know no more, with the mechanism NULL.
//!
//! A connection begins with a [`Handshake`], which says what sort of socket either side is. After it,
//! a peer has a [`Reader`], and what is known of it is a [`Peer`].

mod frame;
mod handshake;
mod peer;
mod reader;
mod sockets;
#[cfg(test)]
mod tests;
mod topics;

#[cfg(feature = "hololinked")]
pub(crate) use frame::part;
pub(crate) use frame::{enclose, ping};
pub(crate) use handshake::{Handshake, MOST, Step};
pub(crate) use peer::Peer;
pub(crate) use reader::{Event, Form, Parts, Reader};
pub(crate) use sockets::Socket;
