//! Neovim, which speaks MessagePack-RPC.

use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::dir::OwnDir;
use crate::installed::{required, run};

/// What it is started with, so that nobody's configuration counts.
const ALONE: [&str; 3] = ["--headless", "--clean", "-n"];

/// A Neovim that runs, and listens on a socket of its own.
#[derive(Debug)]
pub struct Neovim {
    child: Child,
    dir: OwnDir,
}

impl Neovim {
    /// What `process:` starts for a Neovim of one's own.
    ///
    /// `None`, with a message that nobody overlooks, where it is not installed.
    ///
    /// # Panics
    ///
    /// Where it is not installed and `CI` is `true`.
    pub fn command() -> Option<String> {
        static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| run(Command::new("nvim").arg("--version")));
        required("Neovim", found)?;
        Some(format!("nvim --embed {}", ALONE.join(" ")))
    }

    /// Starts one that edits a file with this text.
    ///
    /// `None` as for [`command`](Self::command).
    ///
    /// # Panics
    ///
    /// As there, and where it cannot be started.
    pub fn start(text: &str) -> Option<Self> {
        Self::command()?;
        let dir = OwnDir::new();
        let file = dir.path("letter.txt");
        std::fs::write(&file, text).expect("a folder to write to");
        let mut command = Command::new("nvim");
        command.args(ALONE).arg("--listen").arg(dir.path("nvim"));
        command.arg(file);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.stderr(Stdio::null()).spawn();
        let child = child.expect("the program starts");
        Some(Neovim { child, dir })
    }

    /// Where it listens, soon.
    pub fn socket(&self) -> String {
        self.dir.path("nvim").display().to_string()
    }
}

impl Drop for Neovim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
