//! The beginning of a connection to a broker.

use super::tongue::Tongue;
use crate::wire::mqtt;
use crate::wire::nats;

/// One beginning, as a state machine without I/O.
#[derive(Debug)]
pub(crate) enum Opening {
    Nats(nats::Handshake),
    Mqtt(mqtt::Handshake),
}

/// What comes of more input.
#[derive(Debug)]
pub(crate) enum Step {
    Wait,
    /// To be sent; then it goes on.
    Say(Vec<u8>),
    /// TLS begins here.
    Secure,
    /// We are in.
    Done(Box<Tongue>),
    /// We are not, for this reason.
    Refused(String),
}

impl Opening {
    /// Goes on with what has come, as far as it is enough for.
    pub(crate) fn advance(&mut self, input: &mut Vec<u8>) -> Step {
        match self {
            Opening::Nats(handshake) => match handshake.advance(input) {
                nats::Step::Wait => Step::Wait,
                nats::Step::Say(bytes) => Step::Say(bytes),
                nats::Step::Secure => Step::Secure,
                nats::Step::Done(info) => {
                    Step::Done(Box::new(Tongue::Nats(nats::Talk::new(*info))))
                }
                nats::Step::Refused(why) => Step::Refused(why),
            },
            Opening::Mqtt(handshake) => match handshake.advance(input) {
                mqtt::Step::Wait => Step::Wait,
                mqtt::Step::Say(bytes) => Step::Say(bytes),
                mqtt::Step::Done(session) => Step::Done(Box::new(Tongue::Mqtt(session))),
                mqtt::Step::Refused(why) => Step::Refused(why),
            },
        }
    }

    /// Whether the broker says something before TLS begins.
    pub(crate) fn is_plain_first(&self) -> bool {
        matches!(self, Opening::Nats(handshake) if handshake.is_plain_first())
    }

    /// What the other side should be, for people.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Opening::Nats(_) => "a NATS server",
            Opening::Mqtt(_) => "an MQTT broker",
        }
    }
}
