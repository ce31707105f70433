//! `unix:` and `unixserv:`: what is special about sockets that have a path. The calls over
//! them are in `matrix`.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::thread;

use quickrpc::{Error, Sender};
use quickrpc_tests::{Lab, LabInverse, OwnDir, client, eventually, inbox, serve, server};

use crate::settled;

fn lab(path: &Path) -> Lab {
    let lab = Lab::bind("terse", format!("unixserv:{}", path.display())).unwrap();
    let _served = serve(&lab);
    lab
}

fn caller(path: &Path) -> LabInverse {
    LabInverse::bind("terse", format!("unix:{}", path.display())).unwrap()
}

#[track_caller]
fn answers(path: &Path) {
    let caller = caller(path);
    caller.start().unwrap();
    assert_eq!(settled(caller.all().add(2, 3)).unwrap(), 5);
}

/// The start fails, and its error says all of this.
#[track_caller]
fn refused(start: quickrpc::Result<()>, expected: ErrorKind, words: &[&str]) {
    let error = start.unwrap_err();
    let Error::Start { kind, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*kind, Some(expected), "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "{error}");
    }
}

fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

/// A socket that a server has left behind that crashed.
fn left_behind(path: &Path) {
    drop(UnixListener::bind(path).unwrap());
    assert!(is_socket(path));
    // A child that another test starts right now has it until it runs its program.
    eventually("nobody listens", || {
        let error = UnixStream::connect(path).err().map(|error| error.kind());
        error == Some(ErrorKind::ConnectionRefused)
    });
}

#[test]
fn two_clients_have_names_of_their_own() {
    let dir = OwnDir::new();
    let path = dir.path("hub");
    let hub = Lab::bind("jrpc", format!("unixserv:{}", path.display())).unwrap();
    let (seen, calls) = inbox();
    hub.echo.connect(move |sender, text| {
        seen.send((sender.clone(), text.to_owned())).unwrap();
        text.to_owned()
    });
    hub.start().unwrap();
    assert!(hub.local_addrs().is_empty(), "they are internet addresses");
    let guests = ["one", "two"].map(|name| {
        let guest = LabInverse::bind("jrpc", format!("unix:{}", path.display())).unwrap();
        guest
            .question
            .connect(move |_sender, text| format!("{name} {text}"));
        guest.start().unwrap();
        assert_eq!(settled(guest.all().echo(name)).unwrap(), name);
        let peers: Vec<String> = guest.peers().iter().map(Sender::to_string).collect();
        assert_eq!(peers, [path.display().to_string()]);
        guest
    });
    let [one, two] = [calls.next(), calls.next()];
    assert_ne!(*one.0, *two.0);
    for (sender, text) in [one, two] {
        let number = sender.strip_prefix("unix:").expect("such a name");
        assert!(number.parse::<u64>().is_ok(), "{sender}");
        let answer = hub.to(&*sender).question("here?");
        assert_eq!(settled(answer).unwrap(), format!("{text} here?"));
    }
    drop(guests);
}

#[test]
fn each_side_knows_the_process_of_the_other() {
    let dir = OwnDir::new();
    let path = dir.path("hub");
    let me = fs::metadata("/proc/self").unwrap();
    let is_me = move |sender: &Sender| {
        let peer = sender.credentials().expect("known of a Unix-domain socket");
        assert_eq!(peer.pid, std::process::id());
        assert_eq!((peer.uid, peer.gid), (me.uid(), me.gid()));
    };
    let hub = Lab::bind("jrpc", format!("unixserv:{}", path.display())).unwrap();
    let (seen, senders) = inbox();
    hub.notify
        .connect(move |sender, _text| seen.send(sender.clone()).unwrap());
    hub.start().unwrap();
    let guest = LabInverse::bind("jrpc", format!("unix:{}", path.display())).unwrap();
    guest.start().unwrap();
    guest.all().notify("me").unwrap();
    is_me(&senders.next());
    is_me(&guest.peers()[0]);
}

#[test]
fn over_tcp_nobody_vouches() {
    let (_api, addr, _served) = server("jrpc");
    let guest = client("jrpc", addr);
    assert_eq!(guest.peers()[0].credentials(), None);
    let (here, _there) = Lab::pair();
    let peer = here.peers()[0].credentials().expect("known in memory");
    assert_eq!(peer.pid, std::process::id());
}

#[test]
fn the_socket_has_the_mode_that_is_asked_for() {
    let dir = OwnDir::new();
    for mode in [0o600, 0o660, 0o666, 0o777, 0o200] {
        let path = dir.path("hub");
        let expression = format!("unixserv:{}?mode={mode:04o}", path.display());
        let hub = Lab::bind("terse", expression).unwrap();
        let _served = serve(&hub);
        hub.start().unwrap();
        let found = fs::symlink_metadata(&path).unwrap();
        assert_eq!(found.permissions().mode() & 0o7777, mode);
        answers(&path);
        hub.stop().unwrap();
    }
}

