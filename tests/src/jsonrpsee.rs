//! jsonrpsee as a counterpart: a program of a workspace of its own, built when it is needed.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::installed::{required, run};
use crate::peer::Peer;

/// The program of `tests/jsonrpsee`.
#[derive(Debug)]
pub struct Jsonrpsee {
    program: PathBuf,
}

impl Jsonrpsee {
    /// The program, built on first use in `directory`. That takes a minute, since it has an
    /// async runtime and what belongs to it.
    ///
    /// `None`, with a message that nobody overlooks, where that is impossible.
    ///
    /// # Panics
    ///
    /// Where it is impossible and `CI` is `true`: there it must not be.
    pub fn find(directory: &str) -> Option<&'static Jsonrpsee> {
        static FOUND: OnceLock<Result<Jsonrpsee, String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| Jsonrpsee::build(Path::new(directory)));
        required("jsonrpsee", found)
    }

    fn build(directory: &Path) -> Result<Jsonrpsee, String> {
        let target = directory.join("jsonrpsee");
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("jsonrpsee/Cargo.toml");
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .args(["build", "--locked", "--manifest-path"])
            .arg(manifest);
        run(command.arg("--target-dir").arg(&target))?;
        let program = target.join("debug/jsonrpsee-peer");
        Ok(Jsonrpsee { program })
    }

    /// Starts it.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[track_caller]
    pub fn peer(&self, arguments: &[&str]) -> Peer {
        Peer::start(Command::new(&self.program).args(arguments))
    }
}
