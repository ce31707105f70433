//! Finding services without knowing where they are: a seeker asks everybody, and the
//! services that feel spoken to advertise themselves.
//!
//! Both are ordinary APIs ([`AnnouncerApi`] and its inverse), with codec `terse` over UDP, as
//! in the Python original; each side finds the Python one and is found by it.
//!
//! ```no_run
//! use std::time::Duration;
//! use quickrpc::announcer;
//!
//! # fn main() -> quickrpc::Result<()> {
//! // In the service; ends when it is dropped.
//! let _announcement = announcer::announce("lab v1, port 9000")?;
//!
//! // Elsewhere.
//! for service in announcer::seek("lab", Duration::from_secs(1))? {
//!     println!("{}: {}", service.address, service.description);
//! }
//! # Ok(()) }
//! ```
//!
//! An [`Announcer`] says more, and can be given to another API's
//! [builder](crate::Builder::announce), with which it then starts and stops.
//!
//! What services say of themselves is not verified by anybody: an advertisement is a hint
//! where to look, and not a reason for trust.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::base::error::Result;
use crate::carrier::transport::IntoTransport;
use crate::remote_api;

/// The port where services are sought, unless another one is agreed upon. (The original
/// has none of its own.)
pub const PORT: u16 = 8888;

/// Finding services: what the side that announces one hears and says.
#[remote_api(crate = "crate")]
pub trait AnnouncerApi {
    /// Asks services to advertise themselves.
    ///
    /// What the filter means is up to the services.
    #[incoming]
    fn seek(&self, filter: Option<&str>);

    /// Says that a service is there.
    ///
    /// What stands in the description is up to the services: kind, version, port.
    #[outgoing]
    fn advertise(&self, #[default] description: &str);
}

/// A service that was found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Service {
    /// Where it is: the IP address, without a port.
    pub address: String,
    /// What it says of itself.
    pub description: String,
}

/// Announces a service on UDP port [`PORT`], to everybody who seeks one.
///
/// # Errors
///
/// As [`Announcer::start`].
pub fn announce(description: impl Into<String>) -> Result<Announcement> {
    Announcer::new(description).start()
}

/// Seeks services on UDP port [`PORT`]: those that answer within the time. What the filter
/// means is up to them; an empty one is none.
///
/// # Errors
///
/// As [`Seeker::seek`].
///
/// # Blocking
///
/// For the whole time.
pub fn seek(filter: &str, timeout: Duration) -> Result<Vec<Service>> {
    Seeker::new().seek(filter, timeout)
}

type Predicate = dyn Fn(&str) -> bool + Send + Sync;

/// Something that announces a service, not yet started.
///
/// ```
/// use quickrpc::announcer::Announcer;
///
/// # fn main() -> quickrpc::Result<()> {
/// let announcement = Announcer::new("lab v1, port 9000")
/// #   .transport("udp:0?bind=127.0.0.1&broadcast=127.255.255.255")
///     .matching(|filter| filter.is_empty() || filter == "lab")
///     .start()?;
/// # Ok(()) }
/// ```
#[must_use = "an announcer does nothing until it is started"]
#[derive(Clone)]
pub struct Announcer {
    description: String,
    transport: Place,
    predicate: Option<Arc<Predicate>>,
    to_all: bool,
}

impl Announcer {
    /// An announcer of a service with this description, on UDP port [`PORT`].
    pub fn new(description: impl Into<String>) -> Self {
        Announcer {
            description: description.into(),
            transport: Place::default(),
            predicate: None,
            to_all: false,
        }
    }

    /// Another UDP port than [`PORT`].
    pub fn port(self, port: u16) -> Self {
        self.transport(format!("udp:{port}"))
    }

    /// Another transport, such as `"udp:8888?bind=192.168.1.5"`; where it is bound and where
    /// broadcasts go are options of `udp`.
    pub fn transport(mut self, transport: impl IntoTransport) -> Self {
        self.transport = Place(transport.into_transport());
        self
    }

    /// Answers only seekers whose filter is so; a missing filter is empty. Without it every
    /// seeker is answered.
    pub fn matching(mut self, predicate: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.predicate = Some(Arc::new(predicate));
        self
    }

    /// Answers go to everybody on the port, as the Python original does it, and not only to
    /// the seeker.
    pub fn to_all(mut self) -> Self {
        self.to_all = true;
        self
    }

    /// Announces from now on.
    ///
    /// # Errors
    ///
    /// When the transport's expression is wrong, or it cannot be opened.
    pub fn start(self) -> Result<Announcement> {
        let api = self.build()?;
        api.start()?;
        Ok(Announcement(api))
    }

