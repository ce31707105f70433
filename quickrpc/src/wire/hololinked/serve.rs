//! What a server hears: requests.

use std::sync::Arc;
use std::time::Instant;

use crate::base::error::CallError;
use crate::base::limits::Limits;
use crate::base::sync::lock;
use crate::base::value::Value;
use crate::format::property::CallNames;
use crate::wire::codec::{CallParts, DecodeError, Envelope, Part, Payload, Run, Span, Terms};
use crate::wire::json;
use crate::wire::session::{Heard, Here, Listening, Say, Verdict};
use crate::wire::zmtp::Parts;

use super::arguments::Arguments;
use super::body::{Came, items};
use super::describe;
use super::frames::Frames;
use super::header::{Answers, Asks, Contexts, Request};
use super::operations::Asker;
use super::reply::Desk;
use super::thing::Thing;

/// The hearing half of a server's session.
pub(super) struct Listener {
    desk: Arc<Desk>,
    thing: Arc<Thing>,
    here: Option<Here>,
}

/// Ids and names of others may be so long, since they are echoed.
const LONGEST: usize = 1024;

type Hears<'t> = (&'t str, Heard);

/// One request at hand.
struct Asked<'a, 't> {
    asker: Asker,
    contexts: Contexts,
    came: Came<'t>,
    encoded: &'t [u8],
    limits: &'a Limits,
    /// What the names of the Thing's members begin with here.
    prefix: String,
}

impl Listener {
    pub(super) fn new(desk: Arc<Desk>, thing: Arc<Thing>, here: Option<Here>) -> Self {
        Listener { desk, thing, here }
    }

    fn says(&self, say: &mut Say, write: impl FnOnce(&Desk, &mut Vec<u8>)) {
        let mut message = Vec::new();
        write(&self.desk, &mut message);
        say.message(message);
    }

    fn refuse(&self, say: &mut Say, asker: &Asker, kind: &str, why: &str) {
        let error = CallError::new(CallError::INVALID_REQUEST, why).with_data(of_type(kind));
        self.says(say, |desk, out| {
            desk.fail(out, asker, Answers::InvalidMessage, &error);
        });
    }

    /// Answers an operation that cannot be begun.
    fn fails<'t>(&self, say: &mut Say, asked: &Asked<'_, '_>, error: &CallError) -> Hears<'t> {
        if !asked.contexts.oneway {
            self.says(say, |desk, out| {
                desk.fail(out, &asked.asker, Answers::Exception, error);
            });
        }
        NOTHING
    }

    /// Answers an operation that is no business of the program.
    fn gives<'t>(&self, say: &mut Say, asked: &Asked<'_, '_>, value: &str) -> Hears<'t> {
        if !asked.contexts.oneway {
            let payload = match asked.contexts.logs {
                true => format!(r#"{{"return_value":{value},"execution_logs":[]}}"#),
                false => value.to_owned(),
            };
            self.says(say, |desk, out| {
                desk.answer_json(out, &asked.asker, Answers::Reply, &payload);
            });
        }
        NOTHING
    }
}

const NOTHING: Hears<'static> = ("", Heard::Nothing);

fn of_type(kind: &str) -> Value {
    [("type", Value::from(kind))].into_iter().collect()
}

impl Listening for Listener {
    fn open(&mut self, _say: &mut Say) {}

    fn hear(&mut self, _: &str, _: &Limits, _: &mut Say) -> Result<Heard, DecodeError> {
        Err(DecodeError::new("a message without parts", 0))
    }

