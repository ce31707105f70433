//! What a client of ours has asked, until it is answered: by the program, or by its time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::header::{Contexts, Request};

/// The operations of one client that are not answered.
#[derive(Debug, Default)]
pub(super) struct Operations {
    /// Ids of the client may be anything, and come twice; so calls have these.
    last: u64,
    open: BTreeMap<u64, Operation>,
    /// Calls that an operation on several properties is made of, by their ids.
    parts: BTreeMap<u64, (u64, Box<str>)>,
    /// When they have to have begun, or to be done.
    due: BTreeSet<(Instant, u64)>,
    /// The earliest time that somebody was asked to look at.
    armed: Option<Instant>,
}

/// Who wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asker {
    /// The id of the message: JSON, as it came.
    pub(super) id: Box<str>,
    /// Who has asked: JSON, as it came.
    pub(super) sender: Box<str>,
}

#[derive(Debug)]
struct Operation {
    asker: Asker,
    contexts: Contexts,
    stage: Stage,
    /// What has come of several properties, and how many are missing.
    several: Option<Several>,
}

/// What has come of several properties.
#[derive(Debug)]
struct Several {
    values: Vec<(Box<str>, Vec<u8>)>,
    missing: usize,
    /// Nothing comes of a write.
    writes: bool,
}

/// How far an operation is, and when it has to be farther.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waits(Option<Instant>),
    Runs(Option<Instant>),
    /// This time of it is over, which was said.
    Over(Late),
}

/// Which of its times is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Late {
    Invokation,
    Execution,
}

impl Late {
    pub(super) fn word(self) -> &'static str {
        match self {
            Late::Invokation => "invokation",
            Late::Execution => "execution",
        }
    }
}

/// What is to be said to an asker.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing: it did not want to know, has heard of something else, or more is missing.
    Silence,
    Late(Asker, Late),
    Result(Asker, Vec<u8>, Wants),
    Failed(Asker, Vec<u8>, Wants),
}

/// In which form it wants to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wants {
    pub(super) logs: bool,
    /// Values of several properties by their names, among which bytes have no part of their own.
    pub(super) several: bool,
}

impl Asker {
    pub(super) fn of(header: &str, request: &Request) -> Self {
        Asker {
            id: request.id.of(header).into(),
            sender: request.sender.of(header).into(),
        }
    }
}

fn after(now: Instant, time: Option<Duration>) -> Option<Instant> {
    time.and_then(|time| now.checked_add(time))
}

impl Operations {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// One that is one call. Gives the id of the call.
    pub(super) fn one(&mut self, asker: Asker, contexts: Contexts, now: Instant) -> u64 {
        self.begin(asker, contexts, None, now)
    }

    /// One on properties with these names. Gives the ids of the calls.
    pub(super) fn several(
        &mut self,
        asker: Asker,
        contexts: Contexts,
        names: &[Box<str>],
        writes: bool,
        now: Instant,
    ) -> Vec<u64> {
        let several = Some(Several {
            values: Vec::new(),
            missing: names.len(),
            writes,
        });
        let whole = self.begin(asker, contexts, several, now);
        let parts = names.iter().map(|name| {
            self.last += 1;
            self.parts.insert(self.last, (whole, name.clone()));
            self.last
        });
        parts.collect()
    }

    fn begin(
        &mut self,
        asker: Asker,
        contexts: Contexts,
        several: Option<Several>,
        now: Instant,
    ) -> u64 {
        let id = self.next();
        let until = after(now, contexts.invokation);
        let stage = Stage::Waits(until);
        self.due.extend(until.map(|until| (until, id)));
        let operation = Operation {
            asker,
            contexts,
            stage,
            several,
        };
        self.open.insert(id, operation);
        id
    }

    /// The operation that a call belongs to.
    fn whole(&self, call: u64) -> u64 {
        self.parts.get(&call).map_or(call, |(whole, _)| *whole)
    }

    /// A call is about to be handled. False if that is too late.
    pub(super) fn begins(&mut self, call: u64, now: Instant) -> bool {
        let id = self.whole(call);
        let Some(operation) = self.open.get_mut(&id) else {
            return true;
        };
        if let Stage::Waits(until) = operation.stage {
            if until.is_some_and(|until| until <= now) {
                return false;
            }
            let done = after(now, operation.contexts.execution);
            operation.stage = Stage::Runs(done);
            if let Some(until) = until {
                self.due.remove(&(until, id));
            }
            self.due.extend(done.map(|done| (done, id)));
        }
        operation.stage != Stage::Over(Late::Invokation)
    }

    /// When somebody has to look, if that was not said yet.
    pub(super) fn later(&mut self) -> Option<Instant> {
        let (first, _) = *self.due.first()?;
        if self.armed.is_some_and(|armed| armed <= first) {
            return None;
        }
        self.armed = Some(first);
        Some(first)
    }

    /// What is too late by now; it is said once.
    pub(super) fn late(&mut self, now: Instant) -> Vec<(Asker, Late)> {
        self.armed = None;
        let mut late = Vec::new();
        while let Some((at, id)) = self.due.first().copied()
            && at <= now
        {
            self.due.remove(&(at, id));
            if let Some(operation) = self.open.get_mut(&id) {
                late.extend(operation.late().map(|kind| (operation.asker.clone(), kind)));
            }
        }
        late
    }

