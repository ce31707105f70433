//! Opening transports on the poll thread, and trying again.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::above::Done;
use super::adding::Adding;
use super::bus;
use crate::base::error::Error;
use crate::base::foreign;
use crate::base::log::Shown;
use crate::base::often::Origin;
use crate::base::sync::{after, lock};
use crate::carrier::pipe::Pipe;
use crate::carrier::stdio;
use crate::carrier::stream::Stream;
use crate::carrier::sys::{process, unix};
use crate::expr::Retry;

use super::link::{Leaf, Link};
use super::poll::{LinkState, Loop, Timer};
use super::status::{TransportId, TransportState};
use crate::base::reason::DisconnectReason;

impl Loop {
    pub(crate) fn open(&mut self, index: usize) {
        let Some(link) = self.links.get(index).cloned() else {
            return;
        };
        if self.states.get(index).is_none_or(|state| state.over) {
            return;
        }
        if let Some(state) = self.states.get_mut(index) {
            state.attempt += 1;
        }
        self.net.set_state(&link, TransportState::Opening);
        let opened = match &link.transport {
            Leaf::Tcp { host, port, .. } => self.open_tcp(index, host, *port),
            Leaf::TcpServer {
                interface, port: 0, ..
            } if link.wire.beside => self.listen_beside(index, interface),
            Leaf::TcpServer {
                interface, port, ..
            } => self.listen_tcp(index, interface, *port),
            Leaf::Stdio { guard } => stdio::open(*guard, &link.wire.limits)
                .and_then(|pipe| self.open_pipe(index, &link, "stdio", pipe)),
            Leaf::Udp(settings) => self.open_udp(index, &link, settings),
            Leaf::Broker(settings) => {
                let (host, port) = settings.next_server();
                self.open_tcp(index, &host, port)
            }
            Leaf::Process(command) => process::start(command, &link.wire.limits)
                .and_then(|pipe| self.open_pipe(index, &link, &command.name(), pipe)),
            Leaf::Unix(path) => self.open_unix(index, &link, path),
            Leaf::UnixServer { path, mode } => self.listen_unix(index, path, *mode),
            Leaf::Internal {
                bus: bus_name,
                name,
            } => bus::join(&self.net, index, &link.wire, bus_name, name.as_deref())
                .map(|()| self.opened(index)),
            Leaf::Custom(transport) => self.net.open_custom(index, &link.wire, transport),
        };
        if let Err(error) = opened {
            let error = start_error(&link, &error);
            self.failed(index, error);
        }
    }

    /// A link is open. When all are, the start is over.
    pub(crate) fn opened(&mut self, index: usize) {
        if let Some(link) = self.links.get(index) {
            self.net.set_state(link, TransportState::Up);
        }
        if let Some(state) = self.states.get_mut(index) {
            state.tried = true;
            state.opened = Some(Instant::now());
            let failures = std::mem::take(&mut state.failures);
            if failures > 0
                && let Some(link) = self.links.get(index)
            {
                let origin = Origin::Name(Arc::clone(&link.wire.name));
                crate::base::log::info_often!(
                    "a transport is open again", &origin;
                    wire = %link.wire.name, "open, after {failures} failures"
                );
            }
            if let Some(adding) = state.adding.take() {
                adding.part(Ok(()));
            }
        }
        self.check_started();
    }

    /// A link could not be opened.
    pub(crate) fn failed(&mut self, index: usize, error: Error) {
        let Some(link) = self.links.get(index).cloned() else {
            return;
        };
        let Some(state) = self.states.get_mut(index) else {
            return;
        };
        let first = !std::mem::replace(&mut state.tried, true);
        state.failures += 1;
        let adding = state.adding.take();
        match link.retry {
            Some(retry) => {
                let wait = pause(&link, retry, state);
                // Once for an outage, however long it is; its end is told.
                match state.failures {
                    1 => {
                        let origin = Origin::Name(Arc::clone(&link.wire.name));
                        crate::base::log::warn_often!(
                            "a transport cannot be opened", &origin, &Shown(&error);
                            wire = %link.wire.name,
                            "{}; trying again in {wait:?}, until it can be opened", Shown(&error)
                        );
                    }
                    failures => crate::base::log::debug!(
                        wire = %link.wire.name, failures, "{}; trying again in {wait:?}",
                        Shown(&error)
                    ),
                }
                self.down(index, &link, error, wait);
                if let Some(adding) = adding {
                    adding.part(Ok(()));
                }
                self.check_started();
            }
            None if adding.is_some() => {
                // As if it had never been added, its other parts included.
                self.take_out(link.id);
                if let Some(adding) = adding {
                    adding.part(Err(error));
                }
            }
            None if first => {
                self.failure.get_or_insert(error);
                self.net.request_stop();
            }
            None => self.ended(index, Some(error)),
        }
    }

