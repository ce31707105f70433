//! Connecting to a host: its name is looked up, and its addresses are tried, one after the
//! other, until one of them answers; all on the poll thread, within one deadline.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Token};

use crate::base::sync::after;
use crate::carrier::stream::Stream;
use crate::carrier::{names, sys, tcp};

use super::link::Leaf;
use super::opening::start_error;
use super::poll::{Loop, Timer};
use super::race::Race;
use super::reactor::Command;
use super::sources::Source;

/// So long an address has before the next one is tried beside it (RFC 8305, section 8).
const HEAD_START: Duration = Duration::from_millis(250);

impl Loop {
    pub(crate) fn open_tcp(&mut self, index: usize, host: &str, port: u16) -> io::Result<()> {
        match host.parse::<IpAddr>() {
            Ok(ip) => {
                self.limit_connecting(index);
                self.connect(index, vec![SocketAddr::new(ip, port)]);
                Ok(())
            }
            Err(_) => self.look_up(index, host),
        }
    }

    /// Looks up the name of a link. That blocks, so it is done elsewhere.
    pub(crate) fn look_up(&mut self, index: usize, name: &str) -> io::Result<()> {
        self.limit_connecting(index);
        let Some(state) = self.states.get_mut(index) else {
            return Ok(());
        };
        let attempt = state.attempt;
        let reactor = Arc::clone(&self.reactor);
        let asked = names::look_up(name, move |found| {
            reactor.ask(Command::Resolved(index, attempt, found));
        })?;
        state.asked = Some(asked);
        Ok(())
    }

    fn limit_connecting(&mut self, index: usize) {
        if let (Some(link), Some(state)) = (self.links.get(index), self.states.get(index)) {
            let at = after(link.wire.limits.connect);
            let timer = Timer::ConnectTimeout(index, state.attempt);
            self.after(at, timer);
        }
    }

    /// The name of a link was looked up, for an attempt to open it.
    pub(crate) fn resolved(
        &mut self,
        index: usize,
        attempt: u64,
        found: io::Result<Vec<SocketAddr>>,
    ) {
        let Some(state) = self.states.get_mut(index) else {
            return;
        };
        // Too late for an attempt that was given up.
        if state.attempt != attempt || state.over || state.asked.take().is_none() {
            return;
        }
        let Some(link) = self.links.get(index).cloned() else {
            return;
        };
        let with_port = |port: u16| {
            move |mut addresses: Vec<SocketAddr>| {
                addresses.iter_mut().for_each(|one| one.set_port(port));
                addresses
            }
        };
        let opened = match &link.transport {
            Leaf::Tcp { port, .. } => found
                .map(with_port(*port))
                .map(|addresses| self.connect(index, addresses)),
            Leaf::Broker(settings) => {
                let (_, port) = settings.server();
                found
                    .map(with_port(port))
                    .map(|addresses| self.connect(index, addresses))
            }
            Leaf::TcpServer { port, .. } => {
                found.and_then(|addresses| self.listen_at(index, &addresses, *port))
            }
            _ => return,
        };
        if let Err(error) = opened {
            self.failed(index, start_error(&link, &error));
        }
    }

    /// Connects to whichever address answers first.
    fn connect(&mut self, index: usize, addresses: Vec<SocketAddr>) {
        if let Some(state) = self.states.get_mut(index) {
            state.race = Some(Race::new(addresses));
            self.connect_next(index);
        }
    }

    /// Tries the next address, and those after it as long as they fail at once.
    fn connect_next(&mut self, index: usize) {
        loop {
            let state = self.states.get_mut(index);
            let Some((attempt, race)) =
                state.and_then(|state| Some((state.attempt, state.race.as_mut()?)))
            else {
                return;
            };
            let Some(address) = race.next() else {
                break;
            };
            let left = race.left();
            match self.begin(index, address) {
                Ok(()) if left > 0 => {
                    let timer = Timer::NextAddress(index, attempt, left);
                    return self.after(after(HEAD_START), timer);
                }
                Ok(()) => return,
                Err(error) => self.not_connected(index, address, error),
            }
        }
        if self.sources.connecting(index).is_none() {
            self.give_up_connecting(index);
        }
    }

