//! What is heard: who a client is, requests, and answers.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use crate::base::error::CallError;
use crate::base::limits::Limits;
use crate::base::reason::DisconnectReason;
use crate::wire::codec::{DecodeError, Envelope, Part, Payload, Span};
use crate::wire::json;
use crate::wire::session::{Claim, Heard, Listening, Role, Say, Verdict};

use super::packet::Packet;
use super::speak::write_packet;
use super::{Keys, PROBE, SERVER};

/// A server's ear for one client.
pub(super) struct Server {
    keys: Arc<Keys>,
    /// Who the client is, once it may be that.
    peer: Arc<OnceLock<Arc<str>>>,
    /// What it has said, and the id under which it waits for an answer.
    claimed: Option<(Arc<str>, String)>,
    identified: bool,
}

/// A client's ear for its server.
pub(super) struct Client {
    keys: Arc<Keys>,
    identified: bool,
}

impl Server {
    pub(super) fn new(keys: Arc<Keys>, peer: Arc<OnceLock<Arc<str>>>) -> Self {
        Server {
            keys,
            peer,
            claimed: None,
            identified: false,
        }
    }

    /// The first packet: type, secret and identifier are looked at in this order.
    fn identify(&mut self, text: &str, limits: &Limits, packet: &Packet) -> Heard {
        let depth = limits.nesting_depth;
        if !packet.is(text, "IDENTIFY") {
            let kind = packet.kind.and_then(|place| json::string(text, place));
            let kind: String = kind.unwrap_or_default().chars().take(64).collect();
            return rejected(4101, format!("Expected IDENTIFY, received {kind}"));
        }
        let request = packet.request(text, depth);
        let given = |place: Option<Span>| place.and_then(|place| json::string(text, place));
        // A server without a secret wants one all the same, which may be empty.
        if !given(request.secret_key).is_some_and(|secret| same(&secret, &self.keys.secret)) {
            return rejected(4100, "Invalid secret key.");
        }
        let Some(packet_id) = packet.packet_id else {
            return rejected(1008, "IDENTIFY has no packet_id");
        };
        let name: Arc<str> = match packet.identifier {
            None => "null".into(),
            Some(place) => match json::string(text, place) {
                Some(name) => name.into(),
                // Any value will do, in the original.
                None => place.of(text).into(),
            },
        };
        // It is a name here, for people and in logs.
        if name.len() > limits.id_size || name.chars().any(char::is_control) {
            return rejected(
                1008,
                "an identifier is a short text without control characters",
            );
        }
        let replaces = match (&self.keys.override_key, given(request.override_key)) {
            (Some(key), Some(given)) => same(&given, key),
            _ => false,
        };
        self.claimed = Some((Arc::clone(&name), packet_id.of(text).to_owned()));
        Heard::Claim(Claim { name, replaces })
    }
}

impl Listening for Server {
    fn open(&mut self, _say: &mut Say) {}

    fn hear(&mut self, text: &str, limits: &Limits, say: &mut Say) -> Result<Heard, DecodeError> {
        let packet = Packet::read(text, limits.nesting_depth)?;
        if !self.identified {
            return Ok(self.identify(text, limits, &packet));
        }
        // A second one is ignored, as in the original.
        if packet.is(text, "IDENTIFY") {
            return Ok(Heard::Nothing);
        }
        let envelope = message(text, limits, &packet, Role::Server);
        if let Envelope::Call { method, id, .. } = &envelope
            && method.of(text) == PROBE
        {
            // That we are there is known without a turn, behind handlers that take their time.
            if let Some(id) = id {
                let why = format!("\"{PROBE} is not a valid route name.\"");
                let mut out = Vec::new();
                let (id, why) = (id.of(text), why.as_bytes());
                write_packet(&mut out, id, true, SERVER, "FAILURE_RESPONSE", why);
                say.message(out);
            }
            return Ok(Heard::Nothing);
        }
        Ok(Heard::Message(envelope))
    }

