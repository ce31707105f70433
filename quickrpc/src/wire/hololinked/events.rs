//! Events, and changes of properties, which are events too: beside the connection for calls, to
//! whoever has subscribed.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::base::error::Error;
use crate::base::limits::Limits;
use crate::base::utf8;
use crate::base::value::Value;
use crate::format::description::{CallDescription, Direction};
use crate::format::text::{self, Json};
use crate::wire::codec::{DecodeError, Payload, Span};
use crate::wire::json;
use crate::wire::session::{About, Changes, Due, Heard, Listening, Say, Speaking, Verdict, Way};
use crate::wire::zmtp::{Parts, Peer, part};

use super::body::{Came, Said, items};
use super::frames::{self, Frames};
use super::header::{Answer, write_event};
use super::thing::{Thing, no_calls};

/// The event of a property's change has its name, and this behind it.
const CHANGE: &str = "_change_event";

type Halves = (Box<dyn Listening>, Box<dyn Speaking>);

/// A client's session with a publisher.
pub(super) fn hear(thing: Arc<Thing>) -> Halves {
    let others = Subscribes(Arc::clone(&thing));
    (Box::new(Subscriber { thing }), Box::new(others))
}

/// A server's session with a subscriber.
pub(super) fn tell(thing: Arc<Thing>, peer: Arc<Peer>) -> Halves {
    let publisher = Publisher {
        thing,
        peer,
        count: 0,
    };
    (Box::new(Deaf), Box::new(publisher))
}

struct Subscriber {
    thing: Arc<Thing>,
}

/// Subscribes to the other Things of the server. To the one that was bound the socket does.
struct Subscribes(Arc<Thing>);

/// Hears nothing: what subscribers say is noticed by those who read the frames.
struct Deaf;

struct Publisher {
    thing: Arc<Thing>,
    peer: Arc<Peer>,
    /// Each event has an id, which nobody looks at.
    count: u64,
}

/// What was published.
struct Published {
    /// The name of the event.
    name: Box<str>,
    /// JSON, or nothing if it is a value.
    text: Box<str>,
    payload: Payload,
    /// The same as arguments.
    arguments: Option<Payload>,
}

impl Listening for Deaf {
    fn open(&mut self, _say: &mut Say) {}

    fn hear(&mut self, _: &str, _: &Limits, _: &mut Say) -> Result<Heard, DecodeError> {
        Ok(Heard::Nothing)
    }

    fn verdict(&mut self, _verdict: Verdict, _say: &mut Say) -> Heard {
        Heard::Nothing
    }
}

impl Listening for Subscriber {
    fn open(&mut self, _say: &mut Say) {}

    fn hear(&mut self, _: &str, _: &Limits, _: &mut Say) -> Result<Heard, DecodeError> {
        Err(DecodeError::new("a message without parts", 0))
    }

    fn hear_parts<'t>(
        &mut self,
        parts: Parts<'t>,
        limits: &Limits,
        _say: &mut Say,
    ) -> Result<(&'t str, Heard), DecodeError> {
        let wrong = |why: String| DecodeError::new(why, 0);
        let (id, frames) = Frames::take_event(parts)
            .map_err(|parts| wrong(format!("an event of {} parts", parts.count)))?;
        let id = std::str::from_utf8(id).unwrap_or_default();
        let (thing, name) = id.rsplit_once('/').unwrap_or_default();
        let Some(prefix) = self.thing.prefix(thing) else {
            // Topics are beginnings; this is another Thing's.
            return Ok(("", Heard::Nothing));
        };
        let name = &*format!("{prefix}{name}");
        let header = std::str::from_utf8(frames.header);
        let header = header.map_err(|_| wrong("its header is not UTF-8".to_owned()))?;
        let answer = Answer::read(header).map_err(|why| wrong(why.to_string()))?;
        let depth = limits.nesting_depth;
        let came = Came::read(answer.format, frames.body.payload, depth);
        let came = came.map_err(|why| wrong(format!("the payload of `{name}`: {why}")))?;
        let published = self.published(name, came, frames.body.encoded, depth);
        let published = published.map_err(wrong)?;
        Ok(("", Heard::Changes(Box::new(published))))
    }

    fn verdict(&mut self, _verdict: Verdict, _say: &mut Say) -> Heard {
        Heard::Nothing
    }
}

impl Subscriber {
    fn published(
        &self,
        name: &str,
        came: Came<'_>,
        encoded: &[u8],
        depth: usize,
    ) -> Result<Published, String> {
        let declared = self.thing.event(name);
        let (text, payload) = with_bytes(came, encoded, declared, depth)?.payload();
        let arguments = arguments(text, &payload, declared);
        let (text, arguments) = match arguments {
            Some(Listed::Text(list)) => {
                let whole = json::whole(&list).map_or(Payload::Missing, Payload::Text);
                return Ok(Published {
                    name: name.into(),
                    // Within its list.
                    payload: Span::new(1..list.len() - 1).map_or(Payload::Missing, Payload::Text),
                    text: list.into(),
                    arguments: Some(whole),
                });
            }
            Some(Listed::Value(list)) => (text, Some(Payload::Value(list))),
            None => (text, None),
        };
        Ok(Published {
            name: name.into(),
            text: text.into(),
            payload,
            arguments,
        })
    }
}

