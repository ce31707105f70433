//! What a server says of its Thing: a Thing Description of the Web of Things, as far as clients of
//! the package look at it.

use crate::expr::{Events, events_path};
use crate::format::description::{CallDescription, Direction};
use crate::format::text::{self, Json};
use crate::wire::session::Here;

use super::thing::Thing;

/// The addresses of a server, as a client of it sees them.
struct Places {
    requests: String,
    events: String,
}

/// Writes JSON.
struct Writer(Vec<u8>);

impl Writer {
    fn raw(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    fn text(&mut self, text: &str) {
        text::write_str(&mut self.0, Json, text);
    }

    /// Members of an object, by names.
    fn object<T>(
        &mut self,
        members: impl IntoIterator<Item = (&'static str, T)>,
        mut each: impl FnMut(&mut Self, T),
    ) {
        self.raw("{");
        for (number, (name, member)) in members.into_iter().enumerate() {
            if number > 0 {
                self.raw(",");
            }
            self.text(name);
            self.raw(":");
            each(self, member);
        }
        self.raw("}");
    }

    fn described(&mut self, docs: &str) {
        if !docs.is_empty() {
            self.raw(r#","description":"#);
            self.text(docs.trim());
        }
    }

    fn forms(&mut self, forms: &[(&str, &str)]) {
        self.raw(r#""forms":["#);
        for (number, (place, operation)) in forms.iter().enumerate() {
            if number > 0 {
                self.raw(",");
            }
            self.raw(r#"{"href":"#);
            self.text(place);
            self.raw(r#","op":"#);
            self.text(operation);
            self.raw(r#","contentType":"application/json"}"#);
        }
        self.raw("]");
    }
}

/// The description, in JSON.
///
/// `prefix` is what the names of its members begin with.
pub(super) fn thing(thing: &Thing, id: &str, prefix: &str, here: Option<&Here>) -> String {
    let places = places(&thing.expr.events, here);
    let member = |name| Thing::member(name, prefix);
    let mut described = thing.described();
    described.retain(|api| {
        let calls = api.calls.iter().map(|call| call.wire_name);
        let mut names = calls.chain(api.properties.iter().map(|one| one.wire_name));
        names.any(|name| member(name).is_some())
    });
    let mut out = Writer(Vec::new());
    out.raw(r#"{"@context":["https://www.w3.org/2022/wot/td/v1.1"],"id":"#);
    out.text(id);
    out.raw(r#","title":"#);
    out.text(described.first().map_or("", |api| api.name));
    for api in described.iter().take(1) {
        out.described(api.docs);
    }
    out.raw(concat!(
        r#","securityDefinitions":{"nosec":{"scheme":"nosec"}},"#,
        r#""security":"nosec","properties":"#
    ));
    let properties = described.iter().flat_map(|api| api.properties);
    let own = properties.filter(|property| property.direction == Direction::Incoming);
    let own = own.filter_map(|one| Some((member(one.wire_name)?, one)));
    out.object(own, |out, property| {
        out.raw("{");
        out.raw(&schema(property.type_name));
        if !schema(property.type_name).is_empty() {
            out.raw(",");
        }
        let writable = match property.writable {
            true => "false",
            false => "true",
        };
        out.raw(&format!(r#""observable":true,"readOnly":{writable}"#));
        out.described(property.docs);
        out.raw(",");
        let mut forms = vec![(&*places.requests, "readproperty")];
        if property.writable {
            forms.push((&places.requests, "writeproperty"));
        }
        forms.push((&places.events, "observeproperty"));
        out.forms(&forms);
        out.raw("}");
    });
    let calls = || described.iter().flat_map(|api| api.calls);
    let actions = calls().filter(|call| call.direction == Direction::Incoming);
    out.raw(r#","actions":"#);
    let actions = actions.filter_map(|one| Some((member(one.wire_name)?, one)));
    out.object(actions, |out, action| {
        out.raw("{");
        if !action.arguments.is_empty() {
            out.raw(r#""input":"#);
            input(out, action);
            out.raw(",");
        }
        if let Some(result) = action.result.filter(|result| *result != "()") {
            out.raw(&format!(r#""output":{{{}}},"#, schema(result)));
        }
        out.forms(&[(&places.requests, "invokeaction")]);
        out.described(action.docs);
        out.raw("}");
    });
    let events = calls().filter(|call| call.direction == Direction::Outgoing && !call.has_reply());
    out.raw(r#","events":"#);
    let events = events.filter_map(|one| Some((member(one.wire_name)?, one)));
    out.object(events, |out, event| {
        out.raw("{");
        if !event.arguments.is_empty() {
            out.raw(r#""data":"#);
            input(out, event);
            out.raw(",");
        }
        out.forms(&[(&places.events, "subscribeevent")]);
        out.described(event.docs);
        out.raw("}");
    });
    out.raw("}");
    String::from_utf8(out.0).unwrap_or_default()
}

/// The schema of the arguments of a call.
fn input(out: &mut Writer, call: &CallDescription) {
    if let [whole] = call.arguments
        && whole.whole
    {
        return out.raw(&format!("{{{}}}", schema(whole.type_name)));
    }
    out.raw(r#"{"type":"object","properties":"#);
    let arguments = call.arguments.iter().map(|one| (one.wire_name, one));
    out.object(arguments, |out, argument| {
        out.raw(&format!("{{{}}}", schema(argument.type_name)));
    });
    let needed = call.arguments.iter();
    let needed = needed.filter(|one| one.default.is_none() && !one.optional);
    let mut before = r#","required":["#;
    for argument in needed {
        out.raw(before);
        out.text(argument.wire_name);
        before = ",";
    }
    out.raw(if before == "," { "]}" } else { "}" });
}

/// The members of the schema of a type, of which the text is known; none for others.
fn schema(type_name: &str) -> String {
    let text: String = type_name.chars().filter(|c| !c.is_whitespace()).collect();
    let text = text.strip_prefix('&').unwrap_or(&text);
    let inner = |before: &str| text.strip_prefix(before)?.strip_suffix('>');
    if let Some(inner) = inner("Option<") {
        return schema(inner);
    }
    if let Some(items) = inner("Vec<").or(text.strip_prefix('[').and_then(|t| t.strip_suffix(']')))
    {
        return match items {
            // Bytes travel by themselves.
            "u8" => String::new(),
            items => format!(r#""type":"array","items":{{{}}}"#, schema(items)),
        };
    }
    let kind = match text {
        "bool" => "boolean",
        "f32" | "f64" => "number",
        "str" | "String" | "Cow<'static,str>" | "char" => "string",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128"
        | "usize" => "integer",
        _ => return String::new(),
    };
    format!(r#""type":"{kind}""#)
}

fn places(events: &Events, here: Option<&Here>) -> Places {
    let requests = match here {
        Some(Here::Tcp(address)) => format!("tcp://{address}"),
        Some(Here::Unix(path)) => format!("ipc://{}", path.display()),
        None => String::new(),
    };
    let events = match (events, here) {
        (Events::Port(port), Some(Here::Tcp(address))) => format!("tcp://{}:{port}", address.ip()),
        (Events::Socket(path), _) => format!("ipc://{path}"),
        (_, Some(Here::Tcp(address))) => {
            let mut beside = *address;
            beside.set_port(address.port().wrapping_add(1));
            format!("tcp://{beside}")
        }
        (_, Some(Here::Unix(path))) => {
            format!("ipc://{}", events_path(&path.display().to_string()))
        }
        (_, None) => String::new(),
    };
    Places { requests, events }
}
