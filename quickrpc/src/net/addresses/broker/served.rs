//! What we serve, and what we have been asked.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::super::super::conn::{At, Conn};
use super::Broker;
use super::asked::{self, at};
use crate::base::current::CallKey;
use crate::base::sync::lock;
use crate::wire::broker::subjects::{self, From};
use crate::wire::broker::{Reply, ReplyTo};
use crate::wire::nats::service::{Endpoint, Service, rfc3339, service_name};

/// What we serve, and have been asked.
#[derive(Debug, Default)]
pub(super) struct Served {
    methods: BTreeMap<String, Arc<Endpoint>>,
    /// Calls that have come: those that have not been answered yet, and those that were lately. Whoever calls
    /// chooses the ids.
    calls: HashMap<CallKey, Called>,
    /// Those that were answered, in the order in which they were.
    answered: VecDeque<CallKey>,
}

/// So many calls that were answered are known again.
const ANSWERED: usize = 4096;

#[derive(Debug)]
enum Called {
    Owed(Owed),
    /// Where its answer went.
    Answered(ReplyTo),
}

impl Called {
    fn reply(&self) -> Reply<'_> {
        match self {
            Called::Owed(owed) => owed.reply.get(),
            Called::Answered(reply) => reply.get(),
        }
    }

    fn owed(&self) -> Option<&Owed> {
        match self {
            Called::Owed(owed) => Some(owed),
            Called::Answered(_) => None,
        }
    }
}

/// A call that has not been answered yet.
#[derive(Debug)]
pub(super) struct Owed {
    conn: Arc<Conn>,
    /// Where the answer goes.
    pub(super) reply: ReplyTo,
    /// What was called, where that is served.
    endpoint: Option<Arc<Endpoint>>,
    since: Instant,
}

impl Owed {
    /// The answer has left.
    pub(super) fn is_paid(&self, failed: bool) {
        if let Some(endpoint) = &self.endpoint {
            endpoint.count(self.since.elapsed(), failed);
        }
    }
}

impl Served {
    /// One was answered, and is known for a while.
    fn note(&mut self, call: CallKey) {
        self.answered.push_back(call);
        if self.answered.len() > ANSWERED
            && let Some(oldest) = self.answered.pop_front()
            && let Entry::Occupied(call) = self.calls.entry(oldest)
            && call.get().owed().is_none()
        {
            call.remove();
        }
    }

    fn owes(&self, key: CallKey) -> bool {
        self.calls
            .get(&key)
            .is_some_and(|call| call.owed().is_some())
    }
}

impl Broker {
    /// These methods have a handler, and no others.
    pub(crate) fn serve(&self, methods: Vec<String>) {
        let group = self.settings.group();
        let (mut gone, mut new) = (Vec::new(), Vec::new());
        {
            let mut served = lock(&self.served);
            served.methods.retain(|method, endpoint| {
                let stays = methods.contains(method);
                if !stays {
                    gone.push(endpoint.subject.clone());
                }
                stays
            });
            for method in methods {
                if served.methods.contains_key(&method) {
                    continue;
                }
                if let Err(why) = self.subjects().style().check_words(&method) {
                    crate::base::log::warn!("`{method}` is not served to `any()`: it {why}");
                    continue;
                }
                let subject = self.subjects().served(&method);
                new.push(subject.clone());
                let endpoint = Endpoint::new(service_name(&method), subject);
                served.methods.insert(method, Arc::new(endpoint));
            }
        }
        let mut out = Vec::new();
        {
            let mut tongue = lock(&self.tongue);
            for subject in gone {
                out.extend(tongue.part(&subject, group));
            }
            for subject in new {
                match tongue.join(&subject, group) {
                    Ok(bytes) => out.extend(bytes),
                    Err(why) => {
                        crate::base::log::warn!("`{subject}` cannot be subscribed to: {why:?}");
                    }
                }
            }
        }
        self.write(&out);
    }

