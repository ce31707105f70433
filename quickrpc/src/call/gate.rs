//! Who may call what, and how often.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::base::error::{CallError, Error};
use crate::base::limits::Limits;
use crate::base::sender::Sender;
use crate::base::sync::lock;

use super::answer::{self, Answers};
use super::dispatch::Call;
use crate::base::foreign::{inside, panic_text};

use super::slot::SlotInner;
use crate::net::core::Core;

/// A function of the program that allows calls.
pub(crate) type Rule = Arc<dyn Fn(&Sender, &str) -> bool + Send + Sync>;

/// What decides about calls before their handlers run. A call needs the consent of all.
#[derive(Default)]
pub(crate) struct Gate {
    /// Whether there is a rule, so that nothing is locked where there is none.
    is_guarded: AtomicBool,
    /// Guards the rules; a leaf in the lock order, and not held while one runs.
    rules: Mutex<Vec<Rule>>,
}

impl Gate {
    pub(crate) fn add(&self, rule: Rule) {
        lock(&self.rules).push(rule);
        self.is_guarded.store(true, Ordering::Release);
    }

    /// Drops the rules, which may own handles of this API. It stays guarded: nothing is
    /// allowed any more.
    pub(crate) fn clear(&self) {
        let rules = std::mem::take(&mut *lock(&self.rules));
        if !rules.is_empty() {
            lock(&self.rules).push(Arc::new(|_, _| false));
        }
        drop(rules);
    }

    fn is_guarded(&self) -> bool {
        self.is_guarded.load(Ordering::Acquire)
    }

    fn allows(&self, sender: &Sender, method: &str) -> bool {
        let rules = lock(&self.rules).clone();
        rules.iter().all(|rule| {
            inside(|| rule(sender, method)).unwrap_or_else(|panic| {
                let text = panic_text(&*panic);
                tracing::error!(peer = %sender, "the rule for `{method}` panicked: {text}");
                false
            })
        })
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gate({} rules)", lock(&self.rules).len())
    }
}

impl Core {
    /// Whether calls of this slot need consent.
    pub(crate) fn is_guarded(&self, slot: &SlotInner) -> bool {
        slot.role().is_some() || self.gate.is_guarded()
    }

    /// Why a call is not allowed; `None` if it is.
    pub(crate) fn forbids(&self, sender: &Sender, slot: &SlotInner) -> Option<CallError> {
        let method = &slot.name;
        let text = match slot.role() {
            Some(role) if !sender.has_role(role) => format!("`{method}` needs the role `{role}`"),
            _ if self.gate.allows(sender, method) => return None,
            _ => format!("you may not call `{method}`"),
        };
        Some(CallError::new(CallError::FORBIDDEN, text))
    }

    /// Answers a call that is not allowed, and tells the program.
    pub(crate) fn refuse_call(&self, call: &Call<'_>, method: &str, error: CallError) {
        let id = call.parts.id.as_ref().map(|id| id.of(call.telegram));
        answer::with_scratch(|out| {
            if let Some(id) = id {
                answer::encode_error(call.conn, out, id, &error);
            }
            let about = Answers { method, id };
            answer::deliver(self, call.conn, call.route, out, about);
        });
        self.trouble(call.sender, Error::Call(error), Some(method));
    }
}

/// So often at the most the program is told that a peer calls too often.
const TELL: Duration = Duration::from_secs(1);

/// How many calls a peer may still make: a bucket with tokens, one for each call, that is
/// filled at a steady rate.
#[derive(Debug)]
pub(crate) struct Rate {
    per_second: u32,
    burst: u32,
    /// Guards the bucket; a leaf in the lock order.
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
    /// Refused since the program was told.
    refused: u64,
    told: Option<Instant>,
}

/// A call came too early.
#[derive(Debug)]
pub(crate) struct TooFast {
    /// What the caller is told.
    pub(crate) error: CallError,
    /// What the program is told, now and then.
    pub(crate) report: Option<CallError>,
}

impl Rate {
    /// The bucket of a new peer, where there is a limit.
    pub(crate) fn new(limits: &Limits) -> Option<Self> {
        let per_second = limits.rate?;
        let burst = limits.burst.unwrap_or(per_second).max(1);
        Some(Rate {
            per_second,
            burst,
            bucket: Mutex::new(Bucket {
                tokens: f64::from(burst),
                filled: Instant::now(),
                refused: 0,
                told: None,
            }),
        })
    }

    /// One more call. `None`: it may be made.
    pub(crate) fn exceeded(&self) -> Option<TooFast> {
        self.exceeded_at(Instant::now())
    }

    fn exceeded_at(&self, now: Instant) -> Option<TooFast> {
        let mut bucket = lock(&self.bucket);
        let passed = now.saturating_duration_since(bucket.filled);
        let new = passed.as_secs_f64() * f64::from(self.per_second);
        bucket.tokens = (bucket.tokens + new).min(f64::from(self.burst));
        bucket.filled = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return None;
        }
        bucket.refused += 1;
        let text = format!("more than {} calls a second", self.per_second);
        let error = CallError::new(CallError::TOO_MANY_CALLS, text);
        let due = |told: Instant| now.saturating_duration_since(told) >= TELL;
        let report = bucket.told.is_none_or(due).then(|| {
            bucket.told = Some(now);
            let refused = std::mem::take(&mut bucket.refused);
            let text = format!("{}; refused so far: {refused}", error.message);
            CallError::new(CallError::TOO_MANY_CALLS, text)
        });
        Some(TooFast { error, report })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(rate: u32, burst: Option<u32>) -> Rate {
        let rate = Some(rate);
        let limits = Limits {
            rate,
            burst,
            ..Limits::default()
        };
        Rate::new(&limits).unwrap()
    }

    #[test]
    fn a_burst_and_then_a_steady_rate() {
        let rate = rate(10, Some(3));
        let start = Instant::now();
        let at = |millis| {
            rate.exceeded_at(start + Duration::from_millis(millis))
                .is_none()
        };
        assert_eq!([0, 0, 0, 0, 0].map(at), [true, true, true, false, false]);
        assert_eq!(
            [50, 101, 102, 202, 203].map(at),
            [false, true, false, true, false]
        );
        // It fills up to the burst, and not further.
        assert_eq!(
            [9_000, 9_000, 9_000, 9_000].map(at),
            [true, true, true, false]
        );
        assert!(Rate::new(&Limits::default()).is_none());
    }

    #[test]
    fn reports_are_few_and_count_all() {
        let rate = rate(1, None);
        let start = Instant::now();
        let mut reports = Vec::new();
        for millis in 0..2_500 {
            let too_fast = rate.exceeded_at(start + Duration::from_millis(millis));
            reports.extend(too_fast.and_then(|too_fast| too_fast.report));
        }
        let texts: Vec<_> = reports.iter().map(|report| &*report.message).collect();
        assert_eq!(
            texts,
            [
                "more than 1 calls a second; refused so far: 1",
                "more than 1 calls a second; refused so far: 999",
                "more than 1 calls a second; refused so far: 999",
            ]
        );
    }
}
