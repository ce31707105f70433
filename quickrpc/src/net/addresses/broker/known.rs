//! Who is behind a broker: those who have said who they are, and whoever else has sent something.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::super::super::above::Above;
use super::super::super::conn::{At, Conn};
use super::super::table::AddressTable;
use super::Broker;
use super::doubts::Doubts;
use super::lately::{Lately, Spoken};
use crate::base::error::Error;
use crate::base::reason::DisconnectReason;
use crate::base::sync::lock;
use crate::wire::broker::subjects::{self, From};
use crate::wire::broker::{Reply, ReplyTo};

/// So many may be there. Whoever comes then is heard and answered, but is not among the peers.
const MEMBERS: usize = 8192;
/// With more, those who have been silent for longest are asked whether they are there: they may
/// have been made up.
const CROWD: usize = MEMBERS / 2;
/// So many are asked at once.
const ASKED: usize = 256;
/// So many strangers are remembered.
const STRANGERS: usize = 1024;
/// With more members, who comes is greeted a little later, lest all do it at once.
const LATER: usize = 16;
/// A member that has not answered so many questions is gone.
const SILENCES: u32 = 3;

/// Who is there.
pub(super) struct Known {
    pub(super) members: HashMap<Arc<str>, Member>,
    strangers: AddressTable<ReplyTo, Arc<Conn>>,
    pub(super) lately: Lately,
    /// Those who have not said good-bye, by their names, with their tokens: they may be heard of again.
    pub(super) lost: HashMap<Arc<str>, Box<str>>,
    /// Those who have come, and are to be greeted.
    greet: Vec<Arc<str>>,
    pub(super) doubts: Doubts,
    /// In turns, who is asked of a crowd.
    turn: usize,
}

pub(super) struct Member {
    pub(super) token: Box<str>,
    /// The user for whom the broker vouches.
    user: Option<Box<str>>,
    pub(super) conn: Arc<Conn>,
    /// Properties of which the broker keeps values.
    pub(super) values: BTreeSet<Box<str>>,
    /// Questions that it has not answered.
    silences: Arc<AtomicU32>,
    /// Its presence is kept, and says that it listens: it is gone if it does not.
    pub(super) listens: bool,
    /// Another presence of its name is kept, too.
    pub(super) has_rival: bool,
}

impl Default for Known {
    fn default() -> Self {
        Known {
            members: HashMap::new(),
            strangers: AddressTable::new(STRANGERS),
            lately: Lately::default(),
            lost: HashMap::new(),
            greet: Vec::new(),
            doubts: Doubts::default(),
            turn: 0,
        }
    }
}

impl Known {
    pub(super) fn all(&self) -> Vec<Arc<Conn>> {
        let members = self.members.values().map(|member| &member.conn);
        members.chain(self.strangers.values()).cloned().collect()
    }

    /// What has this number, and is called this if it is a member.
    pub(super) fn find(&self, id: u64, name: Option<&str>) -> Option<Arc<Conn>> {
        let member = name.and_then(|name| self.members.get(name));
        let member = member.filter(|member| member.conn.id() == id);
        member
            .map(|member| Arc::clone(&member.conn))
            .or_else(|| self.stranger(id))
    }

    /// Whoever says so, if he is there.
    pub(super) fn member(&mut self, from: From<'_>) -> Option<&mut Member> {
        let member = self.members.get_mut(from.name)?;
        (*member.token == *from.token).then_some(member)
    }

    /// The token of whoever has this name.
    pub(super) fn token_of(&self, name: &str) -> Option<&str> {
        self.members.get(name).map(|member| &*member.token)
    }

    /// Whether somebody is there with this name, and perhaps another one.
    pub(super) fn has_rival(&self, name: &str) -> bool {
        self.members
            .get(name)
            .is_some_and(|member| member.has_rival)
    }

    /// Whether this is the first of the names of those who are there, but for one.
    pub(super) fn is_first(&self, name: &str, but: &str) -> bool {
        let mut names = self.members.keys().filter(|other| ***other != *but);
        names.all(|other| name < &**other)
    }

    /// A stranger with this number.
    pub(super) fn stranger(&self, id: u64) -> Option<Arc<Conn>> {
        let mut strangers = self.strangers.values();
        strangers.find(|conn| conn.id() == id).cloned()
    }

    fn stranger_at(&mut self, key: Reply<'_>, make: impl FnOnce() -> Arc<Conn>) -> Arc<Conn> {
        let keep = |conn: &Arc<Conn>| conn.flow.is_awaited() || conn.flow.owes(1);
        self.strangers.get(key.keep(), make, keep)
    }
}

impl Broker {
    /// How many are there.
    pub(super) fn count(&self) -> usize {
        lock(&self.known).members.len()
    }

    /// Whether more are there than are known.
    pub(super) fn is_crowded(&self) -> bool {
        self.count() >= MEMBERS
    }

