//! Which subjects mean what. A namespace `lab` has these, with `/` for `.` where a broker parts
//! words so:
//!
//! * `lab.all.<method>`, `lab.to.<peer>.<method>`, `lab.any.<method>`: calls;
//! * `lab.in.<peer>.<token>.<id>`: the answer to a call of this peer. The token is made at each
//!   start, so that a peer that has come again is told from the one before. It is the reply
//!   subject of all that a peer sends, which thereby says who he is;
//! * `lab.here.<peer>.<token>`: that this peer is there, where the broker keeps messages;
//! * `lab.is.<peer>.<token>.<change>`: the value of a property of this peer, there too. It counts as
//!   long as the peer is there;
//! * methods that begin with `_` are this library's own.

use crate::base::subject::Style;

/// The subjects of one connection.
#[derive(Debug, Clone)]
pub(crate) struct Subjects {
    style: Style,
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
    /// That this peer is there, or no more.
    Here(From<'a>),
    /// The value of a property of this peer, as the notification of its change.
    Is(From<'a>, &'a str),
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
}

impl Subjects {
    pub(crate) fn new(style: Style, namespace: &str, name: &str, token: &str) -> Self {
        let mut subjects = Subjects {
            style,
            namespace: namespace.into(),
            name: name.into(),
            inbox: "".into(),
            token: token.into(),
        };
        subjects.inbox = subjects.inbox_of(From { name, token }, "").into();
        subjects
    }

    pub(crate) fn style(&self) -> Style {
        self.style
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

    fn subject(&self, kind: &str, rest: &str) -> String {
        let dot = self.style.separator();
        format!("{}{dot}{kind}{dot}{rest}", self.namespace)
    }

    pub(crate) fn all(&self, method: &str) -> String {
        self.subject("all", method)
    }

    pub(crate) fn any(&self, method: &str) -> String {
        self.subject("any", method)
    }

    pub(crate) fn to(&self, name: &str, method: &str) -> String {
        let dot = self.style.separator();
        self.subject("to", &format!("{name}{dot}{method}"))
    }

    /// Where the answer to this goes.
    pub(crate) fn inbox(&self, id: &str) -> String {
        format!("{}{id}", self.inbox)
    }

    /// The same of somebody else.
    pub(crate) fn inbox_of(&self, from: From<'_>, id: &str) -> String {
        let dot = self.style.separator();
        let From { name, token } = from;
        self.subject("in", &format!("{name}{dot}{token}{dot}{id}"))
    }

    /// Says that somebody is there.
    pub(crate) fn here(&self, from: From<'_>) -> String {
        let dot = self.style.separator();
        self.subject("here", &format!("{}{dot}{}", from.name, from.token))
    }

    /// Where the value of a property of somebody is kept.
    pub(crate) fn value(&self, from: From<'_>, change: &str) -> String {
        let dot = self.style.separator();
        let From { name, token } = from;
        self.subject("is", &format!("{name}{dot}{token}{dot}{change}"))
    }

    /// The values of all properties, of everybody.
    pub(crate) fn values(&self) -> String {
        self.subject("is", &self.style.rest().to_string())
    }

    /// Ourselves.
    pub(crate) fn me(&self) -> From<'_> {
        From {
            name: &self.name,
            token: &self.token,
        }
    }

    /// What we listen to, but for the methods that we serve as one of several: what is for us
    /// alone, and what is for others too.
    pub(crate) fn own(&self) -> [String; 3] {
        let rest = self.style.rest().to_string();
        [
            self.inbox(&rest),
            self.to(&self.name, &rest),
            self.all(&rest),
        ]
    }

    /// Who is there, of everybody.
    pub(crate) fn everybody(&self) -> String {
        self.subject("here", &self.style.rest().to_string())
    }

