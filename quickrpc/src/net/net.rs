//! What the network of one API consists of while it lives.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, Weak};

use crate::base::error::Error;
use crate::base::here;
use crate::base::limits::Limits;
use crate::base::often::Origin;
use crate::base::reason::DisconnectReason;
use crate::base::sender::{Receiver, Sender, next_id};
use crate::base::sync::lock;
use crate::base::threads::ThreadGroup;

use super::above::Above;
use super::alarm::Alarm;
use super::budget::Budget;
use super::companion::Companion;
use super::conn::{Conn, Outlet};
use super::held::Held;
use super::link::Link;
use super::peers::PeerTable;
use super::reactor::{Command, Reactor};
use super::run::Run;
use super::session::give_name;
use super::shared_limits::SharedLimits;
use crate::wire::Wire;
use crate::wire::met::Met;
use crate::wire::session::Claim;

/// The network of an API: its links, its peers, and the threads that serve them. It reports
/// to what stands above it.
///
/// Lock order: run, links, peers, a peer's sending half; the reactor is a leaf. None of them
/// is held while something above runs.
pub(crate) struct Net {
    pub(crate) me: Weak<Net>,
    /// Names the API where threads say for which one they work.
    pub(crate) id: u64,
    /// The name of the API, for names of threads and errors.
    pub(crate) name: &'static str,
    above: OnceLock<Weak<dyn Above>>,
    pub(crate) limits: Limits,
    /// The memory that all peers share.
    pub(crate) budget: Arc<Budget>,
    /// Closed peers with something left for them, which nobody else can find. A leaf in
    /// the lock order.
    pub(crate) ending: Mutex<Vec<Weak<Conn>>>,
    /// Those limits that count for all wires together.
    pub(crate) shared: SharedLimits,
    /// What anybody may do with this API does no harm.
    pub(crate) is_harmless: AtomicBool,
    /// What start opens. Changed only while stopped.
    pub(crate) links: Mutex<Vec<Arc<Link>>>,
    /// How far starting or stopping is.
    pub(crate) run: Mutex<Run>,
    pub(crate) run_changed: Condvar,
    /// Whether sending makes sense; a copy of what `run` says.
    pub(crate) running: AtomicBool,
    pub(crate) was_started: AtomicBool,
    /// How many poll threads there are while it runs.
    pub(crate) io_threads: usize,
    /// Those of the poll threads; empty while it does not run.
    pub(crate) reactors: Mutex<Vec<Arc<Reactor>>>,
    /// When the first poll thread wakes by itself.
    pub(crate) alarm: Alarm,
    /// Peers for which calls are held back.
    pub(super) held: Held,
    pub(crate) peers: Mutex<PeerTable>,
    pub(crate) threads: ThreadGroup,
    /// The poll thread cannot end everything.
    #[cfg(test)]
    pub(crate) ends_badly: AtomicBool,
    /// Where the servers listen, by the place of their link.
    pub(crate) addresses: Mutex<Vec<(usize, SocketAddr)>>,
    /// What starts and stops with this API.
    pub(crate) companions: Mutex<Vec<Arc<dyn Companion>>>,
}

static NEXT_API: AtomicU64 = AtomicU64::new(1);

/// Names an API, or turns that are like one's.
pub(crate) fn next_api() -> u64 {
    NEXT_API.fetch_add(1, Ordering::Relaxed)
}

impl Net {
    pub(crate) fn new(
        name: &'static str,
        limits: Limits,
        links: Vec<Arc<Link>>,
        io_threads: usize,
    ) -> Arc<Self> {
        let net = Arc::new_cyclic(|me| Net {
            me: me.clone(),
            id: next_api(),
            name,
            above: OnceLock::new(),
            budget: Budget::new(limits.buffered_total),
            ending: Mutex::default(),
            shared: SharedLimits::new(&limits),
            limits,
            is_harmless: AtomicBool::new(false),
            links: Mutex::new(links),
            run: Mutex::default(),
            run_changed: Condvar::new(),
            running: AtomicBool::new(false),
            was_started: AtomicBool::new(false),
            io_threads,
            reactors: Mutex::default(),
            alarm: Alarm::default(),
            held: Held::default(),
            peers: Mutex::default(),
            threads: ThreadGroup::default(),
            #[cfg(test)]
            ends_badly: AtomicBool::new(false),
            addresses: Mutex::default(),
            companions: Mutex::default(),
        });
        net.share_limits();
        let watched = Arc::downgrade(&net);
        net.threads.watch(Arc::new(move |thread, reason| {
            if let Some(net) = watched.upgrade() {
                net.died(thread, reason);
            }
        }));
        net
    }