    /// A link that was open has ended.
    pub(crate) fn ended(&mut self, index: usize, reason: Option<Error>) {
        let Some(link) = self.links.get(index).cloned() else {
            return;
        };
        self.close_link(index);
        if let Some(error) = self.greeting_failed(index, &link, reason.as_ref()) {
            return self.failed(index, error);
        }
        let state = self.states.get_mut(index).filter(|state| !state.over);
        match (link.retry, state) {
            (Some(retry), Some(state)) => {
                let wait = pause(&link, retry, state);
                let reason = reason.unwrap_or(Error::Ended);
                let origin = Origin::Name(Arc::clone(&link.wire.name));
                crate::base::log::info_often!(
                    "a transport has ended", &origin, &Shown(&reason);
                    wire = %link.wire.name, "{}; starting again in {wait:?}", Shown(&reason)
                );
                self.down(index, &link, reason, wait);
            }
            _ => {
                crate::base::log::debug!(wire = %link.wire.name, ?reason, "ended");
                self.net.set_state(&link, TransportState::Ended { reason });
                if let Some(state) = self.states.get_mut(index)
                    && !std::mem::replace(&mut state.over, true)
                {
                    self.net.link_ended();
                }
                let beside = index + 1;
                if self.links.get(beside).is_some_and(|link| link.wire.beside) {
                    self.take_out_one(beside);
                }
            }
        }
    }

    /// A link is to be opened again after a while.
    fn down(&mut self, index: usize, link: &Link, reason: Error, wait: Duration) {
        let retry_in = wait;
        self.net
            .set_state(link, TransportState::Down { reason, retry_in });
        self.after(after(wait), Timer::Reopen(index));
    }

    /// Opens further links.
    pub(crate) fn add(&mut self, links: Vec<Arc<Link>>, adding: &Arc<Adding>) {
        let first = self.links.len();
        for link in links {
            self.links.push(link);
            self.states.push(LinkState {
                adding: Some(Arc::clone(adding)),
                ..LinkState::default()
            });
        }
        for index in first..self.links.len() {
            // A part that fails takes out the others.
            if self.states.get(index).is_some_and(|state| !state.over) {
                self.open(index);
            }
        }
    }

    /// Closes the links of a transport.
    pub(crate) fn remove(&mut self, id: TransportId, removed: Done) {
        self.take_out(id);
        removed(Ok(()));
    }

    fn take_out(&mut self, id: TransportId) {
        for index in 0..self.links.len() {
            if self.links.get(index).is_some_and(|link| link.id == id) {
                self.take_out_one(index);
            }
        }
        self.net.forget_links(id);
    }

    fn take_out_one(&mut self, index: usize) {
        self.end_race(index);
        self.sources.close_link(index);
        lock(&self.net.addresses).retain(|(link, _)| *link != index);
        let peers = lock(&self.net.peers).of_link(index);
        for conn in peers {
            self.net.say_last(&conn);
            conn.close(DisconnectReason::Local);
        }
        // Threads that this wakes find their peer closed.
        self.close_link(index);
        if let Some(state) = self.states.get_mut(index)
            && !std::mem::replace(&mut state.over, true)
        {
            self.net.link_ended();
        }
    }

    pub(crate) fn check_started(&mut self) {
        if self.states.iter().all(|state| state.tried)
            && self.failure.is_none()
            && self.is_accompanied()
        {
            self.net.started();
        }
    }

