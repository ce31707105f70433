//! Answers, on their way from those who post to who reads the peer.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use crate::base::sync::{lock, wait, wait_until};

use super::MOST;
use super::room::Room;

/// An answer, and the memory that it takes until it was read.
#[derive(Default)]
pub(super) struct Answer {
    telegram: io::Cursor<Vec<u8>>,
    _room: Option<Room>,
}

impl Answer {
    pub(super) fn new(telegram: Vec<u8>, room: Option<Room>) -> Self {
        Answer {
            telegram: io::Cursor::new(telegram),
            _room: room,
        }
    }
}

/// Where answers wait to be read, up to [`MOST`] of them. No channel, since those wake who reads
/// while they are locked, and that is two switches of threads more for each answer.
#[derive(Default)]
pub(super) struct Told {
    state: Mutex<State>,
    /// There is something to read, or the end has come.
    some: Condvar,
    /// There is room, or the end has come.
    room: Condvar,
    /// All was read and handled, or the end has come.
    idle: Condvar,
}

#[derive(Default)]
struct State {
    answers: VecDeque<Answer>,
    /// Whoever reads has done with what it has read, and waits for more.
    is_idle: bool,
    /// Somebody waits for that.
    is_awaited: bool,
    /// Nobody reads any more.
    ended: bool,
}

impl Told {
    /// Leaves an answer to who reads. Waits for room; after the end it is dropped.
    pub(super) fn tell(&self, answer: Answer) {
        let mut state = lock(&self.state);
        while state.answers.len() >= MOST && !state.ended {
            state = wait(&self.room, state);
        }
        if state.ended {
            drop(state);
            return drop(answer);
        }
        state.answers.push_back(answer);
        drop(state);
        self.some.notify_one();
    }

    /// The next one, once it is there; `None` after the end.
    fn next(&self) -> Option<Answer> {
        let mut state = lock(&self.state);
        loop {
            if state.ended {
                return None;
            }
            if let Some(answer) = state.answers.pop_front() {
                state.is_idle = false;
                let was_full = state.answers.len() + 1 >= MOST;
                drop(state);
                if was_full {
                    self.room.notify_all();
                }
                return Some(answer);
            }
            state.is_idle = true;
            if state.is_awaited {
                self.idle.notify_all();
            }
            state = wait(&self.some, state);
        }
    }

    /// Waits until all that was told is read and handled, but not beyond this time.
    pub(super) fn await_reader(&self, deadline: Instant) {
        let mut state = lock(&self.state);
        state.is_awaited = true;
        while !state.ended && (!state.is_idle || !state.answers.is_empty()) {
            match wait_until(&self.idle, state, deadline) {
                Some(again) => state = again,
                None => return,
            }
        }
    }

    /// Nobody reads any more.
    pub(super) fn end(&self) {
        let mut state = lock(&self.state);
        state.ended = true;
        let unread = std::mem::take(&mut state.answers);
        drop(state);
        for changed in [&self.some, &self.room, &self.idle] {
            changed.notify_all();
        }
        drop(unread);
    }
}

/// What is read of the peer.
pub(super) struct Answers {
    told: Arc<Told>,
    rest: Answer,
}

impl Answers {
    pub(super) fn new(told: Arc<Told>) -> Self {
        let rest = Answer::default();
        Answers { told, rest }
    }
}

impl Read for Answers {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.rest.telegram.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            match self.told.next() {
                Some(answer) => self.rest = answer,
                None => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn they_are_read_one_after_the_other_and_wait_for_room() {
        let told = Arc::new(Told::default());
        let tells = Arc::clone(&told);
        let teller = thread::spawn(move || {
            for _ in 0..3 * MOST {
                tells.tell(Answer::new(b"abc".to_vec(), None));
            }
        });
        let mut read = vec![0; 9 * MOST];
        Answers::new(told).read_exact(&mut read).unwrap();
        assert_eq!(read, b"abc".repeat(3 * MOST));
        teller.join().unwrap();
    }

    #[test]
    fn the_end_wakes_who_reads_and_who_waits_for_room() {
        let told = Arc::new(Told::default());
        let reads = Arc::clone(&told);
        let reader = thread::spawn(move || Answers::new(reads).read(&mut [0; 4]).unwrap());
        told.end();
        assert_eq!(reader.join().unwrap(), 0);

        let told = Arc::new(Told::default());
        let tells = Arc::clone(&told);
        let teller = thread::spawn(move || {
            for _ in 0..=MOST {
                tells.tell(Answer::new(b"abc".to_vec(), None));
            }
        });
        told.end();
        teller.join().unwrap();
    }
}
