//! What may happen again and again is told once for a while, and counted from then on: so that
//! nobody outside can fill a disk by being wrong often. The log asks here; nothing is written.
//!
//! What has other words is something else: a second mistake is not hidden behind the first. But words
//! may be those of a peer, so that only a few of one kind and origin are told.
//!
//! One table for all that is told, with one order: an entry is as old as what was told first, and its
//! time is over when that of all before it is. So nothing has to wake for it: what is over is
//! found when something else happens.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hasher as _};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The same of the same origin is told once within this time.
pub(crate) const WITHIN: Duration = Duration::from_secs(60);
/// So many are told apart. Whoever has more addresses than that shares one entry of each kind
/// with all others.
const APART: usize = 128;
/// So many words of one kind and origin are told; and of all together, beyond the first of each,
/// [`APART`].
const WORDS: usize = 8;

/// How serious it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
}

/// Who causes something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// Whoever has this address, by whatever port.
    Address(IpAddr),
    /// A transport where there are no addresses, or something of the program. Nothing that a peer
    /// calls itself.
    Name(Arc<str>),
    /// Anybody, or too many to tell them apart.
    Anybody,
}

/// What happened, and to whom it is due.
type Key = (&'static str, Origin);

/// The words that tell it from others of its kind, as a hash. Who finds two that are alike hides
/// what he has done himself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Words(u64);

/// What has been told lately.
pub(crate) struct Often {
    told: BTreeMap<Key, Told>,
    /// When, in this order.
    order: VecDeque<(Instant, Key)>,
    /// How many words were told beyond the first of each.
    further: usize,
}

struct Told {
    level: Level,
    /// Those that were told.
    words: Vec<Words>,
    /// What followed and was not told.
    more: u64,
}

/// What was not told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Untold {
    pub(crate) level: Level,
    pub(crate) kind: &'static str,
    pub(crate) origin: Origin,
    pub(crate) more: u64,
}

impl Origin {
    /// Of a peer of a transport: its address, where that is its name.
    pub(crate) fn of(name: &str, transport: &Arc<str>) -> Self {
        let with_port = || name.parse().map(|address: SocketAddr| address.ip());
        match name.parse::<IpAddr>().or_else(|_| with_port()) {
            Ok(ip) => Origin::Address(ip.to_canonical()),
            Err(_) => Origin::Name(Arc::clone(transport)),
        }
    }
}

impl Words {
    /// Calls code of others, which may panic.
    pub(crate) fn of(text: &dyn fmt::Display) -> Self {
        struct Hashed(DefaultHasher);
        impl fmt::Write for Hashed {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.write(text.as_bytes());
                Ok(())
            }
        }
        let mut hashed = Hashed(DefaultHasher::new());
        // What fails has said something before.
        let _ = write!(hashed, "{text}");
        Words(hashed.0.finish())
    }
}

impl Often {
    pub(crate) const fn new() -> Self {
        Often {
            told: BTreeMap::new(),
            order: VecDeque::new(),
            further: 0,
        }
    }

    /// Something happens now. Gives whether it is to be told, and what was not and is over.
    pub(crate) fn happens(
        &mut self,
        level: Level,
        kind: &'static str,
        origin: &Origin,
        words: Words,
        now: Instant,
    ) -> (bool, Vec<Untold>) {
        let over = self.over(now);
        let mut key = (kind, origin.clone());
        if self.told.len() >= APART && !self.told.contains_key(&key) {
            key.1 = Origin::Anybody;
        }
        if let Some(told) = self.told.get_mut(&key) {
            let others = told.words.len() < WORDS && self.further < APART;
            let is_new = others && !told.words.contains(&words);
            match is_new {
                true => {
                    told.words.push(words);
                    self.further += 1;
                }
                false => told.more += 1,
            }
            return (is_new, over);
        }
        self.order.push_back((now, key.clone()));
        let told = Told {
            level,
            words: vec![words],
            more: 0,
        };
        self.told.insert(key, told);
        (true, over)
    }