    /// Closes what a link has beside its peers.
    pub(crate) fn close_link(&mut self, index: usize) {
        let Some(link) = self.links.get(index) else {
            return;
        };
        match &link.transport {
            Leaf::Internal { bus: bus_name, .. } => bus::leave(&self.net, bus_name, index),
            Leaf::Custom(transport) => {
                foreign::catch("closing a transport", || transport.close());
            }
            Leaf::Udp(_) => self.close_udp(index),
            Leaf::Broker(_) => self.close_broker(index),
            _ => {}
        }
        if let Some(pipe) = self
            .states
            .get_mut(index)
            .and_then(|state| state.pipe.take())
        {
            pipe.give_up();
        }
    }

    /// The one peer of a link is at the other end of a pipe.
    fn open_pipe(
        &mut self,
        index: usize,
        link: &Arc<Link>,
        name: &str,
        mut pipe: Pipe,
    ) -> io::Result<()> {
        let conn = self.net.connect_pipe(&link.wire, index, name, &mut pipe);
        let wakers = Arc::clone(&pipe.wakers);
        self.adopt(Arc::clone(&conn));
        self.net.run_pipe(&self.above, &conn, pipe)?;
        if let Some(state) = self.states.get_mut(index) {
            state.pipe = Some(wakers);
        }
        self.opened_with(index, &conn);
        Ok(())
    }

    fn open_unix(&mut self, index: usize, link: &Arc<Link>, path: &Path) -> io::Result<()> {
        let stream = Stream::Unix(unix::connect(path)?);
        self.arrived(index, link, stream, &path.to_string_lossy());
        Ok(())
    }
}

/// Somebody is there, and says nothing, or something else.
#[derive(Debug, thiserror::Error)]
#[error("the other side did not greet in time")]
pub(crate) struct NotGreeted;

/// The error of a start, which says what to do.
pub(crate) fn start_error(link: &Link, error: &io::Error) -> Error {
    let hint = match error.kind() {
        // The errors of these say by themselves what to do.
        _ if !has_address(&link.transport) => "",
        _ if error
            .get_ref()
            .is_some_and(|error| error.is::<NotGreeted>()) =>
        {
            "; is it the right port, and does it speak this protocol?"
        }
        io::ErrorKind::AddrInUse => {
            "; another program listens there: stop it, or choose another port (0 picks a free one)"
        }
        io::ErrorKind::ConnectionRefused => {
            "; nobody listens there: start the server first, or check the port"
        }
        io::ErrorKind::PermissionDenied => "; ports below 1024 need special rights",
        io::ErrorKind::AddrNotAvailable => "; this machine has no such address",
        io::ErrorKind::TimedOut
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable => "; check the host name and the network",
        _ => "",
    };
    Error::Start {
        transport: Arc::clone(&link.wire.name),
        reason: format!("{error}{hint}").into(),
        kind: Some(error.kind()),
    }
}

/// Whether it is a host and port that cannot be opened.
fn has_address(transport: &Leaf) -> bool {
    matches!(
        transport,
        Leaf::Tcp { .. } | Leaf::TcpServer { .. } | Leaf::Udp(_) | Leaf::Broker(_)
    )
}

/// A connection has lasted if it was longer than the pause before it, or than this.
const LASTING: Duration = Duration::from_secs(5);

/// How long to wait before the next attempt. Another server of a broker is tried at once.
///
/// The pause grows until a connection has lasted, for one that is accepted and closed at once is of no use.
fn pause(link: &Link, retry: Retry, state: &mut LinkState) -> Duration {
    let lasted = state.opened.take().map(|opened| opened.elapsed());
    if lasted.is_some_and(|lasted| lasted > state.paused.min(LASTING)) {
        state.in_vain = 0;
    }
    state.in_vain = state.in_vain.saturating_add(1);
    if let Leaf::Broker(settings) = &link.transport
        && settings.has_untried()
    {
        return Duration::ZERO;
    }
    let Some(most) = retry.backoff else {
        return retry.interval;
    };
    let doubled = retry
        .interval
        .saturating_mul(1_u32.checked_shl(state.in_vain - 1).unwrap_or(u32::MAX));
    let wait = doubled.min(most.max(retry.interval));
    // Up to a fifth less, so that many clients do not come back at once.
    let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), state.in_vain);
    state.paused = wait - wait / 500 * (random % 100) as u32;
    state.paused
}
