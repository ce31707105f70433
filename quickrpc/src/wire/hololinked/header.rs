//! Headers, as places in their text, so that ids are echoed as they came.
//!
//! The package drops a request with a member too much or too few, without an answer, so that
//! nothing is ever added to what is written here. What is read of answers may have more.

use std::fmt;
use std::time::Duration;

use crate::base::limits::DEEPEST;
use crate::format::text::{self, Json};
use crate::wire::codec::Span;
use crate::wire::json;

/// What a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    Handshake,
    /// Also what has a type that nobody knows.
    Operation,
    Exit,
}

/// What an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    Handshake,
    Reply,
    Timeout,
    Exception,
    InvalidMessage,
}

const ASKS: [(&str, Asks); 3] = [
    ("HANDSHAKE", Asks::Handshake),
    ("OPERATION", Asks::Operation),
    ("EXIT", Asks::Exit),
];

const ANSWERS: [(&str, Answers); 5] = [
    ("HANDSHAKE", Answers::Handshake),
    ("REPLY", Answers::Reply),
    ("TIMEOUT", Answers::Timeout),
    ("EXCEPTION", Answers::Exception),
    ("INVALID_MESSAGE", Answers::InvalidMessage),
];

/// How a request is to be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contexts {
    /// It has to begin within so long.
    pub(crate) invokation: Option<Duration>,
    /// It has to be over so long after its beginning.
    pub(crate) execution: Option<Duration>,
    /// No answer is wanted.
    pub(crate) oneway: bool,
    /// What was logged meanwhile is wanted.
    pub(crate) logs: bool,
}

/// What counts where a request says nothing of it.
const USUAL: Duration = Duration::from_secs(5);

impl Default for Contexts {
    fn default() -> Self {
        Contexts {
            invokation: Some(USUAL),
            execution: Some(USUAL),
            oneway: false,
            logs: false,
        }
    }
}

/// The header of a request, as places in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) asks: Asks,
    /// Any value, to be echoed.
    pub(crate) id: Span,
    /// Who wants the answer.
    pub(crate) sender: Span,
    pub(crate) contexts: Contexts,
    pub(crate) thing: Option<Span>,
    /// The name of a property or action, or a list of names.
    pub(crate) objekt: Option<Span>,
    pub(crate) operation: Option<Span>,
    pub(crate) format: Format,
}

/// The header of an answer, or of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// `None`: an event.
    pub(crate) answers: Option<Answers>,
    pub(crate) id: Span,
    pub(crate) format: Format,
}

/// What the payload of a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Format {
    #[default]
    Json,
    MessagePack,
    Text,
    /// Not one of these.
    Other,
}

const FORMATS: [(&str, Format); 3] = [
    ("application/json", Format::Json),
    ("application/msgpack", Format::MessagePack),
    ("text/plain", Format::Text),
];

/// What is wrong with a header. Nobody is told: who has sent it hears nothing of the package, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It is no object of JSON.
    NoObject,
    /// It has a member that there is not.
    Unknown(Box<str>),
    /// It has not all that there have to be.
    Missing(&'static str),
    /// Its type is not that of an answer.
    Type(Box<str>),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wrong::NoObject => f.write_str("its header is no JSON object"),
            Wrong::Unknown(name) => {
                let name = name.escape_debug();
                write!(f, "its header has a member `{name}`, which there is not")
            }
            Wrong::Missing(name) => write!(f, "its header has no `{name}`"),
            Wrong::Type(name) => {
                let name = name.escape_debug();
                write!(f, "its header has `{name}` as its type, which is no answer")
            }
        }
    }
}

/// The members of a header. Those that come twice count as they came last.
#[derive(Debug, Default)]
struct Members {
    message_type: Option<Span>,
    id: Option<Span>,
    sender: Option<Span>,
    receiver: Option<Span>,
    server_context: Option<Span>,
    thing_context: Option<Span>,
    thing: Option<Span>,
    objekt: Option<Span>,
    operation: Option<Span>,
    payload_format: Option<Span>,
    /// The first one that a request does not have.
    unknown: Option<Box<str>>,
}

