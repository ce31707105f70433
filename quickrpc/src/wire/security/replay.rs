//! Which messages were there before, where messages may be lost or overtake each other.

use std::collections::HashMap;

use crate::base::security::SecurityError;

/// Messages that overtake others by more than this are refused (RFC 6479 has the method).
const SPAN: u64 = WORDS as u64 * 64;
const WORDS: usize = 16;
/// A user has so many sessions at once.
const SESSIONS: usize = 256;
/// How old a message may be, in microseconds.
pub(super) const OLDEST: u64 = 30_000_000;
/// How far a sender's clock may be ahead, in microseconds.
pub(super) const AHEAD: u64 = 5_000_000;

/// The counters of a session that were seen.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// The highest.
    last: u64,
    /// Whether each of the last counters was seen; counter n is bit n of a ring.
    seen: [u64; WORDS],
}

impl Window {
    /// Takes a counter; false if it was there before, or is too far behind.
    pub(super) fn take(&mut self, counter: u64) -> bool {
        if counter == 0 || counter.saturating_add(SPAN - 64) < self.last {
            return false;
        }
        let (word, bit) = place(counter);
        if counter > self.last {
            // The words in between belong to counters that are new.
            let (old, new) = (self.last / 64, counter / 64);
            for step in (old + 1)..=new.min(old.saturating_add(WORDS as u64)) {
                let word = match new - old > WORDS as u64 {
                    true => step - old - 1,
                    false => step % WORDS as u64,
                };
                if let Some(word) = self.seen.get_mut(word as usize) {
                    *word = 0;
                }
            }
            self.last = counter;
        }
        let Some(word) = self.seen.get_mut(word) else {
            return false;
        };
        let fresh = *word & bit == 0;
        *word |= bit;
        fresh
    }
}

fn place(counter: u64) -> (usize, u64) {
    ((counter / 64 % WORDS as u64) as usize, 1 << (counter % 64))
}

/// The sessions whose messages are young enough to come again.
///
/// Bounded: a user with too many sessions gets no further one until an old one is
/// forgotten, which is when its messages are too old to be accepted anyway.
#[derive(Debug)]
pub(super) struct Sessions {
    /// Messages from before this are refused: nobody knows which of them were there. In
    /// microseconds since 1970, like all times here.
    since: u64,
    of_users: HashMap<String, HashMap<String, (Window, u64)>>,
}

impl Sessions {
    pub(super) fn new(now: u64) -> Self {
        Sessions {
            since: now,
            of_users: HashMap::new(),
        }
    }

    /// Takes a message that is authentic.
    pub(super) fn take(
        &mut self,
        user: &str,
        session: &str,
        counter: u64,
        time: u64,
        now: u64,
    ) -> Result<(), SecurityError> {
        let expired = |text: &str| Err(SecurityError::Expired(text.into()));
        if time.saturating_add(OLDEST) < now {
            return expired("the message is more than 30 s old, or the sender's clock is wrong");
        }
        if time > now.saturating_add(AHEAD) {
            return expired("the message is from the future; the sender's clock is wrong");
        }
        if time <= self.since {
            return expired("the message is from before the start of this side");
        }
        let sessions = match self.of_users.get_mut(user) {
            Some(sessions) => sessions,
            None => self.of_users.entry(user.to_owned()).or_default(),
        };
        if !sessions.contains_key(session) && sessions.len() >= SESSIONS {
            sessions.retain(|_, (_, last)| last.saturating_add(OLDEST) >= now);
            if sessions.len() >= SESSIONS {
                let text = format!("`{user}` has begun {SESSIONS} sessions within 30 s");
                return Err(SecurityError::Refused(text.into()));
            }
        }
        let (window, last) = match sessions.get_mut(session) {
            Some(session) => session,
            None => sessions.entry(session.to_owned()).or_default(),
        };
        *last = time.max(*last);
        match window.take(counter) {
            true => Ok(()),
            false => Err(SecurityError::Replayed("it was received before".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counter_counts_once_in_any_order() {
        let mut window = Window::default();
        assert!(!window.take(0));
        for counter in [5, 3, 4, 1, 200, 100, 2, 63, 64, 65, 900, 1_000, 128] {
            assert!(window.take(counter), "{counter}");
            assert!(!window.take(counter), "{counter}");
        }
        for counter in [5, 3, 4, 1, 200, 100, 2, 63, 64, 65, 900, 1_000, 128] {
            assert!(!window.take(counter), "{counter}");
        }
        assert!(window.take(1_000_000) && !window.take(1_000) && !window.take(999_000));
        assert!(window.take(999_999) && window.take(1_000_001) && !window.take(1_000_000));
        assert!(window.take(u64::MAX) && !window.take(u64::MAX) && window.take(u64::MAX - 1));
    }

    #[test]
    fn it_is_as_if_all_counters_were_kept() {
        let (mut window, mut all) = (Window::default(), std::collections::BTreeSet::new());
        let (mut state, mut highest) = (1_u64, 0);
        for _ in 0..20_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let jump = if state.is_multiple_of(50) { 3_000 } else { 300 };
            let counter = (highest + (state >> 33) % jump).saturating_sub(200) + 1;
            let near = counter + SPAN - 64 >= highest;
            assert_eq!(
                window.take(counter),
                near && all.insert(counter),
                "{counter}"
            );
            highest = highest.max(counter);
        }
    }

    #[test]
    fn time_is_limited_and_memory_is_bounded() {
        let now = 1_000_000_000;
        let mut sessions = Sessions::new(now);
        let mut take =
            |session: &str, counter, time, now| sessions.take("alice", session, counter, time, now);
        assert!(matches!(
            take("s", 1, now, now + 5),
            Err(SecurityError::Expired(_))
        ));
        assert_eq!(take("s", 1, now + 1, now + 5), Ok(()));
        let again = take("s", 1, now + 1, now + 5);
        assert!(matches!(again, Err(SecurityError::Replayed(_))));
        let ahead = take("s", 2, now + 6 + AHEAD, now + 5);
        assert!(matches!(ahead, Err(SecurityError::Expired(_))));
        let late = take("s", 2, now + 1, now + 2 + OLDEST);
        assert!(matches!(late, Err(SecurityError::Expired(_))));
        for number in 1..SESSIONS {
            assert_eq!(take(&number.to_string(), 1, now + 10, now + 10), Ok(()));
        }
        // Full: new ones are refused, old ones go on.
        assert!(take("new", 1, now + 20, now + 20).is_err());
        assert_eq!(take("s", 3, now + 20, now + 20), Ok(()));
        // What is forgotten is too old to come again.
        let later = now + 11 + OLDEST;
        assert_eq!(take("new", 1, later, later), Ok(()));
        let old = take("1", 1, now + 10, later);
        assert!(matches!(old, Err(SecurityError::Expired(_))));
        assert!(sessions.of_users["alice"].len() <= 3);
    }
}
