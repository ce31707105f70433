//! The handles that programs hold.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::base::error::{Error, Result};
use crate::base::foreign;
use crate::base::sender::{Receivers, Sender};
use crate::base::sync::lock;
use crate::base::typed_error::IntoCallError;
use crate::call::promise::Promise;
use crate::carrier::transport::{AnyTransport, IntoTransport};
use crate::format::description::{CallDescription, Description};
use crate::wire::codec::IntoCodec;

use super::lifecycle;
use super::properties::Undeclared;
use crate::base::reason::DisconnectReason;
use crate::call::calls::Calls;
use crate::call::slot::Slot;
use crate::call::target::Target;
use crate::net::link::{self, Link};
use crate::net::net::Net;
use crate::net::run::Phase;
use crate::net::status::{TransportId, TransportStatus};
use crate::wire::codec::AnyCodec;
use crate::wire::security::AnySecurity;

/// An API without its types: what every generated handle dereferences to.
///
/// Clones are handles of the same API; when the last one is dropped, it stops.
#[derive(Clone)]
pub struct Api {
    guard: Arc<Guard>,
}

/// Stops the API when it is dropped. The API's own threads have no guard.
struct Guard {
    calls: Arc<Calls>,
    /// Codec and security of the first wire, for further transports.
    first_wire: Mutex<(AnyCodec, AnySecurity)>,
    /// Those that were asked for without a declaration.
    properties: Mutex<Undeclared>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let calls = &self.calls;
        if let Err(error) = lifecycle::stop(&calls.net) {
            crate::base::log::error!("{error}");
        }
        // Handlers may own handles of this API, which would keep each other alive.
        // A panic as one of them ends keeps the others from nothing.
        let ends: [&dyn Fn(); 6] = [
            &|| calls.slots.clear(),
            &|| calls.properties.clear(),
            &|| calls.observers.clear(),
            &|| calls.gate.clear(),
            &|| calls.around.clear(),
            &|| calls.mailbox.forget(),
        ];
        for end in ends {
            foreign::catch("dropping a handler", end);
        }
    }
}

impl Api {
    pub(crate) fn new(calls: Arc<Calls>, first_wire: (AnyCodec, AnySecurity)) -> Self {
        let guard = Guard {
            calls,
            first_wire: Mutex::new(first_wire),
            properties: Mutex::default(),
        };
        Api {
            guard: Arc::new(guard),
        }
    }

    pub(super) fn undeclared(&self) -> &Mutex<Undeclared> {
        &self.guard.properties
    }

    pub(crate) fn calls(&self) -> &Arc<Calls> {
        &self.guard.calls
    }

    pub(crate) fn net(&self) -> &Arc<Net> {
        &self.guard.calls.net
    }

    /// Takes apart a transport of the first wire.
    fn links(&self, transport: impl IntoTransport) -> Result<Vec<Arc<Link>>> {
        let transport = transport.into_transport()?;
        let (codec, security) = lock(&self.guard.first_wire).clone();
        self.links_of(&codec, &security, &transport)
    }

    fn links_of(
        &self,
        codec: &AnyCodec,
        security: &AnySecurity,
        transport: &AnyTransport,
    ) -> Result<Vec<Arc<Link>>> {
        let calls = self.calls();
        link::links(
            codec,
            security,
            transport,
            &calls.net.limits,
            calls.call_timeout,
        )
    }

    /// Opens all transports, and returns when all are open.
    ///
    /// # Errors
    ///
    /// [`Error::Start`] of the transport that cannot be opened, naming it; the others are
    /// closed again. [`Error::Running`] if it is started already, [`Error::Config`] if
    /// there is no transport, or if a handler is to stay on its thread (`connect_local`) without
    /// [`Processing::Manual`](crate::Processing::Manual).
    ///
    /// # Blocking
    ///
    /// Until the last client is connected, at most [`Limits::connect`](crate::Limits).
    pub fn start(&self) -> Result<()> {
        lifecycle::start_and_wait(self.net())
    }

    /// Like [`start`](Self::start), but returns a promise at once, which fails with the same
    /// errors, when all threads have ended but the one that settles it.
    pub fn start_nonblocking(&self) -> Promise<()> {
        lifecycle::start(self.net())
    }

