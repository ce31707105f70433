//! The Python original, where it is installed: a server and a client in Python, each in a
//! process of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Result;
use crate::system::{Client, Job, Laps, Server, System};

pub(crate) struct Python {
    /// The virtual environment that it is installed in.
    environment: Option<PathBuf>,
    name: &'static str,
    script: &'static str,
    /// What asks for it.
    wanted: &'static str,
    /// Its time grows with the square of the size of a message, or it takes no larger one.
    largest: usize,
}

impl Python {
    pub(crate) fn new(environment: Option<PathBuf>) -> Self {
        Python {
            environment,
            name: "Python QuickRPC 0.1.0",
            script: include_str!("python_peer.py"),
            wanted: "--python VENV takes an environment that has QuickRPC 0.1.0 installed",
            largest: 1 << 20,
        }
    }

    /// Zonis, with FastAPI and uvicorn.
    #[cfg(feature = "websocket")]
    pub(crate) fn zonis(environment: Option<PathBuf>) -> Self {
        Python {
            environment,
            name: "Python Zonis 2.1.0",
            script: include_str!("zonis_peer.py"),
            wanted: "--zonis VENV takes an environment with zonis==2.1.0 fastapi uvicorn",
            largest: 1 << 16,
        }
    }

    /// Juggler, with aiohttp.
    #[cfg(feature = "websocket")]
    pub(crate) fn juggler(environment: Option<PathBuf>) -> Self {
        Python {
            environment,
            name: "Python hat-juggler 0.7.6",
            script: include_str!("juggler_peer.py"),
            wanted: "--juggler VENV takes an environment with hat-juggler==0.7.6",
            largest: 1 << 16,
        }
    }

    fn start(&self, role: &str, port: u16) -> Result<Process> {
        let Some(environment) = &self.environment else {
            return Err(format!("not asked for; {}", self.wanted).into());
        };
        let mut child = Command::new(environment.join("bin/python"))
            .args(["-c", self.script, role, &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", environment.display()))?;
        let commands = child.stdin.take().ok_or("no stdin")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        Ok(Process {
            child,
            commands,
            answers,
        })
    }
}

struct Process {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Process {
    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        match self.answers.read_line(&mut line)? {
            0 => Err("the Python peer has ended".into()),
            _ => Ok(line),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl System for Python {
    fn name(&self) -> String {
        self.name.into()
    }

    fn serve(&self) -> Result<Server> {
        // The original cannot say which port it got, so that it is told one that was free.
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let mut process = self.start("serve", port)?;
        process.line()?;
        Ok(Server::new(port, process))
    }

    fn connect(&self, port: u16) -> Result<Box<dyn Client>> {
        let mut process = self.start("call", port)?;
        process.line()?;
        Ok(Box::new(PythonClient(process)))
    }

    fn can(&self, job: Job) -> bool {
        match job {
            Job::Bytes(_) => false,
            Job::Text(size) => size <= self.largest,
            Job::Window(width) | Job::Callers(width) => width <= 1000,
            Job::Serial | Job::Notify => true,
        }
    }

    fn is_native(&self) -> bool {
        false
    }
}

struct PythonClient(Process);

impl Client for PythonClient {
    fn run(&mut self, job: Job, count: usize, laps: &mut Laps) -> Result {
        let (name, size) = match job {
            Job::Serial => ("serial", 0),
            Job::Window(width) => ("window", width),
            Job::Callers(callers) => ("callers", callers),
            Job::Notify => ("notify", 0),
            Job::Text(size) => ("text", size),
            Job::Bytes(_) => return Err("no byte strings".into()),
        };
        writeln!(self.0.commands, "{name} {size} {count}")?;
        self.0.commands.flush()?;
        let line = self.0.line()?;
        for lap in line.split_whitespace() {
            laps.nanos.push(lap.parse()?);
        }
        Ok(())
    }
}
