//! Wires of datagrams: they have addresses, not peers.
//!
//! Whatever sent something, and whatever is sent to, is a [`Conn`] without a connection,
//! so that senders, lanes and answers are those of any other wire. One more stands for
//! everybody.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, Weak};
use std::{fmt, io};

use crate::base::sender::{Sender, next_id};
use crate::base::sync::lock;
use crate::carrier::udp::UdpPort;
use crate::wire::Wire;

use super::super::budget::Budget;
use super::super::conn::{Conn, DatagramOutlet, Keeper, Outlet};
use super::Addresses;
use super::room::Waiting;
use super::table::AddressTable;

/// How many addresses a wire knows: anybody can make up addresses.
const KNOWN: usize = 1024;
/// A wire has so many times the share of one address in what waits for handlers.
const SHARES: usize = 4;

/// One open wire of datagrams.
pub(crate) struct Datagrams {
    pub(crate) port: Arc<UdpPort>,
    /// What is sent to it goes to all; anybody may answer it.
    pub(crate) everyone: Arc<Conn>,
    /// Guards the known addresses; a leaf in the lock order.
    known: Mutex<AddressTable<IpAddr, Arc<Conn>>>,
    /// What of all of them waits for its turn.
    waiting: Arc<Waiting>,
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
        let waiting = Arc::new(Waiting::new(SHARES));
        let outlet = Outlet::Datagram(DatagramOutlet {
            port: Arc::clone(&port),
            to,
            waiting: Arc::clone(&waiting),
        });
        Ok(Datagrams {
            port,
            everyone: Conn::new(keeper, budget, sender, wire, link, outlet, None),
            known: Mutex::new(AddressTable::new(KNOWN)),
            waiting,
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
                waiting: Arc::clone(&self.waiting),
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
}

impl Addresses for Datagrams {
    fn everyone(&self) -> &Arc<Conn> {
        &self.everyone
    }

    fn named(&self, name: &str) -> Option<Arc<Conn>> {
        self.conn(name.parse().ok()?, 0)
    }

    fn sender(&self, sender: &Sender) -> Option<Arc<Conn>> {
        self.named(&sender.name)
    }

    fn all(&self) -> Vec<Arc<Conn>> {
        let mut all = vec![Arc::clone(&self.everyone)];
        all.extend(lock(&self.known).values().cloned());
        all
    }

    fn close(&self) {
        self.port.close();
    }

    fn is_ours(&self, sender: &Sender) -> bool {
        let ip = sender.name.parse();
        ip.is_ok_and(|ip| self.port.is_here(ip))
    }
}

impl fmt::Debug for Datagrams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Datagrams({:?})", self.port)
    }
}
