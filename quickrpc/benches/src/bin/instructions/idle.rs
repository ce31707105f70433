//! What costs something while nothing happens.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Result;
use crate::report::{Figure, Report};
use crate::roles::{CALL_TIMEOUT, Codec};
use crate::tools::Process;

/// Connections before the memory is looked at for the first time, and for the second.
const CONNECTIONS: [usize; 2] = [1_000, 10_000];

/// Bytes of the server for each connection that has made one call and nothing since.
pub(crate) fn memory(report: &mut Report) -> Result {
    raise_open_files(CONNECTIONS[1] as u64 + 100)?;
    for &codec in Codec::ALL {
        eprintln!("memory: {}", codec.name());
        let mut server = Process::start(&[], &["serve", codec.name()])?;
        let port = server.line()?.parse()?;
        let mut idle = Vec::new();
        let mut memory = [0.0; 2];
        for (memory, count) in memory.iter_mut().zip(CONNECTIONS) {
            while idle.len() < count {
                connect(codec, port, (count - idle.len()).min(64), &mut idle)?;
            }
            *memory = resident(server.id())?;
        }
        let value = (memory[1] - memory[0]) / (CONNECTIONS[1] - CONNECTIONS[0]) as f64;
        report.add(Figure {
            unit: "bytes".to_owned(),
            codec: codec.name().to_owned(),
            job: "idle connection".to_owned(),
            side: "server".to_owned(),
            value,
            detail: String::new(),
        });
        drop(idle);
        server.end()?;
    }
    Ok(())
}

/// So many at once as fit into the queue of a listener.
fn connect(codec: Codec, port: u16, count: usize, idle: &mut Vec<TcpStream>) -> Result {
    let (call, end) = codec.call_and_end();
    let first = idle.len();
    for _ in 0..count {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.write_all(call)?;
        idle.push(stream);
    }
    for stream in &mut idle[first..] {
        let mut byte = [!end];
        while byte[0] != end {
            stream.read_exact(&mut byte)?;
        }
    }
    Ok(())
}

fn resident(process: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    Ok(value(&status, "VmRSS:").ok_or("no VmRSS")? * 1024.0)
}

/// How often the threads of a client and of a server that are connected are awake, while no
/// call is made.
pub(crate) fn wake_ups(report: &mut Report) -> Result {
    eprintln!("wake-ups");
    let codec = Codec::Jrpc;
    let mut server = Process::start(&[], &["serve", codec.name()])?;
    let port = server.line()?;
    let mut client = Process::start(&[], &["idle", codec.name(), &port])?;
    client.line()?;
    // What follows a call is not idleness: going to sleep, and waking up at its deadline.
    thread::sleep(CALL_TIMEOUT + Duration::from_secs(1));
    let before = [switches(client.id())?, switches(server.id())?];
    thread::sleep(Duration::from_secs(5));
    let after = [switches(client.id())?, switches(server.id())?];
    for (side, name) in ["client", "server"].into_iter().enumerate() {
        report.add(Figure {
            unit: "wake-ups in 5 s".to_owned(),
            codec: codec.name().to_owned(),
            job: "idle".to_owned(),
            side: name.to_owned(),
            value: after[side] - before[side],
            detail: String::new(),
        });
    }
    client.end()?;
    server.end()?;
    Ok(())
}

/// How often the threads of a process have left the processor.
fn switches(process: u32) -> Result<f64> {
    let mut sum = 0.0;
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        let status = fs::read_to_string(task?.path().join("status"))?;
        for name in ["voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"] {
            sum += value(&status, name).ok_or("no context switches")?;
        }
    }
    Ok(sum)
}

fn value(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Here and in the processes that are started.
fn raise_open_files(wanted: u64) -> Result {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if limit.maximum.is_some_and(|maximum| maximum < wanted) {
        return Err(format!("{wanted} open files are needed, see `ulimit -Hn`").into());
    }
    Ok(setrlimit(Resource::Nofile, raised)?)
}
