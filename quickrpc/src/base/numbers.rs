//! Tables whose keys are numbers that this library has made.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A table by numbers of our own: those of calls and peers, or several of them. They count up, and nobody
/// else can choose which of them are in the table, so that nobody can make them collide; a hash that is
/// safe from that would cost more than the rest.
pub(crate) type NumberMap<K, V> = HashMap<K, V, BuildHasherDefault<NumberHasher>>;

/// Spreads numbers.
#[derive(Default)]
pub(crate) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, number: u64) {
        // Fibonacci hashing: 2^64 divided by the golden ratio. What came before is turned, so that its
        // bits that are spread best meet those of the next number that differ most.
        self.0 = (self.0.rotate_left(26) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::{BuildHasher, BuildHasherDefault};

    use super::NumberHasher;

    #[test]
    fn numbers_that_count_up_are_spread() {
        let hash = |call: u64, peer: u64| {
            let hasher = BuildHasherDefault::<NumberHasher>::default();
            hasher.hash_one((call, peer))
        };
        for (calls, peers) in [(1024, 1), (1, 1024), (32, 32)] {
            let hashes: Vec<u64> = (0..calls)
                .flat_map(|call| (0..peers).map(move |peer| hash(1000 + call, 5 + peer)))
                .collect();
            // A table has its places by the low bits, and tells entries apart by the high ones.
            let places: HashSet<u64> = hashes.iter().map(|hash| hash % 2048).collect();
            let tags: HashSet<u64> = hashes.iter().map(|hash| hash >> 57).collect();
            assert!(places.len() > 600, "{calls} {peers}: {}", places.len());
            assert!(tags.len() > 100, "{calls} {peers}: {}", tags.len());
        }
    }
}
