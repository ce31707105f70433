//! A link that is cut is noticed, where keepalive is on: two programs in network
//! namespaces of their own, and the cable between them pulled.
//!
//! Needs the rights to make namespaces; skipped loudly without them, but not in CI.

use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use quickrpc_tests::{NatsServer, bounded};

/// Two hosts with a cable between them.
struct Hosts {
    id: String,
    near: String,
    far: String,
}

impl Hosts {
    fn new(test: &str) -> Result<Self, String> {
        let id = format!("{test}{}", std::process::id());
        let hosts = Hosts {
            near: format!("qrn{id}"),
            far: format!("qrf{id}"),
            id,
        };
        let id = &hosts.id;
        let (near, far) = (&hosts.near, &hosts.far);
        ip(&format!("netns add {near}"))?;
        ip(&format!("netns add {far}"))?;
        let (here, there) = (format!("vn{id}"), format!("vf{id}"));
        ip(&format!(
            "link add {here} netns {near} type veth peer name {there} netns {far}"
        ))?;
        ip(&format!("-n {near} addr add 10.77.0.1/30 dev {here}"))?;
        ip(&format!("-n {far} addr add 10.77.0.2/30 dev {there}"))?;
        ip(&format!("-n {near} link set {here} up"))?;
        ip(&format!("-n {far} link set {there} up"))?;
        Ok(hosts)
    }

    /// Starts a program on a host; gives it and its lines.
    fn run(host: &str, program: &str, arguments: &[&str]) -> (Child, Box<dyn BufRead + Send>) {
        let mut child = Command::new("ip")
            .args(["netns", "exec", host, program])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`ip` was there before");
        let lines = BufReader::new(child.stdout.take().expect("it is piped"));
        (child, Box::new(lines))
    }

    fn cut(&self) {
        let (id, far) = (&self.id, &self.far);
        ip(&format!("-n {far} link set vf{id} down")).unwrap();
    }

    fn mend(&self) {
        let (id, far) = (&self.id, &self.far);
        ip(&format!("-n {far} link set vf{id} up")).unwrap();
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        ip(&format!("netns del {}", self.near)).ok();
        ip(&format!("netns del {}", self.far)).ok();
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

fn next_line(mut lines: Box<dyn BufRead + Send>) -> (String, Box<dyn BufRead + Send>) {
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

/// Two hosts, if there can be such.
fn hosts(test: &str) -> Option<Hosts> {
    match Hosts::new(test) {
        Ok(hosts) => Some(hosts),
        Err(why) => {
            let ci = std::env::var_os("CI").is_some();
            assert!(!ci, "no network namespaces: {why}");
            skipped(&why);
            None
        }
    }
}

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_cut_link_to_a_nats_server_is_noticed_and_mended() {
    let Some(server) = NatsServer::start() else {
        return;
    };
    // Only to know that there is one.
    drop(server);
    let Some(hosts) = hosts("n") else {
        return;
    };
    let serve = ["-c", "exec nats-server -a 10.77.0.2 -p 4222 2>&1"];
    let (child, mut lines) = Hosts::run(&hosts.far, "sh", &serve);
    let _server = Running(child);
    loop {
        let (line, rest) = next_line(lines);
        lines = rest;
        if line.contains("Server is ready") {
            break;
        }
    }
    // It goes on writing.
    thread::spawn(move || io::copy(&mut lines, &mut io::sink()));
    let bound = "restart:0.2:nats:10.77.0.2:4222/lab";
    let (child, lines) = Hosts::run(
        &hosts.far,
        env!("CARGO_BIN_EXE_lab_server"),
        &["jrpc", &format!("{bound}?name=server")],
    );
    let _lab = Running(child);
    let (ready, _lab_lines) = next_line(lines);
    assert_eq!(ready, "ready");
    let watch = || {
        let (child, lines) = Hosts::run(
            &hosts.near,
            env!("CARGO_BIN_EXE_lab_watcher"),
            &["jrpc", &format!("{bound}?name=watcher")],
        );
        let (ready, lines) = next_line(lines);
        (Running(child), ready, lines)
    };
    // What the server subscribes to may be heard a moment later than its connection.
    let (_watcher, lines) = (0..50)
        .find_map(|_| {
            let (child, ready, lines) = watch();
            (ready == "ready 5").then_some((child, lines))
        })
        .expect("it is there");
    hosts.cut();
    let cut = Instant::now();
    let (gone, _lines) = next_line(lines);
    let noticed = cut.elapsed();
    assert!(gone.starts_with("gone"), "{gone}");
    // Five silences of 0.4 s, and half a second for the machine.
    assert!(
        noticed < Duration::from_millis(2900),
        "noticed after {noticed:?}: {gone}"
    );
    hosts.mend();
    let again = (0..50).any(|_| watch().1 == "ready 5");
    assert!(again, "it is there again");
}

#[test]
fn a_cut_link_is_noticed_within_two_intervals() {
    let Some(hosts) = hosts("t") else {
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
