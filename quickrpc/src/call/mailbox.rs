//! One mailbox per API: what waits for its turn, first in, first out per peer.
//!
//! Invariant: an item runs only on a thread that holds a turn, and a turn is given back
//! only when nothing is ready. So nothing that was accepted is forgotten, and no lock is
//! held while an item runs.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::base::numbers::NumberMap;
use crate::base::sync::lock;
use crate::base::{foreign, here};

use super::processing::Processing;
use crate::net::collect::Batch;

/// How long a worker without work stays, as in the original.
const LINGER: Duration = Duration::from_secs(1);

/// Something that takes its turn.
pub(crate) type Item = Box<dyn FnOnce() + Send>;

/// What a mailbox holds of one peer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

pub(crate) struct Mailbox {
    /// Names the mailbox in [`here`].
    id: u64,
    mode: Processing,
    /// How many turns there are.
    turns: usize,
    /// Guards the lanes and turns; a leaf in the lock order.
    state: Mutex<State>,
    /// Workers wait here for work.
    work: Condvar,
    /// Whoever stops the API waits here for the last turn. Not with the workers: a wake-up
    /// that is meant for one of them would be lost on him.
    given_back: Condvar,
    /// How long a worker without work stays.
    linger: Duration,
    /// New calls are not to be begun: the API shuts down.
    refuses: AtomicBool,
}

#[derive(Default)]
struct State {
    lanes: NumberMap<u64, Lane>,
    ready: VecDeque<u64>,
    /// Turns that are held.
    held: usize,
    workers: usize,
    /// Workers that sleep, and that nobody has woken.
    idle: usize,
    /// Workers that are woken, and not up yet: each of them serves a lane.
    woken: usize,
    /// Nothing is accepted any more, and workers end.
    closed: bool,
    /// How many wait in [`Mailbox::wait_idle`] or [`Mailbox::wait_settled`].
    stopping: usize,
    /// What handlers have left to promises.
    owed: usize,
}

#[derive(Default)]
struct Lane {
    items: VecDeque<(Item, usize)>,
    bytes: usize,
    running: bool,
}

/// What has to happen after a push, once no lock is held.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AfterPush {
    /// Somebody will run it.
    Nothing,
    /// [`Mailbox::wake`] is to be called, now or when more has been pushed.
    Wake,
    /// The caller, who must be a thread of the API, runs what is ready.
    Drain,
    /// A worker is to be spawned that calls [`Mailbox::work`].
    Spawn,
    /// The host program is to be told that something is pending.
    Tell,
    /// The mailbox is closed; the item was dropped.
    Dropped,
}

impl Mailbox {
    /// Inline, each of so many threads of the network runs handlers.
    pub(crate) fn new(id: u64, mode: Processing, io_threads: usize) -> Self {
        Mailbox {
            id,
            mode,
            turns: mode.turns(io_threads),
            state: Mutex::default(),
            work: Condvar::new(),
            given_back: Condvar::new(),
            linger: LINGER,
            refuses: AtomicBool::new(false),
        }
    }

    pub(crate) fn mode(&self) -> Processing {
        self.mode
    }

    /// Whether the calling thread runs an item of this mailbox right now.
    pub(crate) fn held_here(&self) -> bool {
        here::has_turn(self.id)
    }

    /// Whether the calling thread may run something of a lane in its turn right now, without
    /// interrupting a handler or callback that runs. Where there is one turn it is that of all
    /// lanes.
    pub(crate) fn may_run_here(&self, lane: u64) -> bool {
        self.held_here() && !here::is_inside() && (self.turns == 1 || here::lane() == lane)
    }

    /// Whether something runs on the calling thread that would be interrupted, though another turn
    /// is free: who has pushed something leaves it to others then.
    pub(crate) fn would_interrupt(&self) -> bool {
        self.turns > 1 && here::has_any_turn()
    }

