//! Presences that the broker keeps of those who are there.
//!
//! The broker itself takes back the presence of one whose connection ends, by his will. What has
//! remained where it ended together with his (a power cut) nobody takes back. So some of those of whom a
//! new connection knows only by what was kept are asked whether they are there, if their presence says
//! that they hear that. Where the broker says that nobody does, or nobody answers as long as the broker
//! itself would wait, it is taken back.

use std::time::Instant;

use super::super::super::above::Above;
use super::Broker;
use super::doubts::{ASKED, DOUBTS};
use crate::base::reason::DisconnectReason;
use crate::base::sync::lock;
use crate::wire::broker::Delivery;
use crate::wire::broker::subjects::{self, From};

impl Broker {
    /// Somebody is there, or no more.
    pub(super) fn presence(
        &self,
        above: &dyn Above,
        (from, user): (From<'_>, Option<&str>),
        delivery: &Delivery<'_>,
    ) {
        let is_there = !delivery.payload.is_empty();
        if from.token == self.subjects().token() {
            // Somebody has taken us for gone; our own messages do not come back.
            if !is_there {
                self.announce();
            }
            return;
        }
        if !is_there {
            return self.goodbye(above, from);
        }
        let listens = delivery.payload == subjects::PRESENT;
        let is_doubted = listens && delivery.kept;
        if is_doubted && from.name == self.subjects().name() {
            // What we have left behind, or another program; which would answer.
            lock(&self.known).doubts.add(from, DOUBTS);
            return self.look_at_doubts(above, Instant::now());
        }
        let has_rival = {
            let known = lock(&self.known);
            let token = known.token_of(from.name);
            delivery.kept && token.is_some_and(|token| *token != *from.token)
        };
        self.member(above, from, user);
        let mut known = lock(&self.known);
        if let Some(member) = known.member(from) {
            member.listens |= listens;
            member.has_rival |= has_rival;
        }
        if is_doubted {
            known
                .doubts
                .add(from, if has_rival { DOUBTS } else { ASKED });
        }
    }

    /// Asks those of whom nothing has been heard, and gives up those who do not answer.
    pub(super) fn look_at_doubts(&self, above: &dyn Above, now: Instant) {
        let Some(keepalive) = lock(&self.tongue).keepalive() else {
            return;
        };
        let (asked, gone) = lock(&self.known).doubts.due(now, keepalive / 2);
        for (name, token) in &asked {
            let inbox = self
                .subjects()
                .inbox_of(From { name, token }, subjects::PING);
            self.publish(&inbox, &self.subjects().inbox(subjects::NONE), b"");
        }
        for (name, token) in &gone {
            self.only_kept(above, From { name, token });
        }
    }

    /// Nothing is there of somebody but that the broker has kept that he was.
    pub(super) fn only_kept(&self, above: &dyn Above, from: From<'_>) {
        let gone = {
            let mut known = lock(&self.known);
            known.doubts.believe(from);
            let gone = known.member(from).map(|member| member.leaves());
            if gone.is_none()
                && let Some(other) = known.members.get_mut(from.name)
            {
                other.has_rival = false;
            }
            gone
        };
        let Some(gone) = gone else {
            self.take_back_all(from, &[]);
            // Those that are nobody's are taken back as they come.
            return self.ask_for_values(from.name);
        };
        self.take_back_all(from, &gone.values);
        let text = "it was not there any more: the broker has only kept that it was";
        self.ends(above, &gone.conn, DisconnectReason::Transport(text.into()));
        self.look_for_rival(from.name, gone.has_rival);
    }

    /// Of two presences of one name the last one is known. When that goes, the broker is asked for the other.
    pub(super) fn look_for_rival(&self, name: &str, has_rival: bool) {
        if has_rival {
            let asking = lock(&self.tongue).look_up(&self.subjects().presences_of(name));
            self.write(&asking);
            self.ask_for_values(name);
        }
    }
}
