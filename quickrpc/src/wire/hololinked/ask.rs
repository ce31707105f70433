//! What a client says: handshakes, operations, and the end of a server.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::base::utf8;
use crate::format::property::property_of;
use crate::wire::session::{Deed, Due, Say, Speaking, Way};

use super::body::{Said, items, single};
use super::frames::{self, Body};
use super::header::{Asking, Asks, Contexts, Objekt};
use super::thing::Client;

/// The speaking half of a client's session.
pub(super) struct Speaker {
    client: Arc<Client>,
    /// Requests whose answers nobody waits for have ids as well.
    others: u64,
}

/// A handshake without an answer is followed by another one, as in the package: a server may have
/// been bound before it is ready.
const AGAIN: Duration = Duration::from_millis(500);

/// Calls of these names are operations on properties, and no actions: no Thing can have actions that
/// are called so.
const READ_SOME: &str = "readmultipleproperties";
const READ_ALL: &str = "readallproperties";
const WRITE_SOME: &str = "writemultipleproperties";
const WRITE_ALL: &str = "writeallproperties";
/// A notification of this name is the message of this type.
const EXIT: &str = "EXIT";

impl Speaker {
    pub(super) fn new(client: Arc<Client>) -> Self {
        Speaker { client, others: 0 }
    }

    fn other_id(&mut self) -> String {
        self.others += 1;
        format!("-{}", self.others)
    }

    /// What has to be in each request.
    fn asking<'a>(&'a self, asks: Asks, id: &'a str) -> Asking<'a> {
        Asking {
            asks,
            id,
            sender: &self.client.us,
            receiver: &self.client.thing.expr.server,
            contexts: Contexts::default(),
            thing: "",
            objekt: Objekt::Name(""),
            operation: "",
        }
    }
}

fn write(out: &mut Vec<u8>, asking: &Asking<'_>, body: Body<'_>) {
    let mut header = Vec::new();
    asking.write(&mut header);
    frames::write(out, &header, body);
}

const NOTHING: Body<'_> = Body {
    payload: b"null",
    encoded: &[],
};

impl Speaking for Speaker {
    fn call(&mut self, out: &mut Vec<u8>, method: &str, args: &[u8], id: Option<u64>, way: Way) {
        let message = match id {
            Some(id) => id.to_string(),
            None => self.other_id(),
        };
        if method == EXIT && id.is_none() {
            return write(out, &self.asking(Asks::Exit, &message), NOTHING);
        }
        // It was written as JSON.
        let args = utf8::text(args).unwrap_or("null");
        let (thing, member) = self.client.thing.split(method);
        let property = property_of(member);
        let names;
        let (operation, objekt, said) = match (way.deed, member) {
            (Deed::Read, _) => ("readproperty", Objekt::Name(&property), Said::value("null")),
            (Deed::Write, _) => (
                "writeproperty",
                Objekt::Name(&property),
                Said::written(args),
            ),
            (Deed::Call, READ_SOME) => {
                // As one list, or each as an argument.
                names = match single(args) {
                    Some(list) if list.starts_with('[') => list.to_owned(),
                    _ => format!("[{}]", items(args).join(",")),
                };
                (member, Objekt::Json(&names), Said::value("null"))
            }
            (Deed::Call, READ_ALL) => (member, Objekt::Json("null"), Said::value("null")),
            (Deed::Call, WRITE_SOME | WRITE_ALL) => {
                (member, Objekt::Json("null"), Said::value(args))
            }
            (Deed::Call, _) => ("invokeaction", Objekt::Name(member), Said::arguments(args)),
        };
        let asking = Asking {
            thing,
            objekt,
            operation,
            contexts: Contexts {
                invokation: way.start_within.or(way.within),
                execution: way.within,
                oneway: id.is_none(),
                logs: self.client.thing.expr.logs && id.is_some(),
            },
            ..self.asking(Asks::Operation, &message)
        };
        write(out, &asking, said.body());
    }

    fn answer(&mut self, _out: &mut Vec<u8>, _id: &str, _body: &[u8], _failed: bool) {
        // Nobody asks a client.
    }

    fn due(&mut self, now: Instant, say: &mut Say) -> Due {
        if self.client.greeted.load(Ordering::Acquire) {
            return Due::Never;
        }
        let id = self.other_id();
        let mut message = Vec::new();
        write(&mut message, &self.asking(Asks::Handshake, &id), NOTHING);
        say.message(message);
        Due::At(now + AGAIN)
    }
}
