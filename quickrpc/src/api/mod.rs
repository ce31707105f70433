//! The runtime: from a bound API to handlers that run and promises that are settled.
//!
//! `ARCHITECTURE.md` shows the way of a call through these files.

mod alarm;
mod answer;
mod batch;
mod budget;
mod builder;
mod companion;
mod conn;
mod core;
mod datagrams;
mod dispatch;
mod drive;
mod gate;
mod greeting;
mod handle;
mod lifecycle;
mod link;
mod mailbox;
mod observers;
mod opening;
mod peers;
mod pending;
mod poll;
mod processing;
mod reactor;
mod receive;
mod session;
mod shared_limits;
mod slot;
mod sources;
mod spare;
mod status;
mod target;
#[cfg(test)]
mod tests;
mod tx;
mod watch;

pub use builder::Builder;
pub use dispatch::{Invocation, Outcome};
pub use handle::{Api, Generated, Handle, pair};
pub use observers::DisconnectReason;
pub use processing::Processing;
pub use slot::{Connection, Slot};
pub use status::{TransportId, TransportState, TransportStatus};
pub use target::Target;

pub(crate) use conn::{Conn, Outlet};
pub(crate) use core::Core;
pub(crate) use lifecycle::{FLUSH, become_io_thread_of};
pub(crate) use link::{AnyTransport, Wire};
pub(crate) use reactor::Command;
pub(crate) use receive::Flow;
pub(crate) use slot::SlotTable;
pub(crate) use target::Plain;
