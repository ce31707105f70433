//! Servers: listening, and accepting as long as the system has descriptors.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::Token;
use mio::net::TcpListener;

use crate::base::foreign;
use crate::base::often::Origin;
use crate::base::sync::lock;
use crate::carrier::listener::Listener;
use crate::carrier::stream::Stream;
use crate::carrier::sys::{self, unix};
use crate::carrier::tcp;

use super::link::{Leaf, Link};
use super::opening::start_error;
use super::poll::{Loop, Timer};
use super::reactor::Command;
use super::sources::Source;

/// How long accepting pauses when the system has no descriptor left.
const NO_DESCRIPTORS: Duration = Duration::from_millis(500);
/// So many pairs of ports are tried.
const PAIRS: usize = 20;
/// Connections accepted before others get their turn.
const ACCEPTS: usize = 64;

impl Loop {
    /// Listens at a path. Elsewhere, since it may have to wait for other servers.
    pub(crate) fn listen_unix(
        &mut self,
        index: usize,
        path: &Path,
        mode: Option<u32>,
    ) -> io::Result<()> {
        let path = path.to_owned();
        let make = move || unix::listen(&path, mode).map(Listener::Unix);
        self.listen_elsewhere(index, make)
    }

    /// Listens at an address; a name is looked up first.
    pub(crate) fn listen_tcp(
        &mut self,
        index: usize,
        interface: &str,
        port: u16,
    ) -> io::Result<()> {
        if interface.is_empty() {
            let listener = tcp::listen_everywhere(port)?;
            let listener = Listener::Tcp(TcpListener::from_std(listener));
            return self.listen(index, vec![listener]);
        }
        match interface.parse::<IpAddr>() {
            Ok(ip) => self.listen_at(index, &[SocketAddr::new(ip, port)], port),
            Err(_) => self.look_up(index, interface),
        }
    }

    /// Listens at all of these addresses.
    pub(crate) fn listen_at(
        &mut self,
        index: usize,
        addresses: &[SocketAddr],
        port: u16,
    ) -> io::Result<()> {
        let listeners = tcp::listen(addresses, port)?.into_iter();
        let made = listeners.map(|one| Listener::Tcp(TcpListener::from_std(one)));
        self.listen(index, made.collect())
    }

    /// Listens on the port behind that of the link before, which the system has picked; or on any, if
    /// no two are free.
    pub(crate) fn listen_beside(&mut self, index: usize, interface: &str) -> io::Result<()> {
        let first = index.wrapping_sub(1);
        for _ in 0..PAIRS {
            let addresses = lock(&self.net.addresses).clone();
            let found = addresses.iter().find(|(link, _)| *link == first);
            let Some((_, address)) = found else {
                // Its name is still looked up.
                break;
            };
            if let Some(port) = address.port().checked_add(1) {
                match self.listen_tcp(index, interface, port) {
                    Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                    done => return done,
                }
            }
            self.stop_listening(first);
            self.listen_tcp(first, interface, 0)?;
        }
        self.listen_tcp(index, interface, 0)
    }

    /// Makes a listener on a thread of its own, since that may block: the poll thread must not.
    fn listen_elsewhere(
        &mut self,
        index: usize,
        make: impl FnOnce() -> io::Result<Listener> + Send + 'static,
    ) -> io::Result<()> {
        let attempt = self.states.get(index).map_or(0, |state| state.attempt);
        let reactor = Arc::clone(&self.reactor);
        self.net.threads.spawn("listen", move || {
            let made = foreign::attempt(make);
            let made = made.unwrap_or_else(|text| Err(io::Error::other(text)));
            reactor.ask(Command::Listening(index, attempt, made));
        })
    }

    /// A listener was made elsewhere, for an attempt of a link.
    pub(crate) fn listening(&mut self, index: usize, attempt: u64, listener: io::Result<Listener>) {
        let state = self.states.get(index);
        if state.is_none_or(|state| state.attempt != attempt || state.over) {
            return;
        }
        let opened = listener.and_then(|listener| self.listen(index, vec![listener]));
        if let Err(error) = opened
            && let Some(link) = self.links.get(index).cloned()
        {
            self.failed(index, start_error(&link, &error));
        }
    }

    fn listen(&mut self, index: usize, listeners: Vec<Listener>) -> io::Result<()> {
        for listener in listeners {
            if let Err(error) = self.listen_one(index, listener) {
                self.stop_listening(index);
                return Err(error);
            }
        }
        self.opened(index);
        Ok(())
    }

