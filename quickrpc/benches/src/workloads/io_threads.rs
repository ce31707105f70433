//! Many connections that call now and then, on one poll thread and on two.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::message::{self, FIRST_ID};
use crate::plan::{Column, Contender, Measure, Scale, Unit, Workload};
use crate::system::AnySystem;
use crate::systems::{QuickRpc, sample_text};
use crate::{Result, limits};

/// Connections of each server, where the system has so many files.
const CONNECTIONS: usize = 10_000;
/// So many of them call at once.
const BURST: usize = 256;
/// Bytes of a text that is given back.
const TEXT: usize = 16 << 10;

pub(super) fn workload(scale: &Scale) -> Workload {
    let systems: [AnySystem; 2] = [
        Arc::new(QuickRpc::jrpc()),
        Arc::new(QuickRpc::io_threads(2)),
    ];
    // Both ends are in this process, and all servers at once.
    let possible = limits::connections() / (2 * systems.len());
    let most = if scale.quick { 1_000 } else { CONNECTIONS };
    let count = most.min(possible);
    let slice = scale.slice;
    Workload {
        title: "Poll threads",
        about: "A hand-written client with one thread and many connections calls on 256 of them at \
                a time, always others, and reads the answers: an addition, and a text of 16 KiB \
                that comes back. The client needs a processor of its own, so that two poll \
                threads need three processors to show what they can do. The first row is what \
                the other is compared with.",
        columns: ["additions", "texts"]
            .map(|what| Column::new(format!("{what} on {count}"), Unit::PerSecond))
            .into(),
        contenders: systems
            .into_iter()
            .map(|system| Contender::new(system.name(), move || setup(&system, count, slice)))
            .collect(),
        rounds: None,
    }
}

fn setup(system: &AnySystem, count: usize, slice: Duration) -> Result<Measure> {
    let server = system.serve()?;
    let (mut add, mut echo) = (Vec::new(), Vec::new());
    message::push_call(&mut add, FIRST_ID);
    message::push_text(&mut echo, sample_text(TEXT).as_bytes(), FIRST_ID);
    let connect = |_| -> Result<TcpStream> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port))?;
        stream.set_nodelay(true)?;
        // Accepted for sure, before there are more than a listener lets wait.
        burst(std::slice::from_mut(&mut stream), &add)?;
        Ok(stream)
    };
    let mut streams = (0..count).map(connect).collect::<Result<Vec<_>>>()?;
    let mut next = 0;
    Ok(Box::new(move || {
        black_box(&server);
        let mut rate = |call: &[u8]| -> Result<Option<f64>> {
            let (begin, mut calls) = (Instant::now(), 0);
            while begin.elapsed() < slice {
                let end = (next + BURST).min(streams.len());
                burst(&mut streams[next..end], call)?;
                calls += end - next;
                next = end % streams.len();
            }
            Ok(Some(calls as f64 / begin.elapsed().as_secs_f64()))
        };
        Ok(vec![rate(&add)?, rate(&echo)?])
    }))
}

/// A call on each connection.
fn burst(streams: &mut [TcpStream], call: &[u8]) -> Result {
    for stream in &mut *streams {
        stream.write_all(call)?;
    }
    let mut answer = vec![0; 64 << 10];
    for stream in streams {
        let mut last = 1;
        while last != 0 {
            let length = stream.read(&mut answer)?;
            last = *answer[..length].last().ok_or("the server has gone")?;
        }
    }
    Ok(())
}
