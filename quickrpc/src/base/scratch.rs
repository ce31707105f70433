//! Memory for encoding one message, used again and again.

use std::cell::{Cell, RefCell};

thread_local! {
    /// Memory for encoding, used again and again: one piece for each level of a handler
    /// that sends while its answer is being made.
    static SCRATCH: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    /// Messages in a row that did not need the large buffer of this thread.
    static SMALL: Cell<u32> = const { Cell::new(0) };
}

/// More than this is kept only while it is needed now and then.
const KEEP: usize = 256 << 10;
/// More than this is not kept.
const MOST: usize = 4 << 20;
/// A large buffer goes after so many messages that did not need it.
const SMALL_IN_A_ROW: u32 = 64;

/// Lends memory for encoding one message.
pub(crate) fn with_scratch<R>(run: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    let mut buffer = SCRATCH.with_borrow_mut(Vec::pop).unwrap_or_default();
    buffer.clear();
    let result = run(&mut buffer);
    if buffer.capacity() <= KEEP || is_needed(&buffer) {
        SCRATCH.with_borrow_mut(|pool| pool.push(buffer));
    }
    result
}

/// Whether a large buffer is kept that has just been used.
#[cold]
fn is_needed(buffer: &Vec<u8>) -> bool {
    let small = match buffer.len() > KEEP / 2 {
        true => 0,
        false => SMALL.get() + 1,
    };
    SMALL.set(small);
    buffer.capacity() <= MOST && small < SMALL_IN_A_ROW
}