impl Members {
    fn read(text: &str) -> Result<Self, Wrong> {
        let mut members = Members::default();
        let whole = json::whole(text).ok_or(Wrong::NoObject)?;
        json::members(text, whole, DEEPEST, |key, place| {
            let member = match key {
                "messageType" => &mut members.message_type,
                "messageID" => &mut members.id,
                "senderID" => &mut members.sender,
                "receiverID" => &mut members.receiver,
                "serverExecutionContext" => &mut members.server_context,
                "thingExecutionContext" => &mut members.thing_context,
                "thingID" => &mut members.thing,
                "objekt" => &mut members.objekt,
                "operation" => &mut members.operation,
                "payloadContentType" => &mut members.payload_format,
                "preencodedPayloadContentType" => return,
                other => {
                    members.unknown.get_or_insert_with(|| other.into());
                    return;
                }
            };
            *member = Some(place);
        })
        .map_err(|_| Wrong::NoObject)?;
        Ok(members)
    }

    fn format(&self, text: &str) -> Format {
        let Some(place) = self.payload_format.filter(|place| place.of(text) != "null") else {
            return Format::default();
        };
        let name = json::string(text, place).unwrap_or_default();
        let known = FORMATS.iter().find(|(known, _)| *known == name);
        known.map_or(Format::Other, |(_, format)| *format)
    }
}

fn need(place: Option<Span>, name: &'static str) -> Result<Span, Wrong> {
    place.ok_or(Wrong::Missing(name))
}

impl Request {
    /// # Errors
    ///
    /// When it is none. Its sender is not answered.
    pub(crate) fn read(text: &str) -> Result<Self, Wrong> {
        let members = Members::read(text)?;
        if let Some(unknown) = members.unknown {
            return Err(Wrong::Unknown(unknown));
        }
        need(members.receiver, "receiverID")?;
        let kind = need(members.message_type, "messageType")?;
        let kind = json::string(text, kind).unwrap_or_default();
        let asks = ASKS.iter().find(|(name, _)| *name == kind);
        Ok(Request {
            asks: asks.map_or(Asks::Operation, |(_, asks)| *asks),
            id: need(members.id, "messageID")?,
            sender: need(members.sender, "senderID")?,
            contexts: Contexts::read(text, members.server_context, members.thing_context),
            thing: members.thing,
            objekt: members.objekt,
            operation: members.operation,
            format: members.format(text),
        })
    }
}

impl Answer {
    /// # Errors
    ///
    /// When it is none.
    pub(crate) fn read(text: &str) -> Result<Self, Wrong> {
        let members = Members::read(text)?;
        let kind = need(members.message_type, "messageType")?;
        let kind = json::string(text, kind).unwrap_or_default();
        let answers = match ANSWERS.iter().find(|(name, _)| *name == kind) {
            Some((_, answers)) => Some(*answers),
            None if kind == EVENT => None,
            None => return Err(Wrong::Type(kind.into())),
        };
        Ok(Answer {
            answers,
            id: need(members.id, "messageID")?,
            format: members.format(text),
        })
    }
}

const EVENT: &str = "EVENT";

impl Contexts {
    /// As two objects say it, each of which may be missing; then what is usual counts. What is
    /// missing in an object that is there is no limit. Generations spell the names differently.
    fn read(text: &str, server: Option<Span>, thing: Option<Span>) -> Self {
        let mut contexts = Contexts::default();
        if let Some(place) = server {
            (contexts.invokation, contexts.execution) = (None, None);
            // Also null, and anything else: nothing is said then.
            let each = |key: &str, place: Span| match key {
                "invokation_timeout" | "invokationTimeout" => {
                    contexts.invokation = seconds(place.of(text));
                }
                "execution_timeout" | "executionTimeout" => {
                    contexts.execution = seconds(place.of(text));
                }
                "oneway" => contexts.oneway = place.of(text) == "true",
                _ => {}
            };
            json::members(text, place, DEEPEST, each).ok();
        }
        if let Some(place) = thing {
            let each = |key: &str, place: Span| {
                if let "fetch_execution_logs" | "fetchExecutionLogs" = key {
                    contexts.logs = place.of(text) == "true";
                }
            };
            json::members(text, place, DEEPEST, each).ok();
        }
        contexts
    }
}

