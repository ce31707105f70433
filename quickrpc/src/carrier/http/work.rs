//! Who posts: threads, of which each has a connection of its own.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use ureq::Agent;

use crate::base::foreign;
use crate::base::sync::{lock, wait, wait_until};
use crate::expr::Hidden;

use super::answers::{Answer, Told};
use super::exchange::Job;
use super::telegram::{Asks, asks, not_answered};
use super::{MOST, Target};

/// With so many waiting, nothing more is taken until there is room.
const WAITING: usize = 64;
/// The same with so many bytes, however few they are. What is not taken yet stays in the queue of the peer, which
/// the budget of all counts.
const WAITING_BYTES: usize = 1 << 20;

/// What is to be posted, and by whom.
pub(super) struct Work {
    target: Arc<Target>,
    authorization: Option<Hidden>,
    told: Arc<Told>,
    state: Mutex<State>,
    /// There is something to post for one of the threads.
    to_do: Condvar,
    /// There is room for something more.
    room: Condvar,
    /// There is a connection to close, or the end has come, or nobody is at it any more.
    to_watch: Condvar,
    /// What has become of all notifications was told, or nobody is to post them any more.
    told_all: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    /// So many notifications were taken, of which it was not told yet what has become.
    untold: usize,
    /// Somebody waits for room.
    is_awaited: bool,
    /// Who is at it, by number: the call, and the connection.
    running: HashMap<usize, (Option<u64>, Agent)>,
    threads: Vec<JoinHandle<()>>,
    /// The connections of those who were given up, and so many threads have not noticed yet.
    closing: Vec<Agent>,
    stopped: usize,
    /// Nothing more comes.
    no_more: bool,
    /// What is there is not posted any more.
    given_up: bool,
}

impl State {
    /// Nothing follows what is there.
    fn ends(&self) -> bool {
        self.no_more || self.given_up
    }

    /// The connections of those who are at such a call, or at a notification, are to be closed; they need new ones.
    fn stop_running(&mut self, which: impl Fn(Option<u64>) -> bool) {
        let before = self.running.len();
        let stopped = self.running.extract_if(|_, (call, _)| which(*call));
        self.closing.extend(stopped.map(|(_, (_, agent))| agent));
        self.stopped += before - self.running.len();
    }

    /// Nothing more is taken for now.
    fn is_full(&self) -> bool {
        let bytes = || self.waiting.iter().map(|job| job.telegram.len());
        self.waiting.len() >= WAITING || bytes().sum::<usize>() >= WAITING_BYTES
    }
}

impl Work {
    pub(super) fn new(target: Arc<Target>, authorization: Option<Hidden>, told: Arc<Told>) -> Self {
        Work {
            target,
            authorization,
            told,
            state: Mutex::default(),
            to_do: Condvar::new(),
            room: Condvar::new(),
            to_watch: Condvar::new(),
            told_all: Condvar::new(),
        }
    }

