//! How far a peer is: from its greeting to its end. Without I/O.
//!
//! ```text
//! Greeting ──► Open ──► Ended ──► Closed
//!     └──────────┴─────────┴────────┘
//! ```
//!
//! *Ended* is what the peer does: nothing more comes of it, and what is owed to it still leaves.
//! *Closed* is what we do, on any thread: nothing more is accepted for it. What follows then is
//! told in `net/poll/ending.rs`.

use std::mem;

use crate::base::reason::DisconnectReason;
use crate::base::sync::replaceable::{AtomicBool, AtomicU8, Mutex, Ordering, in_one_order, lock};

/// How far a peer is.
#[derive(Debug)]
pub(crate) struct End {
    /// A leaf in the lock order.
    stage: Mutex<Stage>,
    /// As the stage says; for those who look at each message.
    mirror: AtomicU8,
    /// One of the two ends of a peer with threads of its own has come.
    half_over: AtomicBool,
}

/// How far a peer is, and why.
#[derive(Debug)]
enum Stage {
    /// It has not proved who it is, as it has to, and counts as nobody.
    Greeting,
    Open,
    /// Its side is over: nothing more will come.
    Ended {
        greeted: bool,
        reason: DisconnectReason,
    },
    /// Nothing more is accepted for it.
    Closed {
        greeted: bool,
        reason: DisconnectReason,
    },
}

/// Parts of the mirror.
const GREETED: u8 = 1;
const ENDED: u8 = 2;
const CLOSED: u8 = 4;

impl Stage {
    fn is_greeted(&self) -> bool {
        match self {
            Stage::Greeting => false,
            Stage::Open => true,
            Stage::Ended { greeted, .. } | Stage::Closed { greeted, .. } => *greeted,
        }
    }

    fn mirror(&self) -> u8 {
        let greeted = if self.is_greeted() { GREETED } else { 0 };
        greeted
            | match self {
                Stage::Greeting | Stage::Open => 0,
                Stage::Ended { .. } => ENDED,
                Stage::Closed { .. } => CLOSED,
            }
    }
}

impl End {
    /// A new peer, which greets first or does not.
    pub(crate) fn new(greets: bool) -> Self {
        let stage = if greets { Stage::Greeting } else { Stage::Open };
        End {
            mirror: AtomicU8::new(stage.mirror()),
            stage: Mutex::new(stage),
            half_over: AtomicBool::new(false),
        }
    }

    /// The peer has proved who it is. True for the first time, unless it has ended already.
    pub(crate) fn greet(&self) -> bool {
        self.step(|stage| match stage {
            Stage::Greeting => {
                *stage = Stage::Open;
                true
            }
            Stage::Open | Stage::Ended { .. } | Stage::Closed { .. } => false,
        })
    }

    /// The peer has ended its side for this reason. False if it, or we, had ended it before.
    pub(crate) fn end(&self, reason: &DisconnectReason) -> bool {
        self.step(|stage| {
            let greeted = stage.is_greeted();
            match stage {
                Stage::Greeting | Stage::Open => {
                    let reason = reason.clone();
                    *stage = Stage::Ended { greeted, reason };
                    true
                }
                Stage::Ended { .. } | Stage::Closed { .. } => false,
            }
        })
    }

    /// Nothing more is accepted, for this reason. False if it was closed before: the first
    /// reason counts. Called with the sending half locked, so that what was accepted is in the
    /// queue.
    pub(crate) fn close(&self, reason: &DisconnectReason) -> bool {
        self.step(|stage| {
            let greeted = stage.is_greeted();
            match stage {
                Stage::Greeting | Stage::Open | Stage::Ended { .. } => {
                    let reason = reason.clone();
                    // What it gave as its reason has been asked for, if at all.
                    drop(mem::replace(stage, Stage::Closed { greeted, reason }));
                    true
                }
                Stage::Closed { .. } => false,
            }
        })
    }

    fn step(&self, step: impl FnOnce(&mut Stage) -> bool) -> bool {
        let mut stage = lock(&self.stage);
        let stepped = step(&mut stage);
        if stepped {
            // In one order with who reads: see `Reading`.
            self.mirror.store(stage.mirror(), Ordering::SeqCst);
        }
        stepped
    }

    fn is(&self, part: u8) -> bool {
        self.mirror.load(Ordering::Acquire) & part != 0
    }

    /// Whether it counts as connected, or did.
    pub(crate) fn is_greeted(&self) -> bool {
        self.is(GREETED)
    }

