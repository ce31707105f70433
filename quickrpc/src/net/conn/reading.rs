//! Who reads a peer, and what the poll thread is told about its socket. Without I/O.
//!
//! The poll thread reads, or a thread that waits for an answer, or nobody: when such a thread
//! has what it waited for, the next one is expected, and the peer is *parked* so that the poll
//! thread is not woken for an answer that is none of its business. The input itself is taken
//! out by whoever reads, so that there is one at a time.
//!
//! Two agreements are made without a common lock:
//!
//! * Who parks a peer says so, and then looks whether somebody waits for it without reading
//!   ("attends"); who attends counts himself, and then looks whether it is parked. Both are
//!   accesses in one order, so that at least one sees the other, and has the poll thread read.
//! * Who begins to read says so, and then looks whether the peer is closed; who closes it says
//!   so, and then looks whether a waiting thread reads, which has to be woken. Likewise.

use mio::{Interest, Token};

use crate::base::sync::replaceable::{AtomicBool, AtomicU32, Mutex, Ordering, in_one_order, lock};

/// Who reads a peer, of which `R` is the receiving half.
#[derive(Debug)]
pub(crate) struct Reading<R> {
    /// The receiving half; taken out by whoever reads, so never locked in user code.
    rest: Mutex<Option<R>>,
    /// What the poll thread is told; a leaf in the lock order.
    watch: Mutex<Watch>,
    /// A thread that waits for an answer reads; as `watch` says.
    driven: AtomicBool,
    /// Nobody reads; as `watch` says, or shortly after.
    parked: AtomicBool,
    /// The poll thread looks now and then whether it is still to be parked.
    parking: AtomicBool,
    /// The peer has sent a call, and may send more at any time.
    has_called: AtomicBool,
    /// It is in the poll thread's list of those with more to read. No other thread asks.
    listed: AtomicBool,
    /// Calls for which somebody waits without reading by itself,
    attended: AtomicU32,
    /// and those of them for which a thread waits.
    sleepers: AtomicU32,
}

/// What is watched of a socket.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    pub(crate) token: Option<Token>,
    reader: Reader,
    /// Counts the waiting threads that have read.
    turn: u64,
    /// It takes no more bytes for now.
    pub(crate) blocked: bool,
}

/// Who reads.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    #[default]
    PollThread,
    /// A thread that waits for an answer.
    Waiter,
    /// Nobody: a waiter has just left, and the next one is expected.
    Parked,
}

/// The right to read a peer, of one waiting thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReaderTurn(u64);

/// What follows when a peer was parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parked {
    /// Somebody waits for it: the poll thread has to read it.
    Attended,
    /// The poll thread is to be told, so that it looks at it after a while.
    Untold,
    /// It looks already.
    Told,
}

impl<R> Reading<R> {
    pub(crate) fn new(rest: R) -> Self {
        Reading {
            rest: Mutex::new(Some(rest)),
            watch: Mutex::new(Watch::default()),
            driven: AtomicBool::new(false),
            parked: AtomicBool::new(false),
            parking: AtomicBool::new(false),
            has_called: AtomicBool::new(false),
            listed: AtomicBool::new(false),
            attended: AtomicU32::new(0),
            sleepers: AtomicU32::new(0),
        }
    }

    // ---- the input

    /// Takes the receiving half, unless somebody else reads.
    pub(crate) fn take(&self) -> Option<R> {
        lock(&self.rest).take()
    }

    /// Whoever took the receiving half leaves it to the next.
    pub(crate) fn give_back(&self, rest: R) {
        *lock(&self.rest) = Some(rest);
    }

    /// Changes the receiving half, if nobody reads.
    pub(crate) fn with_rest<T>(&self, change: impl FnOnce(&mut R) -> T) -> Option<T> {
        lock(&self.rest).as_mut().map(change)
    }

    // ---- who reads

