//! Which trace a call belongs to, as W3C's Trace Context says it
//! (<https://www.w3.org/TR/trace-context/>).

use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::num::{NonZeroU64, NonZeroU128};
use std::str::FromStr;

/// A place in a trace, as `traceparent` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trace {
    id: NonZeroU128,
    parent: NonZeroU64,
    flags: u8,
}

/// What is no `traceparent`.
#[derive(Debug)]
pub(crate) struct NoTrace;

impl FromStr for Trace {
    type Err = NoTrace;

    fn from_str(text: &str) -> Result<Self, NoTrace> {
        let mut parts = text.split('-');
        let mut part = |length: usize| {
            let part = parts.next().filter(|part| part.len() == length)?;
            let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            part.bytes().all(hex).then_some(part)
        };
        let mut read = || {
            let version = part(2)?;
            let id = u128::from_str_radix(part(32)?, 16).ok()?;
            let parent = u64::from_str_radix(part(16)?, 16).ok()?;
            let flags = u8::from_str_radix(part(2)?, 16).ok()?;
            let trace = Trace {
                id: NonZeroU128::new(id)?,
                parent: NonZeroU64::new(parent)?,
                flags,
            };
            Some((version, trace))
        };
        let (version, trace) = read().ok_or(NoTrace)?;
        match version {
            "ff" => Err(NoTrace),
            "00" if parts.next().is_some() => Err(NoTrace),
            // Versions to come may have more behind it.
            _ => Ok(trace),
        }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Trace { id, parent, flags } = self;
        write!(f, "00-{id:032x}-{parent:016x}-{flags:02x}")
    }
}

impl Trace {
    /// A new trace, or a new place in the same one.
    pub(crate) fn below(outer: Option<Trace>) -> Self {
        let parent = NonZeroU64::new(random()).unwrap_or(NonZeroU64::MIN);
        match outer {
            Some(outer) => Trace { parent, ..outer },
            None => {
                let id = u128::from(random()) << 64 | u128::from(random());
                Trace {
                    id: NonZeroU128::new(id).unwrap_or(NonZeroU128::MIN),
                    parent,
                    // Whoever looks at all decides.
                    flags: 1,
                }
            }
        }
    }
}

/// The hasher of the standard library is seeded by the system.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}

thread_local! {
    static SENT: Cell<Option<Trace>> = const { Cell::new(None) };
}

/// Sends calls of this thread with this place.
pub(crate) fn sending<R>(trace: Option<Trace>, send: impl FnOnce() -> R) -> R {
    struct Restore(Option<Trace>);
    impl Drop for Restore {
        fn drop(&mut self) {
            SENT.set(self.0);
        }
    }
    let _before = Restore(SENT.replace(trace));
    send()
}

/// With which place a call of this thread is sent, if somebody has said so.
pub(crate) fn sent() -> Option<Trace> {
    SENT.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_specification_says_is_understood() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(good.parse::<Trace>().unwrap().to_string(), good);
        let later = format!("cc{}-more-of-it", &good[2..]);
        assert_eq!(later.parse::<Trace>().unwrap().to_string(), good);
        let wrong = [
            String::new(),
            format!("{good}-x"),
            good.to_uppercase(),
            good.replace("00-", "ff-"),
            good.replace("00f067aa0ba902b7", "0000000000000000"),
            good.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            good.replace("-01", "-1"),
            good.replace("-01", ""),
            good.replace("4bf9", "+bf9"),
        ];
        for text in wrong {
            assert!(text.parse::<Trace>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_below_belongs_to_the_same() {
        let root = Trace::below(None);
        let child = Trace::below(Some(root));
        assert_eq!((child.id, child.flags), (root.id, root.flags));
        assert_ne!(child.parent, root.parent);
        assert_ne!(Trace::below(None).id, root.id);
        sending(Some(root), || assert_eq!(sent(), Some(root)));
        assert_eq!(sent(), None);
    }
}