    /// From now on, this hears of everything. Once, before the start.
    pub(crate) fn report_to(&self, above: Weak<dyn Above>) {
        // A second one would be a mistake of this crate, and changes nothing.
        self.above.set(above).ok();
    }

    /// Who hears of everything, as long as it lives.
    pub(crate) fn above(&self) -> Option<Arc<dyn Above>> {
        self.above.get()?.upgrade()
    }

    /// Asks something of the first poll thread.
    pub(crate) fn ask(&self, command: Command) {
        if let Some(reactor) = self.reactor() {
            reactor.ask(command);
        }
    }

    /// That of the first poll thread.
    pub(crate) fn reactor(&self) -> Option<Arc<Reactor>> {
        lock(&self.reactors).first().cloned()
    }

    /// Those of the others.
    pub(crate) fn reactors_behind_the_first(&self) -> Vec<Arc<Reactor>> {
        lock(&self.reactors).iter().skip(1).cloned().collect()
    }

    /// That of the poll thread which has the socket of this peer.
    pub(crate) fn reactor_of(&self, conn: &Conn) -> Option<Arc<Reactor>> {
        lock(&self.reactors).get(conn.thread()).cloned()
    }

    /// The poll thread that has the fewest connections.
    fn least_busy(&self) -> usize {
        let reactors = lock(&self.reactors);
        let busy = reactors
            .iter()
            .map(|one| one.connections.load(Ordering::Relaxed));
        let least = busy.enumerate().min_by_key(|(_, connections)| *connections);
        least.map_or(0, |(thread, _)| thread)
    }

    /// Whether this thread delivers for this API, so that waiting for it could not end.
    pub(crate) fn delivers_here(&self) -> bool {
        here::delivers(self.id)
    }

    /// Tells of trouble with a peer.
    pub(crate) fn trouble(&self, peer: &Sender, error: Error) {
        if let Some(above) = self.above() {
            above.trouble(peer, error);
        }
    }

    /// # Errors
    ///
    /// Where sending makes no sense, since it does not run.
    pub(crate) fn check_running(&self) -> Result<(), Error> {
        if self.running.load(Ordering::Acquire) {
            return Ok(());
        }
        match self.was_started.load(Ordering::Acquire) {
            true => Err(Error::Stopped),
            false => Err(Error::NotStarted),
        }
    }

    // ---- links

    /// The wires of all links.
    pub(crate) fn wires(&self) -> Vec<Arc<Wire>> {
        let links = lock(&self.links);
        links.iter().map(|link| Arc::clone(&link.wire)).collect()
    }

    /// Whether peers may come that it does not ask for.
    pub(crate) fn has_servers(&self) -> bool {
        lock(&self.links)
            .iter()
            .any(|link| link.transport.is_server())
    }

    /// Whether each transport leads to one peer, without which there is nobody.
    pub(crate) fn has_only_clients(&self) -> bool {
        let links = lock(&self.links);
        !links.is_empty() && links.iter().all(|link| link.transport.is_client())
    }

    // ---- peers

    /// A peer has connected: it can be sent to from now on, once it has greeted. What has come
    /// of it already is `input`.
    pub(crate) fn connect(
        &self,
        wire: &Arc<Wire>,
        link: usize,
        name: &str,
        outlet: Outlet,
        input: Vec<u8>,
    ) -> Arc<Conn> {
        let conn = self.comer(wire, link, name, outlet, None);
        conn.preset_input(input);
        let let_in = lock(&self.peers).insert(Arc::clone(&conn));
        self.entered(&conn, let_in);
        conn
    }

