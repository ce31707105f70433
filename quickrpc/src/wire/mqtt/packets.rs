//! Packets as they are written and read, by `mqtt-protocol-core`.

use mqtt_protocol_core::mqtt::packet::v5_0::{
    Connect, Disconnect, Puback, Publish, Suback, Subscribe, Unsubscribe,
};
use mqtt_protocol_core::mqtt::packet::{
    CorrelationData, Properties, Property, Qos, ResponseTopic, RetainHandling, SubEntry, SubOpts,
};
use mqtt_protocol_core::mqtt::result_code::{
    MqttError, PubackReasonCode, SubackReasonCode, UnsubackReasonCode,
};

use super::{Incoming, Login, Outcome, Unreadable, acknowledgement};

/// No packet is larger than this, whatever a broker takes.
pub(super) const LARGEST: usize = 268_435_455;

/// A message, kept by the broker for those who come later, or not.
pub(super) struct Outgoing<'a> {
    pub(super) topic: &'a str,
    pub(super) reply: &'a str,
    pub(super) correlation: &'a [u8],
    pub(super) payload: &'a [u8],
    pub(super) kept: bool,
}

/// A subscription.
pub(super) struct Filter<'a> {
    pub(super) text: &'a str,
    /// Whether our own messages come back.
    pub(super) echo: bool,
    /// Whether messages are wanted that the broker has kept.
    pub(super) kept: bool,
}

fn wrong(error: MqttError) -> String {
    format!("{error:?}")
}

pub(super) fn publish(message: &Outgoing<'_>, number: u16) -> Result<Vec<u8>, String> {
    let mut properties = Properties::new();
    if !message.reply.is_empty() {
        let reply = ResponseTopic::new(message.reply).map_err(wrong)?;
        properties.push(Property::ResponseTopic(reply));
    }
    if !message.correlation.is_empty() {
        let correlation = CorrelationData::new(message.correlation.to_vec()).map_err(wrong)?;
        properties.push(Property::CorrelationData(correlation));
    }
    let packet = Publish::builder()
        .topic_name(message.topic)
        .map_err(wrong)?
        .qos(Qos::AtLeastOnce)
        .retain(message.kept)
        .packet_id(number)
        .props(properties)
        .payload(message.payload)
        .build()
        .map_err(wrong)?;
    Ok(packet.to_continuous_buffer())
}

pub(super) fn subscribe(filters: &[Filter<'_>], number: u16) -> Result<Vec<u8>, String> {
    let entry = |filter: &Filter<'_>| {
        let options = SubOpts::new()
            .set_qos(Qos::AtLeastOnce)
            .set_nl(!filter.echo)
            .set_rh(match filter.kept {
                true => RetainHandling::SendRetained,
                false => RetainHandling::DoNotSendRetained,
            });
        SubEntry::new(filter.text, options)
    };
    let entries: Result<Vec<_>, _> = filters.iter().map(entry).collect();
    let packet = Subscribe::builder()
        .packet_id(number)
        .entries(entries.map_err(wrong)?)
        .build()
        .map_err(wrong)?;
    Ok(packet.to_continuous_buffer())
}

pub(super) fn unsubscribe(filter: &str, number: u16) -> Result<Vec<u8>, String> {
    let packet = Unsubscribe::builder()
        .packet_id(number)
        .entries(vec![filter])
        .map_err(wrong)?
        .build()
        .map_err(wrong)?;
    Ok(packet.to_continuous_buffer())
}

/// The beginning. When the connection ends without a word, the broker publishes nothing to `will`,
/// and keeps that.
pub(super) fn connect(
    login: &Login,
    client: &str,
    keepalive: u16,
    will: &str,
) -> Result<Vec<u8>, String> {
    let mut builder = Connect::builder()
        .client_id(client)
        .map_err(wrong)?
        .clean_start(true)
        .keep_alive(keepalive)
        .will_message(will, Vec::new(), Qos::AtLeastOnce, true)
        .map_err(wrong)?;
    if let Some(user) = &login.user {
        builder = builder.user_name(user.as_str()).map_err(wrong)?;
    }
    if let Some(password) = &login.password {
        builder = builder.password(password).map_err(wrong)?;
    }
    Ok(builder.build().map_err(wrong)?.to_continuous_buffer())
}

