//! How much a peer may send of a stream before it is told that it may send more. No I/O in it.

/// What may be granted before anything is known of the items.
const FIRST: u64 = 16;
/// No more than so many, however small they are.
const MOST: u64 = 1024;
/// No fewer than so many, however large they are: one on its way while one is worked on.
const FEWEST: u64 = 2;
/// So many windows of bytes may wait of a peer that has not heard of its credit yet, or of none.
const TOLERATED: u64 = 4;

/// The credit of a peer that sends items, as the side that takes them counts it.
#[derive(Debug)]
pub(crate) struct Window {
    /// What may be on its way or wait, in bytes.
    bytes: u64,
    /// Items that the peer may send still.
    granted: u64,
    /// Items that wait to be taken.
    waiting: u64,
    /// The size of items, as a running mean in bytes.
    mean: u64,
    /// Items that came without credit.
    uninvited: u64,
}

impl Window {
    /// A window of so many bytes. Gives what is granted first with it.
    pub(crate) fn open(bytes: usize) -> (Self, u64) {
        let window = Window {
            bytes: bytes as u64,
            granted: FIRST,
            waiting: 0,
            mean: 0,
            uninvited: 0,
        };
        (window, FIRST)
    }

    /// An item has come. False: without credit, and there are too many of these already.
    #[must_use]
    pub(crate) fn arrived(&mut self, bytes: usize) -> bool {
        self.waiting += 1;
        let bytes = bytes as u64;
        self.mean = match self.mean {
            0 => bytes,
            // The new size counts a quarter, and one that is larger at once.
            mean => bytes.max(mean - mean / 4 + bytes / 4),
        };
        if self.granted > 0 {
            self.granted -= 1;
            return true;
        }
        // Who knows nothing of credit gets as much as who does.
        self.uninvited += 1;
        let most = self.bytes.saturating_mul(TOLERATED).max(self.mean);
        self.uninvited <= MOST && self.waiting.saturating_mul(self.mean) <= most
    }

    /// An item was taken. Gives how many more are to be granted now, which are counted as such.
    #[must_use]
    pub(crate) fn taken(&mut self) -> u64 {
        self.waiting = self.waiting.saturating_sub(1);
        let room = self.capacity().saturating_sub(self.granted + self.waiting);
        // A message for each item would cost as much as the item.
        let due = self.granted <= self.capacity() / 2;
        match due && room > 0 {
            true => {
                self.granted += room;
                room
            }
            false => 0,
        }
    }

    /// Whether the peer may send anything.
    pub(crate) fn is_open(&self) -> bool {
        self.granted > 0
    }

    fn capacity(&self) -> u64 {
        match self.mean {
            0 => FIRST,
            mean => (self.bytes / mean).clamp(FEWEST, MOST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    /// Takes each item as it comes, and gives the messages that this took.
    fn run(window: &mut Window, items: usize, bytes: usize) -> usize {
        let mut messages = 0;
        for _ in 0..items {
            assert!(window.is_open(), "a peer that is read starves");
            assert!(window.arrived(bytes));
            messages += usize::from(window.taken() > 0);
        }
        messages
    }

    #[test]
    fn small_items_come_in_many() {
        let (mut window, first) = Window::open(MIB);
        assert_eq!(first, FIRST);
        let messages = run(&mut window, 10_000, 20);
        assert!(messages < 40, "{messages}");
        assert!(window.granted <= MOST);
    }

    #[test]
    fn large_items_come_in_few() {
        let (mut window, _) = Window::open(MIB);
        run(&mut window, 1000, 64 << 10);
        assert!(window.granted <= 16);
        run(&mut window, 100, 8 * MIB);
        assert!(window.granted <= FEWEST);
    }

    #[test]
    fn who_takes_nothing_gets_no_more() {
        let (mut window, first) = Window::open(MIB);
        for _ in 0..first {
            assert!(window.arrived(10));
        }
        assert!(!window.is_open());
        assert!(window.taken() > 0);
        assert!(window.is_open());
    }

    #[test]
    fn who_knows_no_credit_is_bounded() {
        let (mut window, _) = Window::open(MIB);
        let large = (0..100).take_while(|_| window.arrived(MIB)).count();
        assert!(large as u64 <= FIRST + TOLERATED, "{large}");
        let (mut window, _) = Window::open(MIB);
        let small = (0..100_000).take_while(|_| window.arrived(1)).count();
        assert_eq!(small as u64, FIRST + MOST);
    }
}
