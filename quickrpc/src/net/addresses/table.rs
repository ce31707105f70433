//! What is known of the addresses of a wire: so much and no more, since anybody can make them up.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// A table of addresses; beyond its limit, the one that was not used for longest goes.
pub(super) struct AddressTable<K, T> {
    limit: usize,
    /// Each with the number of its last use.
    entries: HashMap<K, (T, u64)>,
    by_use: BTreeMap<u64, K>,
    uses: u64,
}

impl<K: Clone + Eq + Hash, T: Clone> AddressTable<K, T> {
    pub(super) fn new(limit: usize) -> Self {
        AddressTable {
            limit,
            entries: HashMap::new(),
            by_use: BTreeMap::new(),
            uses: 0,
        }
    }

    /// The entry of an address, made if there is none. One that is to be kept does not go.
    pub(super) fn get(
        &mut self,
        address: K,
        make: impl FnOnce() -> T,
        keep: impl Fn(&T) -> bool,
    ) -> T {
        if let Some((entry, last)) = self.entries.get(&address) {
            let (entry, last) = (entry.clone(), *last);
            if last != self.uses {
                self.by_use.remove(&last);
                self.used(address, entry.clone());
            }
            return entry;
        }
        // Those that are kept count as used now, so that they are not looked at again and
        // again.
        for _ in 0..self.entries.len() {
            if self.entries.len() < self.limit {
                break;
            }
            let Some((_, oldest)) = self.by_use.pop_first() else {
                break;
            };
            if let Some((entry, _)) = self.entries.remove(&oldest)
                && keep(&entry)
            {
                self.used(oldest, entry);
            }
        }
        let entry = make();
        self.used(address, entry.clone());
        entry
    }

    /// All entries.
    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.entries.values().map(|(entry, _)| entry)
    }

    fn used(&mut self, address: K, entry: T) {
        self.uses += 1;
        self.by_use.insert(self.uses, address.clone());
        self.entries.insert(address, (entry, self.uses));
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn ip(number: u8) -> IpAddr {
        Ipv4Addr::new(127, 0, 0, number).into()
    }

    #[test]
    fn the_address_that_was_not_used_for_longest_goes() {
        let mut table = AddressTable::new(3);
        for number in [1, 2, 3, 1] {
            assert_eq!(table.get(ip(number), || number, |_| false), number);
        }
        table.get(ip(4), || 4, |_| false);
        assert_eq!(table.entries.len(), 3);
        // 2 has gone; 1 and 3 are those of before.
        assert_eq!(table.get(ip(1), || 10, |_| false), 1);
        assert_eq!(table.get(ip(3), || 30, |_| false), 3);
        assert_eq!(table.get(ip(2), || 20, |_| false), 20);
        assert_eq!(table.get(ip(4), || 40, |_| false), 40);
        assert_eq!(table.entries.len(), table.by_use.len());
    }

    #[test]
    fn what_is_kept_does_not_go() {
        let mut table = AddressTable::new(2);
        table.get(ip(1), || 1, |_| false);
        table.get(ip(2), || 2, |_| false);
        table.get(ip(3), || 3, |entry| *entry == 1);
        assert_eq!(table.get(ip(1), || 10, |_| false), 1);
        assert_eq!(table.get(ip(2), || 20, |_| false), 20);
        // With nothing that may go, it grows.
        for number in 5..9 {
            table.get(ip(number), || number, |_| true);
        }
        assert_eq!(table.entries.len(), 6);
        assert_eq!(table.entries.len(), table.by_use.len());
        // And shrinks again.
        table.get(ip(9), || 9, |_| false);
        assert_eq!(table.entries.len(), 2);
    }
}
