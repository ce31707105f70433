//! What lies between the two ends of a stream: items that wait, and how it ended.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::base::error::{Error, Result};
use crate::base::foreign::catch;
use crate::base::sync::{lock, wait};

use super::kept::Kept;

/// Items on their way from whoever makes them to whoever takes them.
///
/// No lock is held while code of the user runs: items are dropped, and wakers woken, outside.
pub(crate) struct Channel<T, R> {
    state: Mutex<State<T, R>>,
    /// Threads wait here for an item, or for room.
    changed: Condvar,
}

struct State<T, R> {
    items: VecDeque<(T, Option<Kept>)>,
    /// How it ended, behind the items.
    end: Option<Result<R>>,
    /// Who sends has ended it.
    finished: bool,
    /// The end was taken, or nobody wants the rest.
    over: bool,
    /// How many items wait before a sender has to.
    room: usize,
    /// Who takes goes on to take, so that senders are woken when there is room for many items.
    in_a_row: bool,
    /// There is room of which senders do not know yet.
    untold: bool,
    /// The task that waits for an item.
    taker: Option<Waker>,
    /// Tasks that wait for room.
    senders: Vec<Waker>,
    /// Threads that wait for either.
    sleepers: usize,
    /// Told when nobody wants the rest.
    on_cancel: Vec<Box<dyn FnOnce() + Send>>,
}

/// What was taken from a channel.
pub(crate) enum Taken<T, R> {
    /// The next item, and what it took of its peer's memory.
    Item(T, Option<Kept>),
    /// There are no more.
    End(Result<R>),
}

/// What came of an item that was offered.
pub(crate) enum Offered<T> {
    /// It waits for the taker.
    Queued,
    /// There is no room.
    Full(T),
    /// Nobody takes items any more.
    Gone(T),
}

impl<T, R> Channel<T, R> {
    /// With room for so many items.
    pub(crate) fn new(room: usize) -> Self {
        Channel {
            state: Mutex::new(State {
                items: VecDeque::new(),
                end: None,
                finished: false,
                over: false,
                room,
                in_a_row: false,
                untold: false,
                taker: None,
                senders: Vec::new(),
                sleepers: 0,
                on_cancel: Vec::new(),
            }),
            changed: Condvar::new(),
        }
    }

    // ---- the end that sends

    /// Adds an item, if there is room.
    pub(crate) fn offer(&self, item: T, kept: Option<Kept>) -> Offered<T> {
        self.offer_or(item, kept, |_| {})
    }

    /// The same for a task, which is woken when there is room.
    pub(crate) fn poll_offer(&self, item: T, cx: &Context<'_>) -> Offered<T> {
        let item = match self.offer(item, None) {
            Offered::Full(item) => item,
            offered => return offered,
        };
        // Made without the lock, since it is code of the user. There may be room by now.
        let mut waker = Some(cx.waker().clone());
        let offered = self.offer_or(item, None, |state| {
            if !state.senders.iter().any(|one| one.will_wake(cx.waker())) {
                state.senders.extend(waker.take());
            }
        });
        drop(waker);
        offered
    }

    fn offer_or(
        &self,
        item: T,
        kept: Option<Kept>,
        full: impl FnOnce(&mut State<T, R>),
    ) -> Offered<T> {
        let mut state = lock(&self.state);
        if state.is_closed() {
            return Offered::Gone(item);
        }
        if state.items.len() >= state.room {
            full(&mut state);
            return Offered::Full(item);
        }
        state.items.push_back((item, kept));
        self.wake_taker(state);
        Offered::Queued
    }

    /// Adds an item, when there is room.
    ///
    /// # Errors
    ///
    /// `Error::Cancelled` when nobody takes items any more.
    pub(crate) fn send(&self, mut item: T) -> Result<()> {
        loop {
            item = match self.offer(item, None) {
                Offered::Queued => return Ok(()),
                Offered::Full(item) => item,
                Offered::Gone(_) => return Err(self.gone()),
            };
            let mut state = lock(&self.state);
            while state.items.len() >= state.room && !state.is_closed() {
                state = self.sleep(state, None);
            }
        }
    }

    /// Why there can be no more items.
    pub(crate) fn gone(&self) -> Error {
        match lock(&self.state).finished {
            true => Error::Done,
            false => Error::Cancelled,
        }
    }

    /// Ends the stream, unless it has ended; gives whether.
    pub(crate) fn finish(&self, end: Result<R>) -> bool {
        let mut state = lock(&self.state);
        if state.is_closed() {
            drop(state);
            drop(end);
            return false;
        }
        state.end = Some(end);
        state.finished = true;
        let unneeded = mem::take(&mut state.on_cancel);
        self.wake_taker(state);
        drop(unneeded);
        true
    }

    /// Ends it for certain: what a sender said of the end when it was dropped does not count.
    pub(crate) fn end_with(&self, end: Result<R>) {
        let mut state = lock(&self.state);
        let before = match state.over {
            true => Some(end),
            false => state.end.replace(end),
        };
        let unneeded = mem::take(&mut state.on_cancel);
        self.wake_taker(state);
        drop((before, unneeded));
    }