    /// What was told so long ago that it would be told again.
    fn over(&mut self, now: Instant) -> Vec<Untold> {
        let mut untold = Vec::new();
        while let Some((at, _)) = self.order.front()
            && now.saturating_duration_since(*at) >= WITHIN
            && let Some((_, key)) = self.order.pop_front()
        {
            if let Some(mut told) = self.told.remove(&key) {
                self.further -= told.words.len().saturating_sub(1);
                untold.extend(told.take(&key));
            }
        }
        untold
    }

    /// What was not told so far.
    pub(crate) fn so_far(&mut self) -> Vec<Untold> {
        let all = self.told.iter_mut();
        all.filter_map(|(key, told)| told.take(key)).collect()
    }
}

impl Told {
    fn take(&mut self, (kind, origin): &Key) -> Option<Untold> {
        let more = std::mem::take(&mut self.more);
        (more > 0).then(|| Untold {
            level: self.level,
            kind,
            origin: origin.clone(),
            more,
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Address(ip) => ip.fmt(f),
            Origin::Name(name) => f.write_str(name),
            Origin::Anybody => f.write_str("anybody"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn ip(number: u32) -> Origin {
        Origin::Address(Ipv4Addr::from(number).into())
    }

    /// Whether it is told, and how often something was not: by kind and origin.
    fn happens(
        often: &mut Often,
        kind: &'static str,
        origin: &Origin,
        now: Instant,
    ) -> (bool, Vec<(&'static str, Origin, u64)>) {
        says(often, kind, origin, "", now)
    }

    /// The same, with these words.
    fn says(
        often: &mut Often,
        kind: &'static str,
        origin: &Origin,
        words: &str,
        now: Instant,
    ) -> (bool, Vec<(&'static str, Origin, u64)>) {
        let words = Words::of(&words);
        let (told, over) = often.happens(Level::Warn, kind, origin, words, now);
        let over = over.into_iter();
        (
            told,
            over.map(|one| (one.kind, one.origin, one.more)).collect(),
        )
    }

    #[test]
    fn told_once_and_counted_until_the_time_is_over() {
        let mut often = Often::new();
        let start = Instant::now();
        let none = Vec::new;
        assert_eq!(happens(&mut often, "page", &ip(1), start), (true, none()));
        for second in 0..59 {
            let now = start + Duration::from_secs(second);
            assert_eq!(happens(&mut often, "page", &ip(1), now), (false, none()));
        }
        // Others are others.
        let now = start + Duration::from_secs(59);
        assert_eq!(happens(&mut often, "page", &ip(2), now), (true, none()));
        assert_eq!(happens(&mut often, "sign", &ip(1), now), (true, none()));
        let now = start + WITHIN;
        assert_eq!(
            happens(&mut often, "page", &ip(1), now),
            (true, vec![("page", ip(1), 59)])
        );
        assert_eq!(happens(&mut often, "page", &ip(1), now), (false, none()));
    }

    #[test]
    fn a_count_that_is_over_is_told_with_whatever_happens_next() {
        let mut often = Often::new();
        let start = Instant::now();
        for _ in 0..8 {
            happens(&mut often, "page", &ip(1), start);
        }
        happens(&mut often, "once", &ip(1), start);
        let later = start + 10 * WITHIN;
        assert_eq!(
            happens(&mut often, "sign", &ip(2), later),
            (true, vec![("page", ip(1), 7)])
        );
        assert_eq!(happens(&mut often, "page", &ip(1), later), (true, vec![]));
        // A clock that stands still, or seems to go back, is none that is over.
        assert_eq!(happens(&mut often, "page", &ip(1), start), (false, vec![]));
    }

    #[test]
    fn what_is_told_so_far_is_not_told_again() {
        let mut often = Often::new();
        let start = Instant::now();
        for _ in 0..4 {
            often.happens(Level::Info, "page", &ip(1), Words::of(&""), start);
        }
        let untold = Untold {
            level: Level::Info,
            kind: "page",
            origin: ip(1),
            more: 3,
        };
        assert_eq!(often.so_far(), [untold]);
        assert_eq!(often.so_far(), []);
        assert_eq!(happens(&mut often, "page", &ip(1), start), (false, vec![]));
        let over = happens(&mut often, "sign", &ip(1), start + WITHIN);
        assert_eq!(over, (true, vec![("page", ip(1), 1)]));
    }

    #[test]
    fn other_words_are_something_else_of_which_few_are_told() {
        let mut often = Often::new();
        let start = Instant::now();
        let none = Vec::new;
        for words in ["one", "another"] {
            assert_eq!(
                says(&mut often, "page", &ip(1), words, start),
                (true, none())
            );
            for _ in 0..10 {
                assert_eq!(
                    says(&mut often, "page", &ip(1), words, start),
                    (false, none())
                );
            }
        }
        let mut told = 2;
        for number in 0..10_000 {
            let words = format!("number {number}");
            told += usize::from(says(&mut often, "page", &ip(1), &words, start).0);
        }
        assert_eq!(told, WORDS);
        // They are over together.
        let (told, over) = says(&mut often, "page", &ip(1), "one", start + WITHIN);
        assert!(told);
        assert_eq!(over, [("page", ip(1), 20 + 10_000 - WORDS as u64 + 2)]);
        assert!(says(&mut often, "page", &ip(1), "another", start + WITHIN).0);
    }

    #[test]
    fn many_addresses_with_many_words_are_bounded() {
        let mut often = Often::new();
        let start = Instant::now();
        let mut told = 0;
        for number in 0..100_000 {
            let words = format!("number {number}");
            told += usize::from(says(&mut often, "page", &ip(number % 1000), &words, start).0);
        }
        assert_eq!(told, 2 * APART + 1);
        let words: usize = often.told.values().map(|told| told.words.len()).sum();
        assert_eq!(words, told);
        // What is new is told once at least, as ever; and in a while all is as it was.
        assert!(says(&mut often, "sign", &ip(1), "one", start).0);
        assert!(!says(&mut often, "sign", &ip(1), "another", start).0);
        let later = start + WITHIN;
        for words in ["one", "another"] {
            assert!(says(&mut often, "sign", &ip(1), words, later).0);
        }
        assert_eq!(often.further, 1);
    }

    #[test]
    fn many_addresses_share_an_entry_and_take_no_memory() {
        let mut often = Often::new();
        let start = Instant::now();
        let mut told = 0;
        for number in 0..100_000 {
            told += usize::from(happens(&mut often, "page", &ip(number), start).0);
        }
        assert_eq!(told, APART + 1);
        assert_eq!(often.told.len(), APART + 1);
        assert_eq!(often.order.len(), often.told.len());
        // Another kind of trouble is still told.
        assert!(happens(&mut often, "sign", &ip(7), start).0);
        assert!(!happens(&mut often, "sign", &ip(8), start).0);
        // Those that were told apart are not forgotten.
        assert!(!happens(&mut often, "page", &ip(7), start).0);
        let (told, over) = happens(&mut often, "page", &ip(1), start + WITHIN);
        assert!(told);
        let expected = [
            ("page", ip(7), 1),
            ("page", Origin::Anybody, 100_000 - APART as u64 - 1),
            ("sign", Origin::Anybody, 1),
        ];
        assert_eq!(over, expected);
        assert_eq!(often.order.len(), 1);
    }

    #[test]
    fn a_source_is_an_address_without_its_port_or_the_transport() {
        let transport: Arc<str> = "unixserv:/run/hub".into();
        let of = |name: &str| Origin::of(name, &transport).to_string();
        assert_eq!(of("127.0.0.1:50312"), "127.0.0.1");
        assert_eq!(of("127.0.0.1"), "127.0.0.1");
        assert_eq!(of("[::1]:50312"), "::1");
        assert_eq!(of("[fe80::1%3]:50312"), "fe80::1");
        assert_eq!(of("::ffff:10.0.0.1"), "10.0.0.1");
        for name in ["unix:7", "alice", "localhost:80", "stdio", ""] {
            assert_eq!(of(name), "unixserv:/run/hub", "{name}");
        }
    }
}
