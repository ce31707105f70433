//! What is counted of calls, where somebody has asked for it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::answer::Outcome;
use super::call::Call;
use super::latency::Latency;
use crate::base::error::Error;
use crate::base::sync::lock;
use crate::format::description::Direction;

/// So many rows there are at most: what comes beyond is counted as one. Names that nobody has
/// declared are one already, so that this is for programs that add and remove many transports.
const ROWS: usize = 4096;
/// So many kinds of errors are told apart in a row.
const KINDS: usize = 32;
/// What stands for all others.
const OTHER: &str = "other";

/// What is counted.
#[derive(Default)]
pub(crate) struct Counted {
    /// A leaf in the lock order.
    rows: Mutex<HashMap<Key, CallStatistics>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    direction: Direction,
    method: Arc<str>,
    codec: Arc<str>,
    transport: Arc<str>,
}

/// What was counted of the calls of one method, of one direction, over one wire.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CallStatistics {
    /// Whether peers have called, or this program.
    pub direction: Direction,
    /// The method's name on the wire; `other` of incoming ones that nothing handles.
    pub method: Arc<str>,
    /// The codec's expression; empty of calls that nobody was there for, as the transport then.
    pub codec: Arc<str>,
    /// The transport's expression.
    pub transport: Arc<str>,
    /// Calls and notifications that have begun.
    pub calls: u64,
    /// Those of them that are not over yet.
    pub open: u64,
    /// Those that have failed, by what with: the code of an answer that is an error, such as `-32601`;
    /// else the name of the [`Error`], such as `Timeout`.
    pub errors: BTreeMap<Box<str>, u64>,
    /// Bytes of what has come: of incoming calls, and of answers to outgoing ones. As their codec
    /// writes them, without what keeps them apart or encrypts them; without items of streams.
    pub received: u64,
    /// Bytes of what was sent, likewise.
    pub sent: u64,
    /// How long those took that are over, whatever has come of them.
    pub latency: Latency,
}

impl Counted {
    /// A call begins.
    pub(super) fn begin(self: &Arc<Self>, call: &Call<'_>, is_known: bool) -> Counting {
        let key = Key {
            direction: call.direction,
            method: if is_known { call.method } else { OTHER }.into(),
            codec: call.codec.as_str().into(),
            transport: Arc::clone(&call.transport),
        };
        let mut rows = lock(&self.rows);
        let key = match rows.len() < ROWS || rows.contains_key(&key) {
            true => key,
            false => Key {
                method: OTHER.into(),
                codec: "".into(),
                transport: "".into(),
                ..key
            },
        };
        let row = rows.entry(key.clone()).or_insert_with(|| CallStatistics {
            direction: key.direction,
            method: Arc::clone(&key.method),
            codec: Arc::clone(&key.codec),
            transport: Arc::clone(&key.transport),
            calls: 0,
            open: 0,
            errors: BTreeMap::new(),
            received: 0,
            sent: 0,
            latency: Latency::default(),
        });
        row.calls += 1;
        row.open += 1;
        drop(rows);
        Counting {
            counted: Arc::clone(self),
            key,
            started: Instant::now(),
            size: 0,
            over: false,
        }
    }

    /// All that was counted, in order.
    pub(crate) fn rows(&self) -> Vec<CallStatistics> {
        let mut rows: Vec<_> = lock(&self.rows).values().cloned().collect();
        let key = |row: &CallStatistics| {
            let outgoing = row.direction == Direction::Outgoing;
            let names = (Arc::clone(&row.method), Arc::clone(&row.transport));
            (outgoing, names, Arc::clone(&row.codec))
        };
        rows.sort_by_cached_key(key);
        rows
    }
}

/// One call that is counted.
pub(super) struct Counting {
    counted: Arc<Counted>,
    key: Key,
    started: Instant,
    /// Of the call itself.
    size: usize,
    over: bool,
}

impl Counting {
    /// So many bytes the call itself has.
    pub(super) fn has(&mut self, size: usize) {
        self.size = size;
    }

    /// It is over.
    pub(super) fn end(mut self, outcome: &Outcome<'_>) {
        self.over = true;
        let kind = outcome.error().map(kind);
        self.put(kind.as_deref(), outcome.size());
    }

    fn put(&self, failed: Option<&str>, answer: usize) {
        let took = self.started.elapsed();
        let mut rows = lock(&self.counted.rows);
        let Some(row) = rows.get_mut(&self.key) else {
            return;
        };
        row.open -= 1;
        row.latency.add(took);
        let (received, sent) = match self.key.direction {
            Direction::Incoming => (self.size, answer),
            Direction::Outgoing => (answer, self.size),
        };
        row.received += received as u64;
        row.sent += sent as u64;
        let Some(kind) = failed else { return };
        let has_room = row.errors.len() < KINDS;
        match row.errors.entry(kind.into()) {
            Entry::Occupied(mut count) => *count.get_mut() += 1,
            Entry::Vacant(place) if has_room => {
                place.insert(1);
            }
            Entry::Vacant(_) => *row.errors.entry(OTHER.into()).or_default() += 1,
        }
    }
}

// Whoever should have told has gone.
impl Drop for Counting {
    fn drop(&mut self) {
        if !self.over {
            self.put(Some(Error::Abandoned.kind()), 0);
        }
    }
}

fn kind(error: &Error) -> String {
    match error.code() {
        Some(code) => code.to_string(),
        None => error.kind().to_owned(),
    }
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Counted({} rows)", lock(&self.rows).len())
    }
}