    /// Changes who reads, or what is watched. Where the poll thread has to be told another
    /// thing then, `tell` does that, with what was and what is.
    pub(crate) fn change<T>(
        &self,
        change: impl FnOnce(&mut Watch) -> T,
        tell: impl FnOnce(Token, Option<Interest>, Option<Interest>),
    ) -> T {
        let mut watch = lock(&self.watch);
        let before = watch.interest();
        let result = change(&mut watch);
        let driven = watch.reader == Reader::Waiter;
        // Changed only here, with the lock.
        if self.driven.load(Ordering::Relaxed) != driven {
            self.driven.store(driven, Ordering::SeqCst);
        }
        let after = watch.interest();
        if let Some(token) = watch.token
            && before != after
        {
            tell(token, before, after);
        }
        result
    }

    /// The poll thread watches the socket by this token from now on, and `register` makes it.
    pub(crate) fn adopt<T>(&self, token: Token, register: impl FnOnce(Option<Interest>) -> T) -> T {
        let mut watch = lock(&self.watch);
        watch.token = Some(token);
        register(watch.interest())
    }

    /// Nothing is watched any more. Gives the token, to the first who asks.
    pub(crate) fn abandon(&self) -> Option<Token> {
        lock(&self.watch).token.take()
    }

    /// After the peer was closed, whether a waiting thread reads, and has to be woken.
    pub(crate) fn is_driven(&self) -> bool {
        in_one_order();
        self.driven.load(Ordering::SeqCst)
    }

    /// How many waiting threads have read.
    pub(crate) fn turns(&self) -> u64 {
        lock(&self.watch).turn
    }

    // ---- nobody reads

    /// Whether nobody has to read this peer until the next thread waits for it: there is
    /// nobody else who waits, and the peer has never sent anything but answers.
    pub(crate) fn may_be_parked(&self) -> bool {
        !self.has_called() && self.attended.load(Ordering::SeqCst) == 0
    }

    /// A waiting thread has left it to nobody.
    pub(crate) fn park(&self) -> Parked {
        self.parked.store(true, Ordering::SeqCst);
        in_one_order();
        // Whoever began to wait meanwhile has seen the flag, or is seen here.
        if !self.may_be_parked() {
            return Parked::Attended;
        }
        let told =
            self.parking.load(Ordering::Acquire) || self.parking.swap(true, Ordering::AcqRel);
        if told { Parked::Told } else { Parked::Untold }
    }

    /// The poll thread looks at it no longer. Before it is unparked, so that whoever parks it
    /// again either tells of it, or has parked it before.
    pub(crate) fn stop_parking(&self) {
        self.parking.store(false, Ordering::Release);
    }

    /// It is not parked any more; [`Watch::unpark`] comes next.
    pub(crate) fn unpark(&self) {
        self.parked.store(false, Ordering::SeqCst);
    }

    /// Somebody begins to wait for an answer of it without reading by itself. Gives true if
    /// nobody reads it.
    pub(crate) fn attend(&self) -> bool {
        self.attended.fetch_add(1, Ordering::SeqCst);
        in_one_order();
        self.is_parked()
    }

    /// Whether nobody reads it.
    pub(crate) fn is_parked(&self) -> bool {
        self.parked.load(Ordering::SeqCst)
    }

    /// That is over.
    pub(crate) fn neglect(&self) {
        self.attended.fetch_sub(1, Ordering::Relaxed);
    }

    /// A thread sleeps until an answer of it.
    pub(crate) fn sleep(&self) {
        self.sleepers.fetch_add(1, Ordering::Relaxed);
    }

