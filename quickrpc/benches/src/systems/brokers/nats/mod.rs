//! NATS by hand, and by `async-nats`.

mod async_nats;
mod hand;
mod line;

pub(super) use self::async_nats::AsyncNats;
pub(super) use hand::{Hand, Receivers};
