//! Both sides of an API in one program, for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::error::Result;
use crate::base::security::SecInfo;
use crate::base::sync::lock;
use crate::expr::TransportExpr;

use super::Builder;
use super::handle::Generated;

/// Both sides of an API, connected in memory and started.
///
/// # Panics
///
/// When the system has no thread or descriptor left.
pub fn pair<A: Generated>() -> (A, A::Inverse) {
    Builder::<A>::__new().pair()
}

impl<A: Generated> Builder<A> {
    /// Both sides of the API, connected in memory and started: for tests.
    ///
    /// This side has the builder's options, and the other one its codec, limits and call timeout.
    /// What belongs to the outer world is left aside: transports, security providers, announcers.
    /// So a test can take the builder that the program itself takes. The guide has
    /// a chapter about tests.
    ///
    /// ```
    /// use quickrpc::{Builder, Processing, remote_api};
    ///
    /// #[remote_api]
    /// trait Lab {
    ///     #[incoming]
    ///     fn measure(&self, channel: u8) -> f64;
    /// }
    ///
    /// fn builder() -> Builder<Lab> {
    ///     Lab::builder().processing(Processing::Queue).transport("tcpserv::9000")
    /// }
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// let (lab, client) = builder().pair();
    /// lab.measure.connect(|_sender, channel| f64::from(channel) / 2.0);
    /// assert_eq!(client.all().measure(3).result()?, 1.5);
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    ///
    /// When something is wrong with the options, or the system has no thread or descriptor left.
    #[track_caller]
    pub fn pair(self) -> (A, A::Inverse) {
        self.pair_of("inverse", None)
    }

    /// The same with a caller who is known: the other side has this name, and for the handlers of
    /// this side a security provider has verified this user with these roles.
    ///
    /// ```
    /// use quickrpc::{CallError, remote_api};
    ///
    /// #[remote_api]
    /// trait Store {
    ///     #[incoming]
    ///     #[require(role = "admin")]
    ///     fn clear(&self) -> String;
    /// }
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// let (store, alice) = Store::builder().pair_as("alice", ["admin"]);
    /// store.clear.connect(|sender| format!("as {} wants", sender.secinfo()["user"]));
    /// assert_eq!(alice.all().clear().result()?, "as alice wants");
    ///
    /// let (store, bob) = Store::builder().pair_as("bob", ["guest"]);
    /// # store.on_error(|_, _, _| ());
    /// let refused = bob.all().clear().result().unwrap_err();
    /// assert_eq!(refused.code(), Some(CallError::FORBIDDEN));
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    ///
    /// As [`pair`](Self::pair).
    #[track_caller]
    pub fn pair_as<R>(self, user: &str, roles: R) -> (A, A::Inverse)
    where
        R: IntoIterator,
        R::Item: AsRef<str>,
    {
        let roles: Vec<R::Item> = roles.into_iter().collect();
        let roles: Vec<&str> = roles.iter().map(AsRef::as_ref).collect();
        let mut known = SecInfo::from([("user".to_owned(), user.to_owned())]);
        if !roles.is_empty() {
            known.insert("roles".to_owned(), roles.join(" "));
        }
        self.pair_of(user, Some(known))
    }

    #[track_caller]
    fn pair_of(self, other: &str, known: Option<SecInfo>) -> (A, A::Inverse) {
        match self.make_pair(other, known) {
            Ok(pair) => pair,
            Err(error) => panic!("cannot connect a pair in memory: {error}"),
        }
    }

    fn make_pair(self, other: &str, known: Option<SecInfo>) -> Result<(A, A::Inverse)> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let bus = format!("pair-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let wire = |name: &str| TransportExpr::internal(bus.clone(), name.to_owned());
        let (here, there) = self.unbound::<A::Inverse>();
        let here = here.transport(wire(A::DESCRIPTION.name)).build_api()?;
        let there = there.transport(wire(other)).build_api()?;
        if let Some(known) = known {
            let known = Arc::new(known);
            for link in lock(&here.net().links).iter() {
                // Nobody has been there before.
                link.wire.vouched.set(Arc::clone(&known)).ok();
            }
        }
        // Its properties are there before anybody is connected.
        let pair = (
            A::from_api(here.clone()),
            A::Inverse::from_api(there.clone()),
        );
        here.start()?;
        there.start()?;
        // As if they had been connected for a while: each change is told from now on.
        here.calls().introduce_everybody();
        there.calls().introduce_everybody();
        Ok(pair)
    }
}
