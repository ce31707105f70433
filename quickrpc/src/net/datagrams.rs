//! Wires of datagrams: they have addresses, not peers.
//!
//! Whatever sent something, and whatever is sent to, is a [`Conn`] without a connection,
//! so that senders, lanes and answers are those of any other wire. One more stands for
//! everybody.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use std::{fmt, io};

use mio::unix::SourceFd;
use mio::{Interest, Token};

use crate::base::error::Error;
use crate::base::sender::Sender;
use crate::base::sync::lock;
use crate::carrier::udp;
use crate::carrier::udp::{Settings, UdpPort};

use super::above::Above;
use super::conn::{Conn, DatagramOutlet, Outlet, next_id};
use super::link::Link;
use super::poll::{Loop, Timer};
use super::sources::Source;
use crate::base::reason::DisconnectReason;
use crate::net::net::Net;
use crate::wire::Wire;

/// How many addresses a wire knows: anybody can make up addresses.
const KNOWN: usize = 1024;
/// Datagrams read before others get their turn.
const READS: usize = 64;

/// One open wire of datagrams.
pub(crate) struct Datagrams {
    port: Arc<UdpPort>,
    /// What is sent to it goes to all; anybody may answer it.
    pub(crate) everyone: Arc<Conn>,
    /// Guards the known addresses; a leaf in the lock order.
    known: Mutex<AddressTable<Arc<Conn>>>,
}

impl Datagrams {
    fn new(net: &Net, wire: &Arc<Wire>, link: usize, port: UdpPort) -> io::Result<Self> {
        let port = Arc::new(port);
        let ip = port.to_all();
        let to = port.target(ip, 0).ok_or_else(|| {
            let text = format!("{ip} cannot be reached from {}", port.local().ip());
            io::Error::new(io::ErrorKind::InvalidInput, text)
        })?;
        let id = next_id();
        let sender = Sender::at_address(id, ip, id);
        let outlet = Outlet::Datagram(DatagramOutlet {
            port: Arc::clone(&port),
            to,
        });
        Ok(Datagrams {
            port,
            everyone: Conn::new(net.me.clone(), &net.budget, sender, wire, link, outlet),
            known: Mutex::new(AddressTable::new(KNOWN)),
        })
    }

    /// What stands for an address. `None`: it cannot be reached from here.
    pub(crate) fn conn(&self, ip: IpAddr, scope: u32) -> Option<Arc<Conn>> {
        let ip = ip.to_canonical();
        if ip == self.port.to_all() {
            return Some(Arc::clone(&self.everyone));
        }
        let to = self.port.target(ip, scope)?;
        let all = &self.everyone;
        let make = || {
            let sender = Sender::at_address(next_id(), ip, all.id());
            let outlet = Outlet::Datagram(DatagramOutlet {
                port: Arc::clone(&self.port),
                to,
            });
            let keeper = all.keeper.clone();
            Conn::new(
                keeper,
                all.held.budget(),
                sender,
                &all.wire,
                all.link,
                outlet,
            )
        };
        // An answer is recognised by who was asked; and a late answer needs its receiver.
        let keep = |conn: &Arc<Conn>| conn.is_awaited() || conn.owed.load(Ordering::Relaxed) > 1;
        Some(lock(&self.known).get(ip, make, keep))
    }

    fn all(&self) -> Vec<Arc<Conn>> {
        let mut all = vec![Arc::clone(&self.everyone)];
        all.extend(
            lock(&self.known)
                .entries
                .values()
                .map(|(conn, _)| Arc::clone(conn)),
        );
        all
    }
}

impl fmt::Debug for Datagrams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Datagrams({:?})", self.port)
    }
}

/// What stands for an address that is named, on every wire that has addresses.
pub(crate) fn addressed(wires: &[Arc<Datagrams>], name: &str) -> Vec<Arc<Conn>> {
    let Ok(ip) = name.parse::<IpAddr>() else {
        return Vec::new();
    };
    wires.iter().filter_map(|wire| wire.conn(ip, 0)).collect()
}

impl Net {
    /// Whether a sender has an address of ours, so that what is sent to it may come to us.
    pub(crate) fn is_ours(&self, sender: &Sender) -> bool {
        let wire = lock(&self.peers).wire_of(sender).cloned();
        let ip = sender.name.parse();
        matches!((wire, ip), (Some(wire), Ok(ip)) if wire.port.is_here(ip))
    }
}

