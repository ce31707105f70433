//! Running code of others: handlers, callbacks, wakers, types of the user. What it does can
//! end nothing but its own call.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use super::here;

/// Runs an item; its panic is logged and ends here.
pub(crate) fn guarded(item: impl FnOnce()) {
    if let Err(panic) = inside(item) {
        crate::base::log::error!("a callback panicked: {}", told(panic));
    }
}

/// Runs code of the user. What it causes on this thread takes its turn after it.
pub(crate) fn inside<R>(run: impl FnOnce() -> R) -> thread::Result<R> {
    let outer = here::set_inside(true);
    let result = catch_unwind(AssertUnwindSafe(run));
    here::set_inside(outer);
    result
}

/// The words of a panic, for the log only. What was thrown is dropped.
pub(crate) fn told(panic: Box<dyn Any + Send>) -> String {
    let text = panic_text(&*panic).to_owned();
    discard(panic);
    text
}

/// Drops what was thrown, which may panic again; what that throws is never dropped.
pub(crate) fn discard(panic: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        mem::forget(again);
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    if let Some(text) = panic.downcast_ref::<&str>() {
        text
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text
    } else {
        "(no text)"
    }
}

/// Runs foreign code; a panic in it is logged and gives `None`.
pub(crate) fn catch<R>(what: &str, run: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(value) => Some(value),
        Err(panic) => {
            let text = told(panic);
            crate::base::log::error!("{what} panicked: {text}");
            None
        }
    }
}
