//! How long things took, in a few hundred bytes however many there were.

use std::fmt;
use std::time::Duration;

/// So many places there are for each doubling, so that a quantile is off by a ninth at most.
const PARTS: u32 = 8;
/// The first place is below this many nanoseconds,
const FIRST: u32 = 10;
/// and the last one above 2 to this power: about an hour.
const LAST: u32 = 42;
const PLACES: usize = ((LAST - FIRST) * PARTS) as usize + 1;

/// How long calls took: how many there were, their mean, the longest, and [quantiles](Self::quantile).
#[derive(Clone)]
pub struct Latency {
    places: Box<[u64]>,
    count: u64,
    total: Duration,
    longest: Duration,
}

impl Default for Latency {
    fn default() -> Self {
        Latency {
            places: vec![0; PLACES].into(),
            count: 0,
            total: Duration::ZERO,
            longest: Duration::ZERO,
        }
    }
}

impl Latency {
    pub(super) fn add(&mut self, took: Duration) {
        if let Some(place) = self.places.get_mut(place(took)) {
            *place += 1;
        }
        self.count += 1;
        self.total = self.total.saturating_add(took);
        self.longest = self.longest.max(took);
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How long all of them took together.
    pub fn total(&self) -> Duration {
        self.total
    }

    /// The mean; zero if there were none.
    pub fn mean(&self) -> Duration {
        match self.count {
            0 => Duration::ZERO,
            count => self.total.div_f64(count as f64),
        }
    }

    /// The longest; zero if there were none.
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// The time within which such a part of them was done, such as 0.99 of them; it is too long by a
    /// ninth at most. Zero if there were none.
    pub fn quantile(&self, part: f64) -> Duration {
        let rank = (self.count as f64 * part.clamp(0.0, 1.0)).ceil() as u64;
        let mut seen = 0;
        for (number, count) in self.places.iter().enumerate() {
            seen += count;
            if seen >= rank.max(1) {
                return end(number).min(self.longest);
            }
        }
        self.longest
    }
}

/// The place of a time: which doubling, and which part of it.
fn place(took: Duration) -> usize {
    let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
    let Some(doubling) = nanos.checked_ilog2().filter(|&log| log >= FIRST) else {
        return 0;
    };
    let part = (nanos >> (doubling - PARTS.ilog2())) & u64::from(PARTS - 1);
    let place = (doubling - FIRST) as usize * PARTS as usize + part as usize + 1;
    place.min(PLACES - 1)
}

/// Where a place ends.
fn end(place: usize) -> Duration {
    let Some(place) = place.checked_sub(1) else {
        return Duration::from_nanos(1 << FIRST);
    };
    let (doubling, part) = (
        place as u64 / u64::from(PARTS),
        place as u64 % u64::from(PARTS),
    );
    let unit = 1_u64 << (doubling + u64::from(FIRST) - u64::from(PARTS.ilog2()));
    Duration::from_nanos((u64::from(PARTS) + part + 1) * unit)
}

impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latency")
            .field("count", &self.count)
            .field("mean", &self.mean())
            .field("median", &self.quantile(0.5))
            .field("longest", &self.longest)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_near_and_never_too_short() {
        let mut latency = Latency::default();
        for micros in 1..=100_000 {
            latency.add(Duration::from_micros(micros));
        }
        assert_eq!(latency.count(), 100_000);
        for part in [0.0001, 0.01, 0.5, 0.9, 0.99, 0.999] {
            let found = latency.quantile(part).as_secs_f64() * 1e6;
            let real = 100_000.0 * part;
            assert!(
                found >= real && found <= real * 1.126 + 1.0,
                "{part}: {found}"
            );
        }
        assert_eq!(latency.quantile(1.0), Duration::from_millis(100));
        assert_eq!(latency.longest(), Duration::from_millis(100));
        assert_eq!(latency.mean(), Duration::from_nanos(50_000_500));
    }

    #[test]
    fn every_time_has_its_place() {
        assert_eq!(Latency::default().quantile(0.5), Duration::ZERO);
        let times = [0, 1, 1023, 1024, 1025, 1151, 1152, 1 << 20, (1 << 42) - 1];
        for nanos in times {
            let place = place(Duration::from_nanos(nanos));
            assert!(end(place) > Duration::from_nanos(nanos), "{nanos}");
            assert!(
                place == 0 || end(place - 1) <= Duration::from_nanos(nanos),
                "{nanos}"
            );
        }
        assert_eq!(place(Duration::MAX), PLACES - 1);
        let mut latency = Latency::default();
        latency.add(Duration::MAX);
        assert_eq!(latency.quantile(0.5), end(PLACES - 1));
    }
}