    /// What a call has come to. `body` is JSON.
    pub(super) fn done(&mut self, call: u64, body: &[u8], failed: bool, now: Instant) -> Outcome {
        let (id, part) = match self.parts.remove(&call) {
            Some((whole, name)) => (whole, Some(name)),
            None => (call, None),
        };
        let Some(operation) = self.open.get_mut(&id) else {
            return Outcome::Silence;
        };
        let whole = match (&mut operation.several, part) {
            (Some(several), Some(name)) if !failed => {
                several.values.push((name, body.to_vec()));
                several.missing = several.missing.saturating_sub(1);
                if several.missing > 0 {
                    return Outcome::Silence;
                }
                Some(match several.writes {
                    true => b"null".to_vec(),
                    false => object(&several.values),
                })
            }
            _ => None,
        };
        let Some(mut operation) = self.open.remove(&id) else {
            return Outcome::Silence;
        };
        if let Stage::Waits(Some(until)) | Stage::Runs(Some(until)) = operation.stage {
            self.due.remove(&(until, id));
            // The thread that should have said it may have been this one.
            if until <= now
                && let Some(late) = operation.late()
            {
                return Outcome::Late(operation.asker, late);
            }
        }
        let Contexts { oneway, logs, .. } = operation.contexts;
        if oneway || matches!(operation.stage, Stage::Over(_)) {
            return Outcome::Silence;
        }
        let several = operation.several.is_some();
        let wants = Wants { logs, several };
        match (failed, whole) {
            (true, _) => Outcome::Failed(operation.asker, body.to_vec(), wants),
            (false, Some(values)) => Outcome::Result(operation.asker, values, wants),
            (false, None) => Outcome::Result(operation.asker, body.to_vec(), wants),
        }
    }

    /// The memory that they take, about.
    pub(super) fn held(&self) -> usize {
        self.open.len() * 256 + self.parts.len() * 64
    }
}

impl Operation {
    /// Its time is over; `None` if that was said already.
    fn late(&mut self) -> Option<Late> {
        let late = match self.stage {
            Stage::Waits(_) => Late::Invokation,
            Stage::Runs(_) => Late::Execution,
            Stage::Over(_) => return None,
        };
        self.stage = Stage::Over(late);
        Some(late)
    }
}

/// An object of JSON; of writes, nothing has come.
fn object(values: &[(Box<str>, Vec<u8>)]) -> Vec<u8> {
    use crate::format::text::{Json, write_str};
    let mut out = vec![b'{'];
    for (number, (name, value)) in values.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write_str(&mut out, Json, name);
        out.push(b':');
        out.extend_from_slice(value);
    }
    out.push(b'}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(id: &str) -> Asker {
        Asker {
            id: id.into(),
            sender: "\"c\"".into(),
        }
    }

    fn limits(invokation: u64, execution: u64) -> Contexts {
        Contexts {
            invokation: Some(Duration::from_secs(invokation)),
            execution: Some(Duration::from_secs(execution)),
            oneway: false,
            logs: false,
        }
    }

    const PLAIN: Wants = Wants {
        logs: false,
        several: false,
    };

    #[test]
    fn each_is_answered_once_whatever_strikes() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let mut all = Operations::default();
        let one = all.one(asker("1"), limits(1, 1), now);
        let two = all.one(asker("1"), limits(5, 1), now);
        assert_eq!(all.later(), Some(now + second));
        assert_eq!(all.later(), None, "each time is given once");
        assert!(all.begins(two, now));
        assert_eq!(
            all.late(now + second),
            [
                (asker("1"), Late::Invokation),
                (asker("1"), Late::Execution)
            ]
        );
        assert!(!all.begins(one, now), "it was said that it will not be");
        for late in [one, two] {
            assert_eq!(all.done(late, b"1", false, now + second), Outcome::Silence);
        }
        let three = all.one(asker("3"), limits(1, 1), now);
        let done = all.done(three, b"7", false, now);
        assert_eq!(done, Outcome::Result(asker("3"), b"7".to_vec(), PLAIN));
        assert_eq!(all.done(three, b"7", false, now), Outcome::Silence);
        // Nobody could look meanwhile.
        let late = all.one(asker("late"), limits(1, 1), now);
        assert!(!all.begins(late, now + second));
        let told = all.done(late, b"", true, now + second);
        assert_eq!(told, Outcome::Late(asker("late"), Late::Invokation));
        let four = all.one(asker("4"), limits(9, 1), now);
        assert!(all.begins(four, now));
        let done = all.done(four, b"7", false, now + second * 2);
        assert_eq!(done, Outcome::Late(asker("4"), Late::Execution));
        assert_eq!((all.held(), all.due.len()), (0, 0));
    }

    #[test]
    fn a_oneway_is_told_of_its_time_alone() {
        let now = Instant::now();
        let mut all = Operations::default();
        let oneway = Contexts {
            oneway: true,
            ..limits(1, 1)
        };
        let one = all.one(asker("1"), oneway, now);
        let two = all.one(asker("2"), oneway, now);
        assert_eq!(all.done(one, b"1", true, now), Outcome::Silence);
        let late = all.late(now + Duration::from_secs(1));
        assert_eq!(late, [(asker("2"), Late::Invokation)]);
        assert_eq!(all.done(two, b"1", false, now), Outcome::Silence);
    }

    #[test]
    fn several_are_answered_together() {
        let now = Instant::now();
        let mut all = Operations::default();
        let names = ["a".into(), "b".into()];
        let parts = all.several(asker("1"), limits(1, 1), &names, false, now);
        assert_eq!(all.done(parts[1], b"2", false, now), Outcome::Silence);
        let Outcome::Result(_, values, wants) = all.done(parts[0], b"1", false, now) else {
            panic!("they are there");
        };
        assert_eq!(values, br#"{"b":2,"a":1}"#);
        assert!(wants.several);
        let parts = all.several(asker("1"), limits(1, 1), &names, false, now);
        assert!(matches!(
            all.done(parts[1], b"2", true, now),
            Outcome::Failed(..)
        ));
        assert_eq!(all.done(parts[0], b"1", false, now), Outcome::Silence);
        assert_eq!((all.held(), all.due.len()), (0, 0));
    }
}
