//! Which subjects mean what. A namespace `lab` has these, with `/` for `.` where a broker parts
//! words so:
//!
//! * `lab.all.<method>`, `lab.to.<peer>.<method>`, `lab.any.<method>`: calls;
//! * `lab.in.<peer>.<token>.<id>`: the answer to a call of this peer. The token is made for each
//!   connection (with MQTT, at each start; its first half is made at the start anyway), so that a peer that has come again is told from the
//!   one before. It is the reply subject of all that a peer sends, which thereby says who he is;
//! * `lab.here.<peer>.<token>`: that this peer is there, where the broker keeps messages;
//! * `lab.is.<peer>.<token>.<change>`: the value of a property of this peer, there too. It counts as
//!   long as the peer is there;
//! * methods that begin with `_` are this library's own.
//!
//! Where the broker vouches for who has published something, the name of the user comes before all
//! that is published: `lab.by.<user>.all.<method>`, and `lab.by.<user>.in.<peer>.<token>.<id>` for
//! what is to be answered at `lab.in.<peer>.<token>.<id>`, which only the broker itself uses then, to
//! say that nobody listens.

use std::borrow::Cow;

use crate::base::subject::{Style, speaks_for};

/// The subjects of one connection.
#[derive(Debug, Clone)]
pub(crate) struct Subjects {
    style: Style,
    namespace: Box<str>,
    name: Box<str>,
    /// `lab.in.me.token.`
    inbox: Box<str>,
    /// `lab.all.`, `lab.any.` and `lab.to.`, as we publish to them.
    all: Box<str>,
    any: Box<str>,
    to: Box<str>,
    token: Box<str>,
    /// Who we are to the broker, where it vouches for that.
    user: Option<Box<str>>,
}

/// What the tokens of all connections of a program begin with: 64 bits.
fn half(token: &str) -> &str {
    token.get(..16).unwrap_or(token)
}

/// In the place of a kind, before the name of a user.
const BY: &str = "by";

