//! Node.js counterparts: the packages they need, and the scripts that drive them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::installed::{make, required, run};
use crate::peer::Peer;

/// Node.js with the packages of `tests/node`, below the build directory.
#[derive(Debug)]
pub struct Node {
    /// Where the packages are.
    modules: PathBuf,
}

impl Node {
    /// The installation for the tests, made on first use in `directory`.
    ///
    /// `None`, with a message that nobody overlooks, where that is impossible.
    ///
    /// # Panics
    ///
    /// Where it is impossible and `CI` is `true`: there it must not be.
    pub fn find(directory: &str) -> Option<&'static Node> {
        static FOUND: OnceLock<Result<Node, String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| Node::install(Path::new(directory)));
        required("Node.js with npm", found)
    }

    fn install(directory: &Path) -> Result<Node, String> {
        let home = directory.join("node");
        run(Command::new("node").arg("--version"))?;
        make(&home, include_str!("../node/package-lock.json"), |fresh| {
            for name in ["package.json", "package-lock.json"] {
                let copied = fs::copy(source().join(name), fresh.join(name));
                copied.map_err(|error| error.to_string())?;
            }
            let options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
            run(Command::new("npm").args(options).current_dir(fresh))
        })?;
        Ok(Node {
            modules: home.join("node_modules"),
        })
    }

    /// Starts one of the scripts.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[track_caller]
    pub fn peer(&self, script: &str, arguments: &[&str]) -> Peer {
        let mut command = Command::new("node");
        command.arg(source().join(script)).args(arguments);
        Peer::start(command.env("NODE_PATH", &self.modules))
    }

    /// Starts Anvil, a node of Ethereum's for developers, and gives where it listens.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[track_caller]
    pub fn anvil(&self) -> (Peer, String) {
        let of_systems = fs::read_dir(self.modules.join("@foundry-rs"));
        let mut of_systems = of_systems.expect("its package is there").flatten();
        let program = of_systems.find_map(|package| {
            let program = package.path().join("bin").join("anvil");
            program.is_file().then_some(program)
        });
        let program = program.expect("its package has a program for this system");
        let anvil = Peer::start(Command::new(program).args(["--port", "0"]));
        loop {
            let line = anvil.expect("text");
            let line = line["text"].as_str().unwrap_or_default();
            if let Some(address) = line.strip_prefix("Listening on ") {
                return (anvil, address.to_owned());
            }
        }
    }

    /// A transport expression with one of the scripts as a child.
    pub fn child(&self, script: &str) -> String {
        let (modules, script) = (self.modules.display(), source().join(script));
        let script = script.display();
        format!("process:(env 'NODE_PATH={modules}' node '{script}')")
    }
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("node")
}
