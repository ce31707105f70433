//! What a program holds: builders, handles, and what starts and stops.

pub(crate) mod action_queue;
pub mod announcer;
pub(crate) mod any;
pub(crate) mod builder;
pub(crate) mod companion;
pub mod dynamic;
pub(crate) mod handle;
pub(crate) mod lifecycle;
pub(crate) mod node;
mod properties;
#[cfg(test)]
mod test_addresses;
#[cfg(test)]
mod test_cancel;
#[cfg(test)]
mod test_watch;
#[cfg(test)]
mod tests;

pub use builder::Builder;
pub use handle::{Api, Generated, Handle, pair};
pub use node::Node;
pub use properties::property_form;
