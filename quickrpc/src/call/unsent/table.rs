//! What waits for a peer. No I/O in it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use crate::base::error::{Error, Result};
use crate::base::sender::Receiver;
use crate::base::sync::{lock, wait_until};
use crate::wire::Wire;
use crate::wire::session::Way;

/// What waits for a peer.
#[derive(Default)]
pub(crate) struct Unsent {
    /// Calls wait for one, rather than fail.
    waits: AtomicBool,
    /// Some do; what comes now comes behind them.
    is_busy: AtomicBool,
    /// A leaf in the lock order.
    state: Mutex<State>,
    /// Threads wait here for a peer.
    came: Condvar,
}

#[derive(Default)]
struct State {
    calls: VecDeque<UnsentCall>,
    /// How much of memory they take.
    bytes: usize,
    /// The thread that sends them; it looks once more.
    sender: Option<ThreadId>,
    again: bool,
    /// Changes when a peer comes, and when none will.
    changes: u64,
}

/// A call that is to be sent.
pub(super) struct UnsentCall {
    pub(super) id: u64,
    pub(super) method: Cow<'static, str>,
    pub(super) receivers: Option<Arc<[Receiver]>>,
    pub(super) deadline: Option<Instant>,
    /// The message as each wire wants it.
    pub(super) texts: Vec<(Arc<Wire>, Vec<u8>)>,
    /// How it is to be carried out.
    pub(super) way: Way,
    /// So many items may come, if it has a stream.
    pub(super) credit: Option<u64>,
}

impl UnsentCall {
    fn size(&self) -> usize {
        self.texts.iter().map(|(_, text)| text.len()).sum()
    }
}

impl Unsent {
    /// From now on, calls wait for a peer.
    pub(crate) fn enable(&self, on: bool) {
        self.waits.store(on, Ordering::Relaxed);
    }

    /// Whether a call has to go behind others.
    pub(crate) fn is_busy(&self) -> bool {
        self.is_busy.load(Ordering::Acquire)
    }

    pub(super) fn waits(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }

    /// As much may wait as for a peer that is there.
    pub(super) fn push(&self, call: UnsentCall, limit: usize) -> Result<()> {
        let mut state = lock(&self.state);
        let bytes = state.bytes + call.size();
        if bytes > limit && !state.calls.is_empty() {
            return Err(Error::QueueFull {
                peer: "nobody yet".into(),
                queued: state.bytes,
            });
        }
        state.bytes = bytes;
        state.calls.push_back(call);
        self.is_busy.store(true, Ordering::Release);
        Ok(())
    }

    /// A call is not to be sent any more.
    pub(crate) fn forget(&self, id: u64) {
        let mut state = lock(&self.state);
        let Some(place) = state.calls.iter().position(|call| call.id == id) else {
            return;
        };
        let call = state.calls.remove(place);
        state.bytes -= call.as_ref().map_or(0, UnsentCall::size);
        self.is_busy.store(
            state.sender.is_some() || !state.calls.is_empty(),
            Ordering::Release,
        );
        drop(state);
        drop(call);
    }

    /// Nothing is to be sent any more, and nobody comes.
    pub(crate) fn clear(&self) {
        let calls = {
            let mut state = lock(&self.state);
            state.bytes = 0;
            state.changes += 1;
            std::mem::take(&mut state.calls)
        };
        self.came.notify_all();
        drop(calls);
    }

    /// The peer that is asked may send so many items more. Gives false if nobody is to be asked.
    pub(crate) fn grant(&self, id: u64, items: u64) -> bool {
        let mut state = lock(&self.state);
        let call = state.calls.iter_mut().find(|call| call.id == id);
        call.is_some_and(|call| {
            call.credit = Some(call.credit.unwrap_or(0) + items);
            true
        })
    }

    /// Those whom a call is for, if it is to be sent still.
    pub(super) fn receivers(&self, id: u64) -> Option<Option<Arc<[Receiver]>>> {
        let state = lock(&self.state);
        let call = state.calls.iter().find(|call| call.id == id);
        call.map(|call| call.receivers.clone())
    }

    /// Takes out a call that is sent now.
    pub(super) fn take(&self, id: u64) -> Option<UnsentCall> {
        let mut state = lock(&self.state);
        let place = state.calls.iter().position(|call| call.id == id)?;
        let call = state.calls.remove(place)?;
        state.bytes -= call.size();
        Some(call)
    }

    /// This thread is to send the calls. False: somebody else does, and looks once more.
    pub(super) fn begin(&self) -> bool {
        let mut state = lock(&self.state);
        state.again = true;
        let begins = state.sender.is_none();
        state.sender.get_or_insert_with(|| thread::current().id());
        begins
    }

    /// The calls that wait, if somebody wants them looked at; else this thread is done.
    pub(super) fn round(&self) -> Option<Vec<u64>> {
        let mut state = lock(&self.state);
        if std::mem::take(&mut state.again) {
            return Some(state.calls.iter().map(|call| call.id).collect());
        }
        state.sender = None;
        self.came.notify_all();
        self.is_busy
            .store(!state.calls.is_empty(), Ordering::Release);
        None
    }

    /// Waits until nobody sends them any more, but not beyond this time; this thread does not wait for itself.
    pub(super) fn wait_sent(&self, deadline: Instant) {
        let me = thread::current().id();
        let mut state = lock(&self.state);
        while state.sender.is_some_and(|sender| sender != me) {
            match wait_until(&self.came, state, deadline) {
                Some(again) => state = again,
                None => return,
            }
        }
    }

    /// There is to be one more round.
    pub(super) fn look_again(&self) {
        lock(&self.state).again = true;
    }

    /// A peer has come, or none will.
    pub(super) fn changed(&self) {
        lock(&self.state).changes += 1;
        self.came.notify_all();
    }

    pub(super) fn changes(&self) -> u64 {
        lock(&self.state).changes
    }

    /// Waits until something has changed since then. Gives false at the time given.
    pub(super) fn wait(&self, seen: u64, until: Option<Instant>) -> bool {
        let mut state = lock(&self.state);
        while state.changes == seen {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            state = match left {
                Some(Duration::ZERO) => return false,
                Some(left) => match self.came.wait_timeout(state, left) {
                    Ok((state, _)) => state,
                    Err(poisoned) => poisoned.into_inner().0,
                },
                None => self.came.wait(state).unwrap_or_else(|p| p.into_inner()),
            };
        }
        true
    }
}

impl fmt::Debug for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unsent({})", lock(&self.state).calls.len())
    }
}
