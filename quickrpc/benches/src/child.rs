//! Servers and clients in processes of their own, where memory and allocations are counted
//! for each alone.

use std::io::{BufRead, BufReader, Lines, Write, stdin};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::system::{AnySystem, Job, Laps};
use crate::{Result, systems};

/// A process that serves one system. Ends when dropped.
pub(crate) struct ChildServer {
    pub(crate) port: u16,
    child: Child,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl ChildServer {
    /// Starts `program`, which is this one or its twin that counts allocations.
    pub(crate) fn start(program: &Path, system: &AnySystem) -> Result<Self> {
        let mut child = Command::new(program)
            .args(["--child", "serve", &system.name()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let questions = child.stdin.take().ok_or("no stdin")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
        let mut this = ChildServer {
            port: 0,
            child,
            questions,
            answers,
        };
        this.port = this.line()?.parse()?;
        Ok(this)
    }

    /// How many allocations there were in it.
    pub(crate) fn allocations(&mut self) -> Result<u64> {
        writeln!(self.questions, "allocations")?;
        Ok(self.line()?.parse()?)
    }

    /// Bytes of it in memory.
    pub(crate) fn memory(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next());
        Ok(kib.ok_or("no VmRSS")?.parse::<f64>()? * 1024.0)
    }

    /// How many files are open in it.
    pub(crate) fn open_files(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }

    fn line(&mut self) -> Result<String> {
        Ok(self.answers.next().ok_or("the child process has ended")??)
    }
}

impl Drop for ChildServer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What a child process does.
pub(crate) fn run(role: &[String], allocations: Option<fn() -> u64>) -> Result<()> {
    #[cfg(any(feature = "nats", feature = "mqtt"))]
    if let [role, codec, transport] = role
        && role == "silent"
    {
        return systems::brokers::silent(codec, transport);
    }
    let [role, system] = role else {
        return Err("--child takes a role and a system".into());
    };
    let system = systems::named(system).ok_or("an unknown system")?;
    match role.as_str() {
        "serve" => serve(&system, allocations),
        "call" => call(&system, allocations.ok_or("this program does not count")?),
        _ => Err("an unknown role".into()),
    }
}

/// Serves until stdin ends, and says how many allocations there were when asked.
fn serve(system: &AnySystem, allocations: Option<fn() -> u64>) -> Result<()> {
    let server = system.serve()?;
    println!("{}", server.port);
    for question in stdin().lines() {
        question?;
        println!("{}", allocations.map_or(0, |count| count()));
    }
    Ok(())
}

/// Says how many allocations a call takes in the client and in the server, one call in flight;
/// then the same for 64.
fn call(system: &AnySystem, count: fn() -> u64) -> Result<()> {
    const WARM_UP: usize = 2_000;
    const CALLS: usize = 10_000;
    let mut server = ChildServer::start(&std::env::current_exe()?, system)?;
    let mut client = system.connect(server.port)?;
    let mut results = Vec::new();
    for job in [Job::Serial, Job::Window(64)] {
        let mut laps = Laps::start();
        laps.nanos.reserve(WARM_UP + CALLS);
        client.run(job, WARM_UP, &mut laps)?;
        let before = (count(), server.allocations()?);
        client.run(job, CALLS, &mut laps)?;
        let after = (count(), server.allocations()?);
        for allocations in [after.0 - before.0, after.1 - before.1] {
            results.push((allocations as f64 / CALLS as f64).to_string());
        }
    }
    println!("{}", results.join(" "));
    Ok(())
}