    fn verdict(&mut self, verdict: Verdict, say: &mut Say) -> Heard {
        let Some((name, packet_id)) = self.claimed.take() else {
            return Heard::Nothing;
        };
        if verdict == Verdict::Taken {
            return rejected(4102, "Duplicate identifier on IDENTIFY");
        }
        let mut out = Vec::new();
        write_packet(&mut out, &packet_id, true, &name, "IDENTIFY", b"null");
        say.message(out);
        // Nobody else sets it.
        self.peer.set(name).ok();
        self.identified = true;
        Heard::Open
    }
}

impl Client {
    pub(super) fn new(keys: Arc<Keys>) -> Self {
        Client {
            keys,
            identified: false,
        }
    }
}

impl Listening for Client {
    fn open(&mut self, say: &mut Say) {
        let mut data = br#"{"secret_key":"#.to_vec();
        super::text::write_str(&mut data, super::Json, &self.keys.secret);
        data.extend_from_slice(br#","override_key":"#);
        match &self.keys.override_key {
            Some(key) => super::text::write_str(&mut data, super::Json, key),
            None => data.extend_from_slice(b"null"),
        }
        data.push(b'}');
        let mut out = Vec::new();
        let identifier = &self.keys.identifier;
        write_packet(&mut out, IDENTIFY, false, identifier, "IDENTIFY", &data);
        say.message(out);
    }

    fn hear(&mut self, text: &str, limits: &Limits, _say: &mut Say) -> Result<Heard, DecodeError> {
        let packet = Packet::read(text, limits.nesting_depth)?;
        if !self.identified {
            // A request that comes before is not from somebody who knows us.
            self.identified = packet.is_response && packet.is(text, "IDENTIFY");
            return Ok(match self.identified {
                true => Heard::Open,
                false => Heard::Nothing,
            });
        }
        Ok(Heard::Message(message(text, limits, &packet, Role::Client)))
    }

    fn verdict(&mut self, _verdict: Verdict, _say: &mut Say) -> Heard {
        Heard::Nothing
    }
}

/// The id of the packet with which a client identifies itself; those of calls are numbers.
const IDENTIFY: &str = "\"identify\"";

/// What a packet means between two that know each other.
fn message(text: &str, limits: &Limits, packet: &Packet, role: Role) -> Envelope {
    let Some(packet_id) = packet.packet_id else {
        return Envelope::invalid(None, "expected a `packet_id`");
    };
    if packet.is_response {
        // Ours are numbers in quotes.
        let id = json::string(text, packet_id).and_then(|id| id.parse().ok());
        // As in the original: a server takes all others for results, a client only these.
        let failed = match role {
            Role::Server => packet.is(text, "FAILURE_RESPONSE"),
            Role::Client => !packet.is(text, "SUCCESS_RESPONSE"),
        };
        if failed {
            let error = match packet.data {
                None => Cow::Borrowed("the call failed"),
                Some(place) => json::string(text, place).unwrap_or(Cow::Borrowed(place.of(text))),
            };
            return match id {
                Some(_) => Envelope::Failure {
                    id,
                    error: CallError::new(CallError::HANDLER_ERROR, error),
                },
                // Of a notification.
                None => Envelope::Empty,
            };
        }
        let result = packet.data.map_or(Payload::Missing, Payload::Text);
        return Envelope::Reply { id, result };
    }
    if packet_id.of(text).len() > limits.id_size {
        return Envelope::invalid(
            None,
            format!("an id has more than {} bytes", limits.id_size),
        );
    }
    let id = Some(Part::Span(packet_id));
    let request = packet.request(text, limits.nesting_depth);
    match request.route.and_then(|place| json::part(text, place)) {
        Some(method) => Envelope::Call {
            method,
            params: request.arguments.map_or(Payload::Missing, Payload::Text),
            id,
        },
        None => Envelope::invalid(id, "expected a `route`"),
    }
}

fn rejected(code: u16, text: impl Into<Arc<str>>) -> Heard {
    let text = text.into();
    Heard::End(DisconnectReason::Rejected { code, text })
}

/// Compares secrets in a time that depends on nothing but their length.
fn same(given: &str, secret: &str) -> bool {
    let (given, secret) = (given.as_bytes(), secret.as_bytes());
    let differ = given
        .iter()
        .zip(secret)
        .fold(0, |differ, (a, b)| differ | (a ^ b));
    given.len() == secret.len() && differ == 0
}
