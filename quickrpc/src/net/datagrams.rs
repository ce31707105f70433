//! Wires of datagrams: they have addresses, not peers.
//!
//! Whatever sent something, and whatever is sent to, is a [`Conn`] without a connection,
//! so that senders, lanes and answers are those of any other wire. One more stands for
//! everybody.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, Weak};
use std::{fmt, io};

use crate::base::sender::{Sender, next_id};
use crate::base::sync::lock;
use crate::carrier::udp::UdpPort;
use crate::wire::Wire;

use super::budget::Budget;
use super::conn::{Conn, DatagramOutlet, Keeper, Outlet};

/// How many addresses a wire knows: anybody can make up addresses.
const KNOWN: usize = 1024;

/// One open wire of datagrams.
pub(crate) struct Datagrams {
    pub(crate) port: Arc<UdpPort>,
    /// What is sent to it goes to all; anybody may answer it.
    pub(crate) everyone: Arc<Conn>,
    /// Guards the known addresses; a leaf in the lock order.
    known: Mutex<AddressTable<Arc<Conn>>>,
}

impl Datagrams {
    pub(crate) fn new(
        keeper: Weak<dyn Keeper>,
        budget: &Arc<Budget>,
        wire: &Arc<Wire>,
        link: usize,
        port: UdpPort,
    ) -> io::Result<Self> {
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
            everyone: Conn::new(keeper, budget, sender, wire, link, outlet, None),
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
                None,
            )
        };
        // An answer is recognised by who was asked; and a late answer needs its receiver.
        let keep = |conn: &Arc<Conn>| conn.flow.is_awaited() || conn.flow.owes(1);
        Some(lock(&self.known).get(ip, make, keep))
    }

    /// All that it knows, and what stands for everybody.
    pub(crate) fn all(&self) -> Vec<Arc<Conn>> {
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
