//! May the calls of a peer be read? Its flow control, without I/O.
//!
//! A peer that makes us hold much for it is not read for a while: it has *stalled*. That may be
//! answers that it does not read, calls that wait for their turn, or answers that handlers owe
//! it. Whoever reads it finds that out, and stops. Whoever makes room resumes it, on any thread.
//! They agree without a lock:
//!
//! * who reads says that it has stalled, and then looks once more whether there is no room;
//! * who makes room makes it, and then looks whether the peer has stalled.
//!
//! Between the two steps of both is a fence (or a lock that both take, as with the mailbox), so
//! that at least one of them sees what the other did: a peer never stays stalled with room for
//! it. An answer that we wait for is room, too, since the peer is then read where else it would
//! not be.

use crate::base::sync::replaceable::{AtomicBool, AtomicUsize, Ordering, fence, in_one_order};

/// What waits for one peer, and whether it is read.
#[derive(Debug)]
pub(crate) struct FlowControl {
    /// Reading has stopped.
    stalled: AtomicBool,
    /// The poll thread looks whether the peer takes anything, since its queue was full.
    looked_after: AtomicBool,
    /// Answers that handlers owe by a promise, and one for its open input.
    owed: AtomicUsize,
    /// Calls of ours that it was asked.
    asked: AtomicUsize,
    /// Bytes that wait to be sent, as of the last change.
    backlog: AtomicUsize,
    /// How many of them belong to answers.
    answers: AtomicUsize,
}

impl FlowControl {
    pub(crate) fn new() -> Self {
        FlowControl {
            stalled: AtomicBool::new(false),
            looked_after: AtomicBool::new(false),
            owed: AtomicUsize::new(1),
            asked: AtomicUsize::new(0),
            backlog: AtomicUsize::new(0),
            answers: AtomicUsize::new(0),
        }
    }

    // ---- what waits to be sent

    /// So many bytes wait to be sent, and so many of them are of answers. Called with the
    /// sending half locked.
    pub(crate) fn note(&self, backlog: usize, answers: usize) {
        self.backlog.store(backlog, Ordering::Relaxed);
        self.answers.store(answers, Ordering::Relaxed);
    }

    /// Bytes that wait to be sent, as of the last change.
    pub(crate) fn backlog(&self) -> usize {
        self.backlog.load(Ordering::Relaxed)
    }

    /// Whether more than this waits to be sent: of answers, or at all.
    pub(crate) fn exceeds(&self, answers: usize, backlog: usize) -> bool {
        self.answers.load(Ordering::Relaxed) > answers || self.backlog() > backlog
    }

    // ---- what is owed

    /// One more answer is owed.
    pub(crate) fn owe(&self) {
        self.owed.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether at least so many answers are owed, while the input is open.
    pub(crate) fn owes(&self, answers: usize) -> bool {
        // One is for the open input.
        self.owed.load(Ordering::Relaxed) > answers
    }

    /// One thing that was owed is settled: an answer has been sent, or all that came before the
    /// end of the input was handled. Gives true for the last one: nothing more will leave.
    ///
    /// It makes room, so that [`is_stalled`](Self::is_stalled) is to be asked after it.
    pub(crate) fn settle(&self) -> bool {
        let last = self.owed.fetch_sub(1, Ordering::AcqRel) == 1;
        // Pairs with the fence of `stall`.
        fence(Ordering::SeqCst);
        last
    }

    // ---- what we ask

    /// Calls of ours that wait for this peer.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// One more.
    pub(crate) fn ask(&self) {
        // Pairs with `is_stalled_though_awaited`.
        self.asked.fetch_add(1, Ordering::SeqCst);
    }

    /// One less.
    pub(crate) fn answered(&self) {
        self.asked.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether a call of ours depends on this peer.
    pub(crate) fn is_awaited(&self) -> bool {
        self.asked() > 0
    }

    /// After [`ask`](Self::ask), whether the peer has to be resumed for it.
    pub(crate) fn is_stalled_though_awaited(&self) -> bool {
        // Both in the one order of all such accesses and fences: whoever stalls the peer sees
        // the count, or this sees the stall.
        in_one_order();
        self.stalled.load(Ordering::SeqCst)
    }

    // ---- stopping and going on

    /// Reading stops, unless `is_full` says, asked once more, that room has come. Whoever makes
    /// room after this resumes it.
    pub(crate) fn stall(&self, is_full: impl FnOnce() -> bool) -> bool {
        self.stalled.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        let stalls = is_full();
        if !stalls {
            self.stalled.store(false, Ordering::Release);
        }
        stalls
    }

    /// Whether reading has stopped.
    pub(crate) fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Acquire)
    }

    /// Whether reading has stopped, after room was made.
    pub(crate) fn is_stalled_after_all(&self) -> bool {
        // Pairs with the fence of `stall`.
        fence(Ordering::SeqCst);
        self.is_stalled()
    }

    /// After [`note`](Self::note): whether reading has stopped, and there is so much room that
    /// it may go on.
    pub(crate) fn may_go_on(&self, answers: usize, backlog: usize) -> bool {
        // Pairs with the fence of `stall`.
        fence(Ordering::SeqCst);
        self.is_stalled() && !self.exceeds(answers, backlog)
    }

    /// Reading goes on. True for the one who has to see to it.
    pub(crate) fn resume(&self) -> bool {
        self.stalled.swap(false, Ordering::AcqRel)
    }

    // ---- a peer that takes nothing