    /// That is over.
    pub(crate) fn awake(&self) {
        self.sleepers.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether threads sleep, for which somebody else reads.
    pub(crate) fn has_sleepers(&self) -> bool {
        self.sleepers.load(Ordering::Relaxed) > 0
    }

    /// The peer has sent a call.
    pub(crate) fn heard_call(&self) {
        // Once is enough, and a load costs nobody anything.
        if !self.has_called() {
            self.has_called.store(true, Ordering::Relaxed);
        }
    }

    fn has_called(&self) -> bool {
        self.has_called.load(Ordering::Relaxed)
    }

    // ---- for the poll thread alone

    /// It is in the list of those with more to read. True if it was not.
    pub(crate) fn list(&self) -> bool {
        let new = !self.listed.load(Ordering::Relaxed);
        self.listed.store(true, Ordering::Relaxed);
        new
    }

    /// It is not any more.
    pub(crate) fn unlist(&self) {
        self.listed.store(false, Ordering::Relaxed);
    }
}

impl Watch {
    /// What the poll thread is told about. Readiness for writing only when it is missed: a
    /// socket that is always ready would report it with each change.
    ///
    /// `None` is really nothing. To ask for urgent data, which nobody sends, would be cheaper
    /// to change, but the system wakes the thread for any data then, and lets it find out
    /// that it was none of its business.
    fn interest(&self) -> Option<Interest> {
        match (self.reader, self.blocked) {
            (Reader::PollThread, false) => Some(Interest::READABLE),
            (Reader::PollThread, true) => Some(Interest::READABLE | Interest::WRITABLE),
            (_, true) => Some(Interest::WRITABLE),
            (_, false) => None,
        }
    }

    /// A waiting thread reads from now on.
    pub(crate) fn enter(&mut self) -> ReaderTurn {
        self.reader = Reader::Waiter;
        self.turn += 1;
        ReaderTurn(self.turn)
    }

    /// A waiting thread leaves it to another, unless one has come already.
    pub(crate) fn leave(&mut self, turn: ReaderTurn, to: Reader) {
        if self.turn == turn.0 {
            self.reader = to;
        }
    }

