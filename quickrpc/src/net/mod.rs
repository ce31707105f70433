//! The network: links, peers and their queues, and the thread that looks after them.

pub(crate) mod alarm;
pub(crate) mod batch;
pub(crate) mod budget;
pub(crate) mod bus;
pub(crate) mod conn;
pub(crate) mod core;
pub(crate) mod datagrams;
pub(crate) mod drive;
pub(crate) mod greeting;
pub(crate) mod lifecycle;
pub(crate) mod link;
pub(crate) mod opening;
pub(crate) mod peers;
pub(crate) mod pipe;
pub(crate) mod poll;
pub(crate) mod reactor;
pub(crate) mod receive;
pub(crate) mod session;
pub(crate) mod shared_limits;
pub(crate) mod sources;
pub(crate) mod status;
pub(crate) mod tx;
pub(crate) mod watch;
