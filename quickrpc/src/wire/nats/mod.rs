//! The protocol of NATS clients, without any I/O: what cuts the input of a connection to a broker,
//! what the verbs are, how a connection begins, and which subjects mean what.
//!
//! The broker's bytes are not trusted: whatever comes costs no more than the connection.

mod handshake;
mod info;
mod reader;
pub(crate) mod service;
pub(crate) mod subjects;
mod verbs;

pub(crate) use handshake::{Handshake, Login, Step};
pub(crate) use info::Info;
pub(crate) use reader::{Delivery, Event, Reader};
pub(crate) use verbs::{PING, PONG, publish, subscribe, unsubscribe};

#[cfg(test)]
mod tests;
