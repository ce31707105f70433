//! Tasks of one thread, run by nothing but the standard library.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Those that can go on, and the thread that runs them.
struct Ready {
    numbers: Mutex<VecDeque<usize>>,
    thread: Thread,
}

impl Ready {
    fn next(&self) -> Option<usize> {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.pop_front()
    }

    fn push(&self, number: usize) {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.push_back(number);
    }
}

struct Task {
    ready: Arc<Ready>,
    number: usize,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.ready.push(self.number);
        self.ready.thread.unpark();
    }
}

/// Runs all of them to their ends, beside each other in this thread; fails with the first that does.
pub(super) fn run<F, E>(futures: impl Iterator<Item = F>) -> Result<(), E>
where
    F: Future<Output = Result<(), E>>,
{
    let ready = Arc::new(Ready {
        numbers: Mutex::default(),
        thread: thread::current(),
    });
    let mut tasks: Vec<Option<(Pin<Box<F>>, Waker)>> = Vec::new();
    for (number, future) in futures.enumerate() {
        let task = Task {
            ready: Arc::clone(&ready),
            number,
        };
        tasks.push(Some((Box::pin(future), Waker::from(Arc::new(task)))));
        ready.push(number);
    }
    let mut left = tasks.len();
    while left > 0 {
        let Some(number) = ready.next() else {
            thread::park();
            continue;
        };
        let Some(slot) = tasks.get_mut(number) else {
            continue;
        };
        let Some((future, waker)) = slot else {
            continue;
        };
        if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(waker)) {
            result?;
            *slot = None;
            left -= 1;
        }
    }
    Ok(())
}
