//! Presences of which nothing has been heard. They are asked a few times, and then they are gone.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::wire::broker::subjects::From;

/// So many are asked by whoever comes; of others it is found when they are called.
pub(super) const ASKED: usize = 16;
/// So many whose names are ours, or those of others.
pub(super) const DOUBTS: usize = 64;
/// So often, each for half as long as the broker may be silent.
const TIMES: u32 = 3;

/// By their tokens.
#[derive(Debug, Default)]
pub(super) struct Doubts(HashMap<Box<str>, Doubt>);

#[derive(Debug)]
struct Doubt {
    name: Box<str>,
    asked: Option<Instant>,
    times: u32,
}

/// Names and tokens.
type Who = Vec<(Box<str>, Box<str>)>;

impl Doubts {
    /// Something was heard of him, or he has gone.
    pub(super) fn believe(&mut self, from: From<'_>) {
        if !self.0.is_empty() {
            self.0.remove(from.token);
        }
    }

    /// One more, if there are fewer than `most`.
    pub(super) fn add(&mut self, from: From<'_>, most: usize) {
        if self.0.len() < most {
            let doubt = Doubt {
                name: from.name.into(),
                asked: None,
                times: 0,
            };
            self.0.insert(from.token.into(), doubt);
        }
    }

    /// Who is to be asked now, and who has not answered.
    pub(super) fn due(&mut self, now: Instant, every: Duration) -> (Who, Who) {
        let (mut asked, mut gone) = (Vec::new(), Vec::new());
        for (token, doubt) in &mut self.0 {
            let waits = |asked| now.duration_since(asked) < every;
            if doubt.asked.is_some_and(waits) {
                continue;
            }
            (doubt.asked, doubt.times) = (Some(now), doubt.times + 1);
            let who = match doubt.times {
                ..=TIMES => &mut asked,
                _ => &mut gone,
            };
            who.push((doubt.name.clone(), token.clone()));
        }
        (asked, gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_silent_for_three_times_is_gone() {
        let (mut doubts, every) = (Doubts::default(), Duration::from_secs(5));
        let of = |token| From { name: "x", token };
        doubts.add(of("silent"), 2);
        doubts.add(of("there"), 2);
        doubts.add(of("third"), 2);
        let begun = Instant::now();
        let mut counts = Vec::new();
        for seconds in [0, 4, 5, 10, 15] {
            let (asked, gone) = doubts.due(begun + Duration::from_secs(seconds), every);
            counts.push((asked.len(), gone.len()));
            doubts.believe(of("there"));
        }
        assert_eq!(counts, [(2, 0), (0, 0), (1, 0), (1, 0), (0, 1)]);
        doubts.believe(of("silent"));
        assert!(doubts.0.is_empty());
    }
}
