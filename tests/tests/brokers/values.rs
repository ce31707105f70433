//! Values of properties that a broker of MQTT keeps.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use quickrpc_tests::{Inbox, KeyFile, Mosquitto, eventually, inbox};

use crate::parts::{Work, WorkInverse, Worker, publish};

/// Somebody who looks on, with `mosquitto_sub`: topics and texts, `(null)` for none.
pub(crate) struct Watcher {
    child: Child,
    lines: Inbox<String>,
}

impl Watcher {
    fn start(server: &Mosquitto) -> Self {
        Watcher::of(server, &["-t", "lab/is/#", "-t", "lab/here/#"])
    }

    pub(crate) fn of(server: &Mosquitto, filters: &[&str]) -> Self {
        let mut command = server.client("mosquitto_sub");
        command.args(["-v", "-q", "1"]).args(filters);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let (line, lines) = inbox();
        std::thread::spawn(move || {
            // The test may be over.
            said.lines()
                .map_while(Result::ok)
                .for_each(|text| drop(line.send(text)));
        });
        Watcher { child, lines }
    }

    /// The next line about this, without other topics.
    pub(crate) fn next(&self, about: &str) -> String {
        loop {
            let line = self.lines.next();
            if line.contains(about) {
                return line;
            }
        }
    }

