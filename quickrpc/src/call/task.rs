//! Work that goes on whenever it is woken, where its owner has it run.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use crate::base::sync::lock;
use crate::base::{foreign, here};

use super::mailbox::Item;

/// One piece of work: not more than one thread is in it, and a wake-up while it runs is not lost.
pub(crate) struct Task {
    state: AtomicU8,
    /// Taken out while it runs; gone when it is over.
    work: Mutex<Option<Work>>,
    /// `None`: it runs where it is woken.
    post: Option<Post>,
}

/// What is done when it is woken, until it is ready.
pub(crate) type Work = Box<dyn FnMut(&mut Context<'_>) -> Poll<()> + Send>;
/// Has a turn of the work run, sooner or later.
pub(crate) type Post = Box<dyn Fn(Item) + Send + Sync>;

/// Nobody has to do anything.
const IDLE: u8 = 0;
/// It waits for its turn.
const POSTED: u8 = 1;
const RUNNING: u8 = 2;
/// It was woken while it ran.
const AGAIN: u8 = 3;
const OVER: u8 = 4;

impl Task {
    /// Work that waits to be woken.
    pub(crate) fn new(post: Option<Post>, work: Work) -> Arc<Self> {
        Arc::new(Task {
            state: AtomicU8::new(IDLE),
            work: Mutex::new(Some(work)),
            post,
        })
    }

    /// Ends it: it is dropped now, or when its turn is over.
    pub(crate) fn end(&self) {
        self.state.store(OVER, Ordering::SeqCst);
        let work = lock(&self.work).take();
        foreign::catch("dropping what a task held", || drop(work));
    }

    fn moves(&self, from: u8, to: u8) -> bool {
        let moved = self
            .state
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst);
        moved.is_ok()
    }

    /// It waits for its turn.
    fn post(self: &Arc<Self>) {
        match &self.post {
            Some(post) => {
                let task = Arc::clone(self);
                post(Box::new(move || task.run()));
            }
            None => self.run(),
        }
    }

    fn run(self: &Arc<Self>) {
        while self.moves(POSTED, RUNNING) {
            let Some(mut work) = lock(&self.work).take() else {
                return;
            };
            let waker = Waker::from(Arc::clone(self));
            let mut context = Context::from_waker(&waker);
            let before = here::set_polls(true);
            let polled = foreign::attempt(|| work(&mut context));
            here::set_polls(before);
            if let Err(text) = &polled {
                foreign::report("a task", text);
            }
            if !matches!(polled, Ok(Poll::Pending)) {
                self.state.store(OVER, Ordering::SeqCst);
                foreign::catch("dropping what a task held", || drop(work));
                return;
            }
            *lock(&self.work) = Some(work);
            if self.moves(RUNNING, IDLE) {
                return;
            }
            if !self.moves(AGAIN, POSTED) {
                // Ended meanwhile, by somebody who did not find it.
                return self.end();
            }
            if self.post.is_some() {
                return self.post();
            }
        }
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        loop {
            if self.moves(IDLE, POSTED) {
                return self.post();
            }
            if self.moves(RUNNING, AGAIN) {
                return;
            }
            match self.state.load(Ordering::SeqCst) {
                IDLE | RUNNING => {}
                _ => return,
            }
        }
    }
}
