//! What is heard: pieces put together, requests, answers, notifications, and signs of life.

use std::fmt;
use std::sync::Arc;

use crate::base::error::CallError;
use crate::base::limits::Limits;
use crate::base::reason::DisconnectReason;
use crate::base::sync::lock;
use crate::expr::JugglerGeneration as Generation;
use crate::wire::codec::{DecodeError, Envelope, Part, Payload, Span};
use crate::wire::json;
use crate::wire::session::{Changes, Heard, Listening, Role, Say, Verdict};

use super::equal;
use super::message::{self, Members};
use super::peer::{Peer, wrong};
use super::speak::write_response;
use super::state::News;

/// The hearing half of a session.
pub(super) struct Listener {
    peer: Arc<Peer>,
    /// The pieces of the message that has begun to come.
    pieces: String,
    within: bool,
}

/// What hears one message, put together.
pub(super) struct Ear<'a> {
    pub(super) text: &'a str,
    pub(super) limits: &'a Limits,
    pub(super) say: &'a mut Say,
    pub(super) peer: &'a Arc<Peer>,
}

/// What has changed of what a peer shows.
struct Changed {
    peer: Arc<Peer>,
    news: News,
}

impl Listener {
    pub(super) fn new(peer: Arc<Peer>) -> Self {
        Listener {
            peer,
            pieces: String::new(),
            within: false,
        }
    }

    fn understand(
        &mut self,
        generation: Generation,
        text: &str,
        limits: &Limits,
        say: &mut Say,
    ) -> Heard {
        let Some(whole) = json::whole(text) else {
            return wrong("messages of 4 GiB cannot be read");
        };
        let (role, peer) = (self.peer.role, &self.peer);
        match generation {
            Generation::V05 => equal::hear(
                &mut Ear {
                    text,
                    limits,
                    say,
                    peer,
                },
                whole,
            ),
            Generation::V06 => Ear {
                text,
                limits,
                say,
                peer,
            }
            .hear(role, whole, false),
            Generation::V07 => self.transported(text, limits, say),
        }
    }

    /// A message with a header, of 0.7.
    fn transported(&mut self, text: &str, limits: &Limits, say: &mut Say) -> Heard {
        let Some((header, payload)) = text.split_at_checked(1) else {
            return wrong("it sent a message without the header of Juggler 0.7");
        };
        let (role, peer) = (self.peer.role, &self.peer);
        match header {
            "0" if !self.within => match Span::new(1..text.len()) {
                Some(place) => Ear {
                    text,
                    limits,
                    say,
                    peer,
                }
                .hear(role, place, true),
                None => wrong("messages of 4 GiB cannot be read"),
            },
            "0" | "1" => {
                let limit = limits.message_size;
                if self.pieces.len() + payload.len() > limit {
                    return Heard::End(DisconnectReason::MessageTooLarge { limit });
                }
                self.within = true;
                self.pieces.push_str(payload);
                if header == "1" {
                    return Heard::Nothing;
                }
                self.within = false;
                let text = std::mem::take(&mut self.pieces);
                let mut ear = Ear {
                    text: &text,
                    limits,
                    say,
                    peer,
                };
                let heard = match json::whole(&text) {
                    Some(whole) => ear.hear(role, whole, true),
                    None => wrong("messages of 4 GiB cannot be read"),
                };
                match heard {
                    Heard::Message(envelope) => Heard::Put(text.into(), envelope),
                    other => other,
                }
            }
            "2" => {
                say.message(format!("3{payload}").into_bytes());
                Heard::Nothing
            }
            // Whatever was asked: it is there.
            "3" => Heard::Nothing,
            other => wrong(format!(
                "it sent a message with the header {other:?}; does it speak another generation of \
                 Juggler than 0.7?"
            )),
        }
    }
}

impl Listening for Listener {
    fn open(&mut self, _say: &mut Say) {}

    fn hear(&mut self, text: &str, limits: &Limits, say: &mut Say) -> Result<Heard, DecodeError> {
        self.peer.is_there();
        if let Some(generation) = self.peer.generation.get().copied() {
            return Ok(self.understand(generation, text, limits, say));
        }
        let Some(generation) = message::generation(text, limits.nesting_depth) else {
            return Ok(wrong("what it sent first is of no generation of Juggler"));
        };
        // Nobody else sets it.
        self.peer.generation.set(generation).ok();
        Ok(match self.understand(generation, text, limits, say) {
            Heard::Nothing => Heard::Open,
            other => other,
        })
    }

    fn verdict(&mut self, _verdict: Verdict, _say: &mut Say) -> Heard {
        Heard::Nothing
    }

    fn held(&self) -> usize {
        self.pieces.len() + lock(&self.peer.seen).held()
    }
}

