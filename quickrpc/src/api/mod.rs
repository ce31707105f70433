//! What a program holds: builders, handles, and what starts and stops.

pub(crate) mod action_queue;
pub mod announcer;
pub(crate) mod any;
pub(crate) mod builder;
pub(crate) mod companion;
#[cfg(feature = "config")]
pub mod config;
pub mod dynamic;
pub(crate) mod handle;
mod layers;
pub(crate) mod lifecycle;
mod local;
pub(crate) mod node;
mod pair;
mod properties;
mod sending;
pub(crate) mod statistics;
#[cfg(test)]
mod test_addresses;
#[cfg(test)]
mod test_cancel;
#[cfg(test)]
mod test_watch;
#[cfg(test)]
mod tests;

pub use builder::Builder;
pub use handle::{Api, Generated};
pub use node::Node;
pub use pair::pair;
pub use properties::property_form;
pub use sending::Handle;
