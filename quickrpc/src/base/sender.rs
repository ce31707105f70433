//! Who sent a message, and who gets one.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::base::current;
use crate::base::often::Origin;
use crate::base::security::SecInfo;

/// A connected peer: who sent a message, and whom to answer.
///
/// Dereferences to the peer's name, a `str`. It means this one connection, not whoever has the
/// name later: sending to it fails with [`Error::Disconnected`](crate::Error::Disconnected)
/// once the connection is gone. Over UDP, which has no connections, it means an address on
/// one wire.
#[derive(Clone)]
pub struct Sender {
    pub(crate) id: u64,
    pub(crate) name: Arc<str>,
    /// The number of the wire, if it has addresses and not peers; else 0.
    pub(crate) wire: u64,
    /// From where it comes, whatever it is named.
    pub(crate) origin: Origin,
    pub(crate) secinfo: Option<Arc<SecInfo>>,
    pub(crate) credentials: Option<Credentials>,
    /// Where it is; `None` only until it is somewhere.
    pub(crate) place: Option<Arc<Place>>,
}

/// Where a peer is, and whether its name says who it is.
#[derive(Debug)]
pub(crate) struct Place {
    /// The expression of its transport.
    pub(crate) transport: Arc<str>,
    /// Another one has, or has had, the same name beside it.
    pub(crate) is_twin: AtomicBool,
}

/// Which process a peer is, as the operating system says.
///
/// They are those of the time when the peer connected, or began to listen: its process
/// may have ended since then, or may have given the connection to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Credentials {
    /// The process; 0 where the system does not tell, as the BSDs do not.
    pub pid: u32,
    /// The user that it ran as.
    pub uid: u32,
    /// The group that it ran as.
    pub gid: u32,
}

/// Peers are numbered over all APIs of the process, and numbers are never used again.
pub(crate) fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

static NOTHING: SecInfo = BTreeMap::new();

impl Sender {
    pub(crate) fn new(id: u64, name: Arc<str>) -> Self {
        Sender {
            id,
            name,
            wire: 0,
            origin: Origin::Anybody,
            secinfo: None,
            credentials: None,
            place: None,
        }
    }

    /// An address on a wire of datagrams.
    pub(crate) fn at_address(id: u64, ip: IpAddr, wire: u64) -> Self {
        let name = ip.to_string().into();
        Sender {
            wire,
            origin: Origin::Address(ip),
            ..Sender::new(id, name)
        }
    }

    /// The peer's name, such as `127.0.0.1:50312`; over UDP the address alone.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is: the expression of the transport that it came by, such as `tcpserv::8888`, as
    /// [`TransportStatus::name`](crate::TransportStatus::name) says it.
    ///
    /// ```
    /// # use quickrpc::remote_api;
    /// # #[remote_api]
    /// # trait Lab { #[incoming] fn measure(&self) -> f64; }
    /// # let (lab, client) = Lab::pair();
    /// lab.measure.connect(|sender| match sender.wire().starts_with("unixserv:") {
    ///     true => Ok(1.5),
    ///     false => Err("for those on this machine"),
    /// });
    /// # assert!(client.all().measure().result().is_err());
    /// # assert_eq!(lab.peers()[0].wire(), lab.status()[0].name());
    /// ```
    pub fn wire(&self) -> &str {
        self.place.as_ref().map_or("", |place| &place.transport)
    }

    /// What the security provider verified about the sender of this message; and, over TLS,
    /// `subject` and `cn` of the sender's [certificate](crate::transport#tls).
    pub fn secinfo(&self) -> &SecInfo {
        self.secinfo.as_deref().unwrap_or(&NOTHING)
    }

    /// Whether the security provider gives this role to the sender of this message: the
    /// `roles` in [`secinfo`](Self::secinfo), separated by blanks, have it.
    ///
    /// Without a provider nobody has a role.
    pub fn has_role(&self, role: &str) -> bool {
        let roles = self.secinfo().get("roles");
        roles.is_some_and(|roles| roles.split_ascii_whitespace().any(|one| one == role))
    }

    /// The process at the other end, which the operating system vouches for: known of
    /// peers over `unix:`, `unixserv:` and `internal:`.
    ///
    /// ```
    /// use quickrpc::remote_api;
    ///
    /// #[remote_api]
    /// trait Door {
    ///     #[incoming]
    ///     fn open(&self) -> bool;
    /// }
    ///
    /// let api = Door::bind("jrpc", "unixserv:/run/door.sock?mode=0666")?;
    /// api.open.connect(|sender| {
    ///     let root = |peer: quickrpc::Credentials| peer.uid == 0;
    ///     sender.credentials().is_some_and(root)
    /// });
    /// # Ok::<(), quickrpc::Error>(())
    /// ```
    pub fn credentials(&self) -> Option<Credentials> {
        self.credentials
    }

