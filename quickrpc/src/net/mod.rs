//! The network: links, peers and their queues, and the thread that looks after them.

pub(crate) mod above;
mod adding;
pub(crate) mod addresses;
pub(crate) mod alarm;
pub(crate) mod budget;
pub(crate) mod bus;
pub(crate) mod collect;
pub(crate) mod companion;
mod companions;
pub(crate) mod conn;
mod connecting;
pub(crate) mod drive;
pub(crate) mod greeting;
mod held;
mod hold;
mod keeper;
pub(crate) mod lifecycle;
pub(crate) mod link;
mod listening;
#[allow(
    clippy::module_inception,
    reason = "it is what the folder is named after"
)]
pub(crate) mod net;
pub(crate) mod opening;
pub(crate) mod peers;
pub(crate) mod pipe;
pub(crate) mod poll;
pub(crate) mod pump;
mod race;
pub(crate) mod reactor;
mod relief;
pub(crate) mod run;
mod send;
pub(crate) mod session;
pub(crate) mod shared_limits;
pub(crate) mod sources;
pub(crate) mod status;
pub(crate) mod timers;
mod transports;