/// A time; `None` if it has no end, or is none.
fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.parse().ok()?;
    Duration::try_from_secs_f64(seconds.max(0.0)).ok()
}

/// What an operation is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Objekt<'a> {
    /// An action or a property.
    Name(&'a str),
    /// Several, or nothing.
    Json(&'a str),
}

/// What a client asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) asks: Asks,
    /// What the answer will have.
    pub(crate) id: &'a str,
    /// As what we are connected.
    pub(crate) sender: &'a str,
    pub(crate) receiver: &'a str,
    pub(crate) contexts: Contexts,
    pub(crate) thing: &'a str,
    pub(crate) objekt: Objekt<'a>,
    pub(crate) operation: &'a str,
}

impl Asking<'_> {
    /// The header, in the spelling that all generations read.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let Contexts {
            invokation,
            execution,
            oneway,
            logs,
        } = self.contexts;
        let asks = ASKS.iter().find(|(_, asks)| *asks == self.asks);
        member(out, '{', "messageType", asks.map_or("", |(name, _)| name));
        member(out, ',', "messageID", self.id);
        member(out, ',', "senderID", self.sender);
        member(out, ',', "receiverID", self.receiver);
        let contexts = format!(
            ",\"serverExecutionContext\":{{\"invokation_timeout\":{},\"execution_timeout\":{},\
             \"oneway\":{oneway}}},\"thingExecutionContext\":{{\"fetch_execution_logs\":{logs}}}",
            limit(invokation),
            limit(execution),
        );
        out.extend_from_slice(contexts.as_bytes());
        member(out, ',', "thingID", self.thing);
        match self.objekt {
            Objekt::Name(name) => member(out, ',', "objekt", name),
            Objekt::Json(json) => out.extend_from_slice(format!(",\"objekt\":{json}").as_bytes()),
        }
        member(out, ',', "operation", self.operation);
        out.extend_from_slice(FORMATS_OF_OURS);
    }
}

/// An answer, to a request whose id and sender are echoed as they came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answering<'a> {
    pub(crate) answers: Answers,
    /// JSON, as it came.
    pub(crate) id: &'a str,
    /// Who has asked: JSON, as it came.
    pub(crate) receiver: &'a str,
    /// Who answers.
    pub(crate) sender: &'a str,
}

impl Answering<'_> {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let answers = ANSWERS.iter().find(|(_, answers)| *answers == self.answers);
        let answers = answers.map_or("", |(name, _)| name);
        member(out, '{', "messageType", answers);
        let echoed = format!(
            ",\"messageID\":{},\"receiverID\":{}",
            self.id, self.receiver
        );
        out.extend_from_slice(echoed.as_bytes());
        member(out, ',', "senderID", self.sender);
        out.extend_from_slice(FORMATS_OF_OURS);
    }
}

/// The header of an event.
pub(crate) fn write_event(out: &mut Vec<u8>, id: &str, sender: &str, event: &str) {
    member(out, '{', "messageType", EVENT);
    member(out, ',', "messageID", id);
    member(out, ',', "senderID", sender);
    member(out, ',', "eventID", event);
    out.extend_from_slice(FORMATS_OF_OURS);
}

/// The end of each header of ours.
const FORMATS_OF_OURS: &[u8] = b",\"payloadContentType\":\"application/json\",\
    \"preencodedPayloadContentType\":\"text/plain\"}";

fn member(out: &mut Vec<u8>, before: char, name: &str, value: &str) {
    out.extend_from_slice(format!("{before}\"{name}\":").as_bytes());
    // A text can always be written.
    text::write(out, Json, value).ok();
}

/// A time as JSON.
fn limit(time: Option<Duration>) -> String {
    time.map_or(String::from("null"), |time| time.as_secs_f64().to_string())
}
