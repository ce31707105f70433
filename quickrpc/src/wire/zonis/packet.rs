//! One packet: an outer and an inner object, as places in its text.

use crate::format::text::TextError;
use crate::wire::codec::Span;
use crate::wire::json;

/// What is in a packet. Members that come twice count as they came last.
#[derive(Debug, Default)]
pub(super) struct Packet {
    pub(super) packet_id: Option<Span>,
    /// `"response"`; anything else is a request.
    pub(super) is_response: bool,
    /// Of the inner object.
    pub(super) kind: Option<Span>,
    pub(super) identifier: Option<Span>,
    pub(super) data: Option<Span>,
}

/// What is in the data of a request.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) route: Option<Span>,
    pub(super) arguments: Option<Span>,
    pub(super) secret_key: Option<Span>,
    pub(super) override_key: Option<Span>,
}

impl Packet {
    /// # Errors
    ///
    /// When it is no object.
    pub(super) fn read(text: &str, depth: usize) -> Result<Self, TextError> {
        let mut packet = Packet::default();
        let mut inner = None;
        let Some(whole) = json::whole(text) else {
            return Ok(packet);
        };
        json::members(text, whole, depth, |key, place| match key {
            "packet_id" => packet.packet_id = Some(place),
            "type" => {
                let kind = json::string(text, place);
                packet.is_response = kind.as_deref() == Some("response");
            }
            "data" => inner = Some(place),
            _ => {}
        })?;
        let each = |key: &str, place| match key {
            "type" => packet.kind = Some(place),
            "identifier" => packet.identifier = Some(place),
            "data" => packet.data = Some(place),
            _ => {}
        };
        if let Some(inner) = inner {
            // Where it is no object, nothing is in it, and who asks by that hears so.
            json::members(text, inner, depth, each).ok();
        }
        Ok(packet)
    }

    /// Whether the inner type is this.
    pub(super) fn is(&self, text: &str, kind: &str) -> bool {
        let place = self.kind.and_then(|place| json::string(text, place));
        place.as_deref() == Some(kind)
    }

    /// What is in the data, if that is an object.
    pub(super) fn request(&self, text: &str, depth: usize) -> Request {
        let mut request = Request::default();
        let each = |key: &str, place| match key {
            "route" => request.route = Some(place),
            "arguments" => request.arguments = Some(place),
            "secret_key" => request.secret_key = Some(place),
            "override_key" => request.override_key = Some(place),
            _ => {}
        };
        let Some(data) = self.data else {
            return request;
        };
        match json::members(text, data, depth, each) {
            Ok(()) => request,
            Err(_) => Request::default(),
        }
    }
}
