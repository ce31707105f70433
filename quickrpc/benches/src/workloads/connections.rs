//! Many connections, all in use.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::message::{self, FIRST_ID};
use crate::plan::{Column, Contender, Measure, Scale, Unit, Workload};
use crate::system::AnySystem;
use crate::systems::{Floor, QuickRpc};
use crate::{Result, limits};

pub(super) fn workload(scale: &Scale) -> Workload {
    // Both ends are in this process.
    let possible = |count: &usize| 2 * count < limits::connections();
    let counts: Vec<usize> = [1, 10, 100, 1_000].into_iter().filter(possible).collect();
    let systems: [AnySystem; 4] = [
        Arc::new(Floor::plain().epoll()),
        Arc::new(Floor::typed().epoll()),
        Arc::new(QuickRpc::jrpc()),
        Arc::new(QuickRpc::queue()),
    ];
    let slice = scale.slice;
    Workload {
        title: "Growth of the connections",
        about: "Calls with one in flight on each connection. The same hand-written client, which \
                writes to all and then reads from all, drives all servers, so that only the \
                server differs.",
        columns: counts
            .iter()
            .map(|count| Column::new(count.to_string(), Unit::PerSecond))
            .collect(),
        contenders: systems
            .into_iter()
            .map(|system| {
                let counts = counts.clone();
                Contender::new(system.name(), move || setup(&system, &counts, slice))
            })
            .collect(),
        rounds: None,
    }
}

fn setup(system: &AnySystem, counts: &[usize], slice: Duration) -> Result<Measure> {
    let server = system.serve()?;
    let connect = |_| -> Result<TcpStream> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port))?;
        stream.set_nodelay(true)?;
        // Accepted for sure, before there are more than a listener lets wait.
        round(std::slice::from_mut(&mut stream))?;
        Ok(stream)
    };
    let most = counts.iter().copied().max().unwrap_or(0);
    let mut streams = (0..most).map(connect).collect::<Result<Vec<_>>>()?;
    let counts = counts.to_vec();
    Ok(Box::new(move || {
        black_box(&server);
        let rate = |count: &usize| -> Result<Option<f64>> {
            let (begin, mut calls) = (Instant::now(), 0);
            while begin.elapsed() < slice {
                round(&mut streams[..*count])?;
                calls += count;
            }
            Ok(Some(calls as f64 / begin.elapsed().as_secs_f64()))
        };
        counts.iter().map(rate).collect()
    }))
}

/// A call on each connection.
fn round(streams: &mut [TcpStream]) -> Result {
    let mut call = Vec::with_capacity(100);
    message::push_call(&mut call, FIRST_ID);
    for stream in &mut *streams {
        stream.write_all(&call)?;
    }
    let mut answer = [0; 256];
    for stream in streams {
        let length = stream.read(&mut answer)?;
        if answer[..length].last() != Some(&0) {
            return Err("something else than one answer arrived".into());
        }
    }
    Ok(())
}
