//! Brokers of a test's own: what they have in common, and Mosquitto.

use std::fmt::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::dir::OwnDir;
use crate::installed::{required, run};
use crate::ports::OwnPort;
use crate::wait::eventually;

/// A broker on a port of its own; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) child: Option<Child>,
    pub(crate) dir: OwnDir,
    pub(crate) port: OwnPort,
}

impl Broker {
    pub(crate) fn new() -> Self {
        Broker {
            child: None,
            dir: OwnDir::new(),
            port: OwnPort::new(),
        }
    }

    pub(crate) fn start(&mut self, program: &str, arguments: &[&str], config: &str) {
        let path = self.dir.path("broker.conf");
        std::fs::write(&path, config).expect("a folder to write to");
        let mut command = Command::new(program);
        command.args(arguments).arg(path);
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
        self.child = Some(quiet.stderr(Stdio::null()).spawn().expect("it starts"));
        let addr = self.port.addr();
        eventually("the broker listens", || TcpStream::connect(addr).is_ok());
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A running `mosquitto`, a broker of MQTT.
#[derive(Debug)]
pub struct Mosquitto {
    broker: Broker,
    config: String,
}

fn mosquitto() -> &'static str {
    match Path::new(Mosquitto::PROGRAM).exists() {
        true => Mosquitto::PROGRAM,
        false => "mosquitto",
    }
}

impl Mosquitto {
    /// Where Debian has it, which is not in everybody's path.
    pub const PROGRAM: &str = "/usr/sbin/mosquitto";

    /// Starts one.
    ///
    /// `None`, with a message that nobody overlooks, where it is not installed.
    ///
    /// # Panics
    ///
    /// Where it is not installed and `CI` is `true`, and where it cannot be started.
    pub fn start() -> Option<Self> {
        Mosquitto::with("allow_anonymous true", &[])
    }

    /// Starts one with this in its configuration, in which `DIR` is a folder with these files. A
    /// file that is called `passwords` has lines of names and passwords.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn with(config: &str, files: &[(&str, &str)]) -> Option<Self> {
        static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| {
            // It has no option that ends with success.
            let output = Command::new(mosquitto()).arg("-h").output();
            output.map(|_| ()).map_err(|error| error.to_string())
        });
        required("mosquitto", found)?;
        let mut server = Mosquitto {
            broker: Broker::new(),
            config: config.to_owned(),
        };
        for (name, text) in files {
            let path = server.broker.dir.path(name);
            if *name != "passwords" {
                std::fs::write(&path, text).expect("a folder to write to");
                continue;
            }
            std::fs::write(&path, "").expect("a folder to write to");
            for line in text.lines() {
                let (user, password) = line.split_once(':').expect("a name and a password");
                let mut command = Command::new("mosquitto_passwd");
                command.arg("-b").arg(&path).args([user, password]);
                run(&mut command).expect("a password");
            }
        }
        server.again();
        Some(server)
    }

    /// Starts it again, on the same port.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    pub fn again(&mut self) {
        let (ip, port) = (self.addr().ip(), self.addr().port());
        let dir = self.broker.dir.path("");
        let dir = dir.display().to_string();
        let mut text = format!("listener {port} {ip}\npersistence false\n");
        // As whoever runs the tests, who alone may read their files.
        text.push_str("user root\n");
        writeln!(text, "{}", self.config.replace("DIR/", &dir)).expect("a text");
        self.broker.start(mosquitto(), &["-c"], &text);
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.broker.port.addr()
    }

    /// What a namespace there is bound as, with options.
    pub fn bound(&self, namespace: &str, options: &str) -> String {
        format!("mqtt:{}/{namespace}?{options}", self.addr())
    }

    /// The same over TLS, where its configuration says so.
    pub fn bound_over_tls(&self, namespace: &str, options: &str) -> String {
        format!("mqtts:{}/{namespace}?{options}", self.addr())
    }

    /// A program of `mosquitto-clients`, which talks to it.
    pub fn client(&self, program: &str) -> Command {
        let (ip, port) = (self.addr().ip(), self.addr().port());
        let mut command = Command::new(program);
        let (ip, port) = (ip.to_string(), port.to_string());
        command.args(["-h", &ip, "-p", &port, "-V", "mqttv5"]);
        command
    }

    /// Ends it, at once.
    pub fn kill(&mut self) {
        self.broker.kill();
    }
}
