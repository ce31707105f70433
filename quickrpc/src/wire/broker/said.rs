//! What brokers say, as it is cut from their connection.

use crate::wire::{mqtt, nats};

/// What a broker says.
#[derive(Debug)]
pub(crate) enum Said<'a> {
    Nats(nats::Event<'a>),
    Mqtt(mqtt::Event<'a>),
}
