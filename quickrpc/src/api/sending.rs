//! What all sending handles have in common.

use std::time::Duration;

use crate::base::error::Result;
use crate::base::sender::{Receivers, Sender};

/// What every sending handle can do, whatever the declared calls are named.
///
/// The generated handles have these as their own methods too, except where a declared
/// call has the same name; then this trait reaches them.
///
/// ```
/// use std::time::Duration;
/// use quickrpc::{Handle, remote_api};
///
/// #[remote_api]
/// trait Clock {
///     #[outgoing]
///     fn timeout(&self); // a call of this name
/// }
///
/// # fn main() -> quickrpc::Result<()> {
/// # let (clock, _other_side) = Clock::pair();
/// let patient = Handle::timeout(&clock.all(), Duration::from_secs(60));
/// patient.timeout()?; // the call
/// # Ok(()) }
/// ```
pub trait Handle: Sized + Clone {
    /// What [`each`](Self::each) returns.
    type Each;

    /// The same calls to these receivers.
    fn to(&self, receivers: impl Receivers) -> Self;

    /// The same calls with this deadline.
    fn timeout(&self, timeout: Duration) -> Self;

    /// The same calls with this limit for the time until the other side begins to carry them out.
    /// `hololinked` has that: a call that waits there for longer is never begun, and fails
    /// with [`CallError::TOO_LATE`](crate::CallError::TOO_LATE). Elsewhere it says nothing.
    fn start_within(&self, limit: Duration) -> Self;

    /// Waits until those are connected whom this handle sends to: somebody, or those who are named.
    /// Gives the handle itself.
    ///
    /// ```
    /// use std::time::Duration;
    /// # use quickrpc::remote_api;
    /// # #[remote_api]
    /// # trait Lab { #[incoming] fn measure(&self, channel: u8) -> f64; }
    /// # fn main() -> quickrpc::Result<()> {
    /// let lab = LabInverse::bind("jrpc", "restart:1:tcp:127.0.0.1:9000")?;
    /// # let lab = LabInverse::bind("jrpc", "internal:ready:client")?;
    /// lab.start()?;
    /// # let server = Lab::bind("jrpc", "internal:ready:server")?;
    /// # server.measure.connect(|_sender, _channel| 1.5);
    /// # server.start()?;
    /// let hub = lab.all().ready(Duration::from_secs(30))?;
    /// println!("{}", hub.measure(1).result()?);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// At the limit [`Error::NoPeer`](crate::Error::NoPeer), or who is missing; [`Error::Disconnected`](crate::Error::Disconnected) at once for a
    /// connection that is gone; [`Error::NotStarted`](crate::Error::NotStarted), [`Error::Stopped`](crate::Error::Stopped); [`Error::Deadlock`](crate::Error::Deadlock) in a
    /// handler.
    ///
    /// # Blocking
    ///
    /// Until they are there, at most so long.
    fn ready(&self, limit: Duration) -> Result<Self>;

    /// The same calls with one result for each receiver that is connected when they are sent. A
    /// [`Stream`](crate::Stream) among the arguments is made for each of them, by a closure.
    fn each(&self) -> Self::Each;

    /// What this thread sends in the closure leaves with as few writes as possible: at its
    /// end, after each 64 KiB, and before this thread waits for an answer.
    fn batch<R>(&self, send: impl FnOnce(&Self) -> R) -> R;

    /// Who is connected.
    fn peers(&self) -> Vec<Sender>;

    /// Closes the connections of these peers.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownPeer`](crate::Error::UnknownPeer) or [`Error::Disconnected`](crate::Error::Disconnected) for those that are not there.
    fn disconnect(&self, peers: impl Receivers) -> Result<()>;
}
