//! Streams without an end, as results and as arguments, between programs.

use quickrpc::{Stream, remote_api};

/// Who serves it counts, or adds up, until somebody ends that.
#[remote_api]
pub trait Numbers {
    /// From 0 upwards.
    #[incoming]
    fn count(&self) -> Stream<u64>;

    /// The sum of what there was.
    #[incoming]
    fn sum(&self, numbers: Stream<u64>) -> u64;
}