    fn begin(&mut self, index: usize, address: SocketAddr) -> io::Result<()> {
        let mut stream = TcpStream::connect(address)?;
        let token = self.sources.reserve();
        let both = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        registry.register(&mut stream, Token(token), both)?;
        let source = Source::Connecting {
            link: index,
            stream,
            address,
        };
        self.sources.fill(token, source);
        Ok(())
    }

    /// An address has had its head start.
    pub(crate) fn next_address(&mut self, index: usize, attempt: u64, left: usize) {
        let Some(state) = self.states.get(index) else {
            return;
        };
        // Unless it has failed meanwhile, and another one was tried.
        let goes_on = state.race.as_ref().is_some_and(|race| race.left() == left);
        if goes_on && state.attempt == attempt && !state.over {
            self.connect_next(index);
        }
    }

    /// Something happened to an attempt to connect.
    pub(crate) fn connecting(&mut self, token: usize) {
        let Some(Source::Connecting { stream, .. }) = self.sources.get(token) else {
            return;
        };
        let trouble = match (stream.take_error(), stream.peer_addr()) {
            (Ok(Some(error)), _) | (Err(error), _) => Some(error),
            (Ok(None), Ok(_)) => None,
            (Ok(None), Err(error)) if error.kind() == io::ErrorKind::NotConnected => return,
            (Ok(None), Err(error)) => Some(error),
        };
        let Some(Source::Connecting {
            link: index,
            mut stream,
            address,
        }) = self.sources.remove(token)
        else {
            return;
        };
        self.poll.registry().deregister(&mut stream).ok();
        let connected = match trouble {
            Some(error) => Err(error),
            None => sys::connected(stream),
        };
        let stream = match connected {
            Ok(stream) => stream,
            Err(error) => {
                self.not_connected(index, address, error);
                return self.connect_next(index);
            }
        };
        self.end_race(index);
        let Some(link) = self.links.get(index).cloned() else {
            return;
        };
        let (name, nodelay) = match &link.transport {
            Leaf::Tcp { name, nodelay, .. } => (&**name, *nodelay),
            Leaf::Broker(_) => (&*link.wire.name, true),
            _ => return,
        };
        crate::base::log::debug!(wire = %link.wire.name, %address, "reached");
        tcp::prepare(&stream, nodelay, link.wire.keepalive);
        self.arrived(index, &link, Stream::Tcp(stream), name);
    }

    fn not_connected(&mut self, index: usize, address: SocketAddr, error: io::Error) {
        let state = self.states.get_mut(index);
        if let Some(race) = state.and_then(|state| state.race.as_mut()) {
            race.failed(address, error);
        }
    }

    /// Neither connects nor looks up any more. Gives what became of the attempts, and where
    /// some still went on.
    pub(crate) fn end_race(&mut self, index: usize) -> Option<(Race, Vec<SocketAddr>)> {
        let mut underway = Vec::new();
        while let Some(token) = self.sources.connecting(index) {
            if let Some(Source::Connecting { address, .. }) = self.sources.remove(token) {
                underway.push(address);
            }
        }
        let state = self.states.get_mut(index)?;
        state.asked = None;
        Some((state.race.take()?, underway))
    }

    fn give_up_connecting(&mut self, index: usize) {
        if let (Some((race, _)), Some(link)) =
            (self.end_race(index), self.links.get(index).cloned())
        {
            self.failed(index, start_error(&link, &race.error()));
        }
    }

    /// The time for connecting is over.
    pub(crate) fn connect_timeout(&mut self, index: usize, attempt: u64) {
        let Some(state) = self.states.get(index) else {
            return;
        };
        if state.attempt != attempt || state.over {
            return;
        }
        let is_looked_up = state.asked.is_some();
        let late = |text| io::Error::new(io::ErrorKind::TimedOut, text);
        let error = match self.end_race(index) {
            Some((mut race, underway)) => {
                for address in underway {
                    race.failed(address, late("no answer in time"));
                }
                race.error()
            }
            None if is_looked_up => late("the name was not found in time"),
            // It is connected.
            None => return,
        };
        if let Some(link) = self.links.get(index).cloned() {
            self.failed(index, start_error(&link, &error));
        }
    }
}