    /// What a message with this subject is.
    pub(crate) fn what<'a>(&self, subject: &'a str) -> To<'a> {
        if let Some(id) = subject.strip_prefix(&*self.inbox) {
            return To::Inbox(id);
        }
        if let Some(verb) = subject.strip_prefix("$SRV.") {
            return To::Service(verb.split('.').next().unwrap_or_default());
        }
        let Some((kind, rest)) = self.within(subject) else {
            return To::Nothing;
        };
        match kind {
            "all" => To::All(rest),
            "any" => To::Any(rest),
            "here" => match self.peer(rest) {
                Some((from, "")) => To::Here(from),
                _ => To::Nothing,
            },
            "is" => match self.peer(rest) {
                Some((_, "")) | None => To::Nothing,
                Some((from, change)) => To::Is(from, change),
            },
            "to" => match rest.strip_prefix(&*self.name) {
                Some(rest) => match rest.strip_prefix(self.style.separator()) {
                    Some(method) => To::Me(method),
                    None => To::Nothing,
                },
                None => To::Nothing,
            },
            _ => To::Nothing,
        }
    }

    /// Who has sent a message with this reply subject, if he says so in our way.
    pub(crate) fn from<'a>(&self, reply: &'a str) -> Option<From<'a>> {
        let ("in", rest) = self.within(reply)? else {
            return None;
        };
        let (from, id) = self.peer(rest)?;
        self.style.check_word(id).ok()?;
        Some(from)
    }

    /// The name and token of a peer, and what follows.
    fn peer<'a>(&self, rest: &'a str) -> Option<(From<'a>, &'a str)> {
        let dot = self.style.separator();
        let (name, rest) = rest.split_once(dot)?;
        let (token, rest) = rest.split_once(dot).unwrap_or((rest, ""));
        let is_word = |word: &str| self.style.check_word(word).is_ok();
        (is_word(name) && is_word(token)).then_some((From { name, token }, rest))
    }

    /// What stands behind the namespace: the first word, and the others.
    fn within<'a>(&self, subject: &'a str) -> Option<(&'a str, &'a str)> {
        let dot = self.style.separator();
        let rest = subject.strip_prefix(&*self.namespace)?.strip_prefix(dot)?;
        rest.split_once(dot)
    }

    /// The method that a subject of ours is for.
    pub(crate) fn method_of<'a>(&self, subject: &'a str) -> &'a str {
        match self.within(subject) {
            Some(("to", rest)) => rest
                .split_once(self.style.separator())
                .map_or("", |it| it.1),
            Some((_, rest)) => rest,
            None => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{From, Subjects, To};
    use crate::base::subject::Style;

    #[test]
    fn subjects_mean_something() {
        let subjects = Subjects::new(Style::Dots, "a.lab", "me", "tok");
        for (subject, what) in [
            ("a.lab.all.rpc.item", To::All("rpc.item")),
            ("a.lab.to.me.add", To::Me("add")),
            ("a.lab.any.add", To::Any("add")),
            ("a.lab.in.me.tok.5-6", To::Inbox("5-6")),
            ("$SRV.PING.a-lab.id", To::Service("PING")),
            ("a.lab.to.mean.add", To::Nothing),
            ("a.lab.in.me.other.5", To::Nothing),
            ("a.laboratory.all.add", To::Nothing),
            ("", To::Nothing),
        ] {
            assert_eq!(subjects.what(subject), what, "{subject}");
        }
        let from = subjects.from("a.lab.in.bob.t.5").unwrap();
        assert_eq!((from.name, from.token), ("bob", "t"));
        assert_eq!(subjects.inbox_of(from, "x"), "a.lab.in.bob.t.x");
        for reply in [
            "",
            "_INBOX.a.b",
            "a.lab.in.bob.t",
            "a.lab.in.bob.t.5.6",
            "a.lab.in..t.5",
        ] {
            assert_eq!(subjects.from(reply), None, "{reply}");
        }
    }

    #[test]
    fn topics_mean_the_same() {
        let subjects = Subjects::new(Style::Slashes, "a/lab", "me", "tok");
        let bob = From {
            name: "b.ob",
            token: "t",
        };
        for (subject, what) in [
            ("a/lab/all/rpc.item", To::All("rpc.item")),
            ("a/lab/to/me/add", To::Me("add")),
            ("a/lab/any/add", To::Any("add")),
            ("a/lab/in/me/tok/5-6", To::Inbox("5-6")),
            ("a/lab/here/b.ob/t", To::Here(bob)),
            ("a/lab/here/b.ob/t/x", To::Nothing),
            ("a/lab/here/b.ob", To::Nothing),
            (
                "a/lab/is/b.ob/t/volts_changed",
                To::Is(bob, "volts_changed"),
            ),
            ("a/lab/is/b.ob/t", To::Nothing),
            ("a/lab/is/b.ob", To::Nothing),
            ("a/lab/to/mean/add", To::Nothing),
            ("a.lab.all.add", To::Nothing),
        ] {
            assert_eq!(subjects.what(subject), what, "{subject}");
        }
        assert_eq!(subjects.here(bob), "a/lab/here/b.ob/t");
        assert_eq!(subjects.everybody(), "a/lab/here/#");
        assert_eq!(subjects.value(bob, "x"), "a/lab/is/b.ob/t/x");
        assert_eq!(subjects.values(), "a/lab/is/#");
        assert_eq!(subjects.from("a/lab/in/b.ob/t/5"), Some(bob));
        assert_eq!(subjects.method_of("a/lab/to/bob/rpc.item"), "rpc.item");
        assert_eq!(subjects.method_of("a/lab/any/add"), "add");
        assert_eq!(subjects.own()[1], "a/lab/to/me/#");
    }
}
