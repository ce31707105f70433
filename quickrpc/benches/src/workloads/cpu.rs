//! What was computed, beside how long it took.

use rustix::time::{ClockId, clock_gettime};

/// What this process has had of CPUs, in seconds.
pub(super) fn busy() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
