//! What is said to a broker: verbs, and the numbers of subscriptions.

use std::collections::HashMap;

use super::info::Info;
use super::service::service_name;
use super::verbs::{publish, subscribe, unsubscribe};
use crate::wire::broker::Message;
use crate::wire::broker::subjects::Subjects;

/// What we say by one connection.
#[derive(Debug)]
pub(crate) struct Talk {
    /// What the broker has said of itself.
    info: Info,
    last: u64,
    /// Of those subscriptions that may end.
    numbers: HashMap<Box<str>, u64>,
}

impl Talk {
    pub(crate) fn new(info: Info) -> Self {
        Talk {
            info,
            last: 0,
            numbers: HashMap::new(),
        }
    }

    pub(crate) fn info(&self) -> &Info {
        &self.info
    }

    /// The broker has said something new of itself. Gives whether the servers of its cluster are others.
    pub(crate) fn heard(&mut self, info: Info) -> bool {
        let before = std::mem::replace(&mut self.info, info);
        before.connect_urls != self.info.connect_urls
    }

    fn next_number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Subscribes to what is ours, as a service of NATS too.
    pub(crate) fn enter(&mut self, subjects: &Subjects) -> Vec<u8> {
        let mut out = Vec::new();
        for subject in subjects.own().into_iter().chain(subjects.silence()) {
            subscribe(&mut out, &subject, None, self.next_number());
        }
        let (name, token) = (service_name(subjects.namespace()), subjects.token());
        for verb in ["PING", "INFO", "STATS"] {
            for subject in [
                format!("$SRV.{verb}"),
                format!("$SRV.{verb}.{name}"),
                format!("$SRV.{verb}.{name}.{token}"),
            ] {
                subscribe(&mut out, &subject, None, self.next_number());
            }
        }
        out
    }

    pub(crate) fn join(&mut self, subject: &str, group: &str) -> Vec<u8> {
        let (mut out, number) = (Vec::new(), self.next_number());
        subscribe(&mut out, subject, Some(group), number);
        self.numbers.insert(subject.into(), number);
        out
    }

    pub(crate) fn part(&mut self, subject: &str) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(number) = self.numbers.remove(subject) {
            unsubscribe(&mut out, number);
        }
        out
    }

    /// Appends a message.
    ///
    /// # Errors
    ///
    /// The largest payload that the broker takes, where this one is larger.
    pub(crate) fn publish(&self, message: &Message<'_>, out: &mut Vec<u8>) -> Result<(), usize> {
        let Message {
            subject,
            reply,
            payload,
            ..
        } = *message;
        if payload.len() > self.info.max_payload {
            return Err(self.info.max_payload);
        }
        publish(out, subject, reply, payload);
        Ok(())
    }
}