    /// Whether nobody takes items any more.
    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.state).is_closed()
    }

    /// Calls back when nobody wants the rest; at once if that is so.
    pub(crate) fn on_cancel(&self, callback: Box<dyn FnOnce() + Send>) {
        let mut state = lock(&self.state);
        if state.over && state.end.is_none() {
            drop(state);
            return callback();
        }
        if !state.is_closed() {
            return state.on_cancel.push(callback);
        }
        drop(state);
        drop(callback);
    }

    // ---- the end that takes

    /// The next item, or the end, if it is there.
    pub(crate) fn take(&self) -> Option<Taken<T, R>> {
        self.take_from(lock(&self.state)).ok()
    }

    /// Whoever takes something looks whether a sender waits for the room, or it may wait for ever.
    fn take_from<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<T, R>>,
    ) -> Result<Taken<T, R>, MutexGuard<'a, State<T, R>>> {
        state.untold |= state.items.len() >= state.room;
        let Some(taken) = state.take() else {
            return Err(state);
        };
        if state.untold && (!state.in_a_row || state.items.len() <= state.room / 2) {
            self.wake_senders(state);
        }
        Ok(taken)
    }

    /// What is taken from now on is taken in a row, or no longer: a sender that waits is woken for
    /// many items then, and not for each of them.
    pub(crate) fn takes_in_a_row(&self, in_a_row: bool) {
        let mut state = lock(&self.state);
        state.in_a_row = in_a_row;
        if state.untold && !in_a_row {
            self.wake_senders(state);
        }
    }

    /// The same for a task, which is woken when there is something.
    pub(crate) fn poll_take(&self, cx: &Context<'_>) -> Poll<Taken<T, R>> {
        if let Some(taken) = self.take() {
            return Poll::Ready(taken);
        }
        // Made without the lock, since it is code of the user. There may be something by now.
        let mut waker = Some(cx.waker().clone());
        match self.take_from(lock(&self.state)) {
            Ok(taken) => Poll::Ready(taken),
            Err(mut state) => {
                mem::swap(&mut state.taker, &mut waker);
                drop(state);
                drop(waker);
                Poll::Pending
            }
        }
    }

    /// Whether there is something to take.
    pub(crate) fn is_ready(&self) -> bool {
        lock(&self.state).is_ready()
    }

    /// Waits until there is something to take; false if `until` comes first.
    pub(crate) fn wait(&self, until: Option<Instant>) -> bool {
        let mut state = lock(&self.state);
        while !state.is_ready() {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return false;
            }
            state = self.sleep(state, left);
        }
        true
    }

    /// Nobody takes anything any more. Gives whether that is before its end.
    pub(crate) fn give_up(&self) -> bool {
        let mut state = lock(&self.state);
        let early = !state.is_closed();
        state.over = true;
        let items = mem::take(&mut state.items);
        let end = state.end.take();
        let callbacks = mem::take(&mut state.on_cancel);
        self.wake_senders(state);
        catch("dropping what a stream held", || drop((items, end)));
        for callback in callbacks {
            catch("a callback of a stream", callback);
        }
        early
    }

    // ----

    fn sleep<'a>(
        &self,
        mut state: MutexGuard<'a, State<T, R>>,
        left: Option<Duration>,
    ) -> MutexGuard<'a, State<T, R>> {
        state.sleepers += 1;
        let mut state = match left {
            Some(left) => match self.changed.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            },
            None => wait(&self.changed, state),
        };
        state.sleepers -= 1;
        state
    }

    fn wake_taker(&self, mut state: MutexGuard<'_, State<T, R>>) {
        let waker = state.taker.take();
        let asleep = state.sleepers > 0;
        drop(state);
        if asleep {
            self.changed.notify_all();
        }
        if let Some(waker) = waker {
            catch("a waker", || waker.wake());
        }
    }

    fn wake_senders(&self, mut state: MutexGuard<'_, State<T, R>>) {
        state.untold = false;
        let wakers = mem::take(&mut state.senders);
        let asleep = state.sleepers > 0;
        drop(state);
        if asleep {
            self.changed.notify_all();
        }
        for waker in wakers {
            catch("a waker", || waker.wake());
        }
    }
}

impl<T, R> State<T, R> {
    fn is_closed(&self) -> bool {
        self.over || self.end.is_some()
    }

    fn is_ready(&self) -> bool {
        self.over || self.end.is_some() || !self.items.is_empty()
    }

    fn take(&mut self) -> Option<Taken<T, R>> {
        if let Some((item, kept)) = self.items.pop_front() {
            return Some(Taken::Item(item, kept));
        }
        if self.over {
            return Some(Taken::End(Err(Error::Done)));
        }
        let end = self.end.take()?;
        self.over = true;
        Some(Taken::End(end))
    }
}