/// What is in front of the properties of a message, which the broker has made itself: its number,
/// where it has one.
fn number(first: u8, body: &[u8]) -> Result<Option<u16>, String> {
    let two = |at: usize| -> Result<u16, String> {
        let bytes = body.get(at..at + 2).ok_or("a message that is cut off")?;
        bytes
            .try_into()
            .map(u16::from_be_bytes)
            .map_err(|_| "no number".into())
    };
    let topic = usize::from(two(0)?);
    if topic == 0 {
        return Err("a message without a topic".into());
    }
    if body.len() < 2 + topic {
        return Err("a message that is cut off".into());
    }
    match (first >> 1) & 3 {
        0 => Ok(None),
        1 => two(2 + topic).map(Some),
        _ => Err("a message with QoS 2, which was not asked for".into()),
    }
}

/// Reads a message. What is wrong with one that somebody else has made is no fault of the broker's: some
/// pass on what they do not look at.
pub(super) fn published(first: u8, body: &[u8]) -> Result<Result<Incoming, Unreadable>, String> {
    let acknowledgement = number(first, body)?
        .map(acknowledgement)
        .unwrap_or_default();
    let packet = match Publish::parse(first & 0x0f, body.into()) {
        Ok((packet, _)) => packet,
        Err(error) => {
            let why = wrong(error);
            return Ok(Err(Unreadable {
                why,
                acknowledgement,
            }));
        }
    };
    let (mut reply, mut correlation) = (Box::default(), Box::default());
    for property in packet.props() {
        match property {
            Property::ResponseTopic(topic) => reply = topic.val().into(),
            Property::CorrelationData(data) => correlation = data.val().into(),
            _ => {}
        }
    }
    Ok(Ok(Incoming {
        topic: packet.topic_name().into(),
        reply,
        correlation,
        payload: packet.payload().as_slice().to_vec(),
        kept: packet.retain(),
        acknowledgement,
    }))
}

const PACKET_TOO_LARGE: u8 = 0x95;

/// What the broker says behind a code.
fn reason(code: &str, properties: Option<&Properties>) -> String {
    let mut properties = properties.into_iter().flatten();
    let said = properties.find_map(|property| match property {
        Property::ReasonString(reason) => Some(reason.val()),
        _ => None,
    });
    match said {
        Some(said) => format!("{code}: {said}"),
        None => code.to_owned(),
    }
}

/// Reads what came of a message, and which.
pub(super) fn acknowledged(body: &[u8]) -> Result<(u16, Outcome), String> {
    // Which belongs to other packets (MQTT 5, section 2.4), and Mosquitto says of a message beyond its
    // `message_size_limit`.
    if let [high, low, PACKET_TOO_LARGE, ..] = *body {
        let text = "PacketTooLarge: it is larger than the broker allows";
        let number = u16::from_be_bytes([high, low]);
        return Ok((number, Outcome::Refused(text.into())));
    }
    let (packet, _) = Puback::parse(body).map_err(wrong)?;
    let outcome = match packet.reason_code() {
        None | Some(PubackReasonCode::Success) => Outcome::Fine,
        Some(PubackReasonCode::NoMatchingSubscribers) => Outcome::Nobody,
        Some(code @ PubackReasonCode::NotAuthorized) => {
            Outcome::Forbidden(reason(&code.to_string(), packet.props().as_ref()))
        }
        Some(code) => Outcome::Refused(reason(&code.to_string(), packet.props().as_ref())),
    };
    Ok((packet.packet_id(), outcome))
}

/// Reads what came of subscriptions, and which.
pub(super) fn subscribed(body: &[u8]) -> Result<(u16, Vec<Outcome>), String> {
    let (packet, _) = Suback::parse(body).map_err(wrong)?;
    let outcome = |code: SubackReasonCode| match code {
        code if code.is_success() => Outcome::Fine,
        SubackReasonCode::NotAuthorized => Outcome::Forbidden(code.to_string()),
        code => Outcome::Refused(code.to_string()),
    };
    let outcomes = packet.reason_codes().into_iter().map(outcome).collect();
    Ok((packet.packet_id(), outcomes))
}

/// Reads that a subscription has ended, and which.
pub(super) fn unsubscribed(body: &[u8]) -> Result<u16, String> {
    use mqtt_protocol_core::mqtt::packet::v5_0::Unsuback;

    let (packet, _) = Unsuback::parse(body).map_err(wrong)?;
    let codes = packet.reason_codes();
    if let Some(code) = codes.into_iter().find(UnsubackReasonCode::is_failure) {
        crate::base::log::debug!(%code, "a subscription does not end");
    }
    Ok(packet.packet_id())
}

/// Reads why the broker ends the connection.
pub(super) fn disconnected(body: &[u8]) -> Result<String, String> {
    let (packet, _) = Disconnect::parse(body).map_err(wrong)?;
    let code = packet.reason_code();
    let code = code.map_or_else(|| "NormalDisconnection".to_owned(), |code| code.to_string());
    Ok(reason(&code, packet.props().as_ref()))
}
