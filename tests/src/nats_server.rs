//! A NATS server of a test's own: the one that is installed, or the current one.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::brokers::Broker;
use crate::installed::{required, run};
use crate::ports::OwnPort;
use crate::python::program;
use crate::wait::eventually;

/// Which server it is.
#[derive(Debug, Clone, Copy)]
pub enum Release {
    /// Whichever is installed, such as Debian's 2.9.
    Installed,
    /// 2.15, which is installed below this folder.
    Current(&'static str),
}

impl Release {
    /// The program, with a message that nobody overlooks where there is none.
    fn program(self) -> Option<&'static str> {
        type Found = OnceLock<Result<String, String>>;
        static INSTALLED: Found = OnceLock::new();
        static CURRENT: Found = OnceLock::new();
        let (what, found) = match self {
            Release::Installed => {
                let found = INSTALLED.get_or_init(|| Ok("nats-server".to_owned()));
                ("nats-server", found)
            }
            Release::Current(directory) => {
                let found = CURRENT.get_or_init(|| {
                    let home = Path::new(directory).join("nats-server");
                    let program = program(&home, "requirements-nats-server.txt", "nats-server")?;
                    Ok(program.display().to_string())
                });
                ("the current nats-server", found)
            }
        };
        let program = required(what, found)?;
        static RUNS: [OnceLock<Result<(), String>>; 2] = [OnceLock::new(), OnceLock::new()];
        let [one, two] = &RUNS;
        let runs = match self {
            Release::Installed => one,
            Release::Current(_) => two,
        };
        let runs = runs.get_or_init(|| run(Command::new(program).arg("--version")));
        required(what, runs).map(|()| program.as_str())
    }
}

/// A running `nats-server`.
#[derive(Debug)]
pub struct NatsServer {
    broker: Broker,
    program: &'static str,
    config: String,
    /// Where the others of its cluster find it.
    route: Option<OwnPort>,
}

impl NatsServer {
    /// Starts the one that is installed.
    ///
    /// `None`, with a message that nobody overlooks, where it is not.
    ///
    /// # Panics
    ///
    /// Where it is not installed and `CI` is `true`, and where it cannot be started.
    pub fn start() -> Option<Self> {
        NatsServer::of(Release::Installed, "")
    }

    /// Starts one with this in its configuration, in which `STORE` is a folder.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn of(release: Release, config: &str) -> Option<Self> {
        let mut server = NatsServer {
            program: release.program()?,
            broker: Broker::new(),
            config: config.to_owned(),
            route: None,
        };
        server.again();
        Some(server)
    }

    /// Starts a cluster of so many, each of which knows the others.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn cluster(release: Release, count: usize) -> Option<Vec<Self>> {
        let routes: Vec<_> = (0..count).map(|_| OwnPort::new()).collect();
        let urls: Vec<_> = routes
            .iter()
            .map(|port| format!("nats-route://{}", port.addr()))
            .collect();
        let urls = urls.join(", ");
        let servers = routes.into_iter().enumerate().map(|(number, route)| {
            let addr = route.addr();
            let config = format!(
                "server_name: s{number}\ncluster {{ name: c, listen: \"{addr}\", routes: [{urls}] }}\n"
            );
            let mut server = NatsServer::of(release, &config)?;
            server.route = Some(route);
            Some(server)
        });
        let servers: Vec<Self> = servers.collect::<Option<_>>()?;
        for server in &servers {
            eventually("the servers know each other", || {
                server.cluster_size() == count
            });
        }
        Some(servers)
    }

    /// How many servers it says that its cluster has.
    fn cluster_size(&self) -> usize {
        let stream = TcpStream::connect(self.addr()).expect("it runs");
        let mut line = String::new();
        BufReader::new(stream)
            .read_line(&mut line)
            .expect("it greets");
        let info: serde_json::Value =
            serde_json::from_str(line.strip_prefix("INFO ").expect("its INFO")).expect("JSON");
        info["connect_urls"].as_array().map_or(0, Vec::len)
    }

    /// Starts it again, on the same port.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    pub fn again(&mut self) {
        let (ip, port) = (self.addr().ip(), self.addr().port());
        let store = self.broker.dir.path("store");
        let text = format!(
            "listen: \"{ip}:{port}\"\n{}\n",
            self.config.replace("STORE", &store.display().to_string())
        );
        self.broker.start(self.program, &["--config"], &text);
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.broker.port.addr()
    }

    /// What a namespace there is bound as, with options.
    pub fn bound(&self, namespace: &str, options: &str) -> String {
        format!("nats:{}/{namespace}?{options}", self.addr())
    }

    /// The same over TLS, where its configuration says so.
    pub fn bound_over_tls(&self, namespace: &str, options: &str) -> String {
        format!("nats+tls:{}/{namespace}?{options}", self.addr())
    }

    /// Has it say to its clients that it is about to stop.
    ///
    /// # Panics
    ///
    /// If it does not run.
    pub fn be_lame(&self) {
        let signal = format!("ldm={}", self.id());
        run(Command::new(self.program).args(["--signal", &signal])).expect("it is told");
    }

    /// Its process.
    ///
    /// # Panics
    ///
    /// If it does not run.
    pub fn id(&self) -> u32 {
        self.broker.child.as_ref().expect("it runs").id()
    }

    /// Ends it, at once.
    pub fn kill(&mut self) {
        self.broker.kill();
    }
}
