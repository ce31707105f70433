//! Client and server under a tool that counts.

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::report::{Figure, Report};
use crate::roles::{ALLOCATIONS, BATCH, Codec, Job};
use crate::{Result, Topic};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Instructions,
    Allocations,
    SystemCalls,
}

/// What a process did, by name: system calls have several.
type Counts = BTreeMap<String, f64>;

impl Tool {
    pub(crate) fn topic(self) -> Topic {
        match self {
            Tool::Instructions => Topic::Instructions,
            Tool::Allocations => Topic::Allocations,
            Tool::SystemCalls => Topic::SystemCalls,
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Tool::Instructions => "instructions",
            Tool::Allocations => "allocations",
            Tool::SystemCalls => "system calls",
        }
    }

    /// The beginning of the command line of a process.
    fn words(self) -> &'static [&'static str] {
        match self {
            Tool::Instructions => &[
                "valgrind",
                "--tool=callgrind",
                "--callgrind-out-file=/dev/null",
            ],
            // The processes count them by themselves.
            Tool::Allocations => &[],
            Tool::SystemCalls => &["strace", "-f", "-c"],
        }
    }

    /// The exchanges of the shorter run, which are the warm-up, and of the longer one.
    fn exchanges(self) -> [usize; 2] {
        match self {
            Tool::Instructions => [BATCH * 50, BATCH * 250],
            Tool::Allocations => [BATCH * 100, BATCH * 600],
            Tool::SystemCalls => [BATCH * 10, BATCH * 60],
        }
    }

    /// How often a run is repeated, to take the least: where threads meet is luck, and only
    /// system calls depend on it.
    fn repetitions(self) -> usize {
        match self {
            Tool::Instructions | Tool::Allocations => 1,
            Tool::SystemCalls => 5,
        }
    }

    /// What it says at the end.
    fn parse(self, said: &str) -> Option<Counts> {
        let number = |text: &str| text.trim().replace(',', "").parse::<f64>().ok();
        match self {
            Tool::Instructions => {
                let (_, rest) = said.split_once("Collected :")?;
                let total = number(rest.lines().next()?)?;
                Some(Counts::from([(String::new(), total)]))
            }
            Tool::Allocations => {
                let (_, rest) = said.split_once(ALLOCATIONS)?;
                let total = number(rest.lines().next()?)?;
                Some(Counts::from([(String::new(), total)]))
            }
            Tool::SystemCalls => {
                // % time, seconds, usecs/call, calls, errors (may be missing), name
                let rows = said.lines().map(|line| line.split_whitespace().collect());
                let counts: Counts = rows
                    .filter(|row: &Vec<_>| row.len() >= 5 && row[0].parse::<f64>().is_ok())
                    .filter_map(|row| Some((row.last()?.to_string(), number(row[3])?)))
                    .filter(|(name, _)| name != "total")
                    .collect();
                (!counts.is_empty()).then_some(counts)
            }
        }
    }
}

/// All jobs with this tool.
pub(crate) fn measure(tool: Tool, report: &mut Report) -> Result {
    for &codec in Codec::ALL {
        let mut call = [0.0; 2];
        for job in [Job::Serial, Job::Batch, Job::Notify] {
            eprintln!("{}: {} {}", tool.unit(), codec.name(), job.name());
            let [few, many] = tool.exchanges();
            let less = least(tool, codec, job, few)?;
            let more = least(tool, codec, job, many)?;
            for (side, name) in ["client", "server"].into_iter().enumerate() {
                let each = difference(&less[side], &more[side], many - few);
                let mut value: f64 = each.values().sum();
                match job {
                    Job::Serial => call[side] = value,
                    Job::Batch => {}
                    // What remains without the call at the end of each batch. The system
                    // calls are those of the batch as a whole.
                    Job::Notify if tool == Tool::SystemCalls => {}
                    Job::Notify => value -= call[side] / BATCH as f64,
                }
                report.add(Figure {
                    unit: tool.unit().to_owned(),
                    codec: codec.name().to_owned(),
                    job: job.name().to_owned(),
                    side: name.to_owned(),
                    value,
                    detail: detail(&each),
                });
            }
        }
    }
    Ok(())
}

