//! A link that is cut is noticed, where keepalive is on: two programs in network
//! namespaces of their own, and the cable between them pulled.
//!
//! Needs the rights to make namespaces; skipped loudly without them, but not in CI.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use quickrpc_tests::{Mosquitto, OwnDir, bounded, eventually};

/// Two hosts with a cable between them.
struct Hosts {
    id: String,
    near: String,
    far: String,
}

impl Hosts {
    fn new() -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let id = format!("{}x{count}", std::process::id());
        let hosts = Hosts {
            id: id.clone(),
            near: format!("qrn{id}"),
            far: format!("qrf{id}"),
        };
        let (near, far) = (&hosts.near, &hosts.far);
        ip(&format!("netns add {near}"))?;
        ip(&format!("netns add {far}"))?;
        let (here, there) = (format!("vn{id}"), format!("vf{id}"));
        ip(&format!(
            "link add {here} netns {near} type veth peer name {there} netns {far}"
        ))?;
        ip(&format!("-n {near} addr add 10.77.0.1/30 dev {here}"))?;
        ip(&format!("-n {far} addr add 10.77.0.2/30 dev {there}"))?;
        // Who is on the same host is reached by it.
        ip(&format!("-n {near} link set lo up"))?;
        ip(&format!("-n {near} link set {here} up"))?;
        ip(&format!("-n {far} link set {there} up"))?;
        Ok(hosts)
    }

    /// Starts a program on a host; gives it and its lines.
    fn run(
        host: &str,
        program: &str,
        arguments: &[&str],
    ) -> (Child, impl BufRead + Send + 'static) {
        let mut child = Command::new("ip")
            .args(["netns", "exec", host, program])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`ip` was there before");
        let lines = BufReader::new(child.stdout.take().expect("it is piped"));
        (child, lines)
    }

    fn cut(&self) {
        let id = &self.id;
        ip(&format!("-n {} link set vf{id} down", self.far)).unwrap();
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        ip(&format!("netns del {}", self.near)).ok();
        ip(&format!("netns del {}", self.far)).ok();
    }
}

/// A program that ends with the test.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn ip(arguments: &str) -> Result<(), String> {
    let output = Command::new("ip")
        .args(arguments.split_whitespace())
        .output()
        .map_err(|error| format!("`ip`: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "`ip {arguments}`: {}",
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}

fn next_line(mut lines: impl BufRead + Send + 'static) -> (String, impl BufRead + Send + 'static) {
    bounded("a line of a program", move || {
        let mut line = String::new();
        lines.read_line(&mut line).expect("the program talks");
        (line.trim_end().to_owned(), lines)
    })
}

#[allow(
    clippy::print_stderr,
    reason = "a test that did not run must not go unnoticed"
)]
fn skipped(why: &str) {
    eprintln!("SKIPPED, since there are no network namespaces: {why}");
}

/// Two hosts, where this system lets us have some.
fn hosts() -> Option<Hosts> {
    match Hosts::new() {
        Ok(hosts) => Some(hosts),
        Err(why) => {
            let ci = std::env::var_os("CI").is_some();
            assert!(!ci, "no network namespaces: {why}");
            skipped(&why);
            None
        }
    }
}

#[test]
fn a_cut_link_is_noticed_within_two_intervals() {
    let Some(hosts) = hosts() else {
        return;
    };
    let interval = Duration::from_secs(1);
    let (mut server, lines) = Hosts::run(
        &hosts.far,
        env!("CARGO_BIN_EXE_lab_server"),
        &["jrpc", "tcpserv::4711"],
    );
    let (ready, _server_lines) = next_line(lines);
    assert_eq!(ready, "ready");
    let (mut watcher, lines) = Hosts::run(
        &hosts.near,
        env!("CARGO_BIN_EXE_lab_watcher"),
        &["jrpc", "tcp:10.77.0.2:4711?keepalive=1"],
    );
    let (ready, lines) = next_line(lines);
    assert_eq!(ready, "ready 5");
    hosts.cut();
    let cut = Instant::now();
    let (gone, _lines) = next_line(lines);
    let noticed = cut.elapsed();
    assert!(gone.starts_with("gone"), "{gone}");
    // A quarter of a second for the machine.
    let limit = interval * 2 + interval / 4;
    assert!(noticed < limit, "noticed after {noticed:?}: {gone}");
    watcher.kill().ok();
    watcher.wait().ok();
    server.kill().ok();
    server.wait().ok();
}

#[test]
fn a_peer_that_is_cut_off_from_its_broker_is_gone() {
    // Where no other test starts one, to be skipped as others are.
    if Mosquitto::start().is_none() {
        return;
    }
    let Some(hosts) = hosts() else {
        return;
    };
    let dir = OwnDir::new();
    let config = dir.path("broker.conf");
    let listener = "listener 1883 10.77.0.1\nallow_anonymous true\nuser root\n";
    std::fs::write(&config, listener).unwrap();
    let config = config.display().to_string();
    let (broker, _) = Hosts::run(&hosts.near, Mosquitto::PROGRAM, &["-c", &config]);
    let _broker = Ending(broker);
    let asked = |program: &str, arguments: &[&str]| {
        let at = ["-h", "10.77.0.1", "-V", "mqttv5"];
        let (child, _) = Hosts::run(&hosts.far, program, &[&at, arguments].concat());
        Ending(child).0.wait().is_ok_and(|status| status.success())
    };
    eventually("the broker listens", || {
        asked("mosquitto_pub", &["-t", "a", "-m", "b"])
    });
    let bound = |name: &str| format!("mqtt:10.77.0.1:1883/lab?name={name}&keepalive=1");
    let (server, lines) = Hosts::run(
        &hosts.far,
        env!("CARGO_BIN_EXE_lab_server"),
        &["jrpc", &bound("server")],
    );
    let _server = Ending(server);
    let (ready, _server_lines) = next_line(lines);
    assert_eq!(ready, "ready");
    let here = ["-t", "lab/here/server/#", "-C", "1", "-W", "20"];
    assert!(
        asked("mosquitto_sub", &here),
        "it does not say that it is there"
    );
    let (watcher, lines) = Hosts::run(
        &hosts.near,
        env!("CARGO_BIN_EXE_lab_watcher"),
        &["jrpc", &bound("watcher")],
    );
    let _watcher = Ending(watcher);
    let (ready, lines) = next_line(lines);
    assert_eq!(ready, "ready 5");
    hosts.cut();
    let cut = Instant::now();
    let (gone, _lines) = next_line(lines);
    let noticed = cut.elapsed();
    assert!(gone.starts_with("gone"), "{gone}");
    // One and a half times the keepalive, by the broker, which looks once in a few seconds.
    assert!(
        noticed < Duration::from_secs(10),
        "noticed after {noticed:?}: {gone}"
    );
}
