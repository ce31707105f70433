//! Who posts: threads, of which each has a connection of its own.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

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

/// So long before the end of a stop, what is not answered is given up, so that this is told and the threads end.
const LAST: Duration = Duration::from_millis(500);

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
    /// Who is at it, by number.
    running: HashMap<usize, Running>,
    threads: Vec<JoinHandle<()>>,
    /// The connections of those who were given up, and so many threads have not noticed yet.
    closing: Vec<Agent>,
    stopped: usize,
    /// So many notifications were given up before they were posted.
    dropped: usize,
    /// Nothing more comes.
    no_more: bool,
    /// What is there is not posted any more.
    given_up: bool,
}

/// What a thread is at.
struct Running {
    call: Option<u64>,
    /// The name, if it is a notification.
    method: Box<str>,
    agent: Agent,
}

/// What a thread is to do next.
enum Next {
    Post(Job),
    /// To tell a caller why this was not posted.
    Late(u64, String),
}

impl State {
    /// Nothing follows what is there.
    fn ends(&self) -> bool {
        self.no_more || self.given_up
    }

    /// The connections of those who are at such a call, or at a notification, are to be closed; they need new ones.
    fn stop_running(&mut self, which: impl Fn(Option<u64>) -> bool) {
        let before = self.running.len();
        let stopped = self.running.extract_if(|_, one| which(one.call));
        self.closing.extend(stopped.map(|(_, one)| one.agent));
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
        let (call, timeout, method) = match asks(&target.codec, &target.limits, telegram) {
            Asks::Call(call, timeout) => (Some(call), timeout, Box::default()),
            Asks::Nothing(method) => (None, None, method),
            Asks::GivesUp(call) => {
                self.cancel(call);
                return Ok(());
            }
        };
        let job = Job {
            telegram: telegram.to_vec(),
            call,
            method,
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
            let count = notifications.count();
            state.untold = state.untold.saturating_sub(count);
            state.dropped += count;
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
    /// answers any more, which would hold them up. What has no answer shortly before that is given up.
    pub(super) fn await_outcome(&self, deadline: Instant) {
        self.end(|_state| ());
        let left = deadline.saturating_duration_since(Instant::now());
        let early = deadline.checked_sub(LAST.min(left / 4));
        if !self.await_told(early.unwrap_or(deadline), |state| state.given_up) {
            self.give_up();
            self.await_told(deadline, |_| false);
        }
        self.told.await_reader(deadline);
    }

    /// Waits until all was told, or this is so. Gives whether it came to that in time.
    fn await_told(&self, deadline: Instant, or: impl Fn(&State) -> bool) -> bool {
        let mut state = lock(&self.state);
        while state.untold > 0 && !or(&state) {
            match wait_until(&self.told_all, state, deadline) {
                Some(again) => state = again,
                None => return false,
            }
        }
        true
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
        let mut line = self.target.agents.one();
        while let Some(next) = self.next(number, &line.agent) {
            let job = match next {
                Next::Post(job) => job,
                Next::Late(call, why) => {
                    let answer = not_answered(&self.target.codec, Some(call), &why, None);
                    self.told.tell(Answer::new(answer, None));
                    continue;
                }
            };
            let (call, method) = (job.call, job.method.clone());
            if let Some(newer) = self.target.agents.newer(&line) {
                line = newer;
                // Whoever was stopped meanwhile finds it closed.
                match lock(&self.state).running.get_mut(&number) {
                    Some(running) => running.agent = line.agent.clone(),
                    None => line.agent.clone().shutdown(),
                }
            }
            let posted = foreign::catch("posting a message", || {
                self.target
                    .exchange(&line.agent, self.authorization.as_ref(), job)
            });
            let mut answer = posted.unwrap_or_else(|| {
                let answer = not_answered(&self.target.codec, call, "posting it panicked", None);
                Some(Answer::new(answer, None))
            });
            let mut state = lock(&self.state);
            let was_stopped = state.running.remove(&number).is_none();
            state.stopped -= usize::from(was_stopped);
            let (ends, dropped) = (state.ends(), state.dropped);
            drop(state);
            if ends {
                self.to_watch.notify_all();
            }
            if call.is_none() {
                // What is behind it has waited for that, whoever takes it.
                self.to_do.notify_all();
            }
            if was_stopped && call.is_none() && answer.is_some() {
                let why = self.given_up(&method, dropped);
                let told = not_answered(&self.target.codec, None, &why, None);
                answer = Some(Answer::new(told, None));
            }
            if let Some(answer) = answer {
                self.told.tell(answer);
            }
            if call.is_none() {
                self.has_told();
            }
            if was_stopped {
                // It connects no more.
                line = self.target.agents.one();
            }
        }
    }

    /// Why a notification was not answered, when a stop has given it up.
    fn given_up(&self, method: &str, dropped: usize) -> String {
        let shown = &self.target.shown;
        let mut why = format!("{shown} had not answered the notification `{method}` at the stop");
        if dropped > 0 {
            why.push_str(&format!("; {dropped} more behind it were not posted"));
        }
        why
    }

    fn next(&self, number: usize, agent: &Agent) -> Option<Next> {
        let mut state = lock(&self.state);
        let next = loop {
            // What comes behind a notification waits for it, so that it keeps its place.
            let ahead = state.running.values().find(|one| one.call.is_none());
            let Some(ahead) = ahead else {
                if let Some(job) = state.waiting.pop_front() {
                    break Some(Next::Post(job));
                }
                if state.ends() {
                    break None;
                }
                state = wait(&self.to_do, state);
                continue;
            };
            let late = state.waiting.iter().enumerate();
            let late = late.filter_map(|(at, job)| Some((job.late()?, at)));
            let Some((due, at)) = late.min() else {
                if state.waiting.is_empty() && state.ends() {
                    break None;
                }
                state = wait(&self.to_do, state);
                continue;
            };
            if due > Instant::now() {
                let again = wait_until(&self.to_do, state, due);
                state = again.unwrap_or_else(|| lock(&self.state));
                continue;
            }
            let shown = &self.target.shown;
            let method = ahead.method.clone();
            let Some((call, waited)) = state
                .waiting
                .remove(at)
                .and_then(|job| Some((job.call?, job.since.elapsed())))
            else {
                continue;
            };
            let why = format!(
                "{shown} was not asked: the call has waited for {:.1} s behind the notification \
                 `{method}`, which is not answered",
                waited.as_secs_f64()
            );
            break Some(Next::Late(call, why));
        };
        if let Some(Next::Post(job)) = &next {
            let running = Running {
                call: job.call,
                method: job.method.clone(),
                agent: agent.clone(),
            };
            state.running.insert(number, running);
        }
        let is_awaited = std::mem::take(&mut state.is_awaited);
        drop(state);
        if is_awaited {
            self.room.notify_all();
        }
        next
    }
}