/// Asks who is there, and is the answer to that.
pub(crate) const HERE: &str = "_here";
/// Asks nobody, but says that one is there who was before.
pub(crate) const AGAIN: &[u8] = b"again";
/// Says to one that was taken for gone that nothing is left of what was before.
pub(crate) const ANEW: &[u8] = b"anew";
/// What the presence of a peer is that hears what is sent to it alone: others may have anything there.
pub(crate) const PRESENT: &[u8] = b"in";
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
            all: "".into(),
            any: "".into(),
            to: "".into(),
            token: token.into(),
            user: None,
        };
        subjects.inbox = subjects.inbox_of(From { name, token }, "").into();
        subjects.prepared()
    }

    /// With what all subjects begin with that calls are published to.
    fn prepared(self) -> Self {
        let [all, any, to] = ["all", "any", "to"].map(|kind| self.subject(&[kind, ""]).into());
        Subjects {
            all,
            any,
            to,
            ..self
        }
    }

    /// The same for another connection: the second half of the token is this.
    pub(crate) fn renewed(&self, token: &str) -> Self {
        let token = [half(&self.token), half(token)].concat();
        let new = Subjects::new(self.style, &self.namespace, &self.name, &token);
        match &self.user {
            Some(user) => new.vouched(user),
            None => new,
        }
    }

    /// Whether we are this, by this connection or by one before: what that has said last may come to us.
    pub(crate) fn is_ours(&self, from: From<'_>) -> bool {
        half(from.token) == half(&self.token)
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

    /// The same where the broker vouches for this user, who we are, and for others.
    pub(crate) fn vouched(self, user: &str) -> Self {
        let user = Some(user.into());
        Subjects { user, ..self }.prepared()
    }

    /// Whether the broker vouches for who has published something.
    pub(crate) fn is_vouched(&self) -> bool {
        self.user.is_some()
    }

    /// Something of our namespace, by a user if there is one, with what parts words between them.
    fn by(&self, user: Option<&str>, words: &[&str]) -> String {
        let (dot, by) = (self.style.separator(), user.map(|user| [BY, user]));
        let all = || by.iter().flatten().chain(words);
        let length = all().map(|word| dot.len() + word.len());
        let mut subject = String::with_capacity(self.namespace.len() + length.sum::<usize>());
        subject.push_str(&self.namespace);
        for word in all() {
            subject.push_str(dot);
            subject.push_str(word);
        }
        subject
    }

    /// As we publish it.
    fn subject(&self, words: &[&str]) -> String {
        self.by(self.user.as_deref(), words)
    }

    /// As we subscribe to it.
    fn heard(&self, words: &[&str]) -> String {
        self.by(self.user.as_deref().map(|_| "*"), words)
    }

    /// Where something is published that is to go there: an answer to one of us says by whom it is.
    pub(crate) fn addressed<'a>(&self, to: &'a str) -> Cow<'a, str> {
        if !self.is_vouched() {
            return to.into();
        }
        match self.parts(to) {
            Some((None, "in", rest)) => self.subject(&["in", rest]).into(),
            _ => to.into(),
        }
    }

    pub(crate) fn all(&self, method: &str) -> String {
        self.to_all(method).concat()
    }

    pub(crate) fn to(&self, name: &str, method: &str) -> String {
        self.to_one(name, method).concat()
    }

    /// Where a call for everybody is published, in pieces; and the same for others.
    pub(crate) fn to_all<'a>(&'a self, method: &'a str) -> [&'a str; 4] {
        [&self.all, method, "", ""]
    }

    pub(crate) fn to_any<'a>(&'a self, method: &'a str) -> [&'a str; 4] {
        [&self.any, method, "", ""]
    }

    pub(crate) fn to_one<'a>(&'a self, name: &'a str, method: &'a str) -> [&'a str; 4] {
        [&self.to, name, self.style.separator(), method]
    }

    /// What all subjects begin with that answers to us go to.
    pub(crate) fn answers(&self) -> &str {
        &self.inbox
    }

    /// Where the answer to this goes.
    pub(crate) fn inbox(&self, id: &str) -> String {
        [&*self.inbox, id].concat()
    }

    /// The same of somebody else.
    pub(crate) fn inbox_of(&self, from: From<'_>, id: &str) -> String {
        self.by(None, &["in", from.name, from.token, id])
    }

    /// Says that somebody is there.
    pub(crate) fn here(&self, from: From<'_>) -> String {
        self.subject(&["here", from.name, from.token])
    }

    /// Where the value of a property of somebody is kept.
    pub(crate) fn value(&self, from: From<'_>, change: &str) -> String {
        self.subject(&["is", from.name, from.token, change])
    }

    /// The values of all properties, of everybody.
    pub(crate) fn values(&self) -> String {
        self.subject(&["is", self.style.rest()])
    }

    /// The values of all properties, of whoever has this name.
    pub(crate) fn values_of(&self, name: &str) -> String {
        self.subject(&["is", name, self.style.rest()])
    }

    /// That somebody is there who has this name.
    pub(crate) fn presences_of(&self, name: &str) -> String {
        self.subject(&["here", name, self.style.rest()])
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
        let (name, token, rest) = (&*self.name, &*self.token, self.style.rest());
        [
            self.heard(&["in", name, token, rest]),
            self.heard(&["to", name, rest]),
            self.heard(&["all", rest]),
        ]
    }

    /// Where the broker itself answers, if nobody else does there.
    pub(crate) fn silence(&self) -> Option<String> {
        self.is_vouched().then(|| self.inbox(self.style.rest()))
    }

    /// What we listen to as one of those who serve a method.
    pub(crate) fn served(&self, method: &str) -> String {
        self.heard(&["any", method])
    }

    /// Who is there, of everybody.
    pub(crate) fn everybody(&self) -> String {
        self.subject(&["here", self.style.rest()])
    }

    /// What a message with this subject is.
    pub(crate) fn what<'a>(&self, subject: &'a str) -> To<'a> {
        self.what_and_whose(subject).0
    }

    /// What a message with this subject is, and who has published it, if the broker vouches for that.
    pub(crate) fn what_and_whose<'a>(&self, subject: &'a str) -> (To<'a>, Option<&'a str>) {
        if let Some(id) = subject.strip_prefix(&*self.inbox) {
            return (To::Inbox(id), None);
        }
        if let Some(verb) = subject.strip_prefix("$SRV.") {
            let verb = verb.split('.').next().unwrap_or_default();
            return (To::Service(verb), None);
        }
        match self.parts(subject) {
            Some((user, kind, rest)) => (self.of_kind(kind, rest), user),
            None => (To::Nothing, None),
        }
    }

    fn of_kind<'a>(&self, kind: &str, rest: &'a str) -> To<'a> {
        match kind {
            "in" => match self.peer(rest) {
                Some((from, id)) if from == self.me() => To::Inbox(id),
                _ => To::Nothing,
            },
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
        let (None, "in", rest) = self.parts(reply)? else {
            return None;
        };
        let (from, id) = self.peer(rest)?;
        self.style.check_word(id).ok()?;
        Some(from)
    }

    /// Who is asked by what is published there whether he is there, with his token.
    pub(crate) fn asked<'a>(&self, subject: &'a str) -> Option<From<'a>> {
        let rest = subject.strip_suffix(PING)?;
        let (None, "in", rest) = self.parts(rest)? else {
            return None;
        };
        let (from, rest) = self.peer(rest)?;
        rest.is_empty().then_some(from)
    }

    /// Whether one with this name may have been published by this user.
    pub(crate) fn speaks_for(&self, user: Option<&str>, name: &str) -> bool {
        !self.is_vouched() || user.is_some_and(|user| speaks_for(user, name))
    }

    /// The name and token of a peer, and what follows.
    fn peer<'a>(&self, rest: &'a str) -> Option<(From<'a>, &'a str)> {
        let (name, rest) = self.style.cut(rest)?;
        let (token, rest) = self.style.cut(rest).unwrap_or((rest, ""));
        let is_word = |word: &str| self.style.check_word(word).is_ok();
        (is_word(name) && is_word(token)).then_some((From { name, token }, rest))
    }

    /// What stands behind the namespace: who has published it, the first word, and the others.
    fn parts<'a>(&self, subject: &'a str) -> Option<(Option<&'a str>, &'a str, &'a str)> {
        let rest = subject.strip_prefix(&*self.namespace)?;
        let rest = rest.strip_prefix(self.style.separator())?;
        let (kind, rest) = self.style.cut(rest)?;
        if kind != BY || !self.is_vouched() {
            return Some((None, kind, rest));
        }
        let (user, rest) = self.style.cut(rest)?;
        let (kind, rest) = self.style.cut(rest)?;
        Some((Some(user), kind, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::{From, Subjects, To};
    use crate::base::subject::Style;

    #[test]
    fn all_connections_of_a_program_are_known_as_its_own() {
        let of = |token: char| {
            let token = token.to_string().repeat(32);
            Subjects::new(Style::Dots, "lab", "me", &token)
        };
        let before = of('a').renewed(of('b').token());
        let after = of('a').renewed(of('c').token());
        assert_ne!(before.token(), after.token());
        assert!(after.is_ours(before.me()) && after.is_ours(after.me()));
        assert!(!after.is_ours(of('d').me()));
    }

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
    fn who_is_vouched_for_is_in_the_subject() {
        let subjects = Subjects::new(Style::Dots, "lab", "w~1", "tok").vouched("w");
        for (subject, what, by) in [
            ("lab.by.u.all.rpc.item", To::All("rpc.item"), Some("u")),
            ("lab.by.u.to.w~1.add", To::Me("add"), Some("u")),
            ("lab.by.u.in.w~1.tok.5-6", To::Inbox("5-6"), Some("u")),
            ("lab.by.u.in.w~1.kot.5-6", To::Nothing, Some("u")),
            ("lab.in.w~1.tok.5-6", To::Inbox("5-6"), None),
            ("lab.all.add", To::All("add"), None),
            ("lab.by.u.by.v.all.add", To::Nothing, Some("u")),
        ] {
            assert_eq!(subjects.what_and_whose(subject), (what, by), "{subject}");
        }
        assert_eq!(subjects.own()[1], "lab.by.*.to.w~1.>");
        assert_eq!(subjects.silence().unwrap(), "lab.in.w~1.tok.>");
        assert_eq!(subjects.to("x", "add"), "lab.by.w.to.x.add");
        assert_eq!(subjects.addressed("lab.in.x.t.5"), "lab.by.w.in.x.t.5");
        assert_eq!(subjects.addressed("_INBOX.x"), "_INBOX.x");
        for (user, name, speaks) in [
            (Some("w"), "w", true),
            (Some("w"), "w~2", true),
            (Some("w"), "w~2~3", true),
            (Some("w"), "w2", false),
            (Some("w-2"), "w", false),
            (Some("w"), "w-2", false),
            (Some("w-2"), "w-2~1", true),
            // No name is of a user with the sign in his own.
            (Some("w~2"), "w~2", false),
            (Some("w~2"), "w~2~3", false),
            (None, "w", false),
        ] {
            assert_eq!(subjects.speaks_for(user, name), speaks, "{user:?} {name}");
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
        assert_eq!(subjects.asked("a/lab/in/b.ob/t/_ping"), Some(bob));
        for subject in [
            "a/lab/in/b.ob/t/5",
            "a/lab/all/_ping",
            "a/lab/in/b.ob/t/x/_ping",
        ] {
            assert_eq!(subjects.asked(subject), None);
        }
        assert_eq!(subjects.own()[1], "a/lab/to/me/#");
    }
}
