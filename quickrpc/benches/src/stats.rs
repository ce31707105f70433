//! Medians and spreads.

use serde::Serialize;

/// What one cell of a table was in all rounds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// Each round, in order.
    pub(crate) rounds: Vec<f64>,
}

impl Summary {
    /// `None` without rounds.
    pub(crate) fn of(rounds: Vec<f64>) -> Option<Self> {
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        Some(Summary {
            median: quantile(&sorted, 0.5)?,
            min: *sorted.first()?,
            max: *sorted.last()?,
            rounds,
        })
    }

    /// Half of the range, relative to the median.
    pub(crate) fn spread(&self) -> f64 {
        match self.median {
            0.0 => 0.0,
            median => (self.max - self.min) / 2.0 / median,
        }
    }
}

/// The value below which this part of sorted values lies.
pub(crate) fn quantile<T: Copy>(sorted: &[T], part: f64) -> Option<T> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last as f64 * part).round() as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert!(Summary::of(vec![]).is_none());
        let summary = Summary::of(vec![9.0, 11.0, 10.0]).unwrap();
        assert_eq!((summary.median, summary.spread()), (10.0, 0.1));
    }
}