    fn hear_parts<'t>(
        &mut self,
        parts: Parts<'t>,
        limits: &Limits,
        say: &mut Say,
    ) -> Result<Hears<'t>, DecodeError> {
        let (header, frames, count) = match Frames::take(parts) {
            Ok(frames) => (frames.header, Some(frames), 0),
            Err(wrong) => (wrong.header.unwrap_or_default(), None, wrong.count),
        };
        let header = std::str::from_utf8(header);
        let header = header.map_err(|_| DecodeError::new("its header is not UTF-8", 0))?;
        let read = Request::read(header);
        let request = read.map_err(|why| DecodeError::new(why.to_string(), 0))?;
        let asker = Asker::of(header, &request);
        if asker.id.len().max(asker.sender.len()) > LONGEST {
            let why = format!("its header has an id of more than {LONGEST} bytes");
            return Err(DecodeError::new(why, 0));
        }
        let Some(frames) = frames else {
            // In the words of the package.
            let why =
                format!("message length 5 does not match the number of message parts {count}");
            self.refuse(say, &asker, "ValueError", &why);
            return Ok(NOTHING);
        };
        match request.asks {
            Asks::Handshake => {
                self.says(say, |desk, out| {
                    desk.answer_json(out, &asker, Answers::Handshake, "null");
                });
                return Ok(NOTHING);
            }
            Asks::Exit if self.thing.expr.exit => return Ok(("", Heard::Stop)),
            Asks::Exit => {
                let why = "this server is not ended by its clients";
                self.refuse(say, &asker, "PermissionError", why);
                return Ok(NOTHING);
            }
            Asks::Operation => {}
        }
        let name = |place: Option<Span>| place.and_then(|place| json::string(header, place));
        let thing = name(request.thing).unwrap_or_default();
        let Some(prefix) = self.thing.prefix(&thing) else {
            let shown: String = thing.chars().take(64).collect();
            let why = format!("there is no Thing `{shown}` here");
            self.refuse(say, &asker, "KeyError", &why);
            return Ok(NOTHING);
        };
        let depth = limits.nesting_depth;
        let came = Came::read(request.format, frames.body.payload, depth);
        let asked = Asked {
            asker,
            contexts: request.contexts,
            came: Came::Json("null"),
            encoded: frames.body.encoded,
            limits,
            prefix,
        };
        let asked = match came {
            Ok(came) => Asked { came, ..asked },
            Err(why) => {
                let error =
                    CallError::new(CallError::INVALID_PARAMS, format!("its payload: {why}"));
                let error = error.with_data(of_type("ValueError"));
                return Ok(self.fails(say, &asked, &error));
            }
        };
        let objekt = request.objekt.map_or("null", |place| place.of(header));
        let operation = name(request.operation).unwrap_or_default();
        Ok(self.operate(&thing, &operation, objekt, asked, say))
    }

    fn verdict(&mut self, _verdict: Verdict, _say: &mut Say) -> Heard {
        Heard::Nothing
    }

    fn held(&self) -> usize {
        lock(&self.desk.operations).held()
    }
}

