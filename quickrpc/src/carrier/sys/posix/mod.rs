//! Systems with descriptors: what they have in common.

pub(crate) mod fd;
pub(crate) mod process;
pub(crate) mod sockets;
pub(crate) mod stdio;
pub(crate) mod unix;
