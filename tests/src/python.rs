//! Python counterparts: their installation, and the scripts that drive them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::installed::{make, required, run};
use crate::peer::Peer;
use crate::wait::SOON;

/// A Python with the original package and those of others, in an environment below the
/// build directory.
#[derive(Debug)]
pub struct Python {
    program: PathBuf,
}

impl Python {
    /// The installation for the tests, made on first use in `directory`.
    ///
    /// `None`, with a message that nobody overlooks, where that is impossible.
    ///
    /// # Panics
    ///
    /// Where it is impossible and `CI` is `true`: there it must not be.
    pub fn find(directory: &str) -> Option<&'static Python> {
        static FOUND: OnceLock<Result<Python, String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| {
            let home = Path::new(directory).join("python");
            Python::install(&home, "requirements.txt", "quickrpc, pygls, websockets")
        });
        required("Python with the original", found)
    }

    /// The same with Zonis and a web server for it.
    ///
    /// # Panics
    ///
    /// As [`find`](Self::find).
    pub fn with_zonis(directory: &str) -> Option<&'static Python> {
        static FOUND: OnceLock<Result<Python, String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| {
            let home = Path::new(directory).join("python-zonis");
            Python::install(&home, "requirements-zonis.txt", "zonis, fastapi, uvicorn")
        });
        required("Python with Zonis", found)
    }

    /// The same with msgpack-rpc-python.
    ///
    /// # Panics
    ///
    /// As [`find`](Self::find).
    pub fn with_msgpackrpc(directory: &str) -> Option<&'static Python> {
        static FOUND: OnceLock<Result<Python, String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| {
            let home = Path::new(directory).join("python-msgpackrpc");
            Python::install(&home, "requirements-msgpackrpc.txt", "msgpackrpc")
        });
        required("Python with msgpack-rpc-python", found)
    }

    /// The same with pynvim.
    ///
    /// # Panics
    ///
    /// As [`find`](Self::find).
    pub fn with_pynvim(directory: &str) -> Option<&'static Python> {
        static FOUND: OnceLock<Result<Python, String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| {
            let home = Path::new(directory).join("python-pynvim");
            Python::install(&home, "requirements-pynvim.txt", "pynvim")
        });
        required("Python with pynvim", found)
    }

    /// The same with Juggler of a generation: `0.5`, `0.6` or `0.7`.
    ///
    /// # Panics
    ///
    /// As [`find`](Self::find), and for another generation.
    pub fn with_juggler(directory: &str, generation: &str) -> Option<&'static Python> {
        type Found = OnceLock<Result<Python, String>>;
        static FOUND: [(&str, Found); 3] = [
            ("0.5", Found::new()),
            ("0.6", Found::new()),
            ("0.7", Found::new()),
        ];
        let found = FOUND.iter().find(|(known, _)| *known == generation);
        let (_, found) = found.expect("a generation of Juggler");
        let found = found.get_or_init(|| {
            let home = Path::new(directory).join(format!("python-juggler-{generation}"));
            let requirements = format!("requirements-juggler-{generation}.txt");
            Python::install(&home, &requirements, "hat.juggler, aiohttp")
        });
        required("Python with Juggler", found)
    }

    /// The same with ZeroMQ.
    ///
    /// # Panics
    ///
    /// As [`find`](Self::find).
    pub fn with_zmq(directory: &str) -> Option<&'static Python> {
        static FOUND: OnceLock<Result<Python, String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| {
            let home = Path::new(directory).join("python-zmq");
            Python::install(&home, "requirements-zmq.txt", "zmq")
        });
        required("Python with ZeroMQ", found)
    }

    /// The same with hololinked of a generation: `0.3` or `0.4`.
    ///
    /// # Panics
    ///
    /// As [`find`](Self::find), and for another generation.
    pub fn with_hololinked(directory: &str, generation: &str) -> Option<&'static Python> {
        type Found = OnceLock<Result<Python, String>>;
        static FOUND: [(&str, Found); 2] = [("0.3", Found::new()), ("0.4", Found::new())];
        let found = FOUND.iter().find(|(known, _)| *known == generation);
        let (_, found) = found.expect("a generation of hololinked");
        let found = found.get_or_init(|| {
            let home = Path::new(directory).join(format!("python-hololinked-{generation}"));
            let requirements = format!("requirements-hololinked-{generation}.txt");
            Python::install(&home, &requirements, "zmq")
        });
        required("Python with hololinked", found)
    }

    /// The same with a client of NATS.
    ///
    /// # Panics
    ///
    /// As [`find`](Self::find).
    pub fn with_nats(directory: &str) -> Option<&'static Python> {
        static FOUND: OnceLock<Result<Python, String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| {
            let home = Path::new(directory).join("python-nats");
            Python::install(&home, "requirements-nats.txt", "nats")
        });
        required("Python with NATS", found)
    }

    /// The same with a client of MQTT.
    ///
    /// # Panics
    ///
    /// As [`find`](Self::find).
    pub fn with_mqtt(directory: &str) -> Option<&'static Python> {
        static FOUND: OnceLock<Result<Python, String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| {
            let home = Path::new(directory).join("python-mqtt");
            Python::install(&home, "requirements-mqtt.txt", "paho.mqtt.client")
        });
        required("Python with MQTT", found)
    }

    /// The same with a server of JSON-RPC over HTTP.
    ///
    /// # Panics
    ///
    /// As [`find`](Self::find).
    pub fn with_http(directory: &str) -> Option<&'static Python> {
        static FOUND: OnceLock<Result<Python, String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| {
            let home = Path::new(directory).join("python-http");
            Python::install(&home, "requirements-http.txt", "aiohttp, jsonrpcserver")
        });
        required("Python with a server of JSON-RPC over HTTP", found)
    }

    /// Makes an environment with what a file lists, which then has these modules.
    fn install(home: &Path, requirements: &str, modules: &str) -> Result<Python, String> {
        let python = Python::installed(home, requirements)?;
        let import = format!("import {modules}");
        run(Command::new(&python.program).args(["-c", &import]))?;
        Ok(python)
    }

    /// Makes an environment with what a file lists.
    fn installed(home: &Path, requirements: &str) -> Result<Python, String> {
        let requirements = script(requirements);
        let recipe = fs::read_to_string(&requirements).map_err(|error| error.to_string())?;
        make(home, &recipe, |fresh| {
            run(Command::new("python3").args(["-m", "venv"]).arg(fresh))?;
            let program = Python::in_environment(fresh).program;
            let install = ["-m", "pip", "install", "--quiet", "--requirement"];
            run(Command::new(program).args(install).arg(&requirements))
        })?;
        Ok(Python::in_environment(home))
    }

    fn in_environment(home: &Path) -> Python {
        Python {
            program: home.join("bin").join("python"),
        }
    }

    /// Starts the counterpart with command line arguments; see its own text for them.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[track_caller]
    pub fn peer(&self, arguments: &[&str]) -> Peer {
        Peer::start(&mut self.command(arguments))
    }

    /// The command line that starts the counterpart.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.script("quickrpc_peer.py");
        command.arg("--seconds").arg(SECONDS);
        command.args(arguments);
        command
    }

    /// The command line of one of the scripts.
    pub fn script(&self, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        // Nothing is left beside the scripts.
        command.arg("-B").arg(script(name));
        command
    }

    /// A server, and its address, once it accepts connections.
    ///
    /// # Panics
    ///
    /// If it does not become ready within [`SOON`].
    #[track_caller]
    pub fn server(&self, options: &[&str], codec: &str) -> (Peer, String) {
        let mut arguments = options.to_vec();
        arguments.extend(["server", "tcpserv:127.0.0.1:0", codec]);
        let peer = self.peer(&arguments);
        let ready = peer.expect("ready");
        let addr = ready["address"].as_str().expect("the server's address");
        (peer, addr.to_owned())
    }

    /// A connected client that reads commands from [`Peer::command`].
    ///
    /// # Panics
    ///
    /// If it does not become ready within [`SOON`].
    #[track_caller]
    pub fn client(&self, options: &[&str], transport: &str, codec: &str) -> Peer {
        let patience = SOON.as_secs().to_string();
        let mut arguments = vec!["--timeout", &patience, "--linger", "0"];
        arguments.extend(options);
        arguments.extend(["client", transport, codec]);
        let peer = self.peer(&arguments);
        peer.expect("ready");
        peer
    }
}

/// How long a counterpart lives at the most, whatever happens.
const SECONDS: &str = "120";

/// A program that comes by what a file lists.
///
/// # Errors
///
/// In words, if it cannot be installed.
pub(crate) fn program(home: &Path, requirements: &str, name: &str) -> Result<PathBuf, String> {
    let python = Python::installed(home, requirements)?;
    Ok(python.program.with_file_name(name))
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("python")
        .join(name)
}