    /// Waits until the broker keeps this no more.
    fn is_taken_back(&self, about: &str) {
        while !self.next(about).ends_with(" (null)") {}
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the broker keeps below a topic.
pub(crate) fn kept(server: &Mosquitto, filter: &str) -> String {
    let mut command = server.client("mosquitto_sub");
    command.args(["-v", "--retained-only", "-W", "1", "-t", filter]);
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

pub(crate) fn owner(server: &Mosquitto, name: &str, volts: f64) -> Work {
    let work = Work::bind("jrpc", server.bound("lab", &format!("name={name}"))).unwrap();
    work.voltage.set(volts).unwrap();
    work.start().unwrap();
    work
}

/// One that hears of voltages.
pub(crate) fn hub(server: &Mosquitto) -> (WorkInverse, Inbox<(String, f64)>) {
    let hub = WorkInverse::bind("jrpc", server.bound("lab", "name=hub")).unwrap();
    let (told, heard) = inbox();
    hub.voltage.connect(move |sender, volts| {
        // The test may be over.
        drop(told.send((sender.name().to_owned(), volts)));
    });
    hub.start().unwrap();
    (hub, heard)
}

fn changed(volts: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"voltage_changed","params":{{"value":{volts}}}}}"#)
}

#[test]
fn anybody_can_look_at_the_values() {
    let Some(server) = Mosquitto::start() else {
        return;
    };
    let work = owner(&server, "press", 5.0);
    let watcher = Watcher::start(&server);
    let line = watcher.next("lab/is/press/");
    let (topic, text) = line.split_once(' ').unwrap();
    assert!(topic.ends_with("/voltage_changed"), "{line}");
    assert_eq!(text, changed("5.0"));
    let (hub, heard) = hub(&server);
    assert_eq!(heard.next(), ("press".into(), 5.0));
    // Told once, and equal values not again.
    for volts in [6.0, 6.0, 7.0] {
        work.voltage.set(volts).unwrap();
    }
    assert_eq!(
        heard.take(2),
        [("press".into(), 6.0), ("press".into(), 7.0)]
    );
    hub.to("press").set_voltage(8.0).result().unwrap();
    assert_eq!(heard.next(), ("press".into(), 8.0));
    assert_eq!(hub.voltage.latest("press"), Some(8.0));
    assert!(watcher.next(topic).contains("6.0"));
    assert!(watcher.next(topic).contains("7.0"));
    assert!(watcher.next(topic).contains("8.0"));
    // Somebody takes it back whose it is not.
    publish(&server, &["-r", "-n", "-t", topic]);
    watcher.is_taken_back(topic);
    assert!(watcher.next(topic).contains("8.0"));
    // With its end it is gone, too.
    work.stop().unwrap();
    watcher.is_taken_back(topic);
    watcher.is_taken_back("lab/here/press");
    eventually("it is gone", || hub.peers().is_empty());
    eventually("so is what it has told", || {
        hub.voltage.latest("press").is_none()
    });
    assert_eq!(kept(&server, "lab/is/#"), "");
}

#[test]
fn who_joins_knows_the_values_without_asking() {
    let Some(server) = Mosquitto::start() else {
        return;
    };
    // Nobody is there who could be asked: these are only kept.
    for (topic, text) in [
        ("lab/here/python/t1", "1"),
        ("lab/is/python/t1/voltage_changed", &*changed("3.5")),
        // Of one that has gone, and of one that has come again since.
        ("lab/is/ghost/t1/voltage_changed", &*changed("666.0")),
        ("lab/is/python/t0/voltage_changed", &*changed("666.0")),
        // What is no value.
        (
            "lab/is/python/t1/work",
            r#"{"jsonrpc":"2.0","method":"work","params":[1]}"#,
        ),
    ] {
        publish(&server, &["-r", "-t", topic, "-m", text]);
    }
    let watcher = Watcher::start(&server);
    watcher.next("lab/here/python/t1");
    let (hub, heard) = hub(&server);
    assert_eq!(heard.next(), ("python".into(), 3.5));
    assert_eq!(hub.voltage.latest("python"), Some(3.5));
    // What belongs to nobody is taken back, by whoever comes.
    watcher.is_taken_back("lab/is/python/t0/voltage_changed");
    assert!(kept(&server, "lab/is/ghost/#").is_empty());
    assert!(kept(&server, "lab/is/python/t1/voltage_changed").contains("3.5"));
    // As when the broker says that he is gone.
    publish(&server, &["-r", "-n", "-t", "lab/here/python/t1"]);
    watcher.is_taken_back("lab/is/python/t1/voltage_changed");
    eventually("he is gone", || hub.peers().is_empty());
    eventually("so is what he has told", || {
        hub.voltage.latest("python").is_none()
    });
    publish(
        &server,
        &[
            "-t",
            "lab/is/python/t1/voltage_changed",
            "-m",
            &changed("9.0"),
        ],
    );
    let _press = owner(&server, "press", 5.0);
    assert_eq!(heard.next(), ("press".into(), 5.0));
}

#[test]
fn whoever_is_killed_leaves_no_value_behind() {
    let Some(server) = Mosquitto::start() else {
        return;
    };
    let worker = Worker::start(&server, "lab", "w");
    let watcher = Watcher::start(&server);
    assert!(watcher.next("lab/is/w/").ends_with(&changed("5.0")));
    let (hub, heard) = hub(&server);
    let _other = owner(&server, "other", 4.0);
    let mut first = heard.take(2);
    first.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(first, [("other".into(), 4.0), ("w".into(), 5.0)]);
    drop(worker);
    watcher.is_taken_back("lab/is/w/");
    eventually("it is gone", || hub.peers().len() == 1);
    eventually("so is what it has told", || {
        hub.voltage.latest("w").is_none()
    });
    assert!(kept(&server, "lab/is/#").contains("/voltage_changed"));
}

#[test]
fn a_broker_that_comes_again_has_the_values_again() {
    let Some(mut server) = Mosquitto::start() else {
        return;
    };
    let bound = format!("restart:0.2:{}", server.bound("lab", "name=press"));
    let work = Work::bind("jrpc", bound).unwrap();
    work.voltage.set(5.0).unwrap();
    work.start().unwrap();
    for volts in [6.0, 7.0] {
        work.voltage.set(volts).unwrap();
        server.kill();
        server.again();
        let (_hub, heard) = hub(&server);
        assert_eq!(heard.next(), ("press".into(), volts));
    }
}

#[test]
fn what_is_signed_is_told_to_each() {
    let Some(server) = Mosquitto::start() else {
        return;
    };
    let keys = KeyFile::of(&["press", "hub"]);
    let press = Work::builder()
        .codec("jrpc")
        .security(keys.hmac("press") + "&to=hub")
        .transport(server.bound("lab", "name=press"));
    let press = press.build().unwrap();
    press.voltage.set(5.0).unwrap();
    press.start().unwrap();
    let hub = WorkInverse::builder()
        .codec("jrpc")
        .security(keys.hmac("hub"))
        .transport(server.bound("lab", "name=hub"));
    let hub = hub.build().unwrap();
    let (told, heard) = inbox();
    hub.voltage
        .connect(move |_, volts| told.send(volts).unwrap());
    hub.start().unwrap();
    assert_eq!(heard.next(), 5.0);
    press.voltage.set(6.0).unwrap();
    assert_eq!(heard.next(), 6.0);
    assert_eq!(kept(&server, "lab/is/#"), "");
}
