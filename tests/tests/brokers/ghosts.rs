//! What a broker of MQTT keeps of those who were gone together with it: it has been told of nobody's end.

use quickrpc_tests::{Mosquitto, eventually, inbox};

use crate::parts::{Work, publish};
use crate::values::{Watcher, hub, kept, owner};

/// What peers with these names leave behind whom nobody has seen go: topics and texts.
fn left_by(server: &Mosquitto, names: &[&str]) -> Vec<(String, String)> {
    let peers: Vec<_> = names.iter().map(|name| owner(server, name, 5.0)).collect();
    let lines = || kept(server, "lab/here/#") + &kept(server, "lab/is/#");
    eventually("all is kept", || lines().lines().count() == 2 * names.len());
    let lines = lines();
    drop(peers);
    let parted = lines.lines().map(|line| line.split_once(' ').unwrap());
    parted
        .map(|(topic, text)| (topic.to_owned(), text.to_owned()))
        .collect()
}

fn leave(server: &Mosquitto, left: &[(String, String)]) {
    for (topic, text) in left {
        publish(server, &["-r", "-t", topic, "-m", text]);
    }
}

fn is_taken_back(server: &Mosquitto, left: &[(String, String)]) {
    eventually("it is taken back", || {
        let kept = kept(server, "lab/here/#") + &kept(server, "lab/is/#");
        left.iter().all(|(topic, _)| !kept.contains(topic))
    });
}

#[test]
fn who_comes_finds_that_nobody_is_there() {
    let Some(server) = Mosquitto::start() else {
        return;
    };
    let left = left_by(&server, &["press", "lathe"]);
    leave(&server, &left);
    let (hub, _heard) = hub(&server);
    is_taken_back(&server, &left);
    eventually("nobody is there", || hub.peers().is_empty());
}

#[test]
fn who_comes_again_takes_back_what_is_left_of_himself() {
    let Some(server) = Mosquitto::start() else {
        return;
    };
    let left = left_by(&server, &["press"]);
    leave(&server, &left);
    let press = Work::bind("jrpc", server.bound("lab", "name=press")).unwrap();
    let (told, errors) = inbox();
    press.on_error(move |_, error, _| told.send(error.to_string()).unwrap_or_default());
    press.voltage.set(9.0).unwrap();
    press.start().unwrap();
    is_taken_back(&server, &left);
    let (hub, heard) = hub(&server);
    assert_eq!(heard.next(), ("press".into(), 9.0));
    assert_eq!(hub.voltage.latest("press"), Some(9.0));
    eventually("they know each other", || press.peers().len() == 1);
    // He is not two.
    assert_eq!(errors.so_far(), [""; 0]);
    assert_eq!(heard.so_far(), []);
}

/// Then the broker never says that nobody hears something.
#[test]
fn somebody_who_looks_on_is_nobody_elses_presence() {
    let Some(server) = Mosquitto::start() else {
        return;
    };
    let left = left_by(&server, &["press", "lathe"]);
    leave(&server, &left);
    let looks_on = Watcher::of(&server, &["-t", "lab/#"]);
    looks_on.next("lab/here/press/");
    let press = Work::bind("jrpc", server.bound("lab", "name=press&keepalive=1")).unwrap();
    let (told, errors) = inbox();
    press.on_error(move |_, error, _| told.send(error.to_string()).unwrap_or_default());
    press.start().unwrap();
    is_taken_back(&server, &left);
    eventually("nobody is there", || press.peers().is_empty());
    let is_two = |error: &String| error.contains("another program");
    assert!(!errors.so_far().iter().any(is_two));
}

/// In which order the broker tells of two is up to it.
#[test]
fn of_two_of_one_name_the_one_is_known_that_is_there() {
    let Some(server) = Mosquitto::start() else {
        return;
    };
    let names = ["a", "b", "c", "d", "e", "f"];
    let left = left_by(&server, &names);
    let _peers: Vec<_> = names.iter().map(|name| owner(&server, name, 9.0)).collect();
    leave(&server, &left);
    let (hub, _heard) = hub(&server);
    is_taken_back(&server, &left);
    eventually("those are known who are there", || {
        names
            .iter()
            .all(|name| hub.voltage.latest(name) == Some(9.0))
    });
    assert_eq!(hub.peers().len(), names.len());
}

/// Whoever is told that somebody has gone takes him for gone, and he says that he is there.
#[test]
fn who_is_there_says_so_when_his_presence_is_taken_back() {
    let Some(server) = Mosquitto::start() else {
        return;
    };
    let _press = owner(&server, "press", 5.0);
    let (hub, heard) = hub(&server);
    assert_eq!(heard.next(), ("press".into(), 5.0));
    let line = kept(&server, "lab/here/press/#");
    let (topic, _) = line.split_once(' ').unwrap();
    publish(&server, &["-r", "-n", "-t", topic]);
    assert_eq!(heard.next(), ("press".into(), 5.0));
    assert_eq!(hub.peers().len(), 1);
    assert!(kept(&server, "lab/here/press/#").contains(topic));
}
