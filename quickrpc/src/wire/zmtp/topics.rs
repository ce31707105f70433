//! What a SUB has subscribed to.

use std::collections::BTreeSet;
use std::ops::Bound;

/// Beginnings of messages that a peer wants.
#[derive(Debug, Default)]
pub(super) struct Topics {
    all: BTreeSet<Box<[u8]>>,
    bytes: usize,
}

/// All topics of a peer may take so much memory.
pub(super) const MOST: usize = 256 << 10;
/// What each of them takes beside its bytes.
const EACH: usize = 32;

impl Topics {
    /// The memory that they take.
    pub(super) fn held(&self) -> usize {
        self.bytes
    }

    /// Gives false where there is no room for one more.
    pub(super) fn add(&mut self, topic: &[u8]) -> bool {
        if self.all.contains(topic) {
            return true;
        }
        let size = topic.len() + EACH;
        if self.bytes + size > MOST {
            return false;
        }
        self.bytes += size;
        self.all.insert(topic.into());
        true
    }

    pub(super) fn remove(&mut self, topic: &[u8]) {
        if self.all.remove(topic) {
            self.bytes -= topic.len() + EACH;
        }
    }

    /// Whether a message begins with one of them.
    pub(super) fn want(&self, message: &[u8]) -> bool {
        let mut rest = message;
        loop {
            // Of those that are not behind it in their order, the last: it is a beginning of the
            // message, or each that is has to be a beginning of what both have in common.
            let below = (Bound::Unbounded, Bound::Included(rest));
            let Some(last) = self.all.range::<[u8], _>(below).next_back() else {
                return false;
            };
            let common = last.iter().zip(rest).take_while(|(a, b)| a == b).count();
            if common == last.len() {
                return true;
            }
            rest = rest.get(..common).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn topics_are_beginnings(
            topics in vec(vec(0..3_u8, 0..5), 0..8),
            gone in vec(vec(0..3_u8, 0..5), 0..4),
            message in vec(0..3_u8, 0..6),
        ) {
            let mut all = Topics::default();
            for topic in &topics {
                prop_assert!(all.add(topic));
            }
            for topic in &gone {
                all.remove(topic);
            }
            let left: Vec<_> = topics.iter().filter(|one| !gone.contains(one)).collect();
            let wanted = left.iter().any(|topic| message.starts_with(topic));
            prop_assert_eq!(all.want(&message), wanted);
            for topic in &topics {
                all.remove(topic);
            }
            prop_assert_eq!(all.held(), 0);
        }
    }

    #[test]
    fn there_is_no_room_for_endless_topics() {
        let mut all = Topics::default();
        let refused = (0..MOST as u64).find(|number| !all.add(&number.to_be_bytes()));
        assert_eq!(refused, Some((MOST / (8 + EACH)) as u64));
        assert!(all.held() <= MOST);
        assert!(all.add(&0_u64.to_be_bytes()), "it is there already");
        all.remove(&0_u64.to_be_bytes());
        assert!(all.add(b"another"));
    }
}
