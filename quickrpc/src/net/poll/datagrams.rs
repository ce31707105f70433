//! Sockets of datagrams: opening, reading and closing them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use mio::Token;

use crate::base::error::Error;
use crate::base::often::Origin;
use crate::base::reason::DisconnectReason;
use crate::base::sync::lock;
use crate::carrier::sys;
use crate::carrier::udp::{self, Settings};

use super::super::above::Above;
use super::super::addresses::datagrams::Datagrams;
use super::super::link::Link;
use super::super::net::Net;
use super::super::sources::Source;
use super::Loop;

/// Datagrams read before others get their turn.
const READS: usize = 64;

impl Loop {
    pub(crate) fn open_udp(
        &mut self,
        index: usize,
        link: &Link,
        settings: &Settings,
    ) -> io::Result<()> {
        let (port, sockets) = udp::open(settings)?;
        let (address, is_shared) = (port.local(), port.is_shared());
        let (keeper, budget) = (self.net.me.clone(), &self.net.budget);
        let wire = Datagrams::new(keeper, budget, &link.wire, index, port)?;
        let wire = Arc::new(wire);
        for socket in sockets {
            let token = self.sources.reserve();
            sys::register_datagrams(&socket, self.poll.registry(), Token(token))?;
            let source = Source::Datagrams {
                link: index,
                socket,
                wire: Arc::clone(&wire),
            };
            self.sources.fill(token, source);
        }
        lock(&self.net.peers).add_wire(wire);
        lock(&self.net.addresses).push((index, address));
        crate::base::log::info!(%address, "listening for datagrams");
        if is_shared {
            let name = &link.wire.name;
            crate::base::log::warn_often!(
                "an address of two", &Origin::Name(Arc::clone(name));
                wire = %name,
                "another socket is bound to {address}, too: what is sent to it comes to one of the two \
                 alone, and only broadcasts to both; `bind` another address"
            );
        }
        self.net.warn_if_open(&link.wire, address);
        self.opened(index);
        Ok(())
    }

    /// Closes the wire of datagrams of a link, if it is open.
    pub(crate) fn close_udp(&mut self, index: usize) {
        while let Some(token) = self.sources.datagrams(index) {
            if let Some(Source::Datagrams { socket, .. }) = self.sources.remove(token) {
                sys::deregister_datagrams(&socket, self.poll.registry());
            }
        }
        let wire = lock(&self.net.peers).remove_wire(index);
        let Some(wire) = wire else {
            return;
        };
        wire.close();
        lock(&self.net.addresses).retain(|(link, _)| *link != index);
        let reason = DisconnectReason::Transport("the transport has ended".into());
        for conn in wire.all() {
            self.above.lost(&conn, &reason);
        }
    }

    /// Reads what is there, up to a round, and handles it.
    pub(crate) fn read_datagrams(&mut self, token: usize) {
        let Some(Source::Datagrams { link, socket, wire }) = self.sources.get(token) else {
            return;
        };
        let (link, socket, wire) = (*link, Arc::clone(socket), Arc::clone(wire));
        for _ in 0..READS {
            match socket.recv_from(&mut self.scratch) {
                Ok((count, from)) => {
                    let bytes = self.scratch.get(..count).unwrap_or_default();
                    self.net.datagram(&*self.above, &wire, from, bytes);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if udp::is_passing(&error) => {
                    crate::base::log::debug!("receiving: {error}")
                }
                Err(error) => {
                    let error = Error::io("receiving datagrams", error);
                    return self.ended(link, Some(error));
                }
            }
        }
        self.more_datagrams.insert(token);
    }
}

impl Net {
    fn datagram(&self, above: &dyn Above, wire: &Datagrams, from: SocketAddr, bytes: &[u8]) {
        if wire.port.is_own(from, bytes) {
            return;
        }
        let scope = match from {
            SocketAddr::V4(_) => 0,
            SocketAddr::V6(from) => from.scope_id(),
        };
        if let Some(conn) = wire.conn(from.ip(), scope) {
            self.receive_datagram(above, &conn, bytes);
        }
    }
}