    /// A call has come that wants an answer. Gives false if it has come before: some brokers bring
    /// what nobody has acknowledged again. What is to be answered elsewhere is another call, for those
    /// who give all their calls the same id.
    pub(super) fn owe(&self, conn: &Arc<Conn>, id: &str, method: &str, reply: Reply<'_>) -> bool {
        let (key, since) = (CallKey::new(conn.id(), id), Instant::now());
        let mut served = lock(&self.served);
        let owed = Owed {
            conn: Arc::clone(conn),
            reply: reply.keep(),
            endpoint: served.methods.get(method).cloned(),
            since,
        };
        match served.calls.entry(key) {
            Entry::Occupied(call)
                if matches!(at(conn), Some(At::Peer(_))) && call.get().reply() == reply =>
            {
                crate::base::log::debug!(peer = %conn.peer(), method, "a call that has come before");
                return false;
            }
            Entry::Occupied(mut call) => *call.get_mut() = Called::Owed(owed),
            Entry::Vacant(call) => _ = call.insert(Called::Owed(owed)),
        }
        true
    }

    /// A call is answered now.
    pub(super) fn pay(&self, to: u64, id: &str) -> Option<Owed> {
        let mut served = lock(&self.served);
        let key = CallKey::new(to, id);
        let Entry::Occupied(mut call) = served.calls.entry(key) else {
            return None;
        };
        let owed = call.get().owed()?;
        // Before its answer leaves: whoever has that may bring the call again at once.
        let called = match at(&owed.conn) {
            Some(At::Peer(_)) => {
                let answered = Called::Answered(owed.reply.clone());
                let called = call.insert(answered);
                served.note(key);
                called
            }
            _ => call.remove(),
        };
        match called {
            Called::Owed(owed) => Some(owed),
            Called::Answered(_) => None,
        }
    }

    /// The answer has not left: another one comes in the place of that.
    pub(super) fn owe_still(&self, (to, id): (u64, &str), owed: Owed) {
        let mut served = lock(&self.served);
        match served.calls.entry(CallKey::new(to, id)) {
            Entry::Occupied(call) if call.get().owed().is_some() => {}
            Entry::Occupied(mut call) => *call.get_mut() = Called::Owed(owed),
            Entry::Vacant(call) => _ = call.insert(Called::Owed(owed)),
        }
    }

    /// Those who have gone are owed nothing.
    pub(super) fn forget_owed(&self) {
        let mut served = lock(&self.served);
        let stays = |call: &Called| call.owed().is_none_or(|owed| !owed.conn.is_closed());
        served.calls.retain(|_, call| stays(call));
    }

    /// Whether nobody waits for an answer of ours.
    pub(super) fn owes_nothing(&self) -> bool {
        let served = lock(&self.served);
        served.calls.values().all(|call| call.owed().is_none())
    }

    /// A peer asks which of these calls of its we work on.
    pub(super) fn say_owed(&self, from: From<'_>, conn: &Conn, marks: &str) {
        let works: Vec<&str> = {
            let served = lock(&self.served);
            let is_owed = |mark: &&str| {
                let id = asked::marked(mark).map(|(id, _)| id.to_string());
                id.is_some_and(|id| served.owes(CallKey::new(conn.id(), &id)))
            };
            marks.split(' ').filter(is_owed).collect()
        };
        if !works.is_empty() {
            let subject = self.subjects().inbox_of(from, subjects::OWED);
            let inbox = self.subjects().inbox(subjects::NONE);
            self.publish(&subject, &inbox, works.join(" ").as_bytes());
        }
    }

    pub(super) fn service_name(&self) -> String {
        service_name(self.subjects().namespace())
    }

    /// Somebody asks what service this is.
    pub(super) fn describe(&self, verb: &str, reply: &str) {
        let endpoints: Vec<Arc<Endpoint>> = {
            let served = lock(&self.served);
            let methods = served.methods.values();
            methods.cloned().collect()
        };
        if endpoints.is_empty() || reply.is_empty() {
            return;
        }
        let service = Service {
            name: self.service_name(),
            id: self.subjects().token(),
            group: self.settings.group(),
            peer: self.subjects().name(),
            endpoints,
        };
        if let Some(answer) = service.answer(verb, &rfc3339(self.since)) {
            self.publish(reply, "", &answer);
        }
    }
}
