//! A link that is cut is noticed, where keepalive is on: two programs in network
//! namespaces of their own, and the cable between them pulled.
//!
//! Needs the rights to make namespaces; skipped loudly without them, but not in CI.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use quickrpc_tests::{Mosquitto, NatsServer, OwnDir, bounded, eventually};

/// Two hosts with a cable between them.
struct Hosts {
    near: String,
    far: String,
    cable: String,
}

impl Hosts {
    /// `number`: of several, one after the other.
    fn new(number: usize) -> Result<Self, String> {
        let id = format!("{}x{number}", std::process::id());
        let hosts = Hosts {
            near: format!("qrn{id}"),
            far: format!("qrf{id}"),
            cable: format!("vf{id}"),
        };
        let (near, far) = (&hosts.near, &hosts.far);
        ip(&format!("netns add {near}"))?;
        ip(&format!("netns add {far}"))?;
        let (here, there) = (format!("vn{id}"), &hosts.cable);
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
        ip(&format!("-n {} link set {} down", self.far, self.cable)).unwrap();
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

#[test]
fn a_cut_link_is_noticed_within_two_intervals() {
    for (number, kind) in ["tcp", "zmq"].into_iter().enumerate() {
        match Hosts::new(number) {
            Ok(hosts) => noticed(&hosts, kind),
            Err(why) => {
                let ci = std::env::var_os("CI").is_some();
                assert!(!ci, "no network namespaces: {why}");
                skipped(&why);
                return;
            }
        }
    }
}

fn noticed(hosts: &Hosts, kind: &str) {
    let interval = Duration::from_secs(1);
    let (mut server, lines) = Hosts::run(
        &hosts.far,
        env!("CARGO_BIN_EXE_lab_server"),
        &["jrpc", &format!("{kind}serv::4711")],
    );
    let (ready, _server_lines) = next_line(lines);
    assert_eq!(ready, "ready");
    let (mut watcher, lines) = Hosts::run(
        &hosts.near,
        env!("CARGO_BIN_EXE_lab_watcher"),
        &["jrpc", &format!("{kind}:10.77.0.2:4711?keepalive=1")],
    );
    let (ready, lines) = next_line(lines);
    assert_eq!(ready, "ready 5");
    hosts.cut();
    let cut = Instant::now();
    let (gone, _lines) = next_line(lines);
    let noticed = cut.elapsed();
    assert!(gone.starts_with("gone"), "{kind}: {gone}");
    // A quarter of a second for the machine.
    let limit = interval * 2 + interval / 4;
    assert!(noticed < limit, "{kind}: noticed after {noticed:?}: {gone}");
    watcher.kill().ok();
    watcher.wait().ok();
    server.kill().ok();
    server.wait().ok();
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
    // Only to know that there is one.
    if NatsServer::start().is_none() {
        return;
    }
    let hosts = match Hosts::new(100) {
        Ok(hosts) => hosts,
        Err(why) => {
            let ci = std::env::var_os("CI").is_some();
            assert!(!ci, "no network namespaces: {why}");
            return skipped(&why);
        }
    };
    let (far, cable) = (&hosts.far, &hosts.cable);
    ip(&format!("-n {far} link set lo up")).unwrap();
    let serve = ["-c", "exec nats-server -a 10.77.0.2 -p 4222 2>&1"];
    let (child, lines) = Hosts::run(far, "sh", &serve);
    let _server = Running(child);
    let mut lines: Box<dyn BufRead + Send> = Box::new(lines);
    loop {
        let (line, rest) = next_line(lines);
        lines = Box::new(rest);
        if line.contains("Server is ready") {
            break;
        }
    }
    // It goes on writing.
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    let bound = |name| format!("restart:0.2:nats:10.77.0.2:4222/lab?name={name}");
    let (server, watcher) = (bound("server"), bound("watcher"));
    let (server, watcher) = (["jrpc", &*server], ["jrpc", &*watcher]);
    let (child, lines) = Hosts::run(far, env!("CARGO_BIN_EXE_lab_server"), &server);
    let _lab = Running(child);
    let (ready, _lab_lines) = next_line(lines);
    assert_eq!(ready, "ready");
    // Its subscriptions may be heard a moment later than its connection, and then it ends.
    let watch = || {
        (0..50).find_map(|_| {
            let program = env!("CARGO_BIN_EXE_lab_watcher");
            let (child, lines) = Hosts::run(&hosts.near, program, &watcher);
            let child = Running(child);
            let (ready, lines) = next_line(lines);
            (ready == "ready 5").then_some((child, lines))
        })
    };
    let (_watcher, lines) = watch().expect("it is there");
    hosts.cut();
    let cut = Instant::now();
    let (gone, _lines) = next_line(lines);
    let noticed = cut.elapsed();
    assert!(gone.starts_with("gone"), "{gone}");
    // Five silences of 0.4 s, and time for the machine.
    let limit = Duration::from_secs(4);
    assert!(noticed < limit, "noticed after {noticed:?}: {gone}");
    ip(&format!("-n {far} link set {cable} up")).unwrap();
    assert!(watch().is_some(), "it is there again");
}

#[test]
fn a_peer_that_is_cut_off_from_its_broker_is_gone() {
    // Where no other test starts one, to be skipped as others are.
    if Mosquitto::start().is_none() {
        return;
    }
    let hosts = match Hosts::new(200) {
        Ok(hosts) => hosts,
        Err(why) => {
            let ci = std::env::var_os("CI").is_some();
            assert!(!ci, "no network namespaces: {why}");
            return skipped(&why);
        }
    };
    // Who is on the same host is reached by it.
    ip(&format!("-n {} link set lo up", hosts.near)).unwrap();
    let dir = OwnDir::new();
    let config = dir.path("broker.conf");
    let listener = "log_dest none\nlistener 1883 10.77.0.1\nallow_anonymous true\nuser root\n";
    std::fs::write(&config, listener).unwrap();
    let config = config.display().to_string();
    let (broker, _) = Hosts::run(&hosts.near, Mosquitto::PROGRAM, &["-c", &config]);
    let _broker = Running(broker);
    let asked = |program: &str, arguments: &[&str]| {
        let at = ["-h", "10.77.0.1", "-V", "mqttv5"];
        let (child, _) = Hosts::run(&hosts.far, program, &[&at, arguments].concat());
        Running(child).0.wait().is_ok_and(|status| status.success())
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
    let _server = Running(server);
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
    let _watcher = Running(watcher);
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