impl Listener {
    /// `objekt` is JSON.
    fn operate<'t>(
        &self,
        thing: &str,
        operation: &str,
        objekt: &str,
        asked: Asked<'_, 't>,
        say: &mut Say,
    ) -> Hears<'t> {
        let name = json::whole(objekt).and_then(|whole| json::string(objekt, whole));
        match (operation, &name) {
            (_, Some(name)) if name.contains('/') => {
                // It would be another Thing's.
                let shown: String = name.chars().take(64).collect();
                let why = format!("`{thing}` has no `{shown}`");
                let error = CallError::new(CallError::METHOD_NOT_FOUND, why);
                self.fails(say, &asked, &error)
            }
            ("invokeaction", Some(name)) => self.invoke(thing, name, asked, say),
            ("readproperty", Some(name)) => {
                let method = asked.calls(name).read;
                self.call(method, ("", Payload::Missing), &asked)
            }
            ("writeproperty", Some(name)) if self.thing.is_read_only(&asked.prefix, name) => {
                let why = format!("the property `{name}` is read-only");
                let error = CallError::new(CallError::METHOD_NOT_FOUND, why);
                // As with the package.
                self.fails(say, &asked, &error.with_data(of_type("ValueError")))
            }
            ("writeproperty", Some(name)) => {
                let method = asked.calls(name).write;
                match asked.came {
                    _ if !asked.encoded.is_empty() => {
                        let value = Value::Bytes(asked.encoded.to_vec());
                        self.call(method, ("", written(value)), &asked)
                    }
                    Came::Json(value) => {
                        // An object of its own, whose only member this is.
                        let text = format!(r#"{{"value":{value}}}"#);
                        self.put(method, text, &asked)
                    }
                    Came::Value(ref value) => {
                        self.call(method, ("", written(value.clone())), &asked)
                    }
                }
            }
            ("readmultipleproperties", _) => {
                let names = match objekt.starts_with('[') {
                    true => strings(objekt),
                    false => names(&asked),
                };
                self.read(names, asked, say)
            }
            ("readallproperties", _) => match self.thing.properties(&asked.prefix) {
                Some(all) => self.read(Some(all), asked, say),
                None => {
                    let why = "the names of all properties are not known here";
                    self.fails(say, &asked, &unknown(why))
                }
            },
            ("writemultipleproperties" | "writeallproperties", _) => {
                let values = match &asked.came {
                    Came::Json(text) => members(text, asked.limits.nesting_depth),
                    Came::Value(_) => None,
                };
                self.write(values, asked, say)
            }
            _ => {
                let shown: String = operation.chars().take(64).collect();
                self.fails(
                    say,
                    &asked,
                    &unknown(&format!("there is no operation `{shown}`")),
                )
            }
        }
    }

    fn invoke<'t>(
        &self,
        thing: &str,
        member: &str,
        asked: Asked<'_, 't>,
        say: &mut Say,
    ) -> Hears<'t> {
        let action = &*format!("{}{member}", asked.prefix);
        if self.thing.is_described() && self.thing.declared(action).is_none() {
            match member {
                "ping" => return self.gives(say, &asked, "null"),
                "get_thing_description" | "get_thing_model" => {
                    let here = self.here.as_ref();
                    let described = describe::thing(&self.thing, thing, &asked.prefix, here);
                    return self.gives(say, &asked, &described);
                }
                // As clients of the package read and write several properties.
                "_get_properties" => {
                    let names = names(&asked);
                    return self.read(names, asked, say);
                }
                "_set_properties" => {
                    let values = match &asked.came {
                        Came::Json(text) => members(text, asked.limits.nesting_depth),
                        Came::Value(_) => None,
                    };
                    return self.write(values, asked, say);
                }
                _ => {}
            }
        }
        let given = self.thing.arguments(
            action,
            &asked.came,
            asked.encoded,
            asked.limits.nesting_depth,
        );
        match given {
            Ok(Arguments::Whole(text)) => {
                let whole = json::whole(text).map_or(Payload::Missing, Payload::Text);
                self.call(action.to_owned(), (text, whole), &asked)
            }
            Ok(Arguments::None) => self.call(action.to_owned(), ("", Payload::Missing), &asked),
            Ok(Arguments::Put(text)) => self.put(action.to_owned(), text, &asked),
            Ok(Arguments::Value(value)) => {
                self.call(action.to_owned(), ("", Payload::Value(value)), &asked)
            }
            Err(why) => {
                let error = CallError::new(CallError::INVALID_PARAMS, why);
                self.fails(say, &asked, &error)
            }
        }
    }

    /// A call of the program.
    fn call<'t>(
        &self,
        method: String,
        (text, params): (&'t str, Payload),
        asked: &Asked<'_, '_>,
    ) -> Hears<'t> {
        let mut operations = lock(&self.desk.operations);
        let id = operations.one(asked.asker.clone(), asked.contexts, Instant::now());
        let envelope = timed(method, params, id, asked.contexts);
        (text, Heard::Message(envelope))
    }

    /// The same with arguments that had to be put together.
    fn put<'t>(&self, method: String, text: String, asked: &Asked<'_, '_>) -> Hears<'t> {
        let params = json::whole(&text).map_or(Payload::Missing, Payload::Text);
        match self.call(method, ("", params), asked) {
            (_, Heard::Message(envelope)) => ("", Heard::Put(text.into(), envelope)),
            (_, other) => ("", other),
        }
    }

    /// Reads of several properties.
    fn read<'t>(
        &self,
        names: Option<Vec<Box<str>>>,
        asked: Asked<'_, 't>,
        say: &mut Say,
    ) -> Hears<'t> {
        let Some(names) = names else {
            let error = CallError::new(CallError::INVALID_PARAMS, "expected a list of names");
            return self.fails(say, &asked, &error);
        };
        let values = names.into_iter().map(|name| (name, None)).collect();
        self.several(values, asked, say)
    }

    /// Writes of several properties.
    fn write<'t>(
        &self,
        values: Option<Vec<(Box<str>, Option<String>)>>,
        asked: Asked<'_, 't>,
        say: &mut Say,
    ) -> Hears<'t> {
        let Some(values) = values else {
            let error = CallError::new(CallError::INVALID_PARAMS, "expected values by names");
            return self.fails(say, &asked, &error);
        };
        self.several(values, asked, say)
    }

    /// Reads, or writes, of several properties.
    fn several<'t>(
        &self,
        values: Vec<(Box<str>, Option<String>)>,
        asked: Asked<'_, 't>,
        say: &mut Say,
    ) -> Hears<'t> {
        let most = asked.limits.batch_entries;
        if values.len() > most {
            let why = format!("more than {most} properties at once");
            let error = CallError::new(CallError::INVALID_PARAMS, why);
            return self.fails(say, &asked, &error);
        }
        let writes = values.iter().any(|(_, value)| value.is_some());
        if values.is_empty() {
            return self.gives(say, &asked, "{}");
        }
        let calls: Vec<_> = values.iter().map(|(name, _)| asked.calls(name)).collect();
        let names: Vec<Box<str>> = values.iter().map(|(name, _)| name.clone()).collect();
        let (asker, contexts) = (asked.asker, asked.contexts);
        let ids =
            lock(&self.desk.operations).several(asker, contexts, &names, writes, Instant::now());
        let (mut text, mut parts) = (String::new(), Vec::new());
        for (((_, value), calls), id) in values.iter().zip(calls).zip(ids) {
            let (method, params) = match value {
                None => (calls.read, Payload::Missing),
                Some(value) => {
                    let start = text.len();
                    text.push_str(r#"{"value":"#);
                    text.push_str(value);
                    text.push('}');
                    let place = Span::new(start..text.len());
                    (calls.write, place.map_or(Payload::Missing, Payload::Text))
                }
            };
            parts.push(timed(method, params, id, contexts));
        }
        let together = false;
        (
            "",
            Heard::Put(text.into(), Envelope::Several { parts, together }),
        )
    }
}

