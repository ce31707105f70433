//! The tables, one file each.

use crate::plan::{Scale, Workload};

mod allocations;
mod broadcast;
#[cfg(any(feature = "nats", feature = "mqtt"))]
mod brokers;
mod calls;
mod connections;
mod cpu;
mod deadlines;
mod fairness;
mod handlers;
mod idle;
mod io_threads;
mod jobs;
mod receive;
mod streams;
mod workers;

/// Makes an empty table.
type Make = fn(&Scale) -> Workload;

/// All tables, by the names that `--only` takes.
pub(crate) const ALL: &[(&str, Make)] = &[
    ("serial", calls::serial),
    ("window", calls::window),
    ("callers", calls::callers),
    ("notify", calls::notify),
    ("mib", calls::mib),
    #[cfg(feature = "websocket")]
    ("websocket", calls::websocket),
    #[cfg(feature = "http")]
    ("http", calls::http),
    #[cfg(feature = "security")]
    ("secured", calls::secured),
    #[cfg(feature = "nats")]
    ("nats", brokers::nats),
    #[cfg(feature = "mqtt")]
    ("mqtt", brokers::mqtt),
    ("streams", streams::workload),
    ("receive", receive::workload),
    ("broadcast", broadcast::workload),
    ("fairness", fairness::workload),
    ("allocations", allocations::workload),
    ("idle", idle::workload),
    ("connections", connections::workload),
    ("io-threads", io_threads::workload),
    ("sizes", calls::sizes),
    ("pending", calls::pending),
    ("handlers", handlers::workload),
    ("workers", workers::workload),
    ("deadlines", deadlines::workload),
];
