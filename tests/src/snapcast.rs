//! Snapcast, a system that plays the same music in all rooms: its server, and players.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::dir::OwnDir;
use crate::installed::{required, run};
use crate::ports::OwnPort;
use crate::wait::bounded;

/// A running `snapserver` without a sound card, with ports and a folder of its own.
#[derive(Debug)]
pub struct Snapserver {
    _child: Program,
    dir: OwnDir,
    control: OwnPort,
    audio: OwnPort,
}

impl Snapserver {
    /// Starts one that plays what is written to a pipe.
    ///
    /// `None`, with a message that nobody overlooks, where it is not installed.
    ///
    /// # Panics
    ///
    /// Where it is not installed and `CI` is `true`, and where it cannot be started.
    pub fn start() -> Option<Self> {
        static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| {
            run(Command::new("snapserver").arg("--version"))?;
            run(Command::new("snapclient").arg("--version"))
        });
        required("snapserver with snapclient", found)?;
        let (dir, control, audio) = (OwnDir::new(), OwnPort::new(), OwnPort::new());
        let config = dir.path("snapserver.conf");
        std::fs::write(&config, "").expect("a folder to write to");
        let mut command = Command::new("snapserver");
        command.arg("--config").arg(config);
        command.arg("--server.datadir").arg(dir.path(""));
        let source = format!(
            "pipe://{}?name=music&mode=create",
            dir.path("pcm").display()
        );
        command.args(["--stream.source", &source, "--http.enabled", "0"]);
        for (name, port) in [("tcp", &control), ("stream", &audio)] {
            let addr = port.addr();
            let (ip, port) = (addr.ip().to_string(), addr.port().to_string());
            command.args([&format!("--{name}.bind_to_address"), &ip]);
            command.args([&format!("--{name}.port"), &port]);
        }
        Some(Snapserver {
            _child: Program::start(&mut command),
            dir,
            control,
            audio,
        })
    }

    /// Where it is controlled: JSON-RPC, a message a line.
    pub fn addr(&self) -> SocketAddr {
        self.control.addr()
    }

    /// Starts a player with this id, which plays for nobody.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn player(&self, id: &str) -> Snapclient {
        let addr = self.audio.addr();
        let (ip, port) = (addr.ip().to_string(), addr.port().to_string());
        let mut command = Command::new("snapclient");
        command.args(["--host", &ip, "--port", &port, "--hostID", id]);
        command.args(["--player", "file:filename=null", "--logsink", "null"]);
        Snapclient(Program::start(command.current_dir(self.dir.path(""))))
    }

    /// Plays a second of silence.
    ///
    /// # Panics
    ///
    /// If the server does not read it.
    pub fn play(&self) {
        let pipe = self.dir.path("pcm");
        let written = bounded("the music", move || {
            let pipe = OpenOptions::new().write(true).open(pipe);
            pipe.and_then(|mut pipe| pipe.write_all(&[0; 48_000 * 2 * 2]))
        });
        written.expect("the server reads");
    }
}

/// A running player; dropping it ends it.
#[derive(Debug)]
pub struct Snapclient(#[expect(dead_code, reason = "it ends when it is dropped")] Program);

#[derive(Debug)]
struct Program(Child);

impl Program {
    fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Program(command.stderr(Stdio::null()).spawn().expect("it starts"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