fn difference(less: &Counts, more: &Counts, exchanges: usize) -> Counts {
    let each = more.iter().map(|(name, more)| {
        let less = less.get(name).copied().unwrap_or_default();
        (name.clone(), (more - less) / exchanges as f64)
    });
    // A thread that ends a moment later makes a call more or less.
    each.filter(|(_, each)| each.abs() > 0.002).collect()
}

fn detail(each: &Counts) -> String {
    let named = each.iter().filter(|(name, _)| !name.is_empty());
    let words: Vec<_> = named
        .map(|(name, each)| format!("{name} {each:.3}"))
        .collect();
    words.join(", ")
}

/// The least that the client and the server did for so many exchanges.
fn least(tool: Tool, codec: Codec, job: Job, count: usize) -> Result<[Counts; 2]> {
    let mut least = run(tool, codec, job, count)?;
    for _ in 1..tool.repetitions() {
        let other = run(tool, codec, job, count)?;
        for (least, other) in least.iter_mut().zip(other) {
            least.retain(|name, _| other.contains_key(name));
            for (name, count) in least {
                *count = count.min(other[name]);
            }
        }
    }
    Ok(least)
}

/// What the client and the server did for so many exchanges.
fn run(tool: Tool, codec: Codec, job: Job, count: usize) -> Result<[Counts; 2]> {
    let words = tool.words();
    let (client, server) = match tool {
        // Each while the other one runs without a tool: from a server that is slow, answers
        // come in pieces.
        Tool::Instructions => (
            exchange([words, &[]], codec, job, count)?.0,
            exchange([&[], words], codec, job, count)?.1,
        ),
        // Both at the same speed, so that neither is overtaken, whose threads would meet.
        Tool::Allocations | Tool::SystemCalls => exchange([words; 2], codec, job, count)?,
    };
    let parse = |said: String| {
        let counts = tool.parse(&said);
        counts.ok_or_else(|| format!("the tool said nothing that was expected:\n{said}"))
    };
    Ok([parse(client)?, parse(server)?])
}

/// What a client and a server said at their end.
fn exchange(
    [client, server]: [&[&str]; 2],
    codec: Codec,
    job: Job,
    count: usize,
) -> Result<(String, String)> {
    let mut server = Process::start(server, &["serve", codec.name()])?;
    let port = server.line()?;
    let words = ["call", codec.name(), job.name(), &count.to_string(), &port];
    let client = Process::start(client, &words)?.end()?;
    Ok((client, server.end()?))
}

/// This program in a role. Killed when dropped.
pub(crate) struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// `tool` is the beginning of the command line, and may be empty.
    pub(crate) fn start(tool: &[&str], role: &[&str]) -> Result<Self> {
        let this = env::current_exe()?;
        let mut command = match tool {
            [] => Command::new(this),
            [name, options @ ..] => {
                let mut command = Command::new(name);
                command.args(options).arg(this);
                command
            }
        };
        let child = command
            .args(role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.map_err(|error| match (error.kind(), tool.first()) {
            (ErrorKind::NotFound, Some(name)) => format!("`{name}` is not installed"),
            _ => error.to_string(),
        })?;
        let output = child.stdout.take().ok_or("no stdout")?;
        Ok(Process {
            child,
            output: BufReader::new(output),
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err(format!("a process has ended: {}", self.errors()?).into());
        }
        Ok(line.trim().to_owned())
    }

    /// Lets it end, and gives what was written to stderr.
    pub(crate) fn end(mut self) -> Result<String> {
        drop(self.child.stdin.take());
        let said = self.errors()?;
        let status = self.child.wait()?;
        match status.success() {
            true => Ok(said),
            false => Err(format!("a process failed, {status}:\n{said}").into()),
        }
    }

    fn errors(&mut self) -> Result<String> {
        let mut said = String::new();
        if let Some(mut errors) = self.child.stderr.take() {
            errors.read_to_string(&mut said)?;
        }
        Ok(said)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What the numbers depend on, beside this library.
pub(crate) fn versions() -> String {
    let version = |tool: &str| {
        let output = Command::new(tool).arg("--version").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        Some(text.lines().next()?.to_owned())
    };
    let known = ["rustc", "valgrind", "strace"].into_iter();
    let known: Vec<_> = known.filter_map(version).collect();
    known.join(", ")
}
