//! Many connections, none in use but one.

use std::env;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::child::ChildServer;
use crate::plan::{Column, Contender, Measure, Scale, Unit, Workload};
use crate::stats::quantile;
use crate::system::{AnySystem, Client, Job, Laps};
use crate::systems::{self, Floor, QuickRpc};
use crate::{Result, limits};

pub(super) fn workload(scale: &Scale) -> Workload {
    let counts: Vec<usize> = match scale.quick {
        true => vec![1_000],
        false => vec![5_000, 10_000],
    };
    let mut systems: Vec<AnySystem> = vec![
        Arc::new(Floor::plain().epoll()),
        Arc::new(Floor::plain()),
        Arc::new(QuickRpc::jrpc()),
        Arc::new(QuickRpc::terse()),
        #[cfg(feature = "msgpack")]
        Arc::new(QuickRpc::msgpack()),
    ];
    let peers = systems::peers(scale).into_iter();
    systems.extend(peers.filter(|system| system.is_native()));
    let mut columns = vec![Column::new("call, 1", Unit::Seconds)];
    for count in &counts {
        columns.push(Column::new(format!("memory, {count}"), Unit::Bytes));
        columns.push(Column::new(format!("time, {count}"), Unit::Seconds));
        columns.push(Column::new(format!("call, {count}"), Unit::Seconds));
    }
    Workload {
        title: "Idle connections",
        about: "Memory of the server for each connection, the time until it has accepted all \
                (where it knows the greeting, it has answered one call on each), and a call on \
                one connection beside the idle ones (p50). The server is a process of its own; \
                the clients are bare sockets.",
        columns,
        contenders: systems
            .into_iter()
            .map(|system| {
                let counts = counts.clone();
                Contender::new(system.name(), move || {
                    Ok(Box::new(move || measure(&system, &counts)) as Measure)
                })
            })
            .collect(),
        rounds: Some(if scale.quick { 1 } else { 3 }),
    }
}

fn measure(system: &AnySystem, counts: &[usize]) -> Result<Vec<Option<f64>>> {
    let server = ChildServer::start(&env::current_exe()?, system)?;
    let mut client = system.connect(server.port)?;
    let mut values = vec![Some(call(client.as_mut())?)];
    let (memory, files) = (server.memory()?, server.open_files()?);
    let mut idle = Vec::new();
    let mut time = Duration::ZERO;
    for count in counts {
        if *count > limits::connections() {
            values.extend([None, None, None]);
            continue;
        }
        let begin = Instant::now();
        connect(system, server.port, *count, &mut idle, client.as_mut())?;
        while server.open_files()? < files + count {
            if begin.elapsed() > Duration::from_secs(30) {
                return Err(format!("{count} connections were not accepted in time").into());
            }
            thread::sleep(Duration::from_millis(1));
        }
        time += begin.elapsed();
        values.push(Some((server.memory()? - memory) / *count as f64));
        values.push(Some(time.as_secs_f64()));
        values.push(Some(call(client.as_mut())?));
    }
    Ok(values)
}

/// Connects in parts that fit into the queue of a listener.
fn connect(
    system: &AnySystem,
    port: u16,
    count: usize,
    idle: &mut Vec<TcpStream>,
    client: &mut dyn Client,
) -> Result {
    let greeting = system.greeting();
    while idle.len() < count {
        let first = idle.len();
        for _ in first..count.min(first + 64) {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
            greeting.say(&mut stream)?;
            idle.push(stream);
        }
        for stream in &mut idle[first..] {
            greeting.hear(stream)?;
        }
        // Also where there is no greeting, the server keeps up.
        client.run(Job::Serial, 1, &mut Laps::start())?;
    }
    Ok(())
}

/// The median of some calls.
fn call(client: &mut dyn Client) -> Result<f64> {
    let mut laps = Laps::start();
    client.run(Job::Serial, 500, &mut laps)?;
    client.run(Job::Serial, 1_000, &mut laps)?;
    let mut nanos = laps.nanos.split_off(500);
    nanos.sort_unstable();
    let median = quantile(&nanos, 0.5).ok_or("no calls")?;
    Ok(median as f64 * 1e-9)
}