impl Ear<'_> {
    /// A message of 0.6 or 0.7, with a header before it or without.
    fn hear(&mut self, role: Role, place: Span, header: bool) -> Heard {
        let text = self.text;
        let members = match Members::read(text, place, self.limits.nesting_depth) {
            Ok(members) => members,
            Err(error) => return wrong(format!("it sent no object of JSON: {error}")),
        };
        let is = |kind| Members::is(text, members.kind, kind);
        let heard = match role {
            Role::Server if is("request") => self.request(&members, header),
            Role::Client if is("response") => self.response(&members),
            Role::Client if is("notify") => self.notify(&members),
            Role::Client if is("state") => members.diff.map(|diff| self.state(diff, true)),
            _ => None,
        };
        heard.unwrap_or_else(|| {
            let kind = members.shown_kind(text);
            wrong(format!(
                "it sent a message that is none at this end, or not all of one: {kind}"
            ))
        })
    }

    fn request(&mut self, members: &Members, header: bool) -> Option<Heard> {
        let (text, id, name) = (self.text, members.id?, members.name?);
        if let Some(too_long) = self.too_long(id) {
            return Some(too_long);
        }
        let Some(data) = members.data else {
            // In the words of the original.
            return Some(mistake(id, "'data'"));
        };
        if Members::is(text, Some(name), "") {
            let mut out = Vec::new();
            if header {
                out.push(b'0');
            }
            let data = data.of(text).as_bytes();
            write_response(&mut out, id.of(text), data, true);
            self.say.message(out);
            return Some(Heard::Nothing);
        }
        Some(self.call(name, Payload::Text(data), id))
    }

    /// A call that wants an answer.
    pub(super) fn call(&self, name: Span, params: Payload, id: Span) -> Heard {
        match json::part(self.text, name) {
            Some(method) => Heard::Message(Envelope::Call {
                method,
                params,
                id: Some(Part::Span(id)),
            }),
            None => mistake(id, "the name of what is called has to be a text"),
        }
    }

    /// The end of a peer with an id that is too long to be kept.
    pub(super) fn too_long(&self, id: Span) -> Option<Heard> {
        let most = self.limits.id_size;
        let too_long = id.of(self.text).len() > most;
        too_long.then(|| wrong(format!("an id has more than {most} bytes")))
    }

    fn response(&self, members: &Members) -> Option<Heard> {
        let (id, data) = (members.id?, members.data?);
        self.answer(id, members.success?, data)
    }

    /// An answer of any generation.
    pub(super) fn answer(&self, id: Span, success: Span, result: Span) -> Option<Heard> {
        let text = self.text;
        // Ours are numbers.
        let id = id.of(text).parse().ok();
        Some(match (id, success.of(text)) {
            (None, "true" | "false") => Heard::Nothing,
            (id, "true") => Heard::Message(Envelope::Reply {
                id,
                result: Payload::Text(result),
            }),
            (id, "false") => Heard::Message(Envelope::Failure {
                id,
                error: failure(text, result, self.limits.nesting_depth),
            }),
            _ => return None,
        })
    }

    /// A change of the other side's state.
    pub(super) fn state(&self, diff: Span, removable: bool) -> Heard {
        let patch = diff.of(self.text);
        let applied = lock(&self.peer.seen).apply(patch, removable, self.limits);
        match applied {
            Ok(news) if news.is_empty() => Heard::Nothing,
            Ok(news) => Heard::Changes(Box::new(Changed {
                peer: Arc::clone(self.peer),
                news,
            })),
            Err(why) => wrong(format!("it sent a change of its state that is none: {why}")),
        }
    }

    fn notify(&self, members: &Members) -> Option<Heard> {
        self.notification(members.name?, members.data?)
    }

    pub(super) fn notification(&self, name: Span, data: Span) -> Option<Heard> {
        // Another value is no name of ours.
        Some(match json::part(self.text, name) {
            Some(method) => Heard::Message(Envelope::Call {
                method,
                params: Payload::Text(data),
                id: None,
            }),
            None => Heard::Nothing,
        })
    }
}

impl Changes for Changed {
    fn value(&self, property: &str) -> Option<String> {
        lock(&self.peer.seen).changed(&self.news, property)
    }
}

impl fmt::Debug for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.news.fmt(f)
    }
}

/// Answers a request that cannot be handled.
fn mistake(id: Span, text: &str) -> Heard {
    Heard::Message(Envelope::invalid(Some(Part::Span(id)), text))
}

/// The error of a call that has failed with this value, which nearly always is a text.
fn failure(text: &str, value: Span, depth: usize) -> CallError {
    if let Some(words) = json::string(text, value) {
        return CallError::new(CallError::HANDLER_ERROR, words);
    }
    let error = CallError::new(CallError::HANDLER_ERROR, value.of(text));
    match json::value(text, value, depth) {
        Some(data) => error.with_data(data),
        None => error,
    }
}
