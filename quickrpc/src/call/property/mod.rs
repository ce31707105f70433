//! Properties: values that one side has and the other side sees.
//!
//! What they are on a wire is said by their descriptions ([`PropertyCalls`]); here alone it is
//! decided that a read and a write are calls, and a change a notification. A protocol that has
//! properties of its own takes them from here.
//!
//! ```text
//! Property<T> ──► Core<T> ──► Owned: the newest value, and who is told of it when (telling.rs)
//!                  handlers of reads and writes, connected to the slots of these calls
//! Calls ──► table.rs: all of them, without their types; tell.rs sends
//! RemoteProperty<T> ──► the slot of the change; the last value of each peer
//! ```
//!
//! [`PropertyCalls`]: crate::format::property::PropertyCalls

mod answering;
pub(crate) mod ask;
mod form;
mod handlers;
mod owned;
mod owner;
mod remote;
mod stored;
pub(crate) mod table;
mod tell;
mod telling;

pub(crate) use form::Form;
pub(crate) use owned::Names;
pub use owner::{Property, WritableProperty};
pub use remote::RemoteProperty;
