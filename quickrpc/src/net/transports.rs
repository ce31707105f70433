//! The transports of an API: their status, the limits that they share, and changing them
//! while the API runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::base::error::Error;
use crate::base::limits::Limits;
use crate::base::sync::lock;
use crate::wire::Wire;

use super::above::Done;
use super::adding::Adding;
use super::link::Link;
use super::net::Net;
use super::reactor::Command;
use super::run::Phase;
use super::status::{TransportId, TransportState, TransportStatus};

impl Net {
    /// The status of every transport, in the order in which they were bound.
    pub(crate) fn status(&self) -> Vec<TransportStatus> {
        let links = lock(&self.links);
        links.iter().map(|link| link.status()).collect()
    }

    /// What is known of why nobody is there, of the first few transports.
    pub(crate) fn outage(&self) -> String {
        let status = self.status();
        let reasons = status.iter().filter_map(|one| match &one.state {
            TransportState::Down { reason, retry_in } => {
                Some(format!("{reason} (trying again in {retry_in:?})"))
            }
            TransportState::Ended {
                reason: Some(reason),
            } => Some(reason.to_string()),
            TransportState::Ended { reason: None } => Some(format!("`{}` has ended", one.name())),
            TransportState::Opening => Some(format!("`{}` is being opened", one.name())),
            TransportState::Up | TransportState::Stopped => None,
        });
        reasons.take(3).collect::<Vec<_>>().join("; ")
    }

    /// A transport changed: remembers it, and tells the program in its turn.
    pub(crate) fn set_state(&self, link: &Link, state: TransportState) {
        *lock(&link.state) = state;
        if let Some(above) = self.above().filter(|above| above.watches_status()) {
            above.status(link.status());
        }
    }

    /// Forgets what a transport expression bound.
    pub(crate) fn forget_links(&self, id: TransportId) {
        let forgotten: Vec<_> = lock(&self.links)
            .extract_if(.., |link| link.id == id)
            .collect();
        self.share_limits();
        // Transports may be of the program, and look at the API as they end.
        drop(forgotten);
    }

    /// Adds links; opens them if the API runs.
    pub(crate) fn add_links(&self, new: Vec<Arc<Link>>, done: Done) {
        let mut run = lock(&self.run);
        lock(&self.links).extend(new.iter().cloned());
        self.share_limits();
        match run.phase {
            Phase::Idle => {
                drop(run);
                done(Ok(()));
            }
            Phase::Stopping => {
                drop(run);
                done(Err(Error::Stopped));
            }
            Phase::Starting | Phase::Running => {
                run.alive += new.len();
                let adding = Arc::new(Adding::new(new.len(), done));
                drop(run);
                self.ask(Command::Add(new, adding));
            }
        }
    }

    /// Closes what a transport expression bound, and forgets it; `done` is told when it is
    /// closed, or why not.
    pub(crate) fn remove_transport(&self, id: TransportId, done: Done) {
        let run = lock(&self.run);
        if !lock(&self.links).iter().any(|link| link.id == id) {
            drop(run);
            return done(Err(Error::Config("there is no such transport".into())));
        }
        let idle = run.phase == Phase::Idle;
        drop(run);
        match idle {
            true => {
                self.forget_links(id);
                done(Ok(()));
            }
            false => self.ask(Command::Remove(id, done)),
        }
    }

    /// The wires have changed: takes the shared limits from them.
    pub(crate) fn share_limits(&self) {
        let pending_calls = self.shared_limit(|limits| limits.pending_calls);
        let subscription = self.shared_limit(|limits| limits.subscription);
        let total = self.shared_limit(|limits| limits.buffered_total);
        self.budget.limit_to(total);
        self.shared.set(pending_calls, subscription);
    }

    /// How long stopping may take.
    pub(crate) fn stop_limit(&self) -> Duration {
        self.shared_limit(|limits| limits.stop)
    }

    /// The limit of the first wire whose expression sets it, else that of the API.
    fn shared_limit<T: PartialEq>(&self, limit: impl Fn(&Limits) -> T) -> T {
        let own = limit(&self.limits);
        let links = lock(&self.links);
        let of = |link: &Link| limit(&link.wire.limits);
        let set = links.iter().map(|link| of(link)).find(|set| *set != own);
        set.unwrap_or(own)
    }

    /// Warns, once for each wire, where anybody on the network can call.
    pub(crate) fn warn_if_open(&self, wire: &Wire, address: SocketAddr) {
        let known = wire.certified || !wire.security.is_null();
        let is_open = !known && !address.ip().to_canonical().is_loopback();
        let harmless = self.is_harmless.load(Ordering::Relaxed);
        if !is_open || harmless || wire.warned.swap(true, Ordering::Relaxed) {
            return;
        }
        // A target of its own, so that who wants it so can silence it.
        crate::base::log::warn!(
            target: "quickrpc::open",
            wire = %wire.name,
            %address,
            "anybody who reaches this address can call: the wire has no security provider. Give \
             one with `.security(..)`, or listen on 127.0.0.1 only"
        );
    }
}
