//! A NATS server of a test's own.

use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::dir::OwnDir;
use crate::installed::{required, run};
use crate::ports::OwnPort;
use crate::wait::eventually;

/// A running `nats-server` on a port of its own; dropping it ends it.
#[derive(Debug)]
pub struct NatsServer {
    child: Option<Child>,
    dir: OwnDir,
    port: OwnPort,
    config: String,
}

impl NatsServer {
    /// Starts one.
    ///
    /// `None`, with a message that nobody overlooks, where it is not installed.
    ///
    /// # Panics
    ///
    /// Where it is not installed and `CI` is `true`, and where it cannot be started.
    pub fn start() -> Option<Self> {
        NatsServer::with("")
    }

    /// Starts one with this in its configuration.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn with(config: &str) -> Option<Self> {
        static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| run(Command::new("nats-server").arg("--version")));
        required("nats-server", found)?;
        let mut server = NatsServer {
            child: None,
            dir: OwnDir::new(),
            port: OwnPort::new(),
            config: config.to_owned(),
        };
        server.again();
        Some(server)
    }

    /// Starts it again, on the same port.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    pub fn again(&mut self) {
        let path = self.dir.path("nats.conf");
        let (ip, port) = (self.addr().ip(), self.addr().port());
        let store = self.dir.path("store");
        let text = format!(
            "listen: \"{ip}:{port}\"\n{}\n",
            self.config.replace("STORE", &store.display().to_string())
        );
        std::fs::write(&path, text).expect("a folder to write to");
        let mut command = Command::new("nats-server");
        command.arg("--config").arg(path);
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
        self.child = Some(quiet.stderr(Stdio::null()).spawn().expect("it starts"));
        let addr = self.addr();
        eventually("nats-server listens", || TcpStream::connect(addr).is_ok());
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.port.addr()
    }

    /// What a namespace there is bound as, with options.
    pub fn bound(&self, namespace: &str, options: &str) -> String {
        format!("nats:{}/{namespace}?{options}", self.addr())
    }

    /// Its process.
    ///
    /// # Panics
    ///
    /// If it does not run.
    pub fn id(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Ends it, at once.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}
