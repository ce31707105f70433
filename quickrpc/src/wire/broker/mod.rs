//! What brokers have in common, without any I/O: which subjects mean what, messages, and how each
//! kind of broker is spoken to.

mod message;
mod opening;
mod said;
pub(crate) mod subjects;
mod tongue;

pub(crate) use message::{Delivery, Leaving, Message, Reply, ReplyTo, Unsaid};
pub(crate) use opening::{Opening, Step};
pub(crate) use said::Said;
pub(crate) use tongue::Tongue;