    /// Takes a turn for running what comes of a lane in place, if one is free and nothing waits.
    /// Only where handlers run inline.
    pub(crate) fn enter(&self, lane: u64) -> Option<Turn<'_>> {
        if self.mode != Processing::Inline {
            return None;
        }
        if self.refuses() {
            return None;
        }
        let mut state = lock(&self.state);
        if state.held >= self.turns || !state.ready.is_empty() || state.closed {
            return None;
        }
        // Where there is one turn, nothing of any lane runs beside it.
        let entered = match self.turns {
            1 => None,
            _ => {
                let lane = NonZeroU64::new(lane)?;
                if !state.enter(lane.get()) {
                    return None;
                }
                Some(lane)
            }
        };
        state.held += 1;
        drop(state);
        let outer = here::set_turn(self.id);
        self.set_lane(lane);
        Some(Turn {
            mailbox: self,
            entered,
            outer,
        })
    }

    /// The turn of the calling thread is of this lane.
    fn set_lane(&self, lane: u64) {
        if self.turns > 1 {
            here::set_lane(lane);
        }
    }

    /// Adds an item to a lane. A call has bytes; what has none is run even at a stop.
    #[must_use = "the item may depend on what has to happen now"]
    pub(crate) fn push(&self, lane: u64, item: Item, bytes: usize) -> AfterPush {
        let mut state = lock(&self.state);
        if state.closed {
            return AfterPush::Dropped;
        }
        let was_idle = state.ready.is_empty() && state.held == 0;
        let entry = state.lanes.entry(lane).or_default();
        entry.items.push_back((item, bytes));
        entry.bytes += bytes;
        if entry.items.len() > 1 || entry.running {
            return AfterPush::Nothing;
        }
        state.ready.push_back(lane);
        match self.mode {
            Processing::Inline if state.held < self.turns => AfterPush::Drain,
            Processing::Inline => AfterPush::Nothing,
            Processing::Manual if was_idle => {
                if state.stopping > 0 {
                    self.given_back.notify_all();
                }
                AfterPush::Tell
            }
            Processing::Manual => AfterPush::Nothing,
            Processing::Queue | Processing::Pool(_) => {
                let free = state.woken + state.idle;
                if state.ready.len() > free && state.workers < self.turns {
                    state.workers += 1;
                    return AfterPush::Spawn;
                }
                match state.ready.len() > state.woken && state.idle > 0 {
                    true => AfterPush::Wake,
                    false => AfterPush::Nothing,
                }
            }
        }
    }

    /// Wakes workers for what is ready: one for each lane, but for those for which one is woken
    /// already. Who is up by itself takes the next lane without that.
    pub(crate) fn wake(&self) {
        let mut state = lock(&self.state);
        let lanes = state.ready.len().saturating_sub(state.woken);
        let count = lanes.min(state.idle);
        state.idle -= count;
        state.woken += count;
        // First the lock is free: woken with it held, the worker would sleep again.
        drop(state);
        for _ in 0..count {
            self.work.notify_one();
        }
    }

    /// Adds an item behind what waits or runs in a lane. Gives false, and drops it, if nothing
    /// does.
    pub(crate) fn push_behind(&self, lane: u64, item: Item) -> bool {
        let mut state = lock(&self.state);
        if !state.closed
            && let Some(lane) = state.lanes.get_mut(&lane)
        {
            lane.items.push_back((item, 0));
            return true;
        }
        drop(state);
        drop(item);
        false
    }

    /// The lanes of which something runs.
    pub(crate) fn running(&self) -> Vec<u64> {
        let state = lock(&self.state);
        let running = state.lanes.iter().filter(|(_, lane)| lane.running);
        running.map(|(lane, _)| *lane).collect()
    }

    /// A worker that was to be spawned could not be.
    pub(crate) fn not_spawned(&self) {
        lock(&self.state).workers -= 1;
    }

    /// How much of a lane waits.
    pub(crate) fn share(&self, lane: u64) -> Share {
        match lock(&self.state).lanes.get(&lane) {
            Some(lane) => Share {
                messages: lane.items.len(),
                bytes: lane.bytes,
            },
            None => Share::default(),
        }
    }

    /// Runs what is ready on this thread, if a turn is free; gives the number of items.
    pub(crate) fn drain(&self) -> usize {
        let mut state = lock(&self.state);
        if state.held >= self.turns {
            return 0;
        }
        let Some(first) = state.next() else {
            return 0;
        };
        state.held += 1;
        drop(state);
        let outer = here::set_turn(self.id);
        let count = self.run(Some(first), None);
        here::set_turn(outer);
        count
    }

    /// Runs this and then what is ready, on a thread that has a turn, and gives the turn back; and the
    /// lane that it was taken for, first of all.
    fn run(&self, mut running: Option<(u64, Item)>, mut entered: Option<NonZeroU64>) -> usize {
        let mut count = 0;
        loop {
            let lane = running.map(|(lane, item)| {
                self.set_lane(lane);
                foreign::guarded("what takes its turn", item);
                count += 1;
                lane
            });
            let mut state = lock(&self.state);
            if let Some(lane) = lane.or(entered.take().map(NonZeroU64::get)) {
                state.finish(lane);
            }
            running = state.next();
            if running.is_none() {
                state.held -= 1;
                let stopping = state.stopping;
                drop(state);
                if stopping > 0 {
                    self.given_back.notify_all();
                }
                self.set_lane(here::NO_LANE);
                return count;
            }
        }
    }

    /// What a worker thread does: runs items until there are none for a while.
    pub(crate) fn work(&self) {
        loop {
            {
                let _batch = Batch::begin();
                self.drain();
            }
            if !self.rest() {
                return;
            }
        }
    }

    /// A worker without work waits for some. Gives false if there is none for a while.
    fn rest(&self) -> bool {
        let mut state = lock(&self.state);
        // The clock is looked at only by who sleeps.
        let mut until = None;
        state.idle += 1;
        while state.ready.is_empty() && !state.closed {
            // Somebody else has taken what they were woken for.
            state.idle += std::mem::take(&mut state.woken);
            let now = Instant::now();
            let until = *until.get_or_insert_with(|| now + self.linger);
            let Some(left) = until.checked_duration_since(now) else {
                break;
            };
            state = self
                .work
                .wait_timeout(state, left)
                .unwrap_or_else(|poisoned| poisoned.into_inner())
                .0;
        }
        // Whoever is up first stands for the one that was woken.
        match state.woken {
            0 => state.idle -= 1,
            _ => state.woken -= 1,
        }
        let stays = !state.ready.is_empty();
        state.workers -= usize::from(!stays);
        stays
    }

    /// Forgets the calls that wait. What runs goes on, and events and callbacks, which
    /// somebody may wait for, still have their turn.
    pub(crate) fn forget_calls(&self) {
        let mut state = lock(&self.state);
        let mut calls: Vec<VecDeque<(Item, usize)>> = Vec::new();
        let State { lanes, ready, .. } = &mut *state;
        for lane in lanes.values_mut() {
            let (waiting, rest) = std::mem::take(&mut lane.items)
                .into_iter()
                .partition(|(_, bytes)| *bytes > 0);
            calls.push(waiting);
            lane.items = rest;
            lane.bytes = 0;
        }
        lanes.retain(|_, lane| lane.running || !lane.items.is_empty());
        ready.retain(|id| lanes.contains_key(id));
        drop(state);
        discard(calls);
    }

    /// Forgets what waits. What runs goes on.
    pub(crate) fn forget(&self) {
        let mut state = lock(&self.state);
        state.ready.clear();
        let waiting: Vec<VecDeque<(Item, usize)>> = state
            .lanes
            .values_mut()
            .map(|lane| {
                lane.bytes = 0;
                std::mem::take(&mut lane.items)
            })
            .collect();
        state.lanes.retain(|_, lane| lane.running);
        drop(state);
        discard(waiting);
    }

    /// Accepts nothing more; workers end.
    pub(crate) fn close(&self) {
        lock(&self.state).closed = true;
        self.work.notify_all();
        self.given_back.notify_all();
        self.forget();
    }

    /// Waits until no turn is held and nothing is ready, but not beyond the deadline. For
    /// the poll thread, which runs by itself what nobody else would.
    pub(crate) fn wait_idle(&self, deadline: Instant) -> bool {
        if self.mode == Processing::Inline {
            self.drain();
        }
        let mut state = lock(&self.state);
        state.stopping += 1;
        while state.held > 0 || (!state.ready.is_empty() && self.mode != Processing::Manual) {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                state.stopping -= 1;
                return false;
            };
            state = self
                .given_back
                .wait_timeout(state, left)
                .unwrap_or_else(|poisoned| poisoned.into_inner())
                .0;
        }
        state.stopping -= 1;
        true
    }

    /// Waits until nothing runs, waits, or is left to promises, but not beyond the deadline. Gives
    /// how much of that is left. Not for the poll thread; a program with a loop of its own runs
    /// here what waits.
    pub(crate) fn wait_settled(&self, deadline: Instant) -> usize {
        let mut state = lock(&self.state);
        state.stopping += 1;
        loop {
            if self.mode == Processing::Manual && state.held == 0 && !state.ready.is_empty() {
                drop(state);
                let batch = Batch::begin();
                self.drain();
                drop(batch);
                state = lock(&self.state);
            }
            let waiting = state.lanes.values().map(|lane| lane.items.len());
            let left = waiting.sum::<usize>() + state.held + state.owed;
            let now = Instant::now();
            if left == 0 || now >= deadline {
                state.stopping -= 1;
                return left;
            }
            state = self
                .given_back
                .wait_timeout(state, deadline - now)
                .unwrap_or_else(|poisoned| poisoned.into_inner())
                .0;
        }
    }

    /// From now on, new calls are not to be begun.
    pub(crate) fn refuse(&self) {
        self.refuses.store(true, Ordering::Release);
    }

    pub(crate) fn refuses(&self) -> bool {
        self.refuses.load(Ordering::Acquire)
    }

    /// A handler leaves its answer to a promise.
    pub(crate) fn owe(&self) {
        lock(&self.state).owed += 1;
    }

    /// That is over.
    pub(crate) fn paid(&self) {
        let mut state = lock(&self.state);
        state.owed -= 1;
        if state.stopping > 0 {
            self.given_back.notify_all();
        }
    }

    /// Accepts again, for another start.
    pub(crate) fn open(&self) {
        lock(&self.state).closed = false;
        self.refuses.store(false, Ordering::Release);
    }
}

