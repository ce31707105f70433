//! Connections that still greet: sources of their own in the poll loop.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Interest, Token};

use crate::base::often::Origin;
use crate::base::sync::after;
use crate::carrier::greeter::{Greeting, Step};
use crate::carrier::stream::Stream;
use crate::wire::met::Met;

use super::super::conn::Outlet;
use super::super::greeting::{self, Greeted};
use super::super::link::{Leaf, Link};
use super::super::opening::{NotGreeted, start_error};
use super::super::reactor::Command;
use super::super::sources::Source;
use super::{Loop, Timer};

/// A connection that was refused may read why for so long.
const LINGER: Duration = Duration::from_secs(1);
/// Deadlines are looked at no more often than this.
const PAUSE: Duration = Duration::from_millis(50);

impl Loop {
    /// A connection is there. It is a peer at once, or after its greeting.
    pub(crate) fn arrived(&mut self, index: usize, link: &Arc<Link>, stream: Stream, name: &str) {
        match &link.greeting {
            Some(greeting) => {
                if let Err(error) = self.greet(index, link, &**greeting, stream, name) {
                    self.not_greeted(index, error);
                }
            }
            None => self.join(index, link, stream, name, (Vec::new(), None)),
        }
    }

    /// A connection becomes a peer. Its greeting may have read more, and found out who it is.
    fn join(
        &mut self,
        index: usize,
        link: &Arc<Link>,
        stream: Stream,
        name: &str,
        (input, met): (Vec<u8>, Option<Met>),
    ) {
        if let Leaf::Broker(settings) = &link.transport {
            return self.join_broker(index, link, settings, stream, input);
        }
        let more = !input.is_empty() || stream.has_unread();
        let outlet = Outlet::Socket(stream);
        let conn = match met {
            None => self.net.connect(&link.wire, index, name, outlet, input),
            Some(met) => {
                let posts = match met {
                    Met::Posts(_) => link.wire.posts.as_ref(),
                    Met::Zmtp(_) | Met::Known(_) => None,
                };
                let wire = posts.unwrap_or(&link.wire);
                let conn = self
                    .net
                    .connect_met(wire, index, name, outlet, input, met.clone());
                let Some(conn) = conn else {
                    return self.is_there_already(index, link, name, &met);
                };
                conn
            }
        };
        self.adopt(Arc::clone(&conn));
        if more {
            match self.elsewhere(&conn) {
                Some(other) => other.ask(Command::Resume(Arc::clone(&conn))),
                None => self.read_again(&conn),
            }
        }
        if !link.transport.is_server() {
            self.opened_with(index, &conn);
        }
    }

    /// A connection says that it is somebody who is connected. It is closed, so that it comes again:
    /// the other one may have been lost without our knowing.
    fn is_there_already(&mut self, index: usize, link: &Arc<Link>, name: &str, met: &Met) {
        let who = met.name().unwrap_or_default();
        let origin = Origin::of(name, &link.wire.name);
        crate::base::log::warn_often!(
            "two peers of one name", &origin, &who;
            peer = name, "closed: `{who}` is connected already"
        );
        let text = format!("its name `{who}` is that of another peer");
        self.not_greeted(index, io::Error::new(io::ErrorKind::AddrInUse, text));
    }

    fn greet(
        &mut self,
        index: usize,
        link: &Link,
        greeting: &dyn Greeting,
        stream: Stream,
        name: &str,
    ) -> io::Result<()> {
        let (stream, greeter) = greeting::begin(greeting, stream)?;
        let token = self.sources.reserve();
        let both = Interest::READABLE | Interest::WRITABLE;
        stream.register(self.poll.registry(), Token(token), both)?;
        self.greetings.next += 1;
        let deadline = after(link.wire.limits.greeting);
        let greeted = Greeted {
            id: self.greetings.next,
            link: index,
            name: name.to_owned(),
            stream,
            greeter,
            input: Vec::new(),
            deadline,
            is_peer: false,
            refused: false,
        };
        self.sources
            .fill(token, Source::Greeting(Box::new(greeted)));
        if let Some(state) = self.states.get_mut(index) {
            state.peers += 1;
        }
        self.look_at_greetings(deadline);
        Ok(())
    }

