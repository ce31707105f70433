//! Which thread this is: one that reads for an API, one that has the turn of an API, one that
//! is inside code of the user.
//!
//! Whoever waits asks here whether it would wait for itself.

use std::cell::Cell;

/// No lane.
pub(crate) const NO_LANE: u64 = u64::MAX;

thread_local! {
    /// The API whose input this thread reads; 0 for none.
    static READS: Cell<u64> = const { Cell::new(0) };
    /// The API whose turn this thread holds; 0 for none.
    static TURN: Cell<u64> = const { Cell::new(0) };
    /// The lane whose turn that is, where it is not that of all.
    static LANE: Cell<u64> = const { Cell::new(NO_LANE) };
    /// This thread polls a future of ours, which is woken and waits for nothing.
    static POLLS: Cell<bool> = const { Cell::new(false) };
    /// This thread is inside code of the user, which may hold locks.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Marks the calling thread as one that reads the input of this API, for as long as it lives.
pub(crate) fn reads_from_now_on(api: u64) {
    READS.set(api);
}

/// Whether the calling thread reads the input of this API.
pub(crate) fn reads(api: u64) -> bool {
    READS.get() == api
}

/// Whether the calling thread holds a turn of this API.
pub(crate) fn has_turn(api: u64) -> bool {
    TURN.get() == api
}

/// Whether the calling thread holds a turn of any API.
pub(crate) fn has_any_turn() -> bool {
    TURN.get() != 0
}

/// The calling thread holds a turn of this API, or none (0). Gives what it held before.
pub(crate) fn set_turn(api: u64) -> u64 {
    TURN.replace(api)
}

/// The lane whose turn the calling thread holds, where it is not that of all.
pub(crate) fn lane() -> u64 {
    LANE.get()
}

/// The turn that the calling thread holds is of this lane.
pub(crate) fn set_lane(lane: u64) {
    LANE.set(lane);
}

/// Whether the calling thread delivers for this API, so that waiting for it could not end.
pub(crate) fn delivers(api: u64) -> bool {
    has_turn(api) || reads(api)
}

/// Whether the calling thread delivers for any API.
pub(crate) fn delivers_for_any() -> bool {
    READS.get() != 0 || has_any_turn()
}

/// Whether the calling thread is inside code of the user.
pub(crate) fn is_inside() -> bool {
    INSIDE.get()
}

/// The calling thread is inside code of the user, or not. Gives what it was before.
pub(crate) fn set_inside(inside: bool) -> bool {
    INSIDE.replace(inside)
}

/// Whether the calling thread polls something that will be woken, and does not wait for it.
pub(crate) fn polls() -> bool {
    POLLS.get()
}

/// The calling thread polls something that will be woken, or not. Gives what it did before.
pub(crate) fn set_polls(polls: bool) -> bool {
    POLLS.replace(polls)
}

/// Runs code of the user that may wait, though the calling thread polls something.
pub(crate) fn may_wait<R>(run: impl FnOnce() -> R) -> R {
    let before = set_polls(false);
    let result = run();
    // After a panic whoever has set it sees to it.
    set_polls(before);
    result
}
