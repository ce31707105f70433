//! The program `quickrpc`, as a user of it has it: built when it is needed.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;

use crate::installed::{required, run};
use crate::wait::{Inbox, bounded, inbox};

/// The program.
#[derive(Debug)]
pub struct Tool {
    program: PathBuf,
}

/// What it did.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; -1 where a signal has ended it.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it said beside that.
    pub stderr: String,
}

impl Tool {
    /// The program, built on first use; `directory` is where tests of this build have their files.
    ///
    /// `None`, with a message that nobody overlooks, where that is impossible.
    ///
    /// # Panics
    ///
    /// Where it is impossible and `CI` is `true`: there it must not be.
    pub fn find(directory: &str) -> Option<&'static Tool> {
        static FOUND: OnceLock<Result<Tool, String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| Tool::build(Path::new(directory)));
        required("the program quickrpc", found)
    }

    fn build(directory: &Path) -> Result<Tool, String> {
        // Where what it depends on may be built already.
        let target = directory
            .parent()
            .ok_or("no folder of the build")?
            .to_owned();
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../quickrpc/Cargo.toml");
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["build", "--features", "cli", "--bin", "quickrpc"]);
        command.arg("--manifest-path").arg(manifest);
        run(command.arg("--target-dir").arg(&target))?;
        let program = target.join("debug/quickrpc");
        Ok(Tool { program })
    }

    /// The program with these arguments, and nothing of the user's around it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).stdin(Stdio::null());
        command
            .env_remove("QUICKRPC_CONFIG")
            .env_remove("XDG_CONFIG_HOME");
        command.env("HOME", "/nonexistent");
        command
    }

    /// Runs it to its end.
    ///
    /// # Panics
    ///
    /// If it does not end within [`SOON`](crate::SOON).
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        let output = bounded(&format!("{arguments:?}"), move || command.output());
        output.expect("it was built").into()
    }

    /// What it prints if it works.
    ///
    /// # Panics
    ///
    /// If it does not, or as [`run`](Self::run).
    #[track_caller]
    pub fn says(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.stderr);
        ran.stdout
    }

    /// The same with this input.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    #[track_caller]
    pub fn with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it was built");
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = input.to_owned();
        let output = bounded(&format!("{arguments:?}"), move || {
            // It may end before.
            let _ = std::io::Write::write_all(&mut stdin, input.as_bytes());
            drop(stdin);
            child.wait_with_output()
        });
        output.expect("it ends").into()
    }

    /// Starts it, for as long as the test has it.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().expect("it was built");
        let stdout = child.stdout.take().expect("a pipe");
        let (said, lines) = inbox();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if said.send(line).is_err() {
                    return;
                }
            }
        });
        Running { child, lines }
    }
}

/// The program while it runs; dropping it ends it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// What it prints.
    pub lines: Inbox<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}
