//! What stands above the network: whoever hears what peers say.

use std::sync::Arc;
use std::time::Instant;

use crate::base::error::Error;
use crate::base::reason::DisconnectReason;
use crate::base::sender::Sender;
use crate::wire::codec::{Envelope, Script};
use crate::wire::session::Changes;

use super::conn::Conn;
use super::status::TransportStatus;

/// What is done when something is over, and how it went. It may run on any thread.
pub(crate) type Done = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// What the network reports to. No lock of the network is held meanwhile.
pub(crate) trait Above: Send + Sync {
    /// A peer has come: it can be sent to from now on. Before its first message, on a thread
    /// of the API.
    fn came(&self, peer: &Arc<Conn>);

    /// The last transport has ended: nobody will come, unless one is added.
    fn deserted(&self);

    /// Hears what a peer has sent: `feed` is called once, with whoever hears it.
    fn round(&self, peer: &Arc<Conn>, feed: &mut dyn FnMut(&mut dyn Hears));

    /// A peer will answer nothing any more, for this reason.
    fn lost(&self, peer: &Conn, reason: &DisconnectReason);

    /// A peer has ended its side. When what it has sent is handled, [`Conn::settled`] is to be
    /// called.
    fn ended(&self, peer: &Arc<Conn>);

    /// A peer is gone, of which was told by [`came`](Self::came).
    fn gone(&self, peer: &Arc<Conn>, reason: DisconnectReason);

    /// A peer has room for what it was offered in vain.
    fn room(&self, peer: &Arc<Conn>);

    /// There is trouble with a peer.
    fn trouble(&self, peer: &Sender, error: Error);

    /// The names of the methods that have a handler.
    fn serves(&self) -> Vec<String>;

    /// A broker was reached that keeps what is told of properties to everybody.
    fn keeps(&self, everyone: &Arc<Conn>);

    /// It does not keep the value any more whose changes are called so.
    fn lost_value(&self, everyone: &Arc<Conn>, change: &str);

    /// Whether a notification of this name may be the change of a property: it is no other call.
    fn hears_change(&self, change: &str) -> bool;

    /// Whether a call of ours with this number waits for an answer of this peer.
    fn awaits(&self, peer: &Conn, call: u64) -> bool;

    /// A call will not be answered by whom it was sent to, for this reason.
    fn unanswered(&self, peer: &Conn, call: u64, error: Error);

    /// A call that was sent to one of several is worked on by this one of them.
    fn taken(&self, from: &Conn, call: u64, by: &Arc<Conn>);

    /// Whether anybody wants to know of [`status`](Self::status).
    fn watches_status(&self) -> bool;

    /// A transport has changed.
    fn status(&self, status: TransportStatus);

    /// Deadlines are due. Gives the next one.
    fn due(&self, now: Instant) -> Option<Instant>;

    /// Something waits for its turn, and this thread of the API may run it.
    fn run(&self);

    /// Whether what is here can work.
    ///
    /// # Errors
    ///
    /// Why it cannot; the network does not start then.
    fn may_start(&self) -> Result<(), Error>;

    /// The network starts.
    fn starting(&self);

    /// The network stops: nothing is begun any more, and what runs is waited for, until then.
    fn stopping(&self, deadline: Instant);

    /// All peers are gone: the last events are waited for, until then.
    fn stopped(&self, deadline: Instant);
}

/// Has something heard.
pub(crate) type Feed<'f> = &'f mut dyn FnMut(&mut dyn Hears);

/// Hears the messages of one round of one peer.
pub(crate) trait Hears {
    /// A message, and who sent it.
    fn hear(&mut self, heard: Envelope, sender: &Sender, telegram: &Script<'_>);

    /// Properties of the peer have changed, which is no notification on its wire.
    fn changed(&mut self, changes: &dyn Changes, sender: &Sender);

    /// Something that is no message at all: why not, and how it begins.
    fn unreadable(&mut self, sender: &Sender, text: &str, bytes: &[u8]);

    /// There is trouble with what the peer sent. It counts like a call, lest a peer fill the
    /// memory with what cannot be read.
    fn trouble(&mut self, sender: &Sender, error: Error);

    /// Whether so many shares of what may wait for its turn are used up by the peer. Asked
    /// after each message.
    fn is_full(&mut self, shares: usize) -> bool;

    /// Hears in the same round what somebody else has sent who shares the connection.
    fn behind(&mut self, peer: &Arc<Conn>, feed: &mut dyn FnMut(&mut dyn Hears));
}
