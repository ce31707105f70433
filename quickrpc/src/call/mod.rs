//! Calls: from a message to handlers, and from a call to its promise.

pub(crate) mod answer;
pub(crate) mod apart;
mod asked;
pub(crate) mod calls;
pub(crate) mod cancel;
mod deadlines;
mod described;
mod discover;
pub(crate) mod dispatch;
mod events;
pub(crate) mod gate;
pub(crate) mod hear;
pub(crate) mod late;
pub(crate) mod mailbox;
pub(crate) mod observers;
pub(crate) mod pending;
pub(crate) mod processing;
pub(crate) mod promise;
pub(crate) mod property;
pub(crate) mod reply;
pub(crate) mod slot;
pub(crate) mod stream;
pub(crate) mod subscription;
pub(crate) mod target;
mod task;
pub(crate) mod unsent;
mod untaken;
