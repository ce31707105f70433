//! What a promise and its other end share: one state machine, one allocation.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{self, Poll, Waker};
use std::time::{Duration, Instant};

use super::call::{CallInfo, Context, Decode};
use super::wish::{self, Callback as OnCancel, Unwanted, Wish};
use crate::base::error::{Error, Result};
use crate::base::foreign::catch;
use crate::base::here;
use crate::base::sync::wait;

/// A call that somebody has taken out of the table of pending calls, so as to settle it, is settled
/// within this time: layers that look at it come first, and a busy machine may hold the thread.
pub(crate) const SETTLING: Duration = Duration::from_secs(1);

pub(crate) struct Shared<T> {
    /// What has become of the promise. No other lock is taken and no foreign code (wakers,
    /// callbacks, decoding, drops of values) runs while it is held.
    state: Mutex<State<T>>,
    settled: Condvar,
    /// It is settled, and the promise was dropped; as the state says, but to be seen without
    /// the lock.
    is_settled: AtomicBool,
    unwanted: AtomicBool,
    origin: Origin<T>,
}

/// Where the value comes from.
enum Origin<T> {
    /// A peer that was called.
    Call(Call<T>),
    /// A resolver. If the value is made of those of calls, they have this in common.
    Pair(Wish, Option<Arc<dyn Context>>),
}

/// What only the promises of calls have.
pub(crate) struct Call<T> {
    pub(crate) context: Arc<dyn Context>,
    pub(crate) info: CallInfo,
    pub(crate) decode: Decode<T>,
}

struct State<T> {
    stage: Stage<T>,
    /// How many threads sleep; with none the wake-up's system call is saved.
    sleepers: u32,
}

enum Stage<T> {
    /// Not settled; perhaps a task wants to know.
    Pending(Option<Waker>),
    /// Not settled; the promise itself has gone into this callback.
    Callback(Callback<T>),
    /// Not settled; the promise was dropped.
    Unwanted,
    /// Settled, and not asked yet.
    Settled(Result<T>),
    /// Settled, and the value has been given.
    Given,
}

type Callback<T> = Box<dyn FnOnce(Result<T>, Turn) + Send>;

/// When a callback may run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Turn {
    /// On this thread, before settling returns.
    Now,
    /// When its turn comes in that lane of its API.
    Lane(u64),
}

impl<T> Shared<T> {
    pub(crate) fn new() -> Self {
        Self::behind(None)
    }

    /// Its value is made of those of calls.
    pub(crate) fn behind(context: Option<Arc<dyn Context>>) -> Self {
        Self::at(Stage::Pending(None), Origin::Pair(Wish::default(), context))
    }

    pub(crate) fn settled(result: Result<T>) -> Self {
        Self::at(Stage::Settled(result), Origin::Pair(Wish::default(), None))
    }

    pub(crate) fn for_call(context: Arc<dyn Context>, info: CallInfo, decode: Decode<T>) -> Self {
        let call = Call {
            context,
            info,
            decode,
        };
        Self::at(Stage::Pending(None), Origin::Call(call))
    }

    fn at(stage: Stage<T>, origin: Origin<T>) -> Self {
        Shared {
            state: Mutex::new(State { stage, sleepers: 0 }),
            settled: Condvar::new(),
            is_settled: AtomicBool::new(false),
            unwanted: AtomicBool::new(false),
            origin,
        }
    }

    /// What only the promises of calls have.
    #[inline]
    pub(crate) fn call(&self) -> Option<&Call<T>> {
        match &self.origin {
            Origin::Call(call) => Some(call),
            Origin::Pair(..) => None,
        }
    }

