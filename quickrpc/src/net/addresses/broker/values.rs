//! Values of properties that the broker keeps: who comes gets them from it, without asking anybody.
//!
//! A value counts as long as he is there whose it is, and goes with him. Who says good-bye takes back
//! what is kept of him. Of whoever has gone without a word, the one of those who are there takes it
//! back whose name is the first; what has remained then, whoever comes next.

use std::sync::Arc;

use super::super::super::above::{Above, Hears};
use super::super::super::conn::Conn;
use super::Broker;
use super::check::Expected;
use crate::base::error::Error;
use crate::base::sync::lock;
use crate::wire::Wire;
use crate::wire::broker::subjects::From;
use crate::wire::broker::{Delivery, Message, Tongue};

/// So many values of a peer are taken back by others.
pub(super) const VALUES: usize = 256;

/// Whether a broker keeps the values of properties. With a security provider it does not: what is
/// signed or encrypted is so for somebody, and for a while.
pub(super) fn are_kept(tongue: &Tongue, wire: &Wire) -> bool {
    matches!(tongue, Tongue::Mqtt(_)) && wire.security.is_null()
}

impl Broker {
    pub(super) fn keeps_values(&self) -> bool {
        self.everyone.outlet.keeps_values()
    }

    /// Where the value of a property of ours is kept.
    pub(super) fn kept_at(&self, change: &str) -> Result<String, Error> {
        self.check_method(change)?;
        Ok(self.subjects().value(self.subjects().me(), change))
    }

    /// The value of a property of somebody, or that it is kept no more.
    pub(super) fn value(
        &self,
        above: &dyn Above,
        hears: &mut dyn Hears,
        (from, change): (From<'_>, &str),
        delivery: &Delivery<'_>,
    ) {
        let is_there = !delivery.payload.is_empty();
        if from.token == self.subjects().token() {
            // Somebody has taken us for gone; our own messages do not come back.
            if !is_there {
                above.lost_value(&self.everyone, change);
            }
            return;
        }
        match self.told_by(from, change, is_there) {
            Some(conn) if is_there && above.hears_change(change) => {
                let expected = Expected::Change { method: change };
                self.heard(above, hears, &conn, expected, delivery.payload);
            }
            Some(_) => {}
            None if delivery.kept && is_there && !self.is_crowded() => {
                if lock(&self.known).has_rival(from.name) {
                    // It may be his.
                    return;
                }
                self.take_back(&self.subjects().value(from, change));
            }
            None => {}
        }
    }

    /// Asks the broker for what it keeps of a peer: of one that was lost and is found nothing is known.
    pub(super) fn ask_for_values(&self, name: &str) {
        if self.keeps_values() {
            let values = self.subjects().values_of(name);
            let asking = lock(&self.tongue).look_up(&values);
            self.write(&asking);
        }
    }

    /// Whoever has told a value, if he is there; what has to be taken back when he has gone is noted.
    fn told_by(&self, from: From<'_>, change: &str, is_there: bool) -> Option<Arc<Conn>> {
        let mut known = lock(&self.known);
        let member = known.member(from)?;
        match is_there {
            true if member.values.len() < VALUES && !member.values.contains(change) => {
                member.values.insert(change.into());
            }
            true => {}
            false => {
                member.values.remove(change);
            }
        }
        Some(Arc::clone(&member.conn))
    }

    /// Somebody has gone who had told these.
    pub(super) fn take_back_values(&self, of: From<'_>, values: &[Box<str>]) {
        if values.is_empty() || !lock(&self.known).is_first(self.subjects().name(), of.name) {
            return;
        }
        for change in values {
            self.take_back(&self.subjects().value(of, change));
        }
    }

    /// Somebody is not there any more, who had said that he is, and had told these.
    pub(super) fn take_back_all(&self, of: From<'_>, values: &[Box<str>]) {
        self.take_back(&self.subjects().here(of));
        for change in values {
            self.take_back(&self.subjects().value(of, change));
        }
    }

    fn take_back(&self, subject: &str) {
        self.publish_message(&Message {
            subject: &[subject],
            correlation: b"",
            reply: &[],
            payload: b"",
            kept: true,
        });
    }
}
