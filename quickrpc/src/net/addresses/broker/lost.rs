//! Those who were taken for gone, and go on. They do not know of it, and nothing is left here of what was
//! between us: neither calls nor what was told of properties. So both begin anew.

use std::sync::Arc;

use super::super::super::above::Above;
use super::super::super::conn::Conn;
use super::Broker;
use super::known::{Known, Member};
use crate::base::reason::DisconnectReason;
use crate::base::sync::lock;
use crate::wire::broker::subjects::{self, From};

/// So many are remembered.
const LOST: usize = 1024;

impl Known {
    /// Takes out whoever is this connection, who has not said good-bye.
    pub(super) fn lose(&mut self, conn: &Conn) {
        self.lately.forget(conn);
        let name = &conn.peer.name;
        let is_this = |member: &Member| member.conn.id() == conn.id();
        if self.members.get(name).is_some_and(is_this)
            && let Some(member) = self.members.remove(name)
        {
            if self.lost.len() >= LOST {
                self.lost.clear();
            }
            self.lost.insert(Arc::clone(name), member.token);
        }
    }

    /// Whoever says so is gone, or there anew: nothing of before is left. Gives whether he had been lost.
    pub(super) fn take_lost(&mut self, from: From<'_>) -> bool {
        let token = self.lost.remove(from.name);
        token.is_some_and(|token| *token == *from.token)
    }
}

impl Broker {
    /// Somebody had been taken for gone, wrongly: nothing is left here of what was between us. He is told so, and
    /// does as if we had gone, too.
    pub(super) fn found(&self, from: From<'_>) {
        let inbox = self.subjects().inbox_of(from, subjects::HERE);
        let me = self.subjects().inbox(subjects::NONE);
        self.publish(&inbox, &me, subjects::ANEW);
        self.give_up_on(from.name);
        self.ask_for_values(from.name);
    }

    /// A peer had taken us for gone: it is as if it had gone, and come again.
    pub(super) fn begin_anew(&self, above: &dyn Above, from: From<'_>, user: Option<&str>) {
        let member = lock(&self.known)
            .member(from)
            .map(|member| Arc::clone(&member.conn));
        if let Some(before) = member {
            let text = "it had taken us for gone, and begins anew";
            self.ends(above, &before, DisconnectReason::Transport(text.into()));
        }
        // It need not be told so.
        lock(&self.known).take_lost(from);
        self.member(above, from, user);
        self.ask_for_values(from.name);
    }
}
