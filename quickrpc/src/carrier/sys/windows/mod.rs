//! Windows. Sockets never block, and are read by the poll thread alone; pipes can neither be
//! polled nor left, so that they have threads that end with what is at their other end.

pub(crate) mod process;
pub(crate) mod sockets;
pub(crate) mod stdio;
pub(crate) mod unix;

/// A pipe whose other end is closed is an error anyway.
pub(crate) fn survive_broken_pipes() {}