#[test]
fn nothing_is_left_in_the_directory() {
    let dir = OwnDir::new();
    let path = dir.path("hub");
    let hub = lab(&path);
    for _ in 0..3 {
        hub.start().unwrap();
        answers(&path);
        hub.stop().unwrap();
        assert_eq!(dir.names(), [""; 0]);
    }
    hub.start().unwrap();
    drop(hub);
    assert_eq!(dir.names(), [""; 0]);
}

#[test]
fn a_removed_transport_removes_its_socket() {
    let dir = OwnDir::new();
    let hub = lab(&dir.path("hub"));
    hub.start().unwrap();
    let id = hub.status()[0].id;
    hub.remove_transport(id).unwrap();
    assert_eq!(dir.names(), [""; 0]);
}

#[test]
fn what_a_crashed_server_left_is_replaced() {
    let dir = OwnDir::new();
    let path = dir.path("hub");
    left_behind(&path);
    let hub = lab(&path);
    hub.start().unwrap();
    answers(&path);
    assert_eq!(dir.names(), ["hub"]);
}

#[test]
fn a_server_that_lives_is_not_replaced() {
    let dir = OwnDir::new();
    let path = dir.path("hub");
    let (first, second) = (lab(&path), lab(&path));
    first.start().unwrap();
    let place = path.display().to_string();
    refused(
        second.start(),
        ErrorKind::AddrInUse,
        &[&place, "choose another path"],
    );
    drop(second);
    answers(&path);
    first.stop().unwrap();
    assert_eq!(dir.names(), [""; 0]);
}

#[test]
fn of_two_that_start_at_once_one_is_there() {
    let dir = OwnDir::new();
    let path = dir.path("hub");
    for _ in 0..50 {
        left_behind(&path);
        let together = Arc::new(Barrier::new(2));
        let labs = [lab(&path), lab(&path)].map(|lab| {
            let together = Arc::clone(&together);
            thread::spawn(move || {
                together.wait();
                lab.start().is_ok().then_some(lab)
            })
        });
        let labs = labs.map(|lab| lab.join().unwrap());
        assert_eq!(labs.iter().flatten().count(), 1);
        answers(&path);
    }
}

#[test]
fn what_is_no_socket_is_left_alone() {
    let dir = OwnDir::new();
    let path = dir.path("hub");
    for kind in ["a file", "a directory", "a link to nowhere"] {
        match kind {
            "a file" => fs::write(&path, "precious").unwrap(),
            "a directory" => fs::create_dir(&path).unwrap(),
            _ => symlink("/nowhere", &path).unwrap(),
        }
        let before = fs::symlink_metadata(&path).unwrap();
        refused(
            lab(&path).start(),
            ErrorKind::AlreadyExists,
            &[&path.display().to_string(), "something else than a socket"],
        );
        let after = fs::symlink_metadata(&path).unwrap();
        assert_eq!(
            (before.ino(), before.len()),
            (after.ino(), after.len()),
            "{kind}"
        );
        let aside = dir.path("aside");
        fs::rename(&path, &aside).unwrap();
        let _ = fs::remove_file(&aside).or_else(|_| fs::remove_dir(&aside));
    }
}

#[test]
fn a_socket_of_another_type_is_left_alone() {
    let dir = OwnDir::new();
    let path = dir.path("hub");
    let other = UnixDatagram::bind(&path).unwrap();
    refused(lab(&path).start(), ErrorKind::AddrInUse, &[]);
    UnixDatagram::unbound()
        .unwrap()
        .send_to(b"x", &path)
        .unwrap();
    drop(other);
}

#[test]
fn the_socket_of_a_successor_is_left_alone() {
    let dir = OwnDir::new();
    let path = dir.path("hub");
    let hub = lab(&path);
    hub.start().unwrap();
    fs::remove_file(&path).unwrap();
    let successor = UnixListener::bind(&path).unwrap();
    hub.stop().unwrap();
    assert!(is_socket(&path));
    drop(successor);
}

#[test]
fn errors_of_a_client_say_what_to_do() {
    let dir = OwnDir::new();
    let path = dir.path("hub");
    let place = path.display().to_string();
    let words = [place.as_str(), "start the server first"];
    refused(caller(&path).start(), ErrorKind::NotFound, &words);
    left_behind(&path);
    refused(caller(&path).start(), ErrorKind::ConnectionRefused, &words);
    let long = dir.path(&"x".repeat(120));
    refused(
        caller(&long).start(),
        ErrorKind::InvalidInput,
        &["107 bytes"],
    );
}

