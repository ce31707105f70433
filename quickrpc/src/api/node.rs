//! Several traits over the same wires.

use std::fmt;
use std::ops::Deref;

use crate::base::error::Result;
use crate::base::sync::lock;
use crate::carrier::transport::IntoTransport;
use crate::net::link;
use crate::wire::codec::IntoCodec;

use super::builder::Builder;
use super::dynamic;
use super::handle::{Api, Generated};

/// Wires and peers that several traits share. It dereferences to [`Api`], which starts and stops
/// all of them.
///
/// Traits are added before it is started, or while it runs. What belongs to the wires belongs to
/// all of them: peers with their names and roles, what `on_connect` and the like hear, rules, the
/// announcer, the order of the calls of one peer. An API of one trait (`Echo::bind`) is a node with
/// one, and [`Api::node`] lets it have more.
///
/// ```
/// use quickrpc::{Node, remote_api};
///
/// #[remote_api]
/// trait Echo {
///     #[incoming]
///     fn add(&self, a: i64, b: i64) -> i64;
/// }
///
/// #[remote_api]
/// trait Lab {
///     #[incoming]
///     fn measure(&self, channel: u8) -> f64;
/// }
///
/// # fn main() -> quickrpc::Result<()> {
/// let node = Node::bind("jrpc", "internal:node-docs:server")?;
/// let echo: Echo = node.add()?;
/// let lab: Lab = node.add()?;
/// echo.add.connect(|_sender, a, b| a + b);
/// lab.measure.connect(|_sender, channel| f64::from(channel) / 2.0);
/// node.start()?;
///
/// // Whoever connects calls both, or one of them.
/// let client = Node::bind("jrpc", "internal:node-docs:client")?;
/// let (echo, lab): (EchoInverse, LabInverse) = (client.add()?, client.add()?);
/// client.start()?;
/// assert_eq!(echo.all().add(2, 3).result()?, 5);
/// assert_eq!(lab.all().measure(7).result()?, 3.5);
/// # Ok(()) }
/// ```
///
/// Clones, and the handles of its traits, are handles of the same node; when the last one is
/// dropped, it stops.
#[derive(Clone)]
pub struct Node {
    api: Api,
}

impl Node {
    /// Puts a node together.
    pub fn builder() -> Builder<Self> {
        Builder::__new()
    }

    /// A node with one wire, not started yet.
    ///
    /// # Errors
    ///
    /// A wrong expression, or parts that do not go together.
    pub fn bind(codec: impl IntoCodec, transport: impl IntoTransport) -> Result<Self> {
        Self::builder().codec(codec).transport(transport).build()
    }

    /// Adds a trait, and gives its handle: `let echo: Echo = node.add()?`.
    ///
    /// While the node runs, a call that arrives before its handler is connected finds nobody, as
    /// everywhere.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) if one of its names on the wire is received, or
    /// sent, by another trait of this node too, naming both; or if the trait is there already, of
    /// which handles can be cloned. [`Error::Unsupported`](crate::Error::Unsupported) if no wire
    /// can carry one of its calls.
    pub fn add<A: Generated>(&self) -> Result<A> {
        let (calls, description) = (self.api.calls(), A::DESCRIPTION);
        link::carries(&lock(&calls.net.links), &description)?;
        calls
            .slots
            .add(&description, calls.net.shared.subscription())?;
        calls.foreign.declare(&description);
        let handle = A::from_api(self.api.clone());
        calls.introduce_properties_of(&description);
        Ok(handle)
    }

    /// The calls of this node by name, those included that no trait declares.
    ///
    /// A handler of a method that a trait declares stands beside those of the trait's slot.
    ///
    /// ```
    /// use quickrpc::{Node, Value};
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// let node = Node::bind("jrpc", "internal:node-dynamic:server")?;
    /// node.dynamic().on("version", |_sender, _args| Value::from("1.2"));
    /// # node.start()?;
    /// # let client = quickrpc::dynamic::Api::bind("jrpc", "internal:node-dynamic:client")?;
    /// # client.start()?;
    /// # assert_eq!(client.call("version", ()).result()?, Value::from("1.2"));
    /// # Ok(()) }
    /// ```
    pub fn dynamic(&self) -> dynamic::Api {
        dynamic::Api::of(self.api.clone())
    }
}

impl Builder<Node> {
    /// Builds the node. Nothing is opened before `start()`.
    ///
    /// # Errors
    ///
    /// [`Error::Expression`](crate::Error::Expression) with the place of the first mistake;
    /// [`Error::Config`](crate::Error::Config) for what does not go together.
    pub fn build(self) -> Result<Node> {
        let api = self.build_with("node", Default::default())?;
        Ok(Node { api })
    }
}

impl Api {
    /// The node that this API is a part of, for further traits over the same wires.
    ///
    /// ```
    /// # use quickrpc::remote_api;
    /// # #[remote_api]
    /// # trait Echo { #[incoming] fn add(&self, a: i64, b: i64) -> i64; }
    /// # #[remote_api]
    /// # trait Lab { #[incoming] fn measure(&self, channel: u8) -> f64; }
    /// # fn main() -> quickrpc::Result<()> {
    /// let echo = Echo::bind("jrpc", "tcpserv:127.0.0.1:0")?;
    /// let lab: Lab = echo.node().add()?;
    /// echo.start()?;
    /// assert!(lab.is_running());
    /// # Ok(()) }
    /// ```
    pub fn node(&self) -> Node {
        Node { api: self.clone() }
    }
}

impl Deref for Node {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let traits = self.api.calls().slots.traits();
        let names: Vec<_> = traits.iter().map(|api| api.name).collect();
        f.debug_struct("Node")
            .field("api", &self.api)
            .field("traits", &names)
            .finish()
    }
}