    /// Stops: nothing more is sent, listeners are closed, pending promises fail with
    /// [`Error::Stopped`], the running handler finishes, answers are flushed (up to 1 s). Streams that
    /// peers get end with [`CallError::SHUTTING_DOWN`](crate::CallError::SHUTTING_DOWN).
    ///
    /// It can be started again. Stopping what is stopped does nothing.
    ///
    /// # Errors
    ///
    /// The names of the threads that did not end within [`Limits::stop`](crate::Limits).
    ///
    /// # Blocking
    ///
    /// Returns when all threads have ended. On one of them (in a handler, or while a plug-in
    /// is opened) it only asks for all this, and returns at once.
    pub fn stop(&self) -> Result<()> {
        lifecycle::stop(self.net())
    }

    /// Stops in an orderly way: calls that come from now on are answered with
    /// [`CallError::SHUTTING_DOWN`](crate::CallError::SHUTTING_DOWN), what was accepted before is
    /// handled, what runs or was promised is answered, and then it [stops](Self::stop).
    ///
    /// Calls of this side go on meanwhile, since handlers may need them; notifications that come
    /// are dropped. Listeners stay open until the end, so that who connects hears why it is not
    /// served. With [`Processing::Manual`](crate::Processing::Manual), what waits is run here.
    ///
    /// ```
    /// # use quickrpc::remote_api;
    /// # #[remote_api]
    /// # trait Lab { #[incoming] fn measure(&self) -> f64; }
    /// use std::time::Duration;
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// let api = Lab::bind("jrpc", "tcpserv:127.0.0.1:0")?;
    /// api.start()?;
    /// // When the system asks for it, as the example `shutdown` shows:
    /// api.shutdown(Duration::from_secs(10))?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Unanswered`] if the limit was too short: it is stopped all the same. As
    /// [`stop`](Self::stop); [`Error::Deadlock`] in a handler.
    ///
    /// # Blocking
    ///
    /// Until all is answered, at most so long; then as [`stop`](Self::stop).
    pub fn shutdown(&self, limit: Duration) -> Result<()> {
        lifecycle::shutdown(self.calls(), limit)
    }

    /// Waits until the API is stopped, by whomever, or all of its transports have ended:
    /// the end of `main` of a server. An API whose transports have ended is stopped then. At once, with a
    /// warning in the log, if it was never started.
    ///
    /// # Errors
    ///
    /// [`Error::Deadlock`] in a handler; as [`stop`](Self::stop).
    ///
    /// # Blocking
    ///
    /// The calling thread sleeps; [`stop`](Self::stop) wakes it.
    pub fn wait(&self) -> Result<()> {
        lifecycle::wait(self.net())
    }

    /// The same as a future: a promise that is settled when the API is stopped, by whomever, or all
    /// of its transports have ended, which stops it. At once if it does not run.
    ///
    /// ```
    /// # use quickrpc::remote_api;
    /// # #[remote_api]
    /// # trait Lab { #[incoming] fn measure(&self) -> f64; }
    /// async fn serve(lab: Lab) -> quickrpc::Result<()> {
    ///     lab.start()?;
    ///     lab.stopped().await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Of the promise: as [`wait`](Self::wait).
    pub fn stopped(&self) -> Promise<()> {
        lifecycle::stopped(self.net())
    }

    /// Waits until somebody is connected.
    ///
    /// For a client whose server may start later; a handle's own [`Handle::ready`](crate::Handle::ready) waits for those
    /// whom it sends to. In an async program, use
    /// [`Builder::wait_for_peer`](crate::Builder::wait_for_peer), which blocks nobody.
    ///
    /// # Errors
    ///
    /// [`Error::NoPeer`] at the limit; [`Error::NotStarted`], [`Error::Stopped`];
    /// [`Error::Deadlock`] in a handler.
    ///
    /// # Blocking
    ///
    /// Until somebody is there, at most so long.
    pub fn ready(&self, limit: Duration) -> Result<()> {
        self.__all().ready(limit)
    }

    /// Whether it is started and not stopped.
    pub fn is_running(&self) -> bool {
        lock(&self.net().run).phase == Phase::Running
    }

