//! What the poll thread watches, by token.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use mio::net::TcpStream;

use crate::carrier::listener::Listener;
use crate::carrier::sys::UdpSocket;

use super::addresses::datagrams::Datagrams;
use super::conn::Conn;
use super::greeting::Greeted;

/// Something with a token.
pub(crate) enum Source {
    Peer(Arc<Conn>),
    Listener {
        link: usize,
        listener: Listener,
    },
    /// An attempt of a client to connect to one of its addresses.
    Connecting {
        link: usize,
        stream: TcpStream,
        address: SocketAddr,
    },
    /// A connection that is no peer yet.
    Greeting(Box<Greeted>),
    /// One of the sockets of a wire of datagrams.
    Datagrams {
        link: usize,
        socket: Arc<UdpSocket>,
        wire: Arc<Datagrams>,
    },
}

impl Source {
    /// The link, if this is one of the few things that it has beside connections.
    fn single(&self) -> Option<usize> {
        match self {
            Source::Listener { link, .. }
            | Source::Connecting { link, .. }
            | Source::Datagrams { link, .. } => Some(*link),
            Source::Peer(_) | Source::Greeting(_) => None,
        }
    }
}

/// A table whose places are used again, but not for events of the same round.
#[derive(Default)]
pub(crate) struct Sources {
    places: Vec<Option<Source>>,
    free: Vec<usize>,
    freed: Vec<usize>,
    /// The tokens of what a link has beside connections: a server asks for them whenever
    /// one of thousands of peers ends.
    of_links: HashMap<usize, Vec<usize>>,
}

impl Sources {
    pub(crate) fn insert(&mut self, source: Source) -> usize {
        let token = self.reserve();
        self.fill(token, source);
        token
    }

    /// A place for something that has to be registered with its token first. It is free
    /// again if it is not filled before the next reservation.
    pub(crate) fn reserve(&mut self) -> usize {
        match self.free.last() {
            Some(token) => *token,
            None => self.places.len(),
        }
    }

    pub(crate) fn fill(&mut self, token: usize, source: Source) {
        if self.free.last() == Some(&token) {
            self.free.pop();
        }
        if token >= self.places.len() {
            self.places.resize_with(token + 1, || None);
        }
        if let Some(link) = source.single() {
            self.of_links.entry(link).or_default().push(token);
        }
        if let Some(place) = self.places.get_mut(token) {
            *place = Some(source);
        }
    }

    pub(crate) fn get(&self, token: usize) -> Option<&Source> {
        self.places.get(token)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, token: usize) -> Option<&mut Source> {
        self.places.get_mut(token)?.as_mut()
    }

    pub(crate) fn remove(&mut self, token: usize) -> Option<Source> {
        let source = self.places.get_mut(token)?.take()?;
        self.freed.push(token);
        if let Some(link) = source.single()
            && let Some(tokens) = self.of_links.get_mut(&link)
        {
            tokens.retain(|one| *one != token);
            if tokens.is_empty() {
                self.of_links.remove(&link);
            }
        }
        Some(source)
    }

    /// The events of the round are over: freed places can be used.
    pub(crate) fn recycle(&mut self) {
        self.free.append(&mut self.freed);
    }

    pub(crate) fn peers(&self) -> impl Iterator<Item = &Arc<Conn>> {
        self.places.iter().filter_map(|source| match source {
            Some(Source::Peer(conn)) => Some(conn),
            _ => None,
        })
    }

    /// Those that greet, with their tokens.
    pub(crate) fn greetings(&self) -> impl Iterator<Item = (usize, &Greeted)> {
        let places = self.places.iter().enumerate();
        places.filter_map(|(token, source)| match source {
            Some(Source::Greeting(greeted)) => Some((token, &**greeted)),
            _ => None,
        })
    }

    /// The tokens of the listeners of a link.
    pub(crate) fn listeners(&self, link: usize) -> Vec<usize> {
        let all = self.of_link(link, |source| matches!(source, Source::Listener { .. }));
        all.collect()
    }

    /// The token of one of a link's attempts to connect.
    pub(crate) fn connecting(&self, link: usize) -> Option<usize> {
        self.of_link(link, |source| matches!(source, Source::Connecting { .. }))
            .next()
    }

    /// The token of a socket of a link's wire of datagrams.
    pub(crate) fn datagrams(&self, link: usize) -> Option<usize> {
        self.of_link(link, |source| matches!(source, Source::Datagrams { .. }))
            .next()
    }

    fn of_link(&self, link: usize, is_meant: fn(&Source) -> bool) -> impl Iterator<Item = usize> {
        let tokens = self.of_links.get(&link).into_iter().flatten().copied();
        tokens.filter(move |token| self.get(*token).is_some_and(is_meant))
    }

    /// A link accepts and connects nobody any more.
    pub(crate) fn close_link(&mut self, index: usize) {
        let mut tokens = self.listeners(index);
        tokens.extend(self.of_link(index, |source| matches!(source, Source::Connecting { .. })));
        let greet = |(token, one): (usize, &Greeted)| (one.link == index).then_some(token);
        tokens.extend(self.greetings().filter_map(greet));
        for token in tokens {
            self.remove(token);
        }
    }

    /// Nobody is accepted or connected any more.
    pub(crate) fn close_listeners(&mut self) {
        self.of_links.clear();
        for place in &mut self.places {
            if !matches!(place, Some(Source::Peer(_))) {
                *place = None;
            }
        }
    }
}