    fn listen_one(&mut self, index: usize, listener: Listener) -> io::Result<()> {
        let address = listener.address()?;
        self.accept_from(index, listener)?;
        let Some(link) = self.links.get(index) else {
            return Ok(());
        };
        crate::base::log::info!(wire = %link.wire.name, ?address, "listening");
        if let Some(address) = address {
            lock(&self.net.addresses).push((index, address));
            self.net.warn_if_open(&link.wire, address);
        }
        Ok(())
    }

    fn stop_listening(&mut self, index: usize) {
        self.sources.close_link(index);
        lock(&self.net.addresses).retain(|(link, _)| *link != index);
    }

    fn accept_from(&mut self, index: usize, mut listener: Listener) -> io::Result<()> {
        let token = self.sources.reserve();
        listener.register(self.poll.registry(), Token(token))?;
        let source = Source::Listener {
            link: index,
            listener,
        };
        self.sources.fill(token, source);
        Ok(())
    }

    pub(crate) fn accept(&mut self, token: usize, index: usize) {
        let Some(link) = self.links.get(index).cloned() else {
            return;
        };
        for _ in 0..ACCEPTS {
            let Some(Source::Listener { listener, link: of }) = self.sources.get(token) else {
                return;
            };
            if *of != index {
                return;
            }
            match listener.accept() {
                Ok((stream, name)) => self.welcome(index, &link, stream, &name),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return self.accepted_all(index);
                }
                Err(error) if sys::is_out_of_descriptors(&error) => {
                    return self.out_of_descriptors(index, &error);
                }
                // The connection that was to be accepted is gone already.
                Err(error) => crate::base::log::debug!("not accepted: {error}"),
            }
        }
        self.accept_at(index, Instant::now());
    }

    /// Accepts at that time, or before. One timer for each listener, however many connections
    /// arrive meanwhile.
    fn accept_at(&mut self, index: usize, at: Instant) {
        let Some(state) = self.states.get_mut(index) else {
            return;
        };
        if state.accepts_at.is_none_or(|armed| at < armed) {
            state.accepts_at = Some(at);
            self.after(at, Timer::Accept(index));
        }
    }

    /// A timer of a listener is due.
    pub(crate) fn accept_due(&mut self, index: usize) {
        let Some(state) = self.states.get_mut(index) else {
            return;
        };
        // Unless it was replaced by one that came earlier.
        if state.accepts_at.is_some_and(|at| at <= Instant::now()) {
            state.accepts_at = None;
            self.accept_again(index);
        }
    }

    /// The system has no descriptor left. Said once, until all that wait are accepted.
    fn out_of_descriptors(&mut self, index: usize, error: &io::Error) {
        if let Some(state) = self.states.get_mut(index) {
            let now = Instant::now();
            let (_, seen) = state.outage.get_or_insert((now, 0));
            *seen += 1;
            if *seen == 1 {
                let origin = self.transport(index);
                crate::base::log::warn_often!(
                    "accepting pauses", &origin; "accepting pauses: {error}"
                );
            }
        }
        self.accept_at(index, Instant::now() + NO_DESCRIPTORS);
    }

    /// Nobody waits to be accepted.
    fn accepted_all(&mut self, index: usize) {
        let state = self.states.get_mut(index);
        if let Some((since, seen)) = state.and_then(|state| state.outage.take()) {
            let lasted = since.elapsed();
            let origin = self.transport(index);
            crate::base::log::info_often!(
                "accepting goes on", &origin;
                seen, "accepting goes on after {lasted:?} without descriptors"
            );
        }
    }

    fn transport(&self, index: usize) -> Origin {
        let link = self.links.get(index);
        link.map_or(Origin::Anybody, |link| {
            Origin::Name(Arc::clone(&link.wire.name))
        })
    }

    fn welcome(&mut self, index: usize, link: &Arc<Link>, stream: Stream, name: &str) {
        let limit = link.wire.limits.connections;
        if self
            .states
            .get(index)
            .is_some_and(|state| state.peers >= limit)
        {
            let origin = Origin::of(name, &link.wire.name);
            crate::base::log::warn_often!(
                "too many connections", &origin;
                peer = name, "closed at once: {limit} connections are the limit"
            );
            return;
        }
        if let (Leaf::TcpServer { nodelay, .. }, Stream::Tcp(stream)) = (&link.transport, &stream) {
            tcp::prepare(stream, *nodelay, link.wire.keepalive);
        }
        self.arrived(index, link, stream, name);
    }

    pub(crate) fn accept_again(&mut self, index: usize) {
        for token in self.sources.listeners(index) {
            self.accept(token, index);
        }
    }
}