    /// The API, not started yet.
    ///
    /// # Errors
    ///
    /// When the transport's expression is wrong.
    pub fn build(self) -> Result<AnnouncerApi> {
        let api = AnnouncerApi::builder()
            .codec("terse")
            .transport(self.transport)
            .build()?;
        let (all, net) = (api.all(), Arc::downgrade(api.net()));
        let Announcer {
            description,
            predicate,
            to_all,
            ..
        } = self;
        api.seek.connect(move |sender, filter| {
            let wanted = predicate
                .as_ref()
                .is_none_or(|predicate| predicate(filter.unwrap_or_default()));
            if !wanted {
                return Ok(());
            }
            // A seeker of this very address shares the port with us, so that what is sent
            // to it alone might come to us in its place.
            let ours = || net.upgrade().is_some_and(|net| net.is_ours(sender));
            if (to_all || ours()) && all.advertise(&description).is_ok() {
                return Ok(());
            }
            all.to(sender).advertise(&description)
        });
        ignore_others(&api);
        Ok(api)
    }
}

impl fmt::Debug for Announcer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announcer")
            .field("description", &self.description)
            .field("transport", &self.transport)
            .field("to_all", &self.to_all)
            .finish_non_exhaustive()
    }
}

/// A service that is being announced, until this is dropped.
#[must_use = "the service is announced until this is dropped"]
#[derive(Debug)]
pub struct Announcement(AnnouncerApi);

impl Announcement {
    /// The API that announces, for instance to ask where it listens.
    pub fn api(&self) -> &AnnouncerApi {
        &self.0
    }
}

/// Something that seeks services.
///
/// ```
/// use std::time::Duration;
/// use quickrpc::announcer::Seeker;
///
/// # fn main() -> quickrpc::Result<()> {
/// # let here = |port, host| format!("udp:{port}?bind=127.0.0.{host}&broadcast=127.255.255.255");
/// # let announcement = quickrpc::announcer::Announcer::new("lab v1")
/// #     .transport(here(0, 3)).start()?;
/// # let place = here(announcement.api().local_addrs()[0].port(), 2);
/// let found = Seeker::new()
///     .transport(place) // such as "udp:8888"
///     .limit(1) // the first one will do
///     .seek("lab", Duration::from_secs(10))?;
/// # assert_eq!(found[0].description, "lab v1");
/// # Ok(()) }
/// ```
#[must_use = "a seeker does nothing until it seeks"]
#[derive(Debug, Clone)]
pub struct Seeker {
    transport: Place,
    limit: usize,
}

impl Default for Seeker {
    fn default() -> Self {
        Seeker::new()
    }
}

impl Seeker {
    /// A seeker on UDP port [`PORT`].
    pub fn new() -> Self {
        Seeker {
            transport: Place::default(),
            limit: MOST,
        }
    }

    /// Another UDP port than [`PORT`].
    pub fn port(self, port: u16) -> Self {
        self.transport(format!("udp:{port}"))
    }

    /// Another transport, such as `"udp:8888?bind=192.168.1.5"`.
    pub fn transport(mut self, transport: impl IntoTransport) -> Self {
        self.transport = Place(transport.into_transport());
        self
    }

    /// Enough are found with so many. 10,000 by default, so that whoever floods the network
    /// does not fill the memory.
    pub fn limit(mut self, count: usize) -> Self {
        self.limit = count;
        self
    }

    /// The services that answer within the time, each once, in the order of arrival. What
    /// the filter means is up to them; an empty one is none.
    ///
    /// # Errors
    ///
    /// When the transport's expression is wrong, it cannot be opened, or nothing can be
    /// sent. That nobody answers is no error.
    ///
    /// # Blocking
    ///
    /// Until the time is over, or the limit is reached.
    pub fn seek(&self, filter: &str, timeout: Duration) -> Result<Vec<Service>> {
        let api = AnnouncerApiInverse::bind("terse", self.transport.clone())?;
        let advertised = api.advertise.subscribe();
        ignore_others(&api);
        api.start()?;
        let filter = (!filter.is_empty()).then_some(filter);
        api.all().seek(filter)?;
        let started = Instant::now();
        let mut found = Vec::new();
        let mut known = HashSet::new();
        while found.len() < self.limit {
            let left = timeout.saturating_sub(started.elapsed());
            let Ok((sender, description)) = advertised.recv_timeout(left) else {
                break;
            };
            let service = Service {
                address: sender.name().to_owned(),
                description,
            };
            if known.insert(service.clone()) {
                found.push(service);
            }
        }
        Ok(found)
    }
}

/// Services that a seeker lists at the most.
const MOST: usize = 10_000;

/// Seekers hear each other, and so do services, and that everybody can is what they are for:
/// no reason for a warning.
fn ignore_others(api: &crate::Api) {
    api.net().is_harmless.store(true, Ordering::Relaxed);
    api.on_error(|sender, error, _in_reply_to| {
        crate::base::log::debug!(peer = %sender, "{error}");
    });
}

/// Where to announce or seek, or what is wrong with that.
#[derive(Debug, Clone)]
struct Place(Result<crate::carrier::transport::AnyTransport>);

impl Default for Place {
    fn default() -> Self {
        Place(format!("udp:{PORT}").into_transport())
    }
}

impl IntoTransport for Place {
    fn into_transport(self) -> Result<crate::carrier::transport::AnyTransport> {
        self.0
    }
}