    /// Whether nobody waits any more for the answer to the call that this thread handles: the
    /// caller has cancelled it, has given it up at its deadline, or is gone; or this API stops.
    ///
    /// For handlers that take long, to be asked now and then. What such a handler returns is sent
    /// all the same, and thrown away by the caller; an error of its own words is sent with the
    /// code [`CallError::CANCELLED`](crate::CallError::CANCELLED).
    ///
    /// It is about the call of this sender that the calling thread handles: elsewhere, and for a
    /// notification, it is false. For an answer that is given later, ask the
    /// [`Resolver`](crate::Resolver::is_cancelled). Under
    /// [`Processing::Inline`](crate::Processing::Inline) nobody reads what a peer sends while its
    /// handler runs, so that a handler that wants to be told needs another mode, or a promise.
    ///
    /// ```
    /// use quickrpc::{Processing, remote_api};
    ///
    /// #[remote_api]
    /// trait Lab {
    ///     #[incoming]
    ///     fn calibrate(&self, channel: u8) -> u32;
    /// }
    ///
    /// let api = Lab::builder().transport("tcpserv:127.0.0.1:0").processing(Processing::Queue).build()?;
    /// api.calibrate.connect(|sender, _channel| {
    ///     for step in 0..1000 {
    ///         if sender.is_cancelled() {
    ///             return Err("given up");
    ///         }
    ///         // .. one step of the work
    /// #       let _ = step;
    ///     }
    ///     Ok(7)
    /// });
    /// # Ok::<(), quickrpc::Error>(())
    /// ```
    pub fn is_cancelled(&self) -> bool {
        current::of(self.id).is_some_and(|call| call.over().is_some())
    }

    /// When the caller gives up the call that this thread handles, where that is known: over a
    /// `jrpc` wire whose callers say `?deadlines=on`.
    ///
    /// As [`is_cancelled`](Self::is_cancelled), which is true from then on, it is about the call
    /// of this sender that the calling thread handles.
    pub fn deadline(&self) -> Option<Instant> {
        current::of(self.id).and_then(|call| call.deadline())
    }

    /// Which trace the call belongs to that this thread handles, as
    /// [`traceparent`](https://www.w3.org/TR/trace-context/) says it, where its caller has told: over a
    /// `jrpc` wire whose callers say `?trace=on`, and in the header `traceparent` of what is posted over HTTP.
    ///
    /// Calls that this thread makes meanwhile over such a wire belong to the same trace by themselves.
    /// As [`is_cancelled`](Self::is_cancelled), it is about the call of this sender that the calling
    /// thread handles.
    pub fn traceparent(&self) -> Option<String> {
        let trace = current::of(self.id)?.trace()?;
        Some(trace.to_string())
    }
}

// Hidden, since the page of this type would be one of the methods of `str`.
#[doc(hidden)]
impl Deref for Sender {
    type Target = str;

    fn deref(&self) -> &str {
        &self.name
    }
}

impl AsRef<str> for Sender {
    fn as_ref(&self) -> &str {
        &self.name
    }
}

impl PartialEq for Sender {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Sender {}

impl Hash for Sender {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl PartialEq<str> for Sender {
    fn eq(&self, other: &str) -> bool {
        &*self.name == other
    }
}

impl PartialEq<&str> for Sender {
    fn eq(&self, other: &&str) -> bool {
        &*self.name == *other
    }
}

/// The name; `name#number` where two peers have or have had the same one at once, which names just this
/// one also as a receiver.
impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) if place.is_twin.load(Ordering::Relaxed) => {
                write!(f, "{}#{}", self.name, self.id)
            }
            _ => f.write_str(&self.name),
        }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender({}#{})", self.name, self.id)
    }
}

/// Whom a message is for: a [`Sender`], a name, or a list of either.
///
/// References to receivers are receivers too. A name that several connected peers share
/// is refused when sending; the error lists the forms (`name#number`) that name just one.
pub trait Receivers {
    /// Adds the receivers to the list.
    fn add_to(&self, list: &mut ReceiverList);
}

/// The receivers that a [`Receivers`] names, in order.
#[derive(Debug, Clone, Default)]
pub struct ReceiverList(pub(crate) Vec<Receiver>);

impl ReceiverList {
    /// Adds a peer by its name.
    pub fn push_name(&mut self, name: &str) {
        self.0.push(Receiver::Name(name.into()));
    }

    /// Adds this one connection.
    pub fn push_sender(&mut self, sender: &Sender) {
        self.0.push(Receiver::Peer(sender.clone()));
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Receiver {
    Peer(Sender),
    Name(Arc<str>),
    /// One of those who serve a call.
    Anyone,
}

impl Receivers for Sender {
    fn add_to(&self, list: &mut ReceiverList) {
        list.push_sender(self);
    }
}

impl Receivers for str {
    fn add_to(&self, list: &mut ReceiverList) {
        list.push_name(self);
    }
}

impl Receivers for String {
    fn add_to(&self, list: &mut ReceiverList) {
        list.push_name(self);
    }
}

impl<T: Receivers + ?Sized> Receivers for &T {
    fn add_to(&self, list: &mut ReceiverList) {
        (**self).add_to(list);
    }
}

impl<T: Receivers> Receivers for [T] {
    fn add_to(&self, list: &mut ReceiverList) {
        for item in self {
            item.add_to(list);
        }
    }
}

impl<T: Receivers, const N: usize> Receivers for [T; N] {
    fn add_to(&self, list: &mut ReceiverList) {
        self.as_slice().add_to(list);
    }
}

impl<T: Receivers> Receivers for Vec<T> {
    fn add_to(&self, list: &mut ReceiverList) {
        self.as_slice().add_to(list);
    }
}