    /// Something happened to a connection that greets.
    pub(crate) fn go_on_greeting(&mut self, token: usize) {
        let Some(Source::Greeting(greeted)) = self.sources.get_mut(token) else {
            return;
        };
        if greeted.refused {
            return self.read_refused(token);
        }
        match greeted.advance() {
            Step::Wait => {}
            Step::Moved { more } => {
                let stall = self.links.get(greeted.link);
                let stall = stall.map_or(LINGER, |link| link.wire.limits.stall);
                let deadline = after(stall);
                greeted.deadline = deadline;
                if more {
                    self.greetings.goes_on(token, greeted.id);
                }
                // It may come before that of the greeting.
                self.look_at_greetings(deadline);
            }
            Step::More => self.greetings.goes_on(token, greeted.id),
            Step::Unless(time) => {
                let deadline = greeted.deadline.min(after(time));
                greeted.deadline = deadline;
                greeted.is_peer = true;
                self.look_at_greetings(deadline);
            }
            Step::Done => self.has_greeted(token),
            Step::Refused(reason) => {
                crate::base::log::debug!(peer = greeted.name, "no peer: {reason}");
                let index = greeted.link;
                let deadline = after(LINGER);
                greeted.refused = true;
                greeted.deadline = deadline;
                if !self.serves(index) {
                    self.end_greeting(token);
                    return self.not_greeted(index, io::Error::other(reason));
                }
                if let Some(Source::Greeting(greeted)) = self.sources.get(token) {
                    greeted.stream.shutdown_write();
                }
                self.look_at_greetings(deadline);
                self.read_refused(token);
            }
            Step::Failed(error) => {
                if let Some((_, greeted)) = self.end_greeting(token) {
                    crate::base::log::debug!(peer = greeted.name, "the greeting failed: {error}");
                    self.not_greeted(greeted.link, error);
                }
            }
        }
    }

    /// A connection is a peer now.
    fn has_greeted(&mut self, token: usize) {
        if let Some((link, mut greeted)) = self.end_greeting(token) {
            let found = (greeted.input, greeted.greeter.met());
            self.join(greeted.link, &link, greeted.stream, &greeted.name, found);
        }
    }

    /// Those that wait for nothing but their turn.
    pub(crate) fn go_on_greetings(&mut self) {
        for (token, id) in std::mem::take(&mut self.greetings.more) {
            if let Some(Source::Greeting(greeted)) = self.sources.get(token)
                && greeted.id == id
            {
                self.go_on_greeting(token);
            }
        }
    }

    /// Throws away what a refused connection still sends: closing with unread input would
    /// destroy what it was told.
    fn read_refused(&mut self, token: usize) {
        let Some(Source::Greeting(greeted)) = self.sources.get(token) else {
            return;
        };
        for _ in 0..16 {
            match greeted.stream.discard(&mut self.scratch) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(count) if count > 0 => {}
                // Its end.
                _ => break,
            }
        }
        self.end_greeting(token);
    }

    /// A connection greets no longer.
    fn end_greeting(&mut self, token: usize) -> Option<(Arc<Link>, Greeted)> {
        let Some(Source::Greeting(greeted)) = self.sources.remove(token) else {
            return None;
        };
        greeted.stream.deregister(self.poll.registry());
        let index = greeted.link;
        if let Some(state) = self.states.get_mut(index) {
            state.peers = state.peers.saturating_sub(1);
        }
        let link = self.links.get(index).cloned()?;
        Some((link, *greeted))
    }

    /// A server goes on without it; a client could not be opened.
    fn not_greeted(&mut self, index: usize, error: io::Error) {
        if self.serves(index) {
            return self.accept_again(index);
        }
        if let Some(link) = self.links.get(index).cloned() {
            self.failed(index, start_error(&link, &error));
        }
    }

    fn serves(&self, index: usize) -> bool {
        let link = self.links.get(index);
        link.is_some_and(|link| link.transport.is_server())
    }

    fn look_at_greetings(&mut self, at: Instant) {
        if self.greetings.armed.is_none_or(|armed| at < armed) {
            self.greetings.armed = Some(at);
            self.after(at, Timer::Greetings);
        }
    }

    /// Gives up those that took too long.
    pub(crate) fn expire_greetings(&mut self) {
        let now = Instant::now();
        // Of a timer that an earlier one has replaced; each would set the next one too.
        if self.greetings.armed.is_none_or(|armed| armed > now) {
            return;
        }
        self.greetings.armed = None;
        let (mut late, mut next) = (Vec::new(), None::<Instant>);
        for (token, greeted) in self.sources.greetings() {
            match greeted.deadline <= now {
                true => late.push((token, greeted.is_peer && !greeted.refused)),
                false => {
                    let at = greeted.deadline;
                    next = Some(next.map_or(at, |next| next.min(at)));
                }
            }
        }
        if let Some(next) = next {
            self.look_at_greetings(next.max(now + PAUSE));
        }
        for (token, is_peer) in late {
            if is_peer {
                self.has_greeted(token);
            } else if let Some((_, greeted)) = self.end_greeting(token)
                && !greeted.refused
            {
                crate::base::log::debug!(peer = greeted.name, "the greeting took too long");
                let error = io::Error::new(io::ErrorKind::TimedOut, NotGreeted);
                self.not_greeted(greeted.link, error);
            }
        }
    }
}
