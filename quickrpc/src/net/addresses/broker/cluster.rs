//! The servers of a cluster, which come and go: what is done when ours is about to stop, and when
//! others are connected to it.

use std::time::{Duration, Instant};

use super::Broker;
use crate::base::reason::DisconnectReason;
use crate::base::sync::lock;
use crate::wire::broker::Tongue;
use crate::wire::broker::subjects;
use crate::wire::nats::Info;

/// A server that is about to stop is left when nothing is under way, and after so long at the latest:
/// it closes connections after 10 s by default (`lame_duck_grace_period`).
const PATIENCE: Duration = Duration::from_secs(5);
/// After servers have come or gone, we say so often that we are there: what their clients listen to is
/// made known a little later.
const ANNOUNCED: u32 = 2;

impl Broker {
    /// A broker of NATS has said something of itself.
    pub(super) fn informed(&self, info: &Info) {
        self.settings.heard(info);
        let changed = match &mut *lock(&self.tongue) {
            Tongue::Nats(talk) => talk.heard(info.clone()),
            Tongue::Mqtt(_) => return,
        };
        if changed {
            lock(&self.cluster).announce = ANNOUNCED;
        }
        if !info.lame_duck {
            return;
        }
        let wire = &self.wire.name;
        if !self.settings.has_others() {
            crate::base::log::info!(%wire, "the broker is about to stop, and no other one is known");
            return;
        }
        let is_new = {
            let mut cluster = lock(&self.cluster);
            let is_new = cluster.lame.is_none();
            cluster.lame.get_or_insert_with(Instant::now);
            is_new
        };
        if is_new {
            crate::base::log::info!(%wire, "the broker is about to stop, so that another one is looked for");
            // Others take what is for one of several.
            self.serve(Vec::new());
        }
    }

    /// Some time has passed.
    pub(super) fn look_at_cluster(&self, now: Instant) {
        let (lame, announces) = {
            let mut cluster = lock(&self.cluster);
            let announces = cluster.announce > 0;
            cluster.announce = cluster.announce.saturating_sub(1);
            (cluster.lame, announces)
        };
        if announces {
            let (all, inbox) = (
                self.subjects().all(subjects::HERE),
                self.subjects().inbox(subjects::NONE),
            );
            self.publish(&all, &inbox, subjects::AGAIN);
        }
        let Some(since) = lame else {
            return;
        };
        let is_idle = lock(&self.questions).is_empty() && self.owes_nothing();
        if is_idle || now.duration_since(since) >= PATIENCE {
            self.leave();
            let text = "the broker is about to stop";
            self.line.close(DisconnectReason::Transport(text.into()));
        }
    }
}
