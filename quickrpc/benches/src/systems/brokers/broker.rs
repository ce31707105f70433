//! A broker that runs as long as it is measured.

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;

/// Which broker it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    #[cfg(feature = "nats")]
    Nats,
    #[cfg(feature = "mqtt")]
    Mqtt,
}

/// A running broker; stops when dropped.
pub(crate) struct Broker {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    child: Child,
    config: Option<PathBuf>,
}

impl Broker {
    /// Starts the one that is installed, on a free port.
    pub(crate) fn start(kind: Kind) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let (program, arguments, config) = match kind {
            #[cfg(feature = "nats")]
            Kind::Nats => {
                let arguments = vec!["--addr".into(), "127.0.0.1".into(), "--port".into()];
                let arguments = [arguments, vec![port.to_string()]].concat();
                ("nats-server", arguments, None)
            }
            #[cfg(feature = "mqtt")]
            Kind::Mqtt => {
                // Nothing is dropped, and nobody has to count what is on its way.
                let text = format!(
                    "listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n\
                     max_queued_messages 0\nmax_inflight_messages 1000\nlog_dest none\n"
                );
                let config = file();
                fs::write(&config, text)?;
                let arguments = vec!["-c".to_owned(), config.display().to_string()];
                ("mosquitto", arguments, Some(config))
            }
        };
        let child = spawn(program, &arguments)?;
        let mut broker = Broker {
            kind,
            port,
            child,
            config,
        };
        broker.wait(program)?;
        Ok(broker)
    }

    fn wait(&mut self, program: &str) -> Result {
        let begin = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("`{program}` has ended: {status}").into());
            }
            if begin.elapsed() > Duration::from_secs(10) {
                return Err(format!("`{program}` does not listen").into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

/// Debian has servers where not everybody looks for programs.
fn spawn(program: &str, arguments: &[String]) -> Result<Child> {
    for path in [program.to_owned(), format!("/usr/sbin/{program}")] {
        let mut command = Command::new(path);
        let quiet = command.args(arguments).stdin(Stdio::null());
        match quiet.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            started => return Ok(started?),
        }
    }
    Err(format!("SKIPPED, `{program}` is not there: apt install {program}").into())
}

#[cfg(feature = "mqtt")]
fn file() -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};

    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!(
        "quickrpc-bench-{}-{number}.conf",
        std::process::id()
    ))
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if let Some(config) = &self.config {
            fs::remove_file(config).ok();
        }
    }
}
