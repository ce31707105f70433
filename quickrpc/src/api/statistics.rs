//! What an API tells of its calls and peers in numbers.

use std::sync::Arc;

use crate::base::sync::lock;
use crate::call::around::statistics::CallStatistics;

use super::handle::Api;

/// What was counted of an API's calls, and how its peers are; see [`Api::statistics`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Statistics {
    /// By direction, method and wire.
    pub calls: Vec<CallStatistics>,
    /// Those who are connected, in the order in which they came.
    pub peers: Vec<PeerStatistics>,
}

/// How one peer is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PeerStatistics {
    /// Its name.
    pub name: Arc<str>,
    /// The codec's expression.
    pub codec: String,
    /// The transport's expression.
    pub transport: Arc<str>,
    /// Bytes that wait to be sent to it.
    pub queued: usize,
    /// Calls of this side that it has not answered.
    pub asked: usize,
    /// Its messages that wait for their turn,
    pub waiting: usize,
    /// and their bytes.
    pub waiting_bytes: usize,
}

impl Api {
    /// What this side and its peers have called, how often it failed, how many bytes that was and how
    /// long it took, by method and wire; and what waits.
    ///
    /// Counting costs something, and begins when this is asked first: ask once before
    /// [`start`](Self::start), and whenever you like to know. The example `layers` makes a text of it
    /// as [Prometheus](https://prometheus.io/docs/instrumenting/exposition_formats/) reads it.
    ///
    /// What is counted is what [layers](Self::layer) are around, with what they make of it: they are
    /// within. All traits of a [`Node`](crate::Node) are counted together.
    ///
    /// ```
    /// # use quickrpc::remote_api;
    /// # #[remote_api]
    /// # trait Lab { #[incoming] fn measure(&self, channel: u8) -> f64; }
    /// # fn main() -> quickrpc::Result<()> {
    /// # let (lab, client) = Lab::pair();
    /// lab.statistics(); // from now on
    /// lab.measure.connect(|_sender, channel| f64::from(channel));
    /// client.all().measure(7).result()?;
    /// # client.all().measure(7).result()?;
    ///
    /// for row in lab.statistics().calls {
    ///     let errors: u64 = row.errors.values().sum();
    ///     println!("{}: {} calls, {errors} of them failed", row.method, row.calls);
    ///     println!("the half of them took {:?} at most", row.latency.quantile(0.5));
    ///     # assert_eq!((&*row.method, row.calls > 0), ("measure", true));
    /// }
    /// # assert_eq!(lab.statistics().calls.len(), 1);
    /// # Ok(()) }
    /// ```
    pub fn statistics(&self) -> Statistics {
        let calls = self.calls();
        let rows = calls.around.count().rows();
        let peers: Vec<_> = {
            let table = lock(&calls.net.peers);
            table.all().cloned().collect()
        };
        let peers = peers.iter().map(|conn| {
            let share = calls.mailbox.share(conn.id());
            PeerStatistics {
                name: Arc::clone(&conn.peer().name),
                codec: conn.wire.codec.to_string(),
                transport: Arc::clone(&conn.wire.name),
                queued: conn.backlog(),
                asked: conn.flow.asked(),
                waiting: share.messages,
                waiting_bytes: share.bytes,
            }
        });
        Statistics {
            calls: rows,
            peers: peers.collect(),
        }
    }
}
