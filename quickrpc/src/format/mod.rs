//! Types and payloads: what stands for arguments and results in a message.

pub(crate) mod args;
pub(crate) mod description;
mod interface;
#[cfg(feature = "msgpack")]
pub(crate) mod msgpack;
pub(crate) mod openrpc;
pub(crate) mod people;
pub(crate) mod property;
pub(crate) mod schema;
pub(crate) mod text;
