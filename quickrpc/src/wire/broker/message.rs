//! Messages to a broker, and from it.

use std::sync::Arc;

/// Where an answer goes, and what it has to bring back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reply<'a> {
    /// Empty: there is no answer.
    pub(crate) subject: &'a str,
    /// What whoever asks wants to see again, where brokers have such.
    pub(crate) correlation: &'a [u8],
}

/// The same, to keep. Several may have it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ReplyTo {
    subject: Arc<str>,
    correlation: Option<Arc<[u8]>>,
}

impl<'a> Reply<'a> {
    /// One that brings nothing back.
    pub(crate) fn to(subject: &'a str) -> Self {
        Reply {
            subject,
            correlation: &[],
        }
    }

    pub(crate) fn keep(&self) -> ReplyTo {
        ReplyTo {
            subject: self.subject.into(),
            correlation: match self.correlation {
                [] => None,
                correlation => Some(correlation.into()),
            },
        }
    }
}

impl ReplyTo {
    pub(crate) fn get(&self) -> Reply<'_> {
        Reply {
            subject: &self.subject,
            correlation: self.correlation.as_deref().unwrap_or_default(),
        }
    }
}

/// One that is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    /// Where it goes, in pieces.
    pub(crate) subject: &'a [&'a str],
    /// What it brings back to whoever has asked.
    pub(crate) correlation: &'a [u8],
    /// Where its answer goes, in pieces; empty: nowhere.
    pub(crate) reply: &'a [&'a str],
    pub(crate) payload: &'a [u8],
    /// The broker keeps it for those who come later, where it can.
    pub(crate) kept: bool,
}

/// One that has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delivery<'a> {
    pub(crate) subject: &'a str,
    pub(crate) reply: Reply<'a>,
    pub(crate) payload: &'a [u8],
    /// The broker has kept it from before we asked for such.
    pub(crate) kept: bool,
}

/// Why something was not said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unsaid {
    /// The broker takes no message with a payload of more than so many bytes.
    TooLarge(usize),
    /// So many bytes wait already.
    Full(usize),
    Wrong(String),
}

/// A message as it leaves.
#[derive(Debug)]
pub(crate) struct Leaving {
    /// It is under way by this number, until the broker has acknowledged it.
    pub(crate) number: Option<u16>,
    /// It waits until the broker takes more.
    pub(crate) is_held: bool,
}