    /// Who has sent something with this reply subject, and does not say who he is.
    pub(super) fn stranger_of(&self, reply: Reply<'_>, user: Option<&str>) -> Arc<Conn> {
        let subject = reply.subject;
        let make = || match subject {
            "" => self.conn(user.unwrap_or("somebody"), At::Nowhere, user),
            _ => self.conn(subject, At::Reply(reply.keep().into()), user),
        };
        match user {
            None => self.stranger_at(reply, make),
            // No reply subject is like this, and no two users are one stranger.
            Some(user) => {
                let subject = &*format!("{user} {subject}");
                self.stranger_at(Reply { subject, ..reply }, make)
            }
        }
    }

    /// Whoever is answered there.
    pub(super) fn stranger_at(
        &self,
        reply: Reply<'_>,
        make: impl FnOnce() -> Arc<Conn>,
    ) -> Arc<Conn> {
        lock(&self.known).stranger_at(reply, make)
    }

    /// Who has sent something with this reply subject, if he has spoken lately.
    pub(super) fn spoken<'a>(
        &self,
        reply: &'a str,
        user: Option<&str>,
    ) -> Option<(From<'a>, Arc<Conn>)> {
        let mut known = lock(&self.known);
        let spoken = known.lately.find(self.subjects().style(), reply, user)?;
        known.doubts.believe(spoken.0);
        Some(spoken)
    }

    /// A peer that says who he is. One that was not known has come.
    pub(super) fn member(
        &self,
        above: &dyn Above,
        from: From<'_>,
        user: Option<&str>,
    ) -> Arc<Conn> {
        let is_new = |member: &Member| {
            *member.token != *from.token
                || member.user.as_deref() != user
                || member.conn.is_closed()
        };
        let replaced = {
            let mut known = lock(&self.known);
            known.doubts.believe(from);
            let member = known.members.get_mut(from.name);
            match member {
                Some(member) if !is_new(member) => {
                    member.silences.store(0, Ordering::Relaxed);
                    let spoken = Spoken {
                        inbox: self.subjects().inbox_of(from, "").into(),
                        name: from.name.len(),
                        token: from.token.len(),
                        user: user.map(Into::into),
                        conn: Arc::clone(&member.conn),
                        silences: Arc::clone(&member.silences),
                    };
                    let conn = Arc::clone(&member.conn);
                    known.lately.note(spoken);
                    return conn;
                }
                member => member.map(|member| Arc::clone(&member.conn)),
            }
        };
        if let Some(before) = replaced {
            self.ends(above, &before, DisconnectReason::Replaced);
        }
        let (conn, was_lost) = {
            let mut known = lock(&self.known);
            let make = || self.conn(from.name, At::Peer(from.name.into()), user);
            if known.members.len() >= MEMBERS {
                let inbox = self.subjects().inbox_of(from, "");
                return known.stranger_at(Reply::to(&inbox), make);
            }
            let conn = make();
            let member = Member {
                token: from.token.into(),
                user: user.map(Into::into),
                conn: Arc::clone(&conn),
                values: BTreeSet::new(),
                silences: Arc::default(),
                listens: false,
                has_rival: false,
            };
            known.members.insert(from.name.into(), member);
            (conn, known.take_lost(from))
        };
        if from.name == self.subjects().name() {
            self.warn_of_namesake(above);
        }
        if was_lost {
            // Before anything else is said to it.
            self.found(from);
        }
        let around = self.around.upgrade();
        if around.is_some_and(|around| around.enter(&conn)) {
            crate::base::log::debug!(peer = %conn.peer(), wire = %self.wire.name, "it is there");
            above.came(&conn);
        } else {
            conn.close(DisconnectReason::Stopped);
        }
        conn
    }

    /// Another program says that it is called as we are. Told once for a connection: whoever says so may
    /// be somebody else each time.
    fn warn_of_namesake(&self, above: &dyn Above) {
        if self.namesake.swap(true, Ordering::Relaxed) {
            return;
        }
        let (namespace, name) = (self.subjects().namespace(), self.subjects().name());
        let text = format!(
            "another program in `{namespace}` is called `{name}`, too: what is sent to `{name}` comes to both, and \
             calls to it may fail; give each of them a `name` of its own"
        );
        crate::base::log::warn_often!(
            "two programs of one name", &self.everyone.peer.origin;
            wire = %self.wire.name, "{text}"
        );
        above.trouble(self.everyone.peer(), Error::Config(text.into()));
    }

    /// A peer has gone.
    pub(super) fn ends(&self, above: &dyn Above, conn: &Arc<Conn>, reason: DisconnectReason) {
        self.forget(conn);
        match self.around.upgrade() {
            Some(around) => around.leave(above, conn, reason),
            None => _ = conn.close(reason),
        }
    }

    /// A peer was closed.
    pub(crate) fn forget(&self, conn: &Conn) {
        lock(&self.known).lose(conn);
    }

    /// Whoever has this name, of whom nothing has been heard.
    pub(super) fn stranger_named(&self, name: &str) -> Option<Arc<Conn>> {
        self.subjects().style().check_word(name).ok()?;
        let make = || self.conn(name, At::Named(name.into()), None);
        // No reply subject is like this.
        let key = format!(" {name}");
        Some(self.stranger_at(Reply::to(&key), make))
    }

    /// A peer has come, and asks who is there.
    pub(super) fn greet(&self, from: From<'_>) {
        let mut known = lock(&self.known);
        if known.members.len() > LATER {
            if known.greet.len() < MEMBERS {
                let inbox = self.subjects().inbox_of(from, subjects::HERE);
                known.greet.push(inbox.into());
            }
            return;
        }
        drop(known);
        self.welcome(&self.subjects().inbox_of(from, subjects::HERE));
    }

    /// Greets those who have come, a little later.
    pub(super) fn greet_late(&self) {
        let greet = std::mem::take(&mut lock(&self.known).greet);
        for inbox in greet {
            self.welcome(&inbox);
        }
    }

    fn welcome(&self, inbox: &str) {
        self.publish(inbox, &self.subjects().inbox(subjects::NONE), b"");
    }

    /// A peer says that it goes.
    pub(super) fn goodbye(&self, above: &dyn Above, from: From<'_>) {
        let gone = {
            let mut known = lock(&self.known);
            known.member(from).map(Member::leaves)
        };
        if let Some(gone) = gone {
            self.take_back_values(from, &gone.values);
            self.ends(above, &gone.conn, DisconnectReason::EndOfInput);
            self.look_for_rival(from.name, gone.has_rival);
        }
        let mut known = lock(&self.known);
        known.take_lost(from);
        known.doubts.believe(from);
    }

    /// Asks some peers whether they are there. Those who have not answered before are gone.
    pub(super) fn ask_members(&self, above: &dyn Above, whom: impl Fn(&Conn) -> bool) {
        let (mut gone, mut asked) = (Vec::new(), Vec::new());
        {
            let mut known = lock(&self.known);
            for (name, member) in &mut known.members {
                if !whom(&member.conn) {
                    continue;
                }
                if member.silences.load(Ordering::Relaxed) >= SILENCES {
                    gone.push(Arc::clone(&member.conn));
                    continue;
                }
                member.silences.fetch_add(1, Ordering::Relaxed);
                asked.push(Arc::clone(name));
            }
        }
        for name in asked {
            let subject = self.subjects().to(&name, subjects::PING);
            // Its name is in the reply, since the broker says no more when it is gone.
            let reply = self.subjects().inbox(&format!("{}-{name}", subjects::PONG));
            self.publish(&subject, &reply, b"");
        }
        let after = self.probe() * SILENCES;
        for conn in gone {
            self.ends(above, &conn, DisconnectReason::Silent { after });
        }
    }

    /// Of a crowd, some are asked whether they are there.
    pub(super) fn look_at_members(&self, above: &dyn Above) {
        let some: Vec<u64> = {
            let mut known = lock(&self.known);
            let count = known.members.len();
            if count < CROWD {
                return;
            }
            known.turn = (known.turn + ASKED) % count;
            let members = known.members.values().skip(known.turn).take(ASKED);
            let is_silent = |member: &&Member| member.silences.load(Ordering::Relaxed) > 0;
            let silent = known.members.values().filter(is_silent);
            members
                .chain(silent)
                .map(|member| member.conn.id())
                .collect()
        };
        let some: std::collections::HashSet<u64> = some.into_iter().collect();
        self.ask_members(above, |conn| some.contains(&conn.id()));
    }

    /// The broker says that nobody listens who has this name.
    pub(super) fn nobody_named(&self, above: &dyn Above, name: &str) -> Option<Arc<Conn>> {
        let (token, gone) = {
            let mut known = lock(&self.known);
            let member = known.members.get_mut(name)?;
            (member.token.clone(), member.leaves())
        };
        let from = From {
            name,
            token: &token,
        };
        if gone.listens {
            self.take_back_all(from, &gone.values);
        }
        let text = "the broker says that nobody of this name is connected any more";
        self.ends(above, &gone.conn, DisconnectReason::Transport(text.into()));
        self.look_for_rival(name, gone.has_rival);
        Some(gone.conn)
    }
}

/// A member that goes.
pub(super) struct Gone {
    pub(super) conn: Arc<Conn>,
    pub(super) values: Vec<Box<str>>,
    pub(super) listens: bool,
    pub(super) has_rival: bool,
}

impl Member {
    /// What is left of it.
    pub(super) fn leaves(&mut self) -> Gone {
        Gone {
            conn: Arc::clone(&self.conn),
            values: std::mem::take(&mut self.values).into_iter().collect(),
            listens: self.listens,
            has_rival: self.has_rival,
        }
    }
}
