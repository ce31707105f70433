//! The members of messages, of whatever kind, as places in their text.

use crate::expr::JugglerGeneration as Generation;
use crate::format::text::TextError;
use crate::wire::codec::Span;
use crate::wire::json;

/// What is in an object. Members that come twice count as they came last.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) kind: Option<Span>,
    pub(super) id: Option<Span>,
    pub(super) name: Option<Span>,
    pub(super) data: Option<Span>,
    pub(super) success: Option<Span>,
    pub(super) diff: Option<Span>,
    pub(super) payload: Option<Span>,
    pub(super) direction: Option<Span>,
    pub(super) action: Option<Span>,
    pub(super) args: Option<Span>,
    pub(super) result: Option<Span>,
}

impl Members {
    /// # Errors
    ///
    /// When it is no object.
    pub(super) fn read(text: &str, place: Span, depth: usize) -> Result<Self, TextError> {
        let mut members = Members::default();
        json::members(text, place, depth, |key, place| {
            let member = match key {
                "type" => &mut members.kind,
                "id" => &mut members.id,
                "name" => &mut members.name,
                "data" => &mut members.data,
                "success" => &mut members.success,
                "diff" => &mut members.diff,
                "payload" => &mut members.payload,
                "direction" => &mut members.direction,
                "action" => &mut members.action,
                "args" => &mut members.args,
                "result" => &mut members.result,
                _ => return,
            };
            *member = Some(place);
        })?;
        Ok(members)
    }

    /// Whether a member is this string.
    pub(super) fn is(text: &str, member: Option<Span>, wanted: &str) -> bool {
        let given = member.and_then(|place| json::string(text, place));
        given.as_deref() == Some(wanted)
    }

    /// What kind of message it says that it is, for people.
    pub(super) fn shown_kind(&self, text: &str) -> String {
        match self.kind {
            None => "no `type`".to_owned(),
            Some(place) => format!("{:.40}", place.of(text)),
        }
    }
}

/// The generation of a peer that has sent this first.
pub(super) fn generation(text: &str, depth: usize) -> Option<Generation> {
    if text.starts_with(['0', '1', '2', '3']) {
        return Some(Generation::V07);
    }
    let members = Members::read(text, json::whole(text)?, depth).ok()?;
    let kind = members.kind.and_then(|place| json::string(text, place));
    let is = |of: fn(&u8) -> bool| {
        kind.as_ref()
            .is_some_and(|kind| kind.bytes().all(|b| of(&b)))
    };
    match () {
        () if members.payload.is_some() || is(u8::is_ascii_uppercase) => Some(Generation::V05),
        () if is(u8::is_ascii_lowercase) => Some(Generation::V06),
        () => None,
    }
}

/// Whether a value that was written is JSON as others read it: NaN and the infinities are not.
pub(super) fn is_plain_json(written: &[u8]) -> bool {
    let has = |word: &str| memchr::memmem::find(written, word.as_bytes()).is_some();
    if !has("NaN") && !has("Infinity") {
        return true;
    }
    // It may be within a text, where a quotation mark is escaped.
    let (mut in_text, mut escaped) = (false, false);
    for byte in written {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_text = !in_text,
            b'N' | b'I' if !in_text => return false,
            _ => {}
        }
    }
    true
}
