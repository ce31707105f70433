//! The beginning of a connection: CONNECT, CONNACK.

use std::time::Duration;

use mqtt_protocol_core::mqtt::packet::Property;
use mqtt_protocol_core::mqtt::packet::v5_0::Connack;
use mqtt_protocol_core::mqtt::result_code::ConnectReasonCode;

use super::Login;
use super::packets::{self, LARGEST};
use super::reader::{Event, Reader};
use super::session::{Granted, Session};

/// One beginning, as a state machine without I/O.
#[derive(Debug)]
pub(crate) struct Handshake {
    /// What is said first, until it is.
    connect: Option<Result<Vec<u8>, String>>,
    keepalive: Duration,
    reader: Reader,
}

/// What comes of more input.
#[derive(Debug)]
pub(crate) enum Step {
    Wait,
    /// To be sent; then it goes on.
    Say(Vec<u8>),
    /// We are in.
    Done(Box<Session>),
    /// We are not, for this reason.
    Refused(String),
}

/// The first byte of CONNACK.
const CONNACK: u8 = 0x20;
/// So many messages may be under way if the broker does not say.
const WINDOW: usize = 65_535;

impl Handshake {
    /// `client` tells this client of the broker from others, and to `will` nothing is published
    /// when it is gone.
    pub(crate) fn new(login: &Login, client: &str, keepalive: Duration, will: &str) -> Self {
        let seconds = keepalive.as_millis().div_ceil(1000);
        let seconds = u16::try_from(seconds).unwrap_or(u16::MAX);
        Handshake {
            connect: Some(packets::connect(login, client, seconds, will)),
            keepalive,
            reader: Reader::default(),
        }
    }

    /// Goes on with what has come, as far as it is enough for.
    pub(crate) fn advance(&mut self, input: &mut Vec<u8>) -> Step {
        match self.connect.take() {
            Some(Ok(connect)) => return Step::Say(connect),
            Some(Err(why)) => return Step::Refused(format!("the login cannot be written: {why}")),
            None => {}
        }
        let none = |why: &str| Step::Refused(format!("it is no broker of MQTT 5: {why}"));
        match input.first() {
            Some(&CONNACK) => {}
            Some(_) => return none("it says something else before it lets us in"),
            None => return Step::Wait,
        }
        let (taken, event) = match self.reader.next(input, 0) {
            Ok(next) => next,
            Err(why) => return none(&why),
        };
        let step = match event {
            Event::Incomplete => return Step::Wait,
            Event::Packet {
                first: CONNACK,
                body,
            } => self.answered(body),
            // A packet that begins so is no message.
            _ => none("it breaks the rules"),
        };
        input.drain(..taken);
        step
    }

    fn answered(&self, body: &[u8]) -> Step {
        // An older broker answers in the form of its own version.
        if let [_, code @ 1..=5] = body {
            let text = format!(
                "the broker does not speak MQTT 5 (its answer is code {code} of an older version)"
            );
            return Step::Refused(text);
        }
        let packet = match Connack::parse(body) {
            Ok((packet, _)) => packet,
            Err(why) => {
                return Step::Refused(format!("it is no broker of MQTT 5: a CONNACK with {why:?}"));
            }
        };
        match packet.reason_code() {
            ConnectReasonCode::Success => {}
            code
            @ (ConnectReasonCode::BadUserNameOrPassword | ConnectReasonCode::NotAuthorized) => {
                let text = format!(
                    "the broker refuses this login (`{code}`); give `user=..&password_file=..` as \
                     the broker wants it"
                );
                return Step::Refused(text);
            }
            code => return Step::Refused(format!("the broker says `{code}`")),
        }
        let mut granted = Granted {
            window: WINDOW,
            largest: LARGEST,
            keepalive: self.keepalive,
        };
        let lacks = |what: &str| Step::Refused(format!("the broker has no {what}"));
        for property in packet.props() {
            match property {
                Property::ReceiveMaximum(most) => granted.window = usize::from(most.val()).max(1),
                Property::MaximumPacketSize(most) => {
                    granted.largest = usize::try_from(most.val()).unwrap_or(usize::MAX);
                }
                Property::ServerKeepAlive(seconds) if seconds.val() > 0 => {
                    granted.keepalive = Duration::from_secs(seconds.val().into());
                }
                Property::MaximumQos(_) => return lacks("quality of service 1"),
                Property::RetainAvailable(it) if it.val() == 0 => {
                    return lacks("messages that it keeps (retained ones)");
                }
                Property::SharedSubscriptionAvailable(it) if it.val() == 0 => {
                    return lacks("shared subscriptions");
                }
                Property::WildcardSubscriptionAvailable(it) if it.val() == 0 => {
                    return lacks("subscriptions with wildcards");
                }
                _ => {}
            }
        }
        Step::Done(Box::new(Session::new(granted)))
    }
}