    /// Who is connected, in the order in which they came. Addresses on a `udp` wire are not
    /// among them.
    pub fn peers(&self) -> Vec<Sender> {
        self.net().peers()
    }

    /// Closes the connections of these peers, after what is queued for them has left. It does
    /// not wait for that.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPeer`] or [`Error::Disconnected`] for those that are not there.
    pub fn disconnect(&self, peers: impl Receivers) -> Result<()> {
        self.calls().disconnect(peers)
    }

    /// Where the servers of this API listen, in the order of their transports. Tells the
    /// port that `tcpserv::0` picked. A server on a name with several addresses has an entry for
    /// each of them. Servers on a Unix-domain socket are not among them:
    /// their path is in the expression.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        let mut addresses = lock(&self.net().addresses).clone();
        addresses.sort_by_key(|(link, _)| *link);
        addresses.into_iter().map(|(_, address)| address).collect()
    }

    /// The names of the incoming methods that nobody is connected to.
    pub fn unhandled_calls(&self) -> Vec<&'static str> {
        self.calls().slots.unhandled()
    }

    /// Adds a handler for peers that connect. It precedes the peer's first call, and takes its
    /// turn like handlers of calls.
    ///
    /// ```
    /// # use quickrpc::remote_api;
    /// # #[remote_api]
    /// # trait News { #[outgoing] fn headline(&self, text: &str); }
    /// # fn main() -> quickrpc::Result<()> {
    /// # let api = News::bind("jrpc", "internal:on-connect:news")?;
    /// let everybody = api.all(); // the handler must not own the API itself
    /// api.on_connect(move |peer| {
    ///     everybody.to(peer).headline("welcome").ok();
    /// });
    /// # let reader = NewsInverse::bind("jrpc", "internal:on-connect:reader")?;
    /// # let headlines = reader.headline.subscribe();
    /// # (api.start()?, reader.start()?);
    /// # let soon = std::time::Duration::from_secs(10);
    /// # assert_eq!(headlines.recv_timeout(soon).unwrap().1, "welcome");
    /// # Ok(()) }
    /// ```
    pub fn on_connect(&self, handler: impl Fn(&Sender) + Send + Sync + 'static) {
        self.calls().observers.on_connect(Arc::new(handler));
    }

    /// Adds a handler for peers that are gone, with the reason. It follows the peer's last
    /// call, and takes its turn like handlers of calls.
    ///
    /// ```
    /// use quickrpc::DisconnectReason;
    /// # use quickrpc::remote_api;
    /// # #[remote_api]
    /// # trait Echo { #[incoming] fn say(&self, text: &str); }
    /// # let (api, client) = Echo::pair();
    /// # let (told, heard) = std::sync::mpsc::channel();
    /// api.on_disconnect(move |peer, reason| {
    ///     match reason {
    ///         DisconnectReason::EndOfInput | DisconnectReason::Stopped => {} // as it should be
    ///         _ => eprintln!("{peer} is gone: {reason}"),
    ///     }
    /// #   told.send(reason.to_string()).unwrap();
    /// });
    /// # client.stop()?;
    /// # let soon = std::time::Duration::from_secs(10);
    /// # assert_eq!(heard.recv_timeout(soon).unwrap(), "it closed the connection");
    /// # Ok::<(), quickrpc::Error>(())
    /// ```
    pub fn on_disconnect(
        &self,
        handler: impl Fn(&Sender, &DisconnectReason) + Send + Sync + 'static,
    ) {
        self.calls().observers.on_disconnect(Arc::new(handler));
    }

    /// Adds a handler for trouble: input that cannot be decoded, failures of calls that
    /// want no answer. The last argument is the method that it is about, if known.
    /// Without such a handler, trouble goes to the log at level warn, [once](crate#trouble) and
    /// then counted. Such a handler hears of each. It takes its turn like
    /// handlers of calls.
    pub fn on_error(
        &self,
        handler: impl Fn(&Sender, &Error, Option<&str>) + Send + Sync + 'static,
    ) {
        self.calls().observers.on_error(Arc::new(handler));
    }

    /// Adds a rule that decides about each call of a method of this API before its handlers
    /// run: true allows it, and all rules have to. It comes on top of
    /// [`#[require(role = "..")]`](macro@crate::remote_api).
    ///
    /// A call that is not allowed is answered with
    /// [`CallError::FORBIDDEN`](crate::CallError::FORBIDDEN) and is an event of
    /// [`on_error`](Self::on_error). The second argument is the method's name on the wire. The
    /// rule runs where the handlers would; a rule that panics forbids.
    ///
    /// ```
    /// use quickrpc::{CallError, Error, remote_api};
    ///
    /// #[remote_api]
    /// trait Store {
    ///     #[incoming]
    ///     fn count(&self) -> u64;
    ///     #[incoming]
    ///     fn clear(&self) -> ();
    /// }
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// let (store, client) = Store::pair();
    /// store.count.connect(|_sender| 3_u64);
    /// store.clear.connect(|_sender| ());
    /// store.authorize(|sender, method| method == "count" || sender.has_role("keeper"));
    /// # store.on_error(|_, _, _| ());
    /// assert_eq!(client.all().count().result()?, 3);
    /// let refused = client.all().clear().result();
    /// assert!(matches!(refused, Err(Error::Call(error)) if error.code == CallError::FORBIDDEN));
    /// # Ok(()) }
    /// ```
    pub fn authorize(&self, rule: impl Fn(&Sender, &str) -> bool + Send + Sync + 'static) {
        self.calls().gate.add(Arc::new(rule));
    }

    /// Runs what waits for its turn, on this thread; gives the number of handlers and
    /// callbacks that ran. For [`Processing::Manual`](crate::Processing::Manual); in the
    /// other modes there is nothing to do.
    pub fn process_pending(&self) -> usize {
        self.calls().process_pending()
    }

    /// Sets the function that is called when something begins to wait for
    /// [`process_pending`](Self::process_pending). It may run on any thread, and should only
    /// wake the program's own loop.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use quickrpc::{Processing, remote_api};
    ///
    /// #[remote_api]
    /// trait Window {
    ///     #[incoming]
    ///     fn show(&self, text: &str);
    /// }
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// let api = Window::builder()
    ///     .transport("internal:desk:window")
    ///     .processing(Processing::Manual)
    ///     .build()?;
    /// let (wake, events) = mpsc::channel(); // in the place of a desktop's own
    /// api.on_pending(move || drop(wake.send(())));
    /// // Runs on this thread, and need not be `Send`.
    /// let label = std::rc::Rc::new(std::cell::RefCell::new(String::new()));
    /// let shown = label.clone();
    /// api.show.connect_local(move |_sender, text| {
    ///     shown.replace(text.to_owned());
    /// });
    /// api.start()?;
    /// # let client = WindowInverse::bind("jrpc", "internal:desk:client")?;
    /// # client.start()?;
    /// # client.all().show("hello")?;
    ///
    /// while label.borrow().is_empty() {
    ///     events.recv().expect("an event");
    ///     api.process_pending();
    /// }
    /// assert_eq!(*label.borrow(), "hello");
    /// # Ok(()) }
    /// ```
    pub fn on_pending(&self, waker: impl Fn() + Send + Sync + 'static) {
        self.calls().observers.on_pending(Arc::new(waker));
    }

    /// Replaces the transports of a stopped API; codec and security are those of its first
    /// wire.
    ///
    /// # Errors
    ///
    /// [`Error::Running`] while it is not stopped; a wrong expression.
    pub fn set_transport(&self, transport: impl IntoTransport) -> Result<()> {
        lifecycle::replace_links(self.net(), self.links(transport)?)?;
        self.calls().limit_subscriptions();
        Ok(())
    }

    /// Replaces all wires of a stopped API by this one.
    ///
    /// # Errors
    ///
    /// As [`set_transport`](Self::set_transport).
    pub fn set_wire(&self, codec: impl IntoCodec, transport: impl IntoTransport) -> Result<()> {
        let codec = codec.into_codec()?;
        let transport = transport.into_transport()?;
        let security = lock(&self.guard.first_wire).1.clone();
        let links = self.links_of(&codec, &security, &transport)?;
        lifecycle::replace_links(self.net(), links)?;
        self.calls().limit_subscriptions();
        let before = std::mem::replace(&mut lock(&self.guard.first_wire).0, codec);
        // It may be of the program.
        drop(before);
        Ok(())
    }

    /// Adds a transport, with codec and security of the first wire. If the API runs, it is
    /// opened.
    ///
    /// ```
    /// # use quickrpc::remote_api;
    /// # #[remote_api]
    /// # trait Lab { #[incoming] fn measure(&self) -> f64; }
    /// # fn main() -> quickrpc::Result<()> {
    /// let api = Lab::bind("jrpc", "tcpserv:127.0.0.1:0")?;
    /// api.start()?;
    /// let local = api.add_transport("internal:lab:server")?;
    /// assert_eq!(api.status()[1].id, local);
    /// api.remove_transport(local)?; // its peers are disconnected, the others stay
    /// assert_eq!(api.status().len(), 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start); nothing is added then. A wrong expression.
    ///
    /// # Blocking
    ///
    /// As [`start`](Self::start). In a handler it does not wait for the transport.
    pub fn add_transport(&self, transport: impl IntoTransport) -> Result<TransportId> {
        let links = self.links(transport)?;
        let Some(id) = links.first().map(|link| link.id) else {
            return Err(Error::Config("the transport has no parts".into()));
        };
        lifecycle::add_links(self.net(), links)?;
        self.calls().limit_subscriptions();
        Ok(id)
    }

    /// Closes a transport and forgets it; the others go on. Its peers are disconnected
    /// after what is queued for them has left.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if it was removed before.
    ///
    /// # Blocking
    ///
    /// Until it accepts no peers any more, which needs no peer's help. In a handler it does not
    /// wait for that.
    pub fn remove_transport(&self, transport: TransportId) -> Result<()> {
        lifecycle::remove_transport(self.net(), transport)
    }

    /// How every transport is, in the order in which they were bound. It can be shown as it
    /// is: `tcp:hub:9000: down (...); trying again in 5s`.
    pub fn status(&self) -> Vec<TransportStatus> {
        self.net().status()
    }

    /// Adds a handler for transports that come up or go down. It takes its turn like handlers
    /// of calls. That the whole API stops, or a transport is removed, is not among this: the
    /// program has asked for it.
    ///
    /// ```
    /// # use quickrpc::remote_api;
    /// # #[remote_api]
    /// # trait Lab { #[incoming] fn measure(&self) -> f64; }
    /// use quickrpc::TransportState;
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// let api = Lab::bind("jrpc", "restart:5:tcp:127.0.0.1:1")?; // nobody is there
    /// # let (told, heard) = std::sync::mpsc::channel();
    /// api.on_status(move |status| match &status.state {
    ///     TransportState::Up => println!("{} is back", status.transport),
    ///     TransportState::Down { retry_in, .. } => {
    ///         println!("again in {retry_in:?}");
    /// #       told.send(*retry_in).unwrap();
    ///     }
    ///     _ => {}
    /// });
    /// api.start()?; // no error: it is tried again
    /// # let soon = std::time::Duration::from_secs(10);
    /// # assert_eq!(heard.recv_timeout(soon).unwrap().as_secs(), 5);
    /// # Ok(()) }
    /// ```
    pub fn on_status(&self, handler: impl Fn(&TransportStatus) + Send + Sync + 'static) {
        self.calls().observers.on_status(Arc::new(handler));
    }

    #[doc(hidden)]
    pub fn __slot(
        &self,
        call: &'static CallDescription,
        reads_null: fn() -> bool,
        errors: IntoCallError,
    ) -> Slot {
        let limit = self.net().shared.subscription();
        self.calls().slots.slot(call, reads_null, errors, limit)
    }

    #[doc(hidden)]
    pub fn __all(&self) -> Target {
        Target::all(Arc::clone(self.calls()))
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let net = self.net();
        let phase = lock(&net.run).phase;
        f.debug_struct("Api")
            .field("name", &net.name)
            .field("phase", &phase)
            .finish_non_exhaustive()
    }
}

/// One side of a declared API, as `#[remote_api]` generates it.
pub trait Generated: Sized + 'static {
    /// What was declared, seen from this side.
    const DESCRIPTION: Description;
    /// The other side.
    type Inverse: Generated;

    /// Wraps the untyped handle.
    fn from_api(api: Api) -> Self;
}