    /// The same for a peer of whom its greeting has found out more. `None`: it says that it is
    /// somebody who is there already.
    pub(crate) fn connect_met(
        &self,
        wire: &Arc<Wire>,
        link: usize,
        name: &str,
        outlet: Outlet,
        input: Vec<u8>,
        met: Met,
    ) -> Option<Arc<Conn>> {
        let claim = met.name().map(|name| Claim {
            name,
            replaces: false,
        });
        let is_alone = met.is_alone();
        let conn = self.comer(wire, link, name, outlet, Some(met));
        conn.preset_input(input);
        let let_in = {
            let mut peers = lock(&self.peers);
            // Where two may have a name, the second one is known by its address.
            if let Some(claim) = claim
                && give_name(&mut peers, &conn, claim).is_none()
                && is_alone
            {
                return None;
            }
            let let_in = peers.insert(Arc::clone(&conn));
            // Its name is taken from now on, though it may have to greet.
            peers.make_known(&conn);
            let_in
        };
        self.entered(&conn, let_in);
        Some(conn)
    }

    fn comer(
        &self,
        wire: &Arc<Wire>,
        link: usize,
        name: &str,
        outlet: Outlet,
        met: Option<Met>,
    ) -> Arc<Conn> {
        let secinfo = outlet.secinfo();
        let peer = Sender {
            credentials: outlet.credentials(),
            secinfo: secinfo.or_else(|| wire.vouched.get().cloned()),
            origin: Origin::of(name, &wire.name),
            ..Sender::new(next_id(), name.into())
        };
        let shared_out = matches!(outlet, Outlet::Socket(_)) && self.io_threads > 1;
        let keeper = self.me.clone();
        let conn = Conn::new(keeper, &self.budget, peer, wire, link, outlet, met);
        if shared_out {
            conn.belongs_to(self.least_busy());
        }
        conn
    }

    fn entered(&self, conn: &Conn, let_in: bool) {
        if let_in {
            crate::base::log::debug!(peer = %conn.peer(), wire = %conn.wire.name, "connected");
        } else {
            // Too late: those who end the peers of this run have been there.
            conn.close(DisconnectReason::Stopped);
        }
    }

    /// The connected peers.
    pub(crate) fn peers(&self) -> Vec<Sender> {
        let peers = lock(&self.peers);
        peers.all().map(|conn| conn.sender()).collect()
    }

    /// Whether a sender has an address of ours, so that what is sent to it may come to us.
    pub(crate) fn is_ours(&self, sender: &Sender) -> bool {
        let wire = lock(&self.peers).wire_of(sender).cloned();
        wire.is_some_and(|wire| wire.is_ours(sender))
    }

    /// The one peer that is meant.
    ///
    /// # Errors
    ///
    /// If there is none, or several.
    pub(crate) fn find(&self, receiver: &Receiver) -> Result<Arc<Conn>, Error> {
        lock(&self.peers).find(receiver)
    }

    /// Tells of a new peer; or greets it first. On a thread of the API.
    pub(crate) fn announce(&self, above: &dyn Above, conn: &Arc<Conn>) {
        match conn.is_greeted() {
            true => above.came(conn),
            false => self.greet(conn),
        }
    }

    /// The peer has ended its side in an orderly way: calls that had arrived are still
    /// handled and answered, then the connection is closed.
    pub(crate) fn end_of_input(
        &self,
        above: &dyn Above,
        conn: &Arc<Conn>,
        reason: DisconnectReason,
    ) {
        if conn.is_line() {
            conn.close(reason);
            return;
        }
        if conn.end.end(&reason) {
            above.lost(conn, &reason);
            above.ended(conn);
        }
    }

    /// The input of a peer ended within a message.
    pub(crate) fn truncated(&self, above: &dyn Above, conn: &Conn) {
        let rule = conn.wire.frames.rule();
        let text = format!("the input ended within a message; {rule}");
        above.trouble(conn.peer(), Error::Decode(text.into()));
    }

    /// Tells that a peer is gone. On a thread of the API.
    pub(crate) fn farewell(&self, above: &dyn Above, conn: &Arc<Conn>) {
        let reason = conn.closed().unwrap_or(DisconnectReason::Stopped);
        crate::base::log::debug!(peer = %conn.peer(), wire = %conn.wire.name, "disconnected: {reason}");
        // One that has not greeted was never announced; a connection to a broker is no peer.
        if conn.is_greeted() && !conn.is_line() {
            above.gone(conn, reason);
        }
    }
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Net").field("name", &self.name).finish()
    }
}