impl Loop {
    pub(crate) fn open_udp(
        &mut self,
        index: usize,
        link: &Link,
        settings: &Settings,
    ) -> io::Result<()> {
        let (port, sockets) = udp::open(settings)?;
        let address = port.local();
        let wire = Arc::new(Datagrams::new(&self.net, &link.wire, index, port)?);
        for socket in sockets {
            let token = self.sources.reserve();
            self.poll.registry().register(
                &mut SourceFd(&socket.as_raw_fd()),
                Token(token),
                Interest::READABLE,
            )?;
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
        self.net.warn_if_open(&link.wire, address);
        self.opened(index);
        Ok(())
    }

    /// Closes the wire of datagrams of a link, if it is open.
    pub(crate) fn close_udp(&mut self, index: usize) {
        while let Some(token) = self.sources.datagrams(index) {
            if let Some(Source::Datagrams { socket, .. }) = self.sources.remove(token) {
                let registry = self.poll.registry();
                // Closing the descriptor would do the same.
                registry.deregister(&mut SourceFd(&socket.as_raw_fd())).ok();
            }
        }
        let wire = lock(&self.net.peers).remove_wire(index);
        let Some(wire) = wire else {
            return;
        };
        wire.port.close();
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
        self.read_datagrams_soon(token);
    }

    fn read_datagrams_soon(&mut self, token: usize) {
        // One timer for each socket, however often an event comes beside it.
        let waits = |timer: &Timer| matches!(timer, Timer::Datagrams(one) if *one == token);
        if !self.timers.iter().any(|(_, timer)| waits(timer)) {
            self.after(Instant::now(), Timer::Datagrams(token));
        }
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

/// A table of addresses; beyond its limit, the one that was not used for longest goes.
struct AddressTable<T> {
    limit: usize,
    /// Each with the number of its last use.
    entries: HashMap<IpAddr, (T, u64)>,
    by_use: BTreeMap<u64, IpAddr>,
    uses: u64,
}

impl<T: Clone> AddressTable<T> {
    fn new(limit: usize) -> Self {
        AddressTable {
            limit,
            entries: HashMap::new(),
            by_use: BTreeMap::new(),
            uses: 0,
        }
    }

    /// The entry of an address, made if there is none. One that is to be kept does not go.
    fn get(&mut self, ip: IpAddr, make: impl FnOnce() -> T, keep: impl Fn(&T) -> bool) -> T {
        if let Some((entry, last)) = self.entries.get(&ip) {
            let (entry, last) = (entry.clone(), *last);
            if last != self.uses {
                self.by_use.remove(&last);
                self.used(ip, entry.clone());
            }
            return entry;
        }
        // Those that are kept count as used now, so that they are not looked at again and
        // again.
        for _ in 0..self.entries.len() {
            if self.entries.len() < self.limit {
                break;
            }
            let Some((_, oldest)) = self.by_use.pop_first() else {
                break;
            };
            if let Some((entry, _)) = self.entries.remove(&oldest)
                && keep(&entry)
            {
                self.used(oldest, entry);
            }
        }
        let entry = make();
        self.used(ip, entry.clone());
        entry
    }

    fn used(&mut self, ip: IpAddr, entry: T) {
        self.uses += 1;
        self.by_use.insert(self.uses, ip);
        self.entries.insert(ip, (entry, self.uses));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn ip(number: u8) -> IpAddr {
        Ipv4Addr::new(127, 0, 0, number).into()
    }

    #[test]
    fn the_address_that_was_not_used_for_longest_goes() {
        let mut table = AddressTable::new(3);
        for number in [1, 2, 3, 1] {
            assert_eq!(table.get(ip(number), || number, |_| false), number);
        }
        table.get(ip(4), || 4, |_| false);
        assert_eq!(table.entries.len(), 3);
        // 2 has gone; 1 and 3 are those of before.
        assert_eq!(table.get(ip(1), || 10, |_| false), 1);
        assert_eq!(table.get(ip(3), || 30, |_| false), 3);
        assert_eq!(table.get(ip(2), || 20, |_| false), 20);
        assert_eq!(table.get(ip(4), || 40, |_| false), 40);
        assert_eq!(table.entries.len(), table.by_use.len());
    }

    #[test]
    fn what_is_kept_does_not_go() {
        let mut table = AddressTable::new(2);
        table.get(ip(1), || 1, |_| false);
        table.get(ip(2), || 2, |_| false);
        table.get(ip(3), || 3, |entry| *entry == 1);
        assert_eq!(table.get(ip(1), || 10, |_| false), 1);
        assert_eq!(table.get(ip(2), || 20, |_| false), 20);
        // With nothing that may go, it grows.
        for number in 5..9 {
            table.get(ip(number), || number, |_| true);
        }
        assert_eq!(table.entries.len(), 6);
        assert_eq!(table.entries.len(), table.by_use.len());
        // And shrinks again.
        table.get(ip(9), || 9, |_| false);
        assert_eq!(table.entries.len(), 2);
    }
}