impl Asked<'_, '_> {
    /// The calls that a property of the Thing is made of.
    fn calls(&self, property: &str) -> CallNames {
        CallNames::of(&format!("{}{property}", self.prefix))
    }
}

fn timed(method: String, params: Payload, id: u64, contexts: Contexts) -> Envelope {
    let terms = Terms {
        start: contexts.invokation,
        run: Some(Run {
            within: contexts.execution,
            logs: contexts.logs,
            oneway: contexts.oneway,
        }),
        trace: None,
    };
    let id = Some(Part::Owned(id.to_string().into()));
    let method = Part::Owned(method.into());
    Envelope::Timed(Box::new((terms, CallParts { method, params, id })))
}

fn unknown(why: &str) -> CallError {
    CallError::new(CallError::METHOD_NOT_FOUND, why).with_data(of_type("NotImplementedError"))
}

/// The value of a property as the one argument of what writes it.
fn written(value: Value) -> Payload {
    Payload::Value([("value", value)].into_iter().collect())
}

/// A list of names.
fn strings(list: &str) -> Option<Vec<Box<str>>> {
    if !list.starts_with('[') {
        return None;
    }
    let names = items(list).into_iter().map(|item| {
        let name = json::string(item, json::whole(item)?)?;
        Some(name.into())
    });
    names.collect()
}

/// The names that a payload lists, under `names` or by itself.
fn names(asked: &Asked<'_, '_>) -> Option<Vec<Box<str>>> {
    let depth = asked.limits.nesting_depth;
    match asked.came.member("names", depth) {
        Some(Came::Json(list)) => strings(list),
        Some(Came::Value(_)) => None,
        None => match &asked.came {
            Came::Json(list) if list.starts_with('[') => strings(list),
            _ => None,
        },
    }
}

/// The members of an object, as they are written.
fn members(text: &str, depth: usize) -> Option<Vec<(Box<str>, Option<String>)>> {
    let mut members = Vec::new();
    let each = |key: &str, place: Span| {
        members.push((key.into(), Some(place.of(text).to_owned())));
    };
    json::members(text, json::whole(text)?, depth, each).ok()?;
    Some(members)
}