    /// What only promises with a resolver have.
    pub(crate) fn wish(&self) -> Option<&Wish> {
        match &self.origin {
            Origin::Call(_) => None,
            Origin::Pair(wish, _) => Some(wish),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing under this lock panics; were it so, the state is whole at every point.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn context(&self) -> Option<&Arc<dyn Context>> {
        match &self.origin {
            Origin::Call(call) => Some(&call.context),
            Origin::Pair(_, context) => context.as_ref(),
        }
    }

    pub(crate) fn before_wait(&self) -> Result<()> {
        self.context()
            .map_or(Ok(()), |context| context.before_wait())
    }

    /// Settles the promise, unless it is; `false` if it was.
    pub(crate) fn settle(&self, result: Result<T>, turn: Turn) -> bool {
        let mut state = self.lock();
        match mem::replace(&mut state.stage, Stage::Given) {
            Stage::Pending(waker) => {
                state.stage = Stage::Settled(result);
                self.is_settled.store(true, Ordering::Release);
                let asleep = state.sleepers > 0;
                drop(state);
                if asleep {
                    self.settled.notify_all();
                }
                if let Some(waker) = waker {
                    catch("a waker", || waker.wake());
                }
                true
            }
            Stage::Callback(callback) => {
                drop(state);
                // With what it holds, which is of the program.
                catch("a promise", || callback(result, turn));
                true
            }
            Stage::Unwanted => {
                drop(state);
                catch("dropping a result", || drop(result));
                true
            }
            before @ (Stage::Settled(_) | Stage::Given) => {
                state.stage = before;
                drop(state);
                catch("dropping a result", || drop(result));
                false
            }
        }
    }

    /// Whether there may be somebody for the value.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.unwanted.load(Ordering::Relaxed)
    }

    fn is_settled(&self) -> bool {
        self.is_settled.load(Ordering::Acquire)
    }

    /// The result if it is settled, which is given once; `None` while it is pending.
    pub(crate) fn take(&self) -> Option<Result<T>> {
        self.lock().take()
    }

    /// Waits until it is settled; `None` if `limit` comes first.
    pub(crate) fn wait(&self, limit: Option<Instant>) -> Option<Result<T>> {
        if let Some(result) = self.take() {
            return Some(result);
        }
        if let Err(error) = self.before_wait() {
            return Some(Err(error));
        }
        let mut due = self.own_deadline();
        if let Some(call) = self.call() {
            let until = earlier(limit, due);
            call.context
                .drive(call.info.id, &|| self.is_settled(), until);
        }
        loop {
            if let Some(result) = self.sleep(earlier(limit, due)) {
                return Some(result);
            }
            due = self.expire();
            if due.is_none() || limit.is_some_and(|limit| limit <= Instant::now()) {
                return self.take();
            }
        }
    }

    fn sleep(&self, until: Option<Instant>) -> Option<Result<T>> {
        let mut state = self.lock();
        loop {
            if let Some(result) = state.take() {
                return Some(result);
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return None;
            }
            state.sleepers += 1;
            state = match left {
                Some(left) => match self.settled.wait_timeout(state, left) {
                    Ok((state, _)) => state,
                    Err(poisoned) => poisoned.into_inner().0,
                },
                None => wait(&self.settled, state),
            };
            state.sleepers -= 1;
        }
    }

    /// The result if it is there, without waiting.
    pub(crate) fn poll(&self) -> Option<Result<T>> {
        if let Some(result) = self.take() {
            return Some(result);
        }
        // Who is woken does not wait, on whichever thread it is polled.
        if !here::polls()
            && let Some(context) = self.context()
            && let Err(error) = context.before_poll()
        {
            return Some(Err(error));
        }
        // Settled by this very thread, perhaps, as it flushed.
        let result = self.take().or_else(|| {
            self.expire();
            self.take()
        });
        if result.is_none() {
            self.attend();
        }
        result
    }

    /// Somebody else has to read the answer.
    fn attend(&self) {
        if let Some(call) = self.call() {
            call.context.attend(call.info.id);
        }
    }

    /// As a future is polled.
    pub(crate) fn poll_with(&self, cx: &task::Context<'_>) -> Poll<Result<T>> {
        if let Some(result) = self.poll() {
            return Poll::Ready(result);
        }
        if self.wakes(cx.waker()) {
            return Poll::Pending;
        }
        let mut waker = Some(cx.waker().clone());
        let mut state = self.lock();
        if let Stage::Pending(slot) = &mut state.stage {
            mem::swap(slot, &mut waker);
            drop(state);
            drop(waker);
            return Poll::Pending;
        }
        match state.take() {
            Some(result) => Poll::Ready(result),
            None => Poll::Pending,
        }
    }

    fn wakes(&self, waker: &Waker) -> bool {
        matches!(&self.lock().stage, Stage::Pending(Some(known)) if known.will_wake(waker))
    }

    /// Calls back when it is settled; at once, on this thread, if it is.
    pub(crate) fn on_settled(&self, callback: impl FnOnce(Result<T>, Turn) + Send + 'static) {
        let callback: Callback<T> = Box::new(callback);
        let mut state = self.lock();
        match mem::replace(&mut state.stage, Stage::Given) {
            Stage::Pending(waker) => {
                state.stage = Stage::Callback(callback);
                drop(state);
                drop(waker);
                self.attend();
            }
            Stage::Settled(result) => {
                drop(state);
                callback(result, Turn::Now);
            }
            Stage::Given => {
                drop(state);
                callback(Err(Error::Done), Turn::Now);
            }
            // Both mean that the promise is gone, and only a promise comes here.
            before @ (Stage::Callback(_) | Stage::Unwanted) => state.stage = before,
        }
    }

    /// Whoever has the promise gives it up: it fails, unless it is settled, and whoever is to give
    /// the value is told.
    pub(crate) fn cancel(&self) {
        match &self.origin {
            // Out of the table first, so that an answer finds nobody.
            Origin::Call(call) => {
                call.context.cancel(call.info.id);
                self.settle(Err(Error::Cancelled), Turn::Lane(0));
            }
            Origin::Pair(wish, _) => {
                if self.settle(Err(Error::Cancelled), Turn::Now) {
                    wish::run(wish.cancel());
                }
            }
        }
    }

    /// The promise is gone. One that was polled as a future is given up by that.
    pub(crate) fn give_up(&self) {
        let mut state = self.lock();
        let after = match state.stage {
            Stage::Pending(_) => {
                self.unwanted.store(true, Ordering::Relaxed);
                Stage::Unwanted
            }
            Stage::Settled(_) => Stage::Given,
            _ => return,
        };
        let before = mem::replace(&mut state.stage, after);
        drop(state);
        if let Stage::Pending(Some(_)) = &before {
            match &self.origin {
                Origin::Call(call) => call.context.cancel(call.info.id),
                Origin::Pair(wish, _) => wish::run(wish.cancel()),
            }
        }
        drop(before);
    }

    pub(crate) fn own_deadline(&self) -> Option<Instant> {
        self.call()?.info.deadline
    }

    /// The call fails here and now if its deadline has passed. If it has not, or if somebody else is
    /// about to settle it, this gives when to look again.
    pub(crate) fn expire(&self) -> Option<Instant> {
        let call = self.call()?;
        let (due, now) = (call.info.deadline?, Instant::now());
        if now < due {
            return Some(due);
        }
        let settled = due.checked_add(SETTLING).filter(|by| now < *by);
        if !call.context.expire(call.info.id) && settled.is_some() {
            return settled;
        }
        // If layers have another answer in its place, it came too late.
        self.settle(Err(self.deadline_error(true)), Turn::Now);
        None
    }

    pub(crate) fn deadline_error(&self, sent: bool) -> Error {
        let timeout = self.call().map(|call| call.info.timeout);
        self.timeout_error(sent, timeout.unwrap_or_default())
    }

    pub(crate) fn timeout_error(&self, sent: bool, after: Duration) -> Error {
        let info = self.call().map(|call| &call.info);
        let peer = info.and_then(|info| info.peer.clone());
        Error::Timeout {
            method: info.map_or("", |info| &info.method).into(),
            peer: peer.unwrap_or_else(|| "".into()),
            sent,
            after,
        }
    }

    /// For people: the method and the state.
    pub(crate) fn describe(&self) -> String {
        let stage = match self.lock().stage {
            Stage::Pending(_) | Stage::Callback(_) | Stage::Unwanted => "pending",
            Stage::Settled(Ok(_)) => "ready",
            Stage::Settled(Err(_)) => "failed",
            Stage::Given => "done",
        };
        match self.call() {
            Some(call) => format!("`{}`: {stage}", call.info.method),
            None => stage.to_owned(),
        }
    }
}

pub(crate) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

impl<T> State<T> {
    fn take(&mut self) -> Option<Result<T>> {
        match mem::replace(&mut self.stage, Stage::Given) {
            Stage::Settled(result) => Some(result),
            Stage::Given => Some(Err(Error::Done)),
            before => {
                self.stage = before;
                None
            }
        }
    }
}

impl<T: Send + 'static> Unwanted for Shared<T> {
    fn unwanted(&self) -> Vec<OnCancel> {
        match &self.origin {
            Origin::Call(_) => {
                self.cancel();
                Vec::new()
            }
            // Not settled: a handler may have something to say still, and who calls again and
            // again could have us work for more calls at once than it may.
            Origin::Pair(wish, _) => wish.cancel(),
        }
    }
}

// Whoever should have settled the promise is gone: a callback runs once all the same.
impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Stage::Callback(callback) = mem::replace(&mut state.stage, Stage::Given) {
            catch("a promise", || callback(Err(Error::Abandoned), Turn::Now));
        }
    }
}