    /// Where nobody reads, the poll thread does.
    pub(crate) fn unpark(&mut self) {
        if self.reader == Reader::Parked {
            self.reader = Reader::PollThread;
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    type Told = Option<(Option<Interest>, Option<Interest>)>;

    /// Changes it, and gives what the poll thread was told.
    fn change<T>(reading: &Reading<()>, change: impl FnOnce(&mut Watch) -> T) -> (T, Told) {
        let mut told = None;
        let result = reading.change(change, |_, before, after| told = Some((before, after)));
        (result, told)
    }

    fn reading() -> Reading<()> {
        let reading = Reading::new(());
        let interest = reading.adopt(Token(1), |interest| interest);
        assert_eq!(interest, Some(Interest::READABLE));
        reading
    }

    #[test]
    fn one_has_the_input() {
        let reading = Reading::new(1);
        assert_eq!(reading.with_rest(|rest| *rest += 1), Some(()));
        assert_eq!(reading.take(), Some(2));
        assert_eq!(reading.take(), None);
        assert_eq!(reading.with_rest(|_| ()), None);
        reading.give_back(3);
        assert_eq!(reading.take(), Some(3));
    }

    #[test]
    fn the_poll_thread_is_told_what_it_has_to_watch() {
        let reading = reading();
        let (turn, told) = change(&reading, Watch::enter);
        assert_eq!(told, Some((Some(Interest::READABLE), None)));
        assert!(reading.is_driven());
        let (_, told) = change(&reading, |watch| watch.blocked = true);
        assert_eq!(told, Some((None, Some(Interest::WRITABLE))));
        let (_, told) = change(&reading, |watch| watch.leave(turn, Reader::PollThread));
        let both = Interest::READABLE | Interest::WRITABLE;
        assert_eq!(told, Some((Some(Interest::WRITABLE), Some(both))));
        assert!(!reading.is_driven());
        let (_, told) = change(&reading, |watch| watch.blocked = true);
        assert_eq!(told, None, "as before");
        assert_eq!(reading.abandon(), Some(Token(1)));
        assert_eq!(reading.abandon(), None);
        let (_, told) = change(&reading, |watch| watch.blocked = false);
        assert_eq!(told, None, "it is not watched");
    }

    #[test]
    fn who_leaves_late_takes_it_from_nobody() {
        let reading = reading();
        let (first, _) = change(&reading, Watch::enter);
        let (second, _) = change(&reading, Watch::enter);
        assert_eq!(reading.turns(), 2);
        change(&reading, |watch| watch.leave(first, Reader::PollThread));
        assert!(reading.is_driven());
        change(&reading, |watch| watch.unpark());
        assert!(reading.is_driven(), "it is not parked");
        change(&reading, |watch| watch.leave(second, Reader::Parked));
        assert!(!reading.is_driven());
        let (_, told) = change(&reading, Watch::unpark);
        assert_eq!(told, Some((None, Some(Interest::READABLE))));
    }

    #[test]
    fn parks_only_what_nobody_waits_for() {
        let reading = reading();
        assert!(reading.may_be_parked());
        assert_eq!(reading.park(), Parked::Untold);
        assert_eq!(reading.park(), Parked::Told);
        assert!(reading.attend(), "nobody reads it");
        assert!(!reading.may_be_parked());
        assert_eq!(reading.park(), Parked::Attended);
        reading.unpark();
        assert!(!reading.attend());
        reading.neglect();
        reading.neglect();
        assert!(reading.may_be_parked());
        reading.stop_parking();
        assert_eq!(reading.park(), Parked::Untold);
        reading.heard_call();
        assert_eq!(reading.park(), Parked::Attended, "it may call at any time");
    }

    #[test]
    fn threads_that_sleep_are_counted() {
        let reading = reading();
        assert!(!reading.has_sleepers());
        reading.sleep();
        assert!(reading.has_sleepers());
        reading.awake();
        assert!(!reading.has_sleepers());
    }

    #[test]
    fn it_is_in_the_list_once() {
        let reading = reading();
        assert!(reading.list() && !reading.list());
        reading.unlist();
        assert!(reading.list());
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    fn change<T>(reading: &Reading<()>, change: impl FnOnce(&mut Watch) -> T) -> T {
        reading.change(change, |_, _, _| {})
    }

    /// The poll thread reads it again.
    fn unpark(reading: &Reading<()>) {
        reading.unpark();
        change(reading, Watch::unpark);
    }

    /// What a waiting thread does when it has what it waited for. True if the poll thread was
    /// told that it is parked.
    fn leave(reading: &Reading<()>, turn: ReaderTurn) -> bool {
        if !reading.may_be_parked() {
            change(reading, |watch| watch.leave(turn, Reader::PollThread));
            return false;
        }
        change(reading, |watch| watch.leave(turn, Reader::Parked));
        match reading.park() {
            Parked::Attended => unpark(reading),
            Parked::Untold => return true,
            Parked::Told => {}
        }
        false
    }

    fn reader(reading: &Reading<()>) -> Reader {
        lock(&reading.watch).reader
    }

    #[test]
    fn park_and_attend() {
        loom::model(|| {
            let reading = Arc::new(Reading::new(()));
            let turn = change(&reading, Watch::enter);
            let attending = thread::spawn({
                let reading = Arc::clone(&reading);
                move || {
                    if reading.attend() {
                        unpark(&reading);
                    }
                }
            });
            leave(&reading, turn);
            attending.join().unwrap();
            assert_eq!(reader(&reading), Reader::PollThread, "it waits for ever");
        });
    }

    #[test]
    fn park_and_the_next_waiter() {
        loom::model(|| {
            let reading = Arc::new(Reading::new(()));
            let turn = change(&reading, Watch::enter);
            let next = thread::spawn({
                let reading = Arc::clone(&reading);
                move || {
                    let turn = change(&reading, Watch::enter);
                    assert_eq!(reader(&reading), Reader::Waiter);
                    leave(&reading, turn)
                }
            });
            let told = leave(&reading, turn);
            // Exactly one tells the poll thread.
            assert!(told != next.join().unwrap());
            assert_eq!(reader(&reading), Reader::Parked);
        });
    }

    #[test]
    fn park_while_the_poll_thread_looks() {
        loom::model(|| {
            let reading = Arc::new(Reading::new(()));
            let first = change(&reading, Watch::enter);
            assert!(leave(&reading, first));
            let waiting = thread::spawn({
                let reading = Arc::clone(&reading);
                move || {
                    let turn = change(&reading, Watch::enter);
                    leave(&reading, turn)
                }
            });
            // It has seen nobody in between.
            let looks_on = reading.turns() != 1;
            if !looks_on {
                reading.stop_parking();
                unpark(&reading);
            }
            let told = waiting.join().unwrap();
            let left_alone = reader(&reading) == Reader::Parked && !looks_on && !told;
            assert!(!left_alone, "parked for ever");
        });
    }
}