/// A value as the only one of some arguments.
enum Listed {
    Text(String),
    Value(Value),
}

/// What came as the arguments of a declared event. An event of the package has one value; ours have
/// arguments with names, or without.
fn arguments(text: &str, payload: &Payload, declared: Option<&CallDescription>) -> Option<Listed> {
    let [only] = declared?.arguments else {
        return None;
    };
    if only.whole {
        return None;
    }
    match payload {
        Payload::Value(Value::Map(_) | Value::Null) => None,
        Payload::Value(value) => Some(Listed::Value(Value::List(vec![value.clone()]))),
        _ if text.trim_start().starts_with('{') || text.trim() == "null" => None,
        _ => Some(Listed::Text(format!("[{text}]"))),
    }
}

/// What came, with the bytes beside it. They are the first of several arguments.
fn with_bytes<'t>(
    came: Came<'t>,
    encoded: &[u8],
    declared: Option<&CallDescription>,
    depth: usize,
) -> Result<Came<'t>, String> {
    if encoded.is_empty() {
        return Ok(came);
    }
    let first = declared.and_then(|call| call.arguments.first());
    let is_object = match &came {
        Came::Json(text) => text.trim_start().starts_with('{'),
        Came::Value(value) => matches!(value, Value::Map(_)),
    };
    let Some(first) = first.filter(|_| is_object) else {
        return came.with(encoded, depth);
    };
    match came.into_value(depth) {
        Some(Value::Map(mut map)) => {
            map.insert(first.wire_name.to_owned(), Value::Bytes(encoded.to_vec()));
            Ok(Came::Value(Value::Map(map)))
        }
        _ => Err(String::from("its payload is no JSON")),
    }
}

impl Changes for Published {
    fn value(&self, property: &str) -> Option<String> {
        let name = self.name.strip_suffix(CHANGE)?;
        if name != property {
            return None;
        }
        match &self.payload {
            Payload::Text(place) => Some(place.of(&self.text).to_owned()),
            Payload::Value(value) => {
                let mut out = Vec::new();
                text::write(&mut out, Json, value).ok()?;
                String::from_utf8(out).ok()
            }
            _ => None,
        }
    }

    fn notification(&self) -> Option<(&str, &str, Payload)> {
        let payload = self.arguments.as_ref().unwrap_or(&self.payload);
        Some((&self.name, &self.text, payload.clone()))
    }
}

impl fmt::Debug for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Published({})", self.name)
    }
}

impl Speaking for Subscribes {
    fn call(&mut self, _: &mut Vec<u8>, _: &str, _: &[u8], _: Option<u64>, _: Way) {}

    fn answer(&mut self, _: &mut Vec<u8>, _: &str, _: &[u8], _: bool) {}

    fn due(&mut self, _now: Instant, say: &mut Say) -> Due {
        for thing in self.0.others() {
            // In the form that every publisher understands.
            let mut message = Vec::new();
            let topic = [b"\x01", thing.as_bytes(), b"/"].concat();
            part(&mut message, &topic, false);
            say.message(message);
        }
        Due::Never
    }
}

impl Publisher {
    /// Appends an event, if the peer wants it.
    fn publish(&mut self, out: &mut Vec<u8>, name: &str, said: impl FnOnce() -> Said) {
        let (thing, member) = self.thing.split(name);
        let id = format!("{thing}/{member}");
        if !self.peer.wants(id.as_bytes()) {
            return;
        }
        self.count += 1;
        let sender = format!("{}/event-publisher", self.thing.expr.server);
        let mut header = Vec::new();
        write_event(&mut header, &self.count.to_string(), &sender, &id);
        frames::write_event(out, id.as_bytes(), &header, said().body());
    }
}

impl Speaking for Publisher {
    fn call(&mut self, out: &mut Vec<u8>, method: &str, args: &[u8], id: Option<u64>, _: Way) {
        if id.is_none() {
            let args = utf8::text(args).unwrap_or("null");
            self.publish(out, method, || Said::event(args));
        }
    }

    fn can_say(&self, about: About<'_>, _body: &[u8]) -> Result<(), Error> {
        no_calls(about)
    }

    fn answer(&mut self, _: &mut Vec<u8>, _: &str, _: &[u8], _: bool) {}

    fn change(&mut self, out: &mut Vec<u8>, property: &str, value: &[u8]) -> Result<(), Error> {
        let value = utf8::text(value).unwrap_or("null");
        self.publish(out, &format!("{property}{CHANGE}"), || Said::value(value));
        Ok(())
    }
}

impl Thing {
    /// An event of the other side, as it is declared.
    fn event(&self, name: &str) -> Option<&'static CallDescription> {
        let described = self.described();
        let mut calls = described.iter().flat_map(|api| api.calls);
        calls.find(|call| call.wire_name == name && call.direction == Direction::Incoming)
    }
}

impl Said {
    /// The arguments of an event. Bytes go beside the others; alone, they are all of it.
    fn event(args: &str) -> Self {
        if !args.starts_with(['{', '[']) {
            return Said::value(args);
        }
        if args.starts_with('[') {
            // One is what an event of the package has.
            return match *items(args).as_slice() {
                [one] => Said::value(one),
                _ => Said::result(args),
            };
        }
        let mut said = Said::arguments(args);
        if said.payload == b"{}" {
            said.payload = b"null".to_vec();
        }
        said
    }
}
