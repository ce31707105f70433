//! Running code of others: handlers, callbacks, wakers, types of the user. What it does can
//! end nothing but its own call.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use super::error::CallError;
use super::here;
use super::log::Shown;
use super::often::Origin;

/// Runs code of the user, of which `what` says what it is; its panic is logged and ends here.
pub(crate) fn guarded(what: &'static str, item: impl FnOnce()) {
    if let Err(panic) = inside(item) {
        report(what, &told(panic));
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
pub(crate) fn catch<R>(what: &'static str, run: impl FnOnce() -> R) -> Option<R> {
    attempt(run).map_err(|text| report(what, &text)).ok()
}

/// Runs foreign code; a panic in it gives its words, which are to be told when no lock is held.
pub(crate) fn attempt<R>(run: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(told)
}

/// Runs foreign code whose outcome somebody waits for; a panic in it is logged, and an error for who
/// waits, as that of a handler is.
pub(crate) fn running<R>(what: &'static str, run: impl FnOnce() -> R) -> Result<R, CallError> {
    attempt(run).map_err(|text| {
        report(what, &text);
        CallError::new(CallError::INTERNAL_ERROR, format!("{what} panicked"))
    })
}

/// Tells of a panic.
pub(crate) fn report(what: &'static str, text: &str) {
    crate::base::log::error_often!(
        what, &Origin::Name("panics".into()), &Shown(text); "{what} panicked: {}", Shown(text)
    );
}