#[test]
fn errors_of_a_server_say_what_to_do() {
    let dir = OwnDir::new();
    let nowhere = dir.path("no/hub");
    let place = nowhere.display().to_string();
    refused(
        lab(&nowhere).start(),
        ErrorKind::NotFound,
        &[&place, "create it first"],
    );
    let long = dir.path(&"x".repeat(120));
    refused(lab(&long).start(), ErrorKind::InvalidInput, &["107 bytes"]);
    // Whoever may do everything is refused nothing.
    fs::set_permissions(&dir, Permissions::from_mode(0o500)).unwrap();
    if fs::write(dir.path("probe"), "").is_err() {
        refused(
            lab(&dir.path("hub")).start(),
            ErrorKind::PermissionDenied,
            &["must be writable"],
        );
    }
    fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_client_comes_back_when_the_server_does() {
    let dir = OwnDir::new();
    let path = dir.path("hub");
    let guest = LabInverse::bind("terse", format!("restart:0.01:unix:{}", path.display())).unwrap();
    let (here, connected) = inbox();
    let (gone, disconnected) = inbox();
    guest.on_connect(move |_peer| here.send(()).unwrap());
    guest.on_disconnect(move |_peer, _reason| gone.send(()).unwrap());
    guest.start().unwrap();
    for _ in 0..3 {
        let hub = lab(&path);
        hub.start().unwrap();
        connected.next();
        assert_eq!(settled(guest.all().add(2, 3)).unwrap(), 5);
        hub.stop().unwrap();
        disconnected.next();
    }
}

/// A name in the abstract namespace that nobody else has.
fn own_name(what: &str) -> String {
    format!("@quickrpc-test-{}-{what}", std::process::id())
}

fn nameless(transport: String) -> Lab {
    let lab = Lab::bind("terse", transport).unwrap();
    let _served = serve(&lab);
    lab
}

#[test]
fn a_name_without_a_file() {
    let name = own_name("plain");
    let me = fs::metadata("/proc/self").unwrap();
    let hub = Lab::bind("terse", format!("unixserv:{name}")).unwrap();
    let _served = serve(&hub);
    let (seen, senders) = inbox();
    hub.notify
        .connect(move |sender, _text| seen.send(sender.clone()).unwrap());
    hub.start().unwrap();
    assert!(!Path::new(&name).exists(), "it has no file");
    let known = fs::read_to_string("/proc/net/unix").unwrap();
    assert!(
        known
            .lines()
            .any(|line| line.ends_with(&format!(" {name}")))
    );
    assert!(hub.local_addrs().is_empty());
    answers(Path::new(&name));
    let guest = caller(Path::new(&name));
    guest.start().unwrap();
    assert_eq!(guest.peers()[0].to_string(), name);
    guest.all().notify("me").unwrap();
    for sender in [senders.next(), guest.peers()[0].clone()] {
        let peer = sender.credentials().expect("known as with a path");
        assert_eq!(peer.pid, std::process::id());
        assert_eq!((peer.uid, peer.gid), (me.uid(), me.gid()));
    }
}

#[test]
fn a_name_without_a_file_has_one_server_at_a_time_and_leaves_nothing() {
    let name = own_name("one");
    let first = nameless(format!("unixserv:{name}"));
    first.start().unwrap();
    let second = nameless(format!("unixserv:{name}"));
    let words = ["another program listens there", "another name"];
    refused(second.start(), ErrorKind::AddrInUse, &words);
    answers(Path::new(&name));
    first.stop().unwrap();
    // A child that another test starts right now has it until it runs its program.
    eventually("the name is free", || second.start().is_ok());
    answers(Path::new(&name));
    second.stop().unwrap();
    eventually("nobody listens", || {
        let known = fs::read_to_string("/proc/net/unix").unwrap();
        !known.contains(&name)
    });
    let words = ["start the server first"];
    refused(
        caller(Path::new(&name)).start(),
        ErrorKind::ConnectionRefused,
        &words,
    );
}

#[test]
fn a_name_without_a_file_has_a_length() {
    let longest = format!("{:x<108}", own_name("long-"));
    let lab = nameless(format!("unixserv:{longest}"));
    lab.start().unwrap();
    answers(Path::new(&longest));
    let longer = longest + "x";
    for start in [
        nameless(format!("unixserv:{longer}")).start(),
        caller(Path::new(&longer)).start(),
    ] {
        refused(start, ErrorKind::InvalidInput, &["can have 107 bytes"]);
    }
}

#[test]
fn a_file_may_have_such_a_name() {
    let dir = OwnDir::new();
    let path = dir.path("@hub");
    let lab = lab(&path);
    lab.start().unwrap();
    assert!(is_socket(&path));
    answers(&path);
}
