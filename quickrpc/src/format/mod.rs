//! Types and payloads: what stands for arguments and results in a message.

pub(crate) mod args;
pub(crate) mod description;
#[cfg(feature = "msgpack")]
pub(crate) mod msgpack;
pub(crate) mod property;
pub(crate) mod text;
