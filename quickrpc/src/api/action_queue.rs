//! A queue of things to do, and a thread that is there while there are some.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use crate::base::error::{Error, Result};
use crate::base::foreign::catch;
use crate::base::sync::lock;
use crate::base::threads;

/// Runs actions one after the other, in the order in which they were put, on a thread of
/// its own.
///
/// The thread starts with the first action, and ends when there has been nothing to do
/// for a while (1 s, unless set otherwise). A panic in an action is caught and logged.
///
/// ```
/// use std::sync::mpsc;
/// use quickrpc::ActionQueue;
///
/// let (told, heard) = mpsc::channel();
/// let queue = ActionQueue::new();
/// for number in 1..=3 {
///     let told = told.clone();
///     queue.put(move || told.send(number).unwrap())?;
/// }
/// queue.drain();
/// assert_eq!(heard.try_iter().collect::<Vec<_>>(), [1, 2, 3]);
/// # Ok::<(), quickrpc::Error>(())
/// ```
///
/// Dropping the queue stops it, see [`stop`](ActionQueue::stop).
pub struct ActionQueue {
    shared: Arc<Shared>,
}

type Action = Box<dyn FnOnce() + Send>;

struct Shared {
    /// What there is to do, and who does it. Only `handle` may be taken while it is held, and
    /// no action runs or is dropped then.
    state: Mutex<State>,
    /// The last worker; held while it is joined, so that whoever stops the queue too waits
    /// too. Nobody starts a worker then, since that is done before the queue is stopped.
    handle: Mutex<Option<JoinHandle<()>>>,
    /// Something was put, or the queue was stopped: for the worker.
    work: Condvar,
    /// Everything is done: for [`ActionQueue::drain`].
    idle: Condvar,
    linger: Duration,
}

#[derive(Default)]
struct State {
    actions: VecDeque<Action>,
    running: bool,
    stopped: bool,
    /// There is a worker as long as this is set; it takes its id away when it ends.
    worker: Option<ThreadId>,
}

impl ActionQueue {
    /// A queue whose thread lingers for a second.
    pub fn new() -> Self {
        Self::with_linger(Duration::from_secs(1))
    }

    /// A queue whose thread waits so long for something to do before it ends.
    pub fn with_linger(linger: Duration) -> Self {
        ActionQueue {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                handle: Mutex::default(),
                work: Condvar::new(),
                idle: Condvar::new(),
                linger,
            }),
        }
    }

    /// Adds an action at the end.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] after [`stop`](ActionQueue::stop); [`Error::Io`] if no thread
    /// can be started. The action is dropped then.
    pub fn put(&self, action: impl FnOnce() + Send + 'static) -> Result<()> {
        let action: Action = Box::new(action);
        let mut state = self.shared.lock();
        if state.stopped {
            drop(state);
            return Err(Error::Stopped);
        }
        if state.worker.is_none() {
            let shared = self.shared.clone();
            // The new thread gets no further than this lock before its id is known.
            match threads::spawn("actions", move || shared.work()) {
                Ok(handle) => {
                    state.worker = Some(handle.thread().id());
                    *lock(&self.shared.handle) = Some(handle);
                }
                Err(error) => {
                    drop(state);
                    return Err(Error::io("cannot start a thread for actions", error));
                }
            }
        }
        state.actions.push_back(action);
        drop(state);
        self.shared.work.notify_one();
        Ok(())
    }

    /// How many actions wait; the running one does not count.
    pub fn len(&self) -> usize {
        self.shared.lock().actions.len()
    }

    /// Whether no action waits; one may be running.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until everything is done.
    ///
    /// # Blocking
    ///
    /// Until no action waits or runs, those included that were put meanwhile. Inside an
    /// action it returns at once, since waiting for oneself would never end.
    pub fn drain(&self) {
        let mut state = self.shared.lock();
        while (state.running || !state.actions.is_empty()) && !state.is_own_thread() {
            state = wait(&self.shared.idle, state);
        }
    }

    /// Stops: the running action is finished, those waiting are dropped, and none are
    /// accepted any more. To have all of them run, [`drain`](ActionQueue::drain) first.
    ///
    /// # Blocking
    ///
    /// Until the thread has ended; inside an action only asks for it.
    pub fn stop(&self) {
        let mut state = self.shared.lock();
        state.stopped = true;
        let dropped = std::mem::take(&mut state.actions);
        let inside = state.is_own_thread();
        drop(state);
        self.shared.work.notify_one();
        catch("dropping an action", || drop(dropped));
        if !inside {
            let mut handle = lock(&self.shared.handle);
            if let Some(handle) = handle.take() {
                // Panics are caught inside, so that there is nothing to learn from the result.
                handle.join().ok();
            }
        }
    }
}