/// Drops what waited. Items own peers and closures of the user, which may panic at it: not under
/// a lock, and one by one.
fn discard(lanes: Vec<VecDeque<(Item, usize)>>) {
    for (item, _) in lanes.into_iter().flatten() {
        foreign::catch("dropping what waited for its turn", || drop(item));
    }
}

impl State {
    /// What comes of a lane is run in place from now on. False if something of it runs or waits.
    #[inline(never)]
    fn enter(&mut self, lane: u64) -> bool {
        if self.lanes.contains_key(&lane) {
            return false;
        }
        let running = Lane {
            running: true,
            ..Lane::default()
        };
        self.lanes.insert(lane, running);
        true
    }

    fn next(&mut self) -> Option<(u64, Item)> {
        let id = self.ready.pop_front()?;
        let lane = self.lanes.get_mut(&id)?;
        let (item, bytes) = lane.items.pop_front()?;
        lane.bytes -= bytes;
        lane.running = true;
        Some((id, item))
    }

    fn finish(&mut self, id: u64) {
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.running = false;
            if lane.items.is_empty() {
                self.lanes.remove(&id);
            } else {
                self.ready.push_back(id);
            }
        }
    }
}

/// The right to run items of a mailbox on this thread.
pub(crate) struct Turn<'a> {
    mailbox: &'a Mailbox,
    /// The lane that it was taken for, where others run beside it.
    entered: Option<NonZeroU64>,
    outer: u64,
}

/// Runs what has come meanwhile, then gives the turn back.
impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let entered = self.entered.take();
        self.mailbox.run(None, entered);
        here::set_turn(self.outer);
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("mode", &self.mode).finish()
    }
}

#[cfg(test)]
mod tests;
