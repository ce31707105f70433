//! Transports: what moves bytes between peers, and knows nothing of codecs.
//!
//! Those that are built in are named by expressions ([`TransportExpr`]); a transport of
//! one's own implements [`Transport`].

mod child_log;
pub(crate) mod fd;
pub(crate) mod internal;
pub(crate) mod listener;
pub(crate) mod pipe;
pub(crate) mod process;
pub(crate) mod stdio;
pub(crate) mod stream;
pub(crate) mod tcp;
pub(crate) mod udp;
pub(crate) mod unix;
mod words;

use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

use crate::api::{AnyTransport, Core, Wire};
use crate::error::{BoxError, Error, Result};
use crate::expr::registry::Registry;
use crate::expr::{CustomExpr, ExprKind, Params, TransportExpr};

/// A transport of one's own, made of byte streams: a serial line, a pipe, a tunnel.
///
/// ```no_run
/// use std::fs::File;
/// use quickrpc::transport::{Entry, Transport};
/// use quickrpc::{BoxError, register_transport};
///
/// /// A device file that can be read and written.
/// #[derive(Debug)]
/// struct Device(String);
///
/// impl Transport for Device {
///     fn expression(&self) -> String {
///         format!("device:{}", self.0)
///     }
///
///     fn open(&self, entry: Entry) -> Result<(), BoxError> {
///         let reader = File::open(&self.0)?;
///         let writer = File::options().write(true).open(&self.0)?;
///         entry.connect(&self.0, reader, writer)?;
///         Ok(())
///     }
/// }
///
/// register_transport("device", |params| Ok(Device(params.text().to_owned())))?;
/// // From now on: .transport("mux:(device:/dev/ttyUSB0)(tcpserv::8888)")
/// # Ok::<(), quickrpc::Error>(())
/// ```
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// The expression that makes this transport.
    fn expression(&self) -> String;

    /// Opens it, and hands every peer to the entry. The transport counts as open when
    /// this returns, and ends when its peer is gone.
    ///
    /// # Errors
    ///
    /// Anything; starting the API fails with it.
    ///
    /// # Blocking
    ///
    /// It may block: it runs on a thread of its own.
    fn open(&self, entry: Entry) -> Result<(), BoxError>;

    /// The transport has ended, or the API stops. Should make a reader that is blocked
    /// return, where that is possible.
    fn close(&self) {}
}

/// Where a [`Transport`] hands over its peers.
pub struct Entry {
    core: Arc<Core>,
    link: usize,
    wire: Arc<Wire>,
}

impl Entry {
    pub(crate) fn new(core: &Arc<Core>, link: usize, wire: &Arc<Wire>) -> Self {
        Entry {
            core: Arc::clone(core),
            link,
            wire: Arc::clone(wire),
        }
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.wire.name
    }

    /// Hands over a peer: one stream for each direction, each served by a thread of its
    /// own until it ends.
    ///
    /// # Errors
    ///
    /// When a thread cannot be spawned.
    pub fn connect(
        &self,
        name: &str,
        reader: impl Read + Send + 'static,
        writer: impl Write + Send + 'static,
    ) -> Result<()> {
        let pipe = pipe::Pipe::stubborn();
        let conn = pipe::connect(&self.core, &self.wire, self.link, name, pipe);
        if conn.closed().is_some() {
            return Err(Error::Stopped);
        }
        self.core.announce(&conn);
        pipe::run(&self.core, &conn, reader, writer, pipe::Ends::default())
            .map_err(|error| Error::io("cannot spawn the threads of a peer", error))
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({})", self.wire.name)
    }
}

/// Makes `shorthand` an expression for a transport of your own, nested ones included.
///
/// See [`Transport`] for an example.
///
/// # Errors
///
/// [`Error::Config`] if the shorthand is malformed, built in, or registered before.
pub fn register_transport<T: Transport>(
    shorthand: &str,
    constructor: impl Fn(&Params) -> Result<T, BoxError> + Send + Sync + 'static,
) -> Result<()> {
    let make = move |params: &Params| -> Result<Arc<dyn Transport>, BoxError> {
        Ok(Arc::new(constructor(params)?))
    };
    TRANSPORTS.register(shorthand, Arc::new(make))
}

static TRANSPORTS: Registry<Arc<dyn Transport>> = Registry::new(ExprKind::Transport);

pub(crate) fn build(expr: &CustomExpr) -> Result<Arc<dyn Transport>> {
    TRANSPORTS.build(expr)
}

/// What names a transport: a string, a [`TransportExpr`], or a [`Transport`].
pub trait IntoTransport {
    /// The transport that is meant. Not for use outside of this crate.
    ///
    /// # Errors
    ///
    /// When the expression is wrong.
    #[doc(hidden)]
    fn into_transport(self) -> Result<AnyTransport>;
}

impl<T: Transport> IntoTransport for T {
    fn into_transport(self) -> Result<AnyTransport> {
        Ok(AnyTransport::Object(Arc::new(self)))
    }
}

impl IntoTransport for Arc<dyn Transport> {
    fn into_transport(self) -> Result<AnyTransport> {
        Ok(AnyTransport::Object(self))
    }
}

impl IntoTransport for TransportExpr {
    fn into_transport(self) -> Result<AnyTransport> {
        Ok(AnyTransport::Expr(Box::new(self)))
    }
}

impl IntoTransport for &TransportExpr {
    fn into_transport(self) -> Result<AnyTransport> {
        self.clone().into_transport()
    }
}

impl IntoTransport for &str {
    fn into_transport(self) -> Result<AnyTransport> {
        self.parse::<TransportExpr>()?.into_transport()
    }
}

impl IntoTransport for String {
    fn into_transport(self) -> Result<AnyTransport> {
        self.as_str().into_transport()
    }
}

impl IntoTransport for &String {
    fn into_transport(self) -> Result<AnyTransport> {
        self.as_str().into_transport()
    }
}
