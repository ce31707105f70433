//! Which subjects mean what. A namespace `lab` has these:
//!
//! * `lab.all.<method>`, `lab.to.<peer>.<method>`, `lab.any.<method>`: calls;
//! * `lab.in.<peer>.<token>.<id>`: the answer to a call of this peer. The token is made at each
//!   start, so that a peer that has come again is told from the one before. It is the reply
//!   subject of all that a peer sends, which thereby says who he is;
//! * methods that begin with `_` are this library's own.

use crate::base::subject::check_word;

/// The subjects of one connection.
#[derive(Debug, Clone)]
pub(crate) struct Subjects {
    namespace: Box<str>,
    name: Box<str>,
    /// `lab.in.me.token.`
    inbox: Box<str>,
    token: Box<str>,
}

/// Asks who is there, and is the answer to that.
pub(crate) const HERE: &str = "_here";
/// Says that a peer leaves.
pub(crate) const BYE: &str = "_bye";
/// Asks whether a peer is still there.
pub(crate) const PING: &str = "_ping";
/// The answer to that.
pub(crate) const PONG: &str = "_pong";
/// Asks which of these calls somebody works on, and is the answer to that.
pub(crate) const OWED: &str = "_owed";
/// In the place of an id, where there is none.
pub(crate) const NONE: &str = "_";

/// What a subject is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To<'a> {
    /// A method of ours, for all.
    All(&'a str),
    /// For us.
    Me(&'a str),
    /// For one of those who serve it.
    Any(&'a str),
    /// An answer to the call with this id, or to what is named like this.
    Inbox(&'a str),
    /// Something of NATS's services.
    Service(&'a str),
    /// Nothing that we have asked for.
    Nothing,
}

/// A peer, as the reply subject of what he sends says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct From<'a> {
    pub(crate) name: &'a str,
    pub(crate) token: &'a str,
    /// The subject without what is behind the last dot, which it ends with.
    pub(crate) inbox: &'a str,
}

impl Subjects {
    pub(crate) fn new(namespace: &str, name: &str, token: &str) -> Self {
        Subjects {
            namespace: namespace.into(),
            name: name.into(),
            inbox: format!("{namespace}.in.{name}.{token}.").into(),
            token: token.into(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    pub(crate) fn all(&self, method: &str) -> String {
        format!("{}.all.{method}", self.namespace)
    }

    pub(crate) fn any(&self, method: &str) -> String {
        format!("{}.any.{method}", self.namespace)
    }

    pub(crate) fn to(&self, name: &str, method: &str) -> String {
        format!("{}.to.{name}.{method}", self.namespace)
    }

    /// Where the answer to this goes.
    pub(crate) fn inbox(&self, id: &str) -> String {
        format!("{}{id}", self.inbox)
    }

    /// What we listen to, but for the methods that we serve as one of several.
    pub(crate) fn own(&self) -> [String; 3] {
        [self.inbox(">"), self.to(&self.name, ">"), self.all(">")]
    }

    /// What a message with this subject is.
    pub(crate) fn what<'a>(&self, subject: &'a str) -> To<'a> {
        if let Some(id) = subject.strip_prefix(&*self.inbox) {
            return To::Inbox(id);
        }
        if let Some(verb) = subject.strip_prefix("$SRV.") {
            return To::Service(verb.split('.').next().unwrap_or_default());
        }
        let Some(rest) = self.within(subject) else {
            return To::Nothing;
        };
        if let Some(method) = rest.strip_prefix("all.") {
            return To::All(method);
        }
        if let Some(method) = rest.strip_prefix("any.") {
            return To::Any(method);
        }
        let me = rest
            .strip_prefix("to.")
            .and_then(|rest| rest.strip_prefix(&*self.name));
        match me.and_then(|rest| rest.strip_prefix('.')) {
            Some(method) => To::Me(method),
            None => To::Nothing,
        }
    }

    /// Who has sent a message with this reply subject, if he says so in our way.
    pub(crate) fn from<'a>(&self, reply: &'a str) -> Option<From<'a>> {
        let rest = self.within(reply)?.strip_prefix("in.")?;
        let mut words = rest.split('.');
        let (name, token, id) = (words.next()?, words.next()?, words.next()?);
        if words.next().is_some()
            || [name, token, id]
                .iter()
                .any(|word| check_word(word).is_err())
        {
            return None;
        }
        let inbox = reply.get(..reply.len() - id.len())?;
        Some(From { name, token, inbox })
    }

    fn within<'a>(&self, subject: &'a str) -> Option<&'a str> {
        subject.strip_prefix(&*self.namespace)?.strip_prefix('.')
    }
}