    /// Has a telegram posted. Waits for room, or else gives [`WouldBlock`](io::ErrorKind::WouldBlock). Runs
    /// nothing of the program.
    pub(super) fn add(self: &Arc<Self>, telegram: &[u8], waits: bool) -> io::Result<()> {
        let target = &self.target;
        let (call, timeout) = match asks(&target.codec, &target.limits, telegram) {
            Asks::Call(call, timeout) => (Some(call), timeout),
            Asks::Nothing => (None, None),
            Asks::GivesUp(call) => {
                self.cancel(call);
                return Ok(());
            }
        };
        let job = Job {
            telegram: telegram.to_vec(),
            call,
            timeout,
            since: Instant::now(),
        };
        let mut state = lock(&self.state);
        while state.is_full() && !state.given_up {
            if !waits {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            state.is_awaited = true;
            state = wait(&self.room, state);
        }
        if state.given_up {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        state.waiting.push_back(job);
        // Whoever has answered is free, though it may not wait yet.
        let busy = state.running.len() + state.stopped;
        let free = state.threads.len().saturating_sub(busy);
        if free < state.waiting.len() && state.threads.len() < MOST {
            let number = state.threads.len();
            let work = Arc::clone(self);
            let named = std::thread::Builder::new().name(format!("quickrpc-http-{number}"));
            match named.spawn(move || work.run(number)) {
                Ok(thread) => state.threads.push(thread),
                // Somebody else will come to it.
                Err(_) if !state.threads.is_empty() => {}
                Err(error) => {
                    // Who wanted it posted tries it again, or not.
                    state.waiting.pop_back();
                    return Err(error);
                }
            }
        }
        state.untold += usize::from(call.is_none());
        drop(state);
        self.to_do.notify_one();
        Ok(())
    }

    /// Nobody waits for this call any more.
    fn cancel(&self, call: u64) {
        let mut state = lock(&self.state);
        state.waiting.retain(|job| job.call != Some(call));
        state.stop_running(|one| one == Some(call));
        drop(state);
        self.to_watch.notify_one();
    }

    /// Nothing more comes; nobody waits for answers. Notifications are still posted.
    pub(super) fn no_more(&self) {
        self.end(|state| state.no_more = true);
    }

    /// What is left is not posted any more.
    pub(super) fn give_up(&self) {
        self.end(|state| {
            state.given_up = true;
            let notifications = state.waiting.iter().filter(|job| job.call.is_none());
            state.untold = state.untold.saturating_sub(notifications.count());
            state.waiting.clear();
        });
    }

    fn end(&self, how: impl FnOnce(&mut State)) {
        let mut state = lock(&self.state);
        how(&mut state);
        state.waiting.retain(|job| job.call.is_none());
        let given_up = state.given_up;
        state.stop_running(|call| given_up || call.is_some());
        drop(state);
        for changed in [&self.to_do, &self.room, &self.to_watch, &self.told_all] {
            changed.notify_all();
        }
    }

    /// Waits until it was heard what has become of all notifications, but not beyond this time. Nobody waits for
    /// answers any more, which would hold them up.
    pub(super) fn await_outcome(&self, deadline: Instant) {
        self.end(|_state| ());
        let mut state = lock(&self.state);
        while state.untold > 0 && !state.given_up {
            match wait_until(&self.told_all, state, deadline) {
                Some(again) => state = again,
                None => return,
            }
        }
        drop(state);
        self.told.await_reader(deadline);
    }

    /// It was told what has become of a notification.
    fn has_told(&self) {
        let mut state = lock(&self.state);
        state.untold = state.untold.saturating_sub(1);
        let all = state.untold == 0;
        drop(state);
        if all {
            self.told_all.notify_all();
        }
    }

    /// Closes connections, until all is done. `ureq` says in the program's log what it closes, before it does; a
    /// log may call, and wait for an answer. So nobody waits for this thread, but for a stop.
    pub(super) fn watch(&self) {
        let mut state = lock(&self.state);
        loop {
            let closing = std::mem::take(&mut state.closing);
            let is_idle = state.running.is_empty() && state.waiting.is_empty();
            if !closing.is_empty() {
                drop(state);
                for agent in closing {
                    foreign::catch("closing a connection", || agent.shutdown());
                }
                state = lock(&self.state);
            } else if state.ends() && (is_idle || state.threads.is_empty()) {
                break;
            } else {
                state = wait(&self.to_watch, state);
            }
        }
        let threads = std::mem::take(&mut state.threads);
        drop(state);
        for thread in threads {
            // What panics in it is caught within.
            thread.join().ok();
        }
    }

    /// One of the threads.
    fn run(&self, number: usize) {
        let mut agent = self.target.agents.one();
        while let Some(job) = self.next(number, &agent) {
            let call = job.call;
            let posted = foreign::catch("posting a message", || {
                self.target
                    .exchange(&agent, self.authorization.as_ref(), job)
            });
            let answer = posted.unwrap_or_else(|| {
                let answer = not_answered(&self.target.codec, call, "posting it panicked", None);
                Some(Answer::new(answer, None))
            });
            let mut state = lock(&self.state);
            let was_stopped = state.running.remove(&number).is_none();
            state.stopped -= usize::from(was_stopped);
            let ends = state.ends();
            drop(state);
            if ends {
                self.to_watch.notify_all();
            }
            if call.is_none() {
                // What is behind it has waited for that, whoever takes it.
                self.to_do.notify_all();
            }
            if let Some(answer) = answer {
                self.told.tell(answer);
            }
            if call.is_none() {
                self.has_told();
            }
            if was_stopped {
                // It connects no more.
                agent = self.target.agents.one();
            }
        }
    }

    fn next(&self, number: usize, agent: &Agent) -> Option<Job> {
        let mut state = lock(&self.state);
        let job = loop {
            // What comes behind a notification waits for it, so that it keeps its place.
            let notifies = state.running.values().any(|(call, _)| call.is_none());
            if !notifies && let Some(job) = state.waiting.pop_front() {
                break Some(job);
            }
            if state.waiting.is_empty() && state.ends() {
                break None;
            }
            state = wait(&self.to_do, state);
        };
        if let Some(job) = &job {
            state.running.insert(number, (job.call, agent.clone()));
        }
        let is_awaited = std::mem::take(&mut state.is_awaited);
        drop(state);
        if is_awaited {
            self.room.notify_all();
        }
        job
    }
}