impl Default for ActionQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for ActionQueue {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for ActionQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActionQueue({} waiting)", self.len())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the worker does, until there has been nothing to do for too long.
    fn work(&self) {
        let mut state = self.lock();
        let mut until = Instant::now().checked_add(self.linger);
        loop {
            if let Some(action) = state.actions.pop_front() {
                state.running = true;
                drop(state);
                catch("an action", action);
                until = Instant::now().checked_add(self.linger);
                state = self.lock();
                state.running = false;
                continue;
            }
            self.idle.notify_all();
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if state.stopped || left == Some(Duration::ZERO) {
                // Under the same lock as the look at the queue: whoever puts something from
                // now on starts another worker.
                state.worker = None;
                return;
            }
            state = match left {
                Some(left) => match self.work.wait_timeout(state, left) {
                    Ok((state, _)) => state,
                    Err(poisoned) => poisoned.into_inner().0,
                },
                None => wait(&self.work, state),
            };
        }
    }
}

impl State {
    fn is_own_thread(&self) -> bool {
        self.worker == Some(thread::current().id())
    }
}

fn wait<'a>(condvar: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    condvar.wait(state).unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn actions_run_in_order_and_survive_panics() {
        let queue = ActionQueue::new();
        let (told, heard) = mpsc::channel();
        for number in 0..100 {
            let told = told.clone();
            queue
                .put(move || {
                    told.send(number).unwrap();
                    assert!(number % 7 != 0, "an action's mistake");
                })
                .unwrap();
        }
        queue.drain();
        assert!(queue.is_empty());
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), Vec::from_iter(0..100));
    }

    #[test]
    fn the_thread_ends_and_comes_again() {
        let queue = ActionQueue::with_linger(Duration::ZERO);
        let (told, heard) = mpsc::channel();
        let mut workers = Vec::new();
        for _ in 0..2 {
            let told = told.clone();
            queue
                .put(move || told.send(thread::current().id()).unwrap())
                .unwrap();
            let handle = lock(&queue.shared.handle).take();
            workers.push(heard.recv().unwrap());
            handle.unwrap().join().unwrap();
            assert!(queue.shared.lock().worker.is_none());
        }
        assert_ne!(workers[0], workers[1]);
    }

    #[test]
    fn a_lingering_thread_is_used_again_and_stopped_at_once() {
        let queue = ActionQueue::with_linger(Duration::MAX);
        let (told, heard) = mpsc::channel();
        for _ in 0..2 {
            let told = told.clone();
            queue
                .put(move || told.send(thread::current().id()).unwrap())
                .unwrap();
            queue.drain();
        }
        assert_eq!(heard.recv(), heard.recv());
        drop(queue);
    }

    #[test]
    fn stopping_finishes_what_runs_and_drops_what_waits() {
        let queue = Arc::new(ActionQueue::new());
        let (started, has_started) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let (told, heard) = mpsc::channel();
        let tell = told.clone();
        queue
            .put(move || {
                started.send(()).unwrap();
                may_go_on.recv().unwrap();
                tell.send("first").unwrap();
            })
            .unwrap();
        queue.put(move || told.send("second").unwrap()).unwrap();
        has_started.recv().unwrap();
        assert_eq!(queue.len(), 1);
        let stopping = queue.clone();
        let stopper = thread::spawn(move || stopping.stop());
        // The channel's other end goes when the waiting action is dropped.
        while !queue.is_empty() {
            thread::yield_now();
        }
        assert!(matches!(queue.put(|| {}), Err(Error::Stopped)));
        go_on.send(()).unwrap();
        stopper.join().unwrap();
        assert_eq!(heard.iter().collect::<Vec<_>>(), ["first"]);
    }

    #[test]
    fn whoever_stops_it_too_waits_too() {
        let queue = Arc::new(ActionQueue::new());
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let (told, heard) = mpsc::channel();
        let (begins, begun) = mpsc::channel();
        queue
            .put(move || {
                begins.send(()).unwrap();
                may_go_on.recv().unwrap();
                // Who does not wait is sure to be earlier.
                thread::sleep(Duration::from_millis(50));
                told.send("done").unwrap();
            })
            .unwrap();
        // One that still waits is dropped by the stop.
        begun.recv().unwrap();
        let stopping = queue.clone();
        let stopper = thread::spawn(move || stopping.stop());
        while queue.put(|| {}).is_ok() {
            thread::yield_now();
        }
        go_on.send(()).unwrap();
        queue.stop();
        assert_eq!(heard.try_recv(), Ok("done"));
        stopper.join().unwrap();
    }

    #[test]
    fn an_action_may_put_drain_and_stop() {
        let queue = Arc::new(ActionQueue::new());
        let (told, heard) = mpsc::channel();
        let inside = queue.clone();
        queue
            .put(move || {
                let again = inside.clone();
                let put = inside.put(move || {
                    again.stop();
                    told.send(again.put(|| {}).is_err()).unwrap();
                });
                assert!(put.is_ok());
                inside.drain();
            })
            .unwrap();
        assert_eq!(heard.recv(), Ok(true));
        queue.drain();
    }
}
