//! The protocol of NATS clients, without any I/O: what cuts the input of a connection to a broker,
//! what the verbs are, and how a connection begins.
//!
//! The broker's bytes are not trusted: whatever comes costs no more than the connection.

mod handshake;
mod info;
mod login;
mod reader;
pub(crate) mod service;
mod talk;
mod verbs;

pub(crate) use handshake::{Handshake, Step, Tls};
pub(crate) use info::Info;
pub(crate) use login::{Key, Login};
pub(crate) use reader::{Event, Reader};
pub(crate) use talk::Talk;
pub(crate) use verbs::{PING, PONG, publish};

#[cfg(test)]
mod tests;
