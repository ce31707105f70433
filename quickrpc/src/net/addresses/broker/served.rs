//! What we serve, and what we have been asked.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use super::super::super::conn::Conn;
use super::Broker;
use super::asked;
use crate::base::subject::check_words;
use crate::base::sync::lock;
use crate::wire::nats;
use crate::wire::nats::service::{Endpoint, Service, rfc3339, service_name};
use crate::wire::nats::subjects::{self, From};

/// What we serve, and have been asked.
#[derive(Debug, Default)]
pub(super) struct Served {
    numbers: u64,
    /// The methods, and the numbers of their subscriptions.
    methods: BTreeMap<String, (u64, Endpoint)>,
    /// Calls that have not been answered yet, by who has called and its id.
    owed: HashMap<(u64, Box<str>), Owed>,
}

/// A call that has not been answered yet.
#[derive(Debug)]
struct Owed {
    conn: Arc<Conn>,
    /// Where the answer goes.
    reply: Box<str>,
    method: Box<str>,
    since: Instant,
}

impl Served {
    pub(super) fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }
}

impl Broker {
    /// These methods have a handler, and no others.
    pub(crate) fn serve(&self, methods: Vec<String>) {
        let mut out = Vec::new();
        {
            let mut served = lock(&self.served);
            let gone: Vec<String> = served
                .methods
                .keys()
                .filter(|method| !methods.contains(method))
                .cloned()
                .collect();
            for method in gone {
                if let Some((number, _)) = served.methods.remove(&method) {
                    nats::unsubscribe(&mut out, number);
                }
            }
            for method in methods {
                if served.methods.contains_key(&method) {
                    continue;
                }
                if let Err(why) = check_words(&method) {
                    crate::base::log::warn!("`{method}` is not served to `any()`: it {why}");
                    continue;
                }
                let (number, subject) = (served.next_number(), self.subjects.any(&method));
                nats::subscribe(&mut out, &subject, Some(&self.settings.expr.group), number);
                let endpoint = Endpoint {
                    name: service_name(&method),
                    subject,
                    ..Endpoint::default()
                };
                served.methods.insert(method, (number, endpoint));
            }
        }
        if !out.is_empty() {
            self.write(&out);
        }
    }

    /// A call has come that wants an answer.
    pub(super) fn owe(&self, conn: &Arc<Conn>, id: &str, method: &str, reply: &str) {
        let owed = Owed {
            conn: Arc::clone(conn),
            reply: reply.into(),
            method: method.into(),
            since: Instant::now(),
        };
        lock(&self.served).owed.insert((conn.id(), id.into()), owed);
    }

    /// Where the answer to a call goes, which is answered now.
    pub(super) fn pay(&self, to: u64, id: &str, failed: bool) -> Option<Box<str>> {
        let mut served = lock(&self.served);
        let owed = served.owed.remove(&(to, id.into()))?;
        if let Some((_, endpoint)) = served.methods.get_mut(&*owed.method) {
            let took = owed.since.elapsed().as_nanos();
            endpoint.requests += 1;
            endpoint.errors += u64::from(failed);
            endpoint.time = endpoint
                .time
                .saturating_add(u64::try_from(took).unwrap_or(u64::MAX));
        }
        Some(owed.reply)
    }

    /// Those who have gone are owed nothing.
    pub(super) fn forget_owed(&self) {
        let mut served = lock(&self.served);
        served.owed.retain(|_, owed| !owed.conn.is_closed());
    }

    /// A peer asks which of these calls of its we work on.
    pub(super) fn say_owed(&self, from: From<'_>, conn: &Conn, marks: &str) {
        let works: Vec<&str> = {
            let served = lock(&self.served);
            let is_owed = |mark: &&str| {
                let id = asked::marked(mark).map(|(id, _)| id.to_string());
                id.is_some_and(|id| served.owed.contains_key(&(conn.id(), id.into())))
            };
            marks.split(' ').filter(is_owed).collect()
        };
        if !works.is_empty() {
            let subject = format!("{}{}", from.inbox, subjects::OWED);
            let inbox = self.subjects.inbox(subjects::NONE);
            self.publish(&subject, &inbox, works.join(" ").as_bytes());
        }
    }

    pub(super) fn service_name(&self) -> String {
        service_name(self.subjects.namespace())
    }

    /// Somebody asks what service this is.
    pub(super) fn describe(&self, verb: &str, reply: &str) {
        let endpoints: Vec<Endpoint> = {
            let served = lock(&self.served);
            let methods = served.methods.values();
            methods.map(|(_, endpoint)| endpoint.clone()).collect()
        };
        if endpoints.is_empty() || reply.is_empty() {
            return;
        }
        let service = Service {
            name: self.service_name(),
            id: self.subjects.token(),
            group: &self.settings.expr.group,
            peer: self.subjects.name(),
            endpoints,
        };
        if let Some(answer) = service.answer(verb, &rfc3339(self.since)) {
            self.publish(reply, "", &answer);
        }
    }
}