    /// Whether nothing is accepted any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.is(CLOSED)
    }

    /// Whether the peer has ended its side, and is not closed yet.
    pub(crate) fn has_ended(&self) -> bool {
        self.is(ENDED)
    }

    /// Whether nothing more will come, or what comes is of no interest.
    pub(crate) fn is_over(&self) -> bool {
        self.is(ENDED | CLOSED)
    }

    /// The same, for a waiting thread that has said that it reads: it sees this, or is seen by
    /// whoever closes.
    pub(crate) fn is_over_for_reader(&self) -> bool {
        in_one_order();
        self.mirror.load(Ordering::SeqCst) & (ENDED | CLOSED) != 0
    }

    /// Why nothing is accepted any more, if so.
    pub(crate) fn closed(&self) -> Option<DisconnectReason> {
        match &*lock(&self.stage) {
            Stage::Closed { reason, .. } => Some(reason.clone()),
            Stage::Greeting | Stage::Open | Stage::Ended { .. } => None,
        }
    }

    /// Why nothing more will come, if so.
    pub(crate) fn reason(&self) -> Option<DisconnectReason> {
        match &*lock(&self.stage) {
            Stage::Ended { reason, .. } | Stage::Closed { reason, .. } => Some(reason.clone()),
            Stage::Greeting | Stage::Open => None,
        }
    }

    /// One of two ends has come: the farewell, or the last byte that the threads of the peer
    /// have written. True for the second.
    pub(crate) fn half_is_over(&self) -> bool {
        self.half_over.swap(true, Ordering::AcqRel)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn text(reason: Option<DisconnectReason>) -> Option<String> {
        reason.map(|reason| reason.to_string())
    }

    #[test]
    fn one_way_from_greeting_to_closed() {
        let end = End::new(true);
        assert!(!end.is_greeted());
        assert!(end.greet() && !end.greet());
        assert!(end.is_greeted() && !end.is_over());
        assert!(end.reason().is_none());
        assert!(end.end(&DisconnectReason::EndOfInput));
        assert!(!end.end(&DisconnectReason::Stopped), "the first one counts");
        assert!(end.is_over() && !end.is_closed());
        assert!(end.closed().is_none());
        let ended = text(Some(DisconnectReason::EndOfInput));
        assert_eq!(text(end.reason()), ended);
        assert!(end.close(&DisconnectReason::Local));
        assert!(
            !end.close(&DisconnectReason::Stopped),
            "the first one counts"
        );
        assert!(end.is_over() && end.is_closed() && end.is_over_for_reader());
        assert_eq!(text(end.closed()), text(Some(DisconnectReason::Local)));
        assert!(end.is_greeted(), "it was there");
    }

    #[test]
    fn who_is_closed_before_its_greeting_has_never_come() {
        let end = End::new(true);
        assert!(end.close(&DisconnectReason::Local));
        assert!(!end.greet() && !end.is_greeted());
        let end = End::new(true);
        assert!(end.end(&DisconnectReason::EndOfInput));
        assert!(!end.greet() && !end.is_greeted());
        assert!(end.close(&DisconnectReason::Local) && !end.is_greeted());
    }

    #[test]
    fn a_closed_peer_does_not_end_again() {
        let end = End::new(false);
        assert!(end.is_greeted() && !end.greet());
        assert!(end.close(&DisconnectReason::Local));
        assert!(!end.end(&DisconnectReason::EndOfInput));
        assert_eq!(text(end.reason()), text(Some(DisconnectReason::Local)));
    }

    #[test]
    fn two_ends() {
        let end = End::new(false);
        assert!(!end.half_is_over() && end.half_is_over());
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicBool;
    use loom::thread;

    use super::super::reading::{Reading, Watch};
    use super::*;

    #[test]
    fn close_and_a_waiting_thread_that_begins_to_read() {
        loom::model(|| {
            let peer = Arc::new((End::new(false), Reading::new(())));
            let woken = Arc::new(AtomicBool::new(false));
            let closing = thread::spawn({
                let (peer, woken) = (Arc::clone(&peer), Arc::clone(&woken));
                move || {
                    let (end, reading) = &*peer;
                    assert!(end.close(&DisconnectReason::Local));
                    if reading.is_driven() {
                        woken.store(true, Ordering::SeqCst);
                    }
                }
            });
            let (end, reading) = &*peer;
            reading.change(Watch::enter, |_, _, _| {});
            let sleeps = !end.is_over_for_reader();
            closing.join().unwrap();
            assert!(
                !sleeps || woken.load(Ordering::SeqCst),
                "it sleeps for ever"
            );
        });
    }

    #[test]
    fn who_was_greeted_is_told_of_at_the_end() {
        loom::model(|| {
            let end = Arc::new(End::new(true));
            let closing = thread::spawn({
                let end = Arc::clone(&end);
                move || {
                    assert!(end.close(&DisconnectReason::Local));
                    end.is_greeted()
                }
            });
            let came = end.greet();
            let gone = closing.join().unwrap();
            assert_eq!(came, gone, "told of one, and not of the other");
        });
    }

    #[test]
    fn end_and_close() {
        loom::model(|| {
            let end = Arc::new(End::new(false));
            let closing = thread::spawn({
                let end = Arc::clone(&end);
                move || end.close(&DisconnectReason::Local)
            });
            end.end(&DisconnectReason::EndOfInput);
            assert!(end.is_over() && end.reason().is_some());
            assert!(closing.join().unwrap());
            assert!(matches!(end.closed(), Some(DisconnectReason::Local)));
            assert!(end.is_closed());
        });
    }

    #[test]
    fn the_second_of_two_ends() {
        loom::model(|| {
            let end = Arc::new(End::new(false));
            let other = thread::spawn({
                let end = Arc::clone(&end);
                move || end.half_is_over()
            });
            let mine = end.half_is_over();
            assert_ne!(mine, other.join().unwrap());
        });
    }
}
