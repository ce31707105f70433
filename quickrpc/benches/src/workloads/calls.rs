//! Calls over one connection.

use std::sync::Arc;

use super::jobs::{Part, Read, columns, contenders};
use crate::plan::{Scale, Workload};
use crate::system::{AnySystem, Job};
use crate::systems::{self, QuickRpc};

/// How many calls are in flight, or callers wait.
const MANY: usize = 64;

/// How many there are each second, and what is computed for one.
const RATE: &[(&str, Read)] = &[("calls", Read::Rate), ("CPU", Read::Cpu)];

pub(super) fn serial(scale: &Scale) -> Workload {
    let columns = [
        ("p50", Read::Median),
        ("p99", Read::P99),
        ("p99.9", Read::P999),
        ("mean", Read::Mean),
        ("CPU", Read::Cpu),
    ];
    Workload {
        title: "One call in flight",
        about: "A caller waits for each answer; a call has 100 bytes of JSON, or what another \
                format makes of it. `floor`: blocking reads and writes on both sides, and \
                nothing else; epoll on the server only.",
        ..table(
            systems::all(scale),
            &[Part::new(Job::Serial, &columns)],
            scale,
        )
    }
}

pub(super) fn window(scale: &Scale) -> Workload {
    let mut systems = systems::all(scale);
    insert_after(&mut systems, QuickRpc::terse().batched(), "quickrpc terse");
    insert_after(&mut systems, QuickRpc::jrpc().batched(), "quickrpc jrpc");
    #[cfg(feature = "msgpack")]
    insert_after(
        &mut systems,
        QuickRpc::msgpack().batched(),
        "quickrpc msgpack",
    );
    Workload {
        title: "64 calls in flight from one caller",
        about: "Each answer makes room for a call; with `batch` for 32 at once. The floor writes \
                what fits at once.",
        ..table(systems, &[Part::new(Job::Window(MANY), RATE)], scale)
    }
}

pub(super) fn callers(scale: &Scale) -> Workload {
    let mut systems = systems::all(scale);
    insert_after(&mut systems, QuickRpc::tasks(), "quickrpc jrpc");
    Workload {
        title: "64 callers that wait",
        about: "Threads, or tasks of one thread that await, over one connection. `floor`: each \
                thread writes by itself, one reads for all and wakes whose answer it is.",
        ..table(systems, &[Part::new(Job::Callers(MANY), RATE)], scale)
    }
}

pub(super) fn notify(scale: &Scale) -> Workload {
    Workload {
        title: "Notifications",
        about: "Calls without reply, in batches of 64 where there are batches, until the last \
                has been handled.",
        ..table(systems::all(scale), &[Part::new(Job::Notify, RATE)], scale)
    }
}

pub(super) fn mib(scale: &Scale) -> Workload {
    const SIZE: usize = 1 << 20;
    Workload {
        title: "Echo of 1 MiB",
        about: "As a text and as bytes, which are base64 in JSON. The floor copies.",
        ..table(
            systems::all(scale),
            &[
                Part::new(Job::Text(SIZE), &[("text", Read::Mean), ("CPU", Read::Cpu)]),
                Part::new(
                    Job::Bytes(SIZE),
                    &[("bytes", Read::Mean), ("CPU", Read::Cpu)],
                ),
            ],
            scale,
        )
    }
}

/// Those that Zonis and Juggler can do.
#[cfg(feature = "websocket")]
pub(super) fn websocket(scale: &Scale) -> Workload {
    let parts = [
        Part::new(Job::Serial, &[("p50", Read::Median), ("p99", Read::P99)]),
        Part::new(Job::Window(MANY), RATE),
        Part::new(Job::Text(1 << 16), &[("64 KiB", Read::Mean)]),
    ];
    Workload {
        title: "Protocols over WebSocket",
        about: "One call in flight, 64, and echoes of a text, beside `jrpc`. Zonis in Python has a \
                process for each side, with FastAPI and uvicorn on the server's, and so has Juggler, \
                with aiohttp.",
        ..table(systems::over_websocket(scale), &parts, scale)
    }
}

/// What can be posted.
#[cfg(feature = "http")]
pub(super) fn http(scale: &Scale) -> Workload {
    let parts = [
        Part::new(Job::Serial, &[("p50", Read::Median), ("p99", Read::P99)]),
        Part::new(Job::Callers(MANY), &[("64 callers", Read::Rate)]),
        Part::new(Job::Text(1 << 16), &[("64 KiB", Read::Mean)]),
    ];
    Workload {
        title: "JSON-RPC over HTTP",
        about: "Calls that are posted over connections that stay: one in flight, of 64 callers that \
                wait, and echoes of a text.",
        ..table(systems::over_http(), &parts, scale)
    }
}

/// Beside what is kept from nobody.
#[cfg(feature = "security")]
pub(super) fn secured(scale: &Scale) -> Workload {
    let parts = [
        Part::new(Job::Serial, &[("p50", Read::Median)]),
        Part::new(Job::Window(MANY), RATE),
        Part::new(Job::Text(1 << 20), &[("1 MiB", Read::Mean)]),
    ];
    Workload {
        title: "Protected messages",
        about: "One call in flight, 64, and echoes of a text: over TLS, signed, and encrypted, beside \
                `jrpc` as it is.",
        ..table(systems::secured(), &parts, scale)
    }
}

pub(super) fn sizes(scale: &Scale) -> Workload {
    let sizes: &[(&str, usize)] = match scale.quick {
        true => &[("100 B", 100), ("64 KiB", 1 << 16), ("1 MiB", 1 << 20)],
        false => &[
            ("100 B", 100),
            ("4 KiB", 1 << 12),
            ("64 KiB", 1 << 16),
            ("1 MiB", 1 << 20),
            ("16 MiB", 1 << 24),
        ],
    };
    let parts: Vec<Part> = sizes
        .iter()
        .map(|(name, size)| Part::new(Job::Text(*size), &[(name, Read::Mean)]))
        .collect();
    Workload {
        title: "Growth of the size",
        about: "Echoes of a text, one after the other.",
        ..table(systems::all(scale), &parts, scale)
    }
}

pub(super) fn pending(scale: &Scale) -> Workload {
    let widths: &[usize] = match scale.quick {
        true => &[1, 100, 10_000],
        false => &[1, 10, 100, 1_000, 10_000],
    };
    let parts: Vec<Part> = widths
        .iter()
        .map(|width| Part::new(Job::Window(*width), &[(&width.to_string(), Read::Rate)]))
        .collect();
    let mut systems = systems::all(scale);
    insert_after(&mut systems, QuickRpc::jrpc().batched(), "quickrpc jrpc");
    Workload {
        title: "Growth of the calls in flight",
        about: "From one caller, as many calls in flight as the column says.",
        ..table(systems, &parts, scale)
    }
}

fn table(systems: Vec<AnySystem>, parts: &[Part], scale: &Scale) -> Workload {
    Workload {
        title: "",
        about: "",
        columns: columns(parts),
        contenders: contenders(systems, parts, scale.slice),
        rounds: None,
    }
}

fn insert_after(systems: &mut Vec<AnySystem>, system: QuickRpc, name: &str) {
    let place = systems.iter().position(|other| other.name() == name);
    systems.insert(
        place.map_or(systems.len(), |place| place + 1),
        Arc::new(system),
    );
}
