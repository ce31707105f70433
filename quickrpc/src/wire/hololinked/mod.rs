//! The protocol of the Python package hololinked, 0.3 and 0.4: Things over ZeroMQ.
//!
//! So far its messages: [`frames`] takes them out of the parts of ZeroMQ and puts them there, and
//! [`header`] reads and writes the headers. There is no session yet that uses them.

pub(crate) mod frames;
pub(crate) mod header;
#[cfg(test)]
mod tests;
