//! TLS with the program `openssl`, in both roles.

use quickrpc::{DisconnectReason, Error};
use quickrpc_tests::{Authority, Inbox, Lab, LabInverse, Openssl, SOON, bounded, inbox, serve};

use crate::settled;

/// A running server with one of the authority's certificates, and how its peers have gone.
fn server(authority: &Authority, options: &str) -> (Lab, Inbox<DisconnectReason>) {
    let identity = authority.server().options();
    let transport = format!("tlsserv:127.0.0.1:0?{identity}{options}");
    let api = Lab::bind("terse", transport).unwrap();
    serve(&api);
    let (gone, ends) = inbox();
    api.on_disconnect(move |_peer, reason| {
        let _ = gone.send(reason.clone());
    });
    api.start().unwrap();
    (api, ends)
}

fn path(path: &std::path::Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn s_client() {
    if !Openssl::is_there() {
        return;
    }
    let authority = Authority::new("lab");
    let (api, ends) = server(&authority, "");
    let addr = api.local_addrs()[0];
    let ca = authority.file();
    for version in ["-tls1_2", "-tls1_3"] {
        let verified = ["-verify_return_error", "-verify_hostname", "localhost"];
        let options = [&["-CAfile", path(&ca), version][..], &verified].concat();
        let mut person = Openssl::client(addr, &options);
        person.expect("Verification: OK");
        person.say("add[1] a:1 b:2");
        person.expect("[1]:3");
        person.say(&format!("echo[2] text:\"{}\"", "x".repeat(4000)));
        person.expect(&format!("[2]:\"{}\"", "x".repeat(4000)));
        // And once more with other keys, where there is such a thing.
        if version == "-tls1_3" {
            person.say("K");
            person.expect("KEYUPDATE");
            person.say("add[3] a:2 b:3");
            person.expect("[3]:5");
        }
        // It says goodbye, and is told goodbye.
        person.close_input();
        let reason = ends.next();
        assert!(matches!(reason, DisconnectReason::EndOfInput), "{reason:?}");
    }
}

#[test]
fn s_client_may_not_renegotiate() {
    if !Openssl::is_there() {
        return;
    }
    let authority = Authority::new("lab");
    let (api, ends) = server(&authority, "");
    let mut person = Openssl::client(api.local_addrs()[0], &["-tls1_2"]);
    person.say("add[1] a:1 b:2");
    person.expect("[1]:3");
    person.say("R");
    person.expect("RENEGOTIATING");
    // It waits for what it will not get, which is nobody else's trouble.
    let mut other = Openssl::client(api.local_addrs()[0], &[]);
    other.say("add[1] a:1 b:2");
    other.expect("[1]:3");
    drop(person);
    let reason = ends.next();
    assert!(matches!(reason, DisconnectReason::Lost(_)), "{reason:?}");
}

#[test]
fn s_client_with_a_certificate() {
    if !Openssl::is_there() {
        return;
    }
    let authority = Authority::new("lab");
    let ca = authority.file();
    let (api, _ends) = server(&authority, &format!("&client_ca={}", ca.display()));
    let (seen, callers) = inbox();
    api.notify.connect(move |sender, _text| {
        let _ = seen.send(sender.secinfo().clone());
    });
    let addr = api.local_addrs()[0];
    let alice = authority.client("alice");
    for version in ["-tls1_2", "-tls1_3"] {
        let own = ["-cert", path(&alice.cert), "-key", path(&alice.key)];
        let mut person = Openssl::client(addr, &[&own[..], &[version]].concat());
        person.say("notify");
        let info = callers.next();
        assert_eq!(info["cn"], "alice", "{info:?}");
        let person = Openssl::client(addr, &[version]);
        person.expect("alert certificate required");
    }
    // Another lab's.
    let other = Authority::new("other lab");
    let mallory = other.client("alice");
    let own = ["-cert", path(&mallory.cert), "-key", path(&mallory.key)];
    Openssl::client(addr, &own).expect("alert unknown ca");
    assert!(callers.so_far().is_empty());
}

#[test]
fn s_client_of_old_versions() {
    if !Openssl::is_there() {
        return;
    }
    let authority = Authority::new("lab");
    let (api, _ends) = server(&authority, "");
    let old = ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"];
    let person = Openssl::client(api.local_addrs()[0], &old);
    person.expect(" alert ");
    assert!(api.peers().is_empty());
}

/// A client of ours, over the lab's lines.
fn client(transport: String) -> LabInverse {
    LabInverse::bind("terse", transport).unwrap()
}

#[test]
fn s_server() {
    if !Openssl::is_there() {
        return;
    }
    let authority = Authority::new("lab");
    let identity = authority.server();
    for version in ["-tls1_2", "-tls1_3"] {
        let own = ["-cert", path(&identity.cert), "-key", path(&identity.key)];
        let (mut theirs, addr) = Openssl::server(&[&own[..], &[version]].concat());
        let ca = authority.file();
        let api = client(format!("tls:localhost:{}?ca={}", addr.port(), ca.display()));
        let (gone, ends) = inbox();
        api.on_disconnect(move |_peer, reason| {
            let _ = gone.send(reason.clone());
        });
        api.start().unwrap();
        let sum = api.all().timeout(SOON).add(1, 2);
        theirs.expect("add[1] a:1 b:2");
        theirs.say("[1]:3");
        assert_eq!(settled(sum).unwrap(), 3);
        // It ends the connection when it is told to, without a goodbye.
        theirs.say("q");
        let reason = ends.next().to_string();
        assert!(reason.contains("close_notify"), "{reason}");
    }
}

#[test]
fn s_server_that_wants_a_certificate() {
    if !Openssl::is_there() {
        return;
    }
    let authority = Authority::new("lab");
    let (identity, alice) = (authority.server(), authority.client("alice"));
    let ca = authority.file();
    for version in ["-tls1_2", "-tls1_3"] {
        let own = ["-cert", path(&identity.cert), "-key", path(&identity.key)];
        let wants = [
            "-Verify",
            "1",
            "-verify_return_error",
            "-CAfile",
            path(&ca),
            version,
        ];
        let (mut theirs, addr) = Openssl::server(&[&own[..], &wants].concat());
        let known = format!("tls:localhost:{}?ca={}", addr.port(), ca.display());
        let api = client(format!("{known}&{}", alice.options()));
        api.start().unwrap();
        let sum = api.all().timeout(SOON).add(1, 2);
        theirs.expect("CN = alice");
        theirs.expect("add[1] a:1 b:2");
        theirs.say("[1]:3");
        assert_eq!(settled(sum).unwrap(), 3);
        let stopping = api.clone();
        bounded("stop", move || stopping.stop()).unwrap();
        let api = client(known);
        let refused = api.start().unwrap_err();
        let text = refused.to_string();
        assert!(matches!(refused, Error::Start { .. }), "{refused:?}");
        assert!(
            text.contains("certificate") && text.contains("?cert="),
            "{text}"
        );
    }
}

#[test]
fn s_server_of_old_versions() {
    if !Openssl::is_there() {
        return;
    }
    let authority = Authority::new("lab");
    let identity = authority.server();
    let own = ["-cert", path(&identity.cert), "-key", path(&identity.key)];
    let old = ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"];
    let (_theirs, addr) = Openssl::server(&[&own[..], &old].concat());
    let ca = authority.file();
    let api = client(format!("tls:localhost:{}?ca={}", addr.port(), ca.display()));
    let text = api.start().unwrap_err().to_string();
    assert!(text.contains("TLS 1.2"), "{text}");
}