    /// The queue is full. True for the one who has to see to it that the peer is looked after.
    pub(crate) fn look_after(&self) -> bool {
        !self.looked_after.swap(true, Ordering::AcqRel)
    }

    /// The queue has room, so that nobody has to look after the peer. False if it has become
    /// full meanwhile: whoever filled it did not tell, since the peer was looked after.
    pub(crate) fn leave_alone(&self, limit: usize) -> bool {
        // Both ends read what they write over: either this sees what was noted before
        // `look_after`, or that sees this.
        self.looked_after.swap(false, Ordering::AcqRel);
        self.backlog() < limit || !self.look_after()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn stalls_only_without_room_and_goes_on_once() {
        let flow = FlowControl::new();
        flow.note(10, 5);
        assert!(!flow.stall(|| flow.exceeds(5, 10)));
        assert!(!flow.is_stalled() && !flow.resume());
        assert!(flow.stall(|| flow.exceeds(4, 10)));
        assert!(flow.is_stalled());
        assert!(!flow.may_go_on(4, 10));
        flow.note(4, 4);
        assert!(flow.may_go_on(4, 10));
        assert!(flow.resume());
        assert!(!flow.resume(), "one sees to it");
        assert!(!flow.may_go_on(4, 10));
    }

    #[test]
    fn the_open_input_is_no_answer() {
        let flow = FlowControl::new();
        assert!(flow.owes(0) && !flow.owes(1));
        flow.owe();
        assert!(flow.owes(1) && !flow.owes(2));
        assert!(!flow.settle());
        assert!(flow.settle(), "the last one ends it");
    }

    #[test]
    fn who_is_asked_is_awaited() {
        let flow = FlowControl::new();
        assert!(flow.stall(|| true));
        flow.ask();
        assert!(flow.is_awaited() && flow.asked() == 1);
        assert!(flow.is_stalled_though_awaited());
        flow.answered();
        assert!(!flow.is_awaited());
    }

    #[test]
    fn one_looks_after_a_full_queue() {
        let flow = FlowControl::new();
        flow.note(10, 0);
        assert!(flow.look_after());
        assert!(!flow.look_after());
        assert!(!flow.leave_alone(10), "it is full");
        flow.note(9, 0);
        assert!(flow.leave_alone(10));
        assert!(flow.look_after(), "from the beginning");
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    /// Nobody is forgotten: with room, a peer is read in the end.
    fn reads_in_the_end(flow: &FlowControl, room: bool) {
        assert!(!(flow.is_stalled() && room), "stalled for ever");
    }

    #[test]
    fn stall_and_flush() {
        loom::model(|| {
            let flow = Arc::new(FlowControl::new());
            flow.note(9, 9);
            let flushing = thread::spawn({
                let flow = Arc::clone(&flow);
                move || {
                    flow.note(0, 0);
                    if flow.may_go_on(4, 4) {
                        flow.resume();
                    }
                }
            });
            let full = || flow.exceeds(4, 4);
            if full() {
                flow.stall(full);
            }
            flushing.join().unwrap();
            reads_in_the_end(&flow, true);
        });
    }

    #[test]
    fn stall_and_settle() {
        loom::model(|| {
            let flow = Arc::new(FlowControl::new());
            flow.owe();
            flow.owe();
            let answering = thread::spawn({
                let flow = Arc::clone(&flow);
                move || {
                    flow.settle();
                    if flow.is_stalled() && !flow.owes(2) {
                        flow.resume();
                    }
                }
            });
            let full = || flow.owes(2);
            if full() {
                flow.stall(full);
            }
            answering.join().unwrap();
            reads_in_the_end(&flow, true);
        });
    }

    #[test]
    fn stall_and_ask() {
        loom::model(|| {
            let flow = Arc::new(FlowControl::new());
            flow.note(9, 9);
            let asking = thread::spawn({
                let flow = Arc::clone(&flow);
                move || {
                    flow.ask();
                    if flow.is_stalled_though_awaited() {
                        flow.resume();
                    }
                }
            });
            let full = || !flow.is_awaited() && flow.exceeds(4, 4);
            if full() {
                flow.stall(full);
            }
            asking.join().unwrap();
            reads_in_the_end(&flow, true);
        });
    }

    #[test]
    fn several_resume_and_one_sees_to_it() {
        loom::model(|| {
            let flow = Arc::new(FlowControl::new());
            assert!(flow.stall(|| true));
            let other = thread::spawn({
                let flow = Arc::clone(&flow);
                move || flow.resume()
            });
            let mine = flow.resume();
            assert_ne!(mine, other.join().unwrap());
        });
    }

    #[test]
    fn owed_and_the_end_of_input() {
        loom::model(|| {
            let flow = Arc::new(FlowControl::new());
            flow.owe();
            let answering = thread::spawn({
                let flow = Arc::clone(&flow);
                move || flow.settle()
            });
            let mine = flow.settle();
            assert_ne!(mine, answering.join().unwrap(), "one closes, the last one");
        });
    }

    #[test]
    fn full_again_while_it_is_left_alone() {
        loom::model(|| {
            let flow = Arc::new(FlowControl::new());
            assert!(flow.look_after());
            let filling = thread::spawn({
                let flow = Arc::clone(&flow);
                move || {
                    flow.note(9, 0);
                    flow.look_after()
                }
            });
            let looks_on = !flow.leave_alone(9);
            let told = filling.join().unwrap();
            assert!(looks_on || told, "a full queue that nobody looks after");
            assert!(!(looks_on && told), "two look after it");
        });
    }
}
