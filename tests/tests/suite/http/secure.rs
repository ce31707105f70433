//! The client that posts over TLS: its files, and what goes wrong.

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;

use quickrpc::{DisconnectReason, Error};
use quickrpc_tests::{Authority, Identity, Lab, LabInverse, TlsStream, inbox, server_on};

use super::{add, request};

/// Why something is not even built.
#[track_caller]
fn unfit(transport: &str) -> String {
    match LabInverse::bind("jrpc", transport) {
        Err(error @ Error::Config(_)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Why a call is not answered.
#[track_caller]
fn refused(api: &LabInverse) -> String {
    match api.all().add(2, 3).result() {
        Err(Error::Call(error)) => error.message.to_string(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn client(transport: &str) -> LabInverse {
    let api = LabInverse::bind("jrpc", transport).unwrap();
    api.start().unwrap();
    api
}

/// They would fail each call, or end in the depths of another library.
#[test]
fn files_that_do_not_fit_are_refused_when_it_is_built() {
    let authority = Authority::new("lab");
    let (alice, mallory) = (authority.client("alice"), authority.client("mallory"));
    let mixed = Identity {
        cert: alice.cert.clone(),
        key: mallory.key.clone(),
    };
    let text = unfit(&format!("https://localhost:1/?{}", mixed.options()));
    assert!(text.contains("is not the one of the certificate"), "{text}");
    // What looks like one, and is none.
    let garbage = authority.path("garbage.pem");
    let pem = |kind: &str| format!("-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n");
    for (option, kind, words) in [
        ("ca", "CERTIFICATE", "is of no use"),
        ("key", "PRIVATE KEY", "cannot be used"),
        ("key", "ENCRYPTED PRIVATE KEY", "locked by a passphrase"),
    ] {
        fs::write(&garbage, pem(kind)).unwrap();
        let garbage = garbage.display();
        let transport = match option {
            "ca" => format!("https://localhost:1/?ca={garbage}"),
            _ => format!(
                "https://localhost:1/?cert={}&key={garbage}",
                alice.cert.display()
            ),
        };
        let text = unfit(&transport);
        assert!(text.contains(words), "{kind}: {text}");
    }
}

#[test]
fn what_goes_wrong_is_said_in_the_words_of_tls() {
    let authority = Authority::new("lab");
    let other = Authority::new("other lab");
    let ca = authority.file();
    let own = format!(
        "client_ca={}&{}",
        ca.display(),
        authority.server().options()
    );
    let (_api, addr, _served) = server_on("jrpc", &format!("wssserv:127.0.0.1:0?{own}"));
    let (_plain, plain, _served) = server_on("jrpc", "wsserv:127.0.0.1:0");
    let ca = format!("?ca={}", ca.display());
    let strange = format!("?ca={}", other.file().display());
    let stranger = other.client("alice").options();
    for (transport, words) in [
        (
            format!("https://{addr}/{strange}"),
            "put the authority's certificate",
        ),
        (format!("https://{addr}/{ca}"), "certificate of ours"),
        (format!("https://{addr}/{ca}&{stranger}"), "certificate"),
        (
            format!("https://{plain}/{ca}"),
            "the server does not speak TLS",
        ),
        (format!("http://{addr}/"), "by `https:`"),
    ] {
        let text = refused(&client(&transport));
        assert!(text.contains(words), "{transport}: {text}");
    }
}

/// Of the end between two requests, none of which can be missing, nobody has to be warned.
#[test]
fn clients_of_http_need_no_farewell() {
    let authority = Authority::new("lab");
    let options = authority.server().options();
    let (api, addr, _served) = server_on("jrpc", &format!("wssserv:127.0.0.1:0?{options}"));
    let (told, ends) = inbox();
    api.on_disconnect(move |_peer, reason| {
        let _ = told.send(reason.clone());
    });
    let client = client(&format!(
        "https://{addr}/?ca={}",
        authority.file().display()
    ));
    assert_eq!(client.all().add(2, 3).result().unwrap(), 5);
    client.stop().unwrap();
    let reason = ends.next();
    assert!(matches!(reason, DisconnectReason::EndOfInput), "{reason}");
    // But within one.
    for part in [
        "POST / HT",
        "POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\n{",
    ] {
        let mut stream = TlsStream::client(addr, &authority.file(), None);
        let whole = request("", &add(2, 3, 1).to_string());
        stream.write_all(whole.as_bytes()).unwrap();
        stream.read_exact(&mut [0; 8]).unwrap();
        stream.write_all(part.as_bytes()).unwrap();
        stream.below().shutdown(Shutdown::Write).unwrap();
        let reason = ends.next();
        assert!(
            matches!(reason, DisconnectReason::Lost(_)),
            "{part}: {reason}"
        );
    }
}

#[test]
fn a_new_certificate_counts_without_a_restart() {
    let authority = Authority::new("lab");
    let ca = authority.file();
    let options = format!(
        "client_ca={}&{}",
        ca.display(),
        authority.server().options()
    );
    let transport = format!("wssserv:127.0.0.1:0?{options}");
    let server = Lab::bind("jrpc", transport.as_str()).unwrap();
    let (told, names) = inbox();
    server.add.connect(move |sender, a, b| {
        let _ = told.send(sender.secinfo()["cn"].clone());
        a + b
    });
    server.start().unwrap();
    let addr = server.local_addrs()[0];
    let alice = authority.client("alice");
    let own = alice.options();
    let api = client(&format!("https://{addr}/?ca={}&{own}", ca.display()));
    let called_as = || {
        assert_eq!(api.all().add(2, 3).result().unwrap(), 5);
        names.next()
    };
    assert_eq!(called_as(), "alice");
    authority.issue_into(&alice, "alice II", |_params| {});
    assert_eq!(called_as(), "alice II");
    // The new certificate and the old key, for a moment.
    let next = Identity {
        cert: authority.path("next.crt"),
        key: authority.path("next.key"),
    };
    authority.issue_into(&next, "alice III", |_params| {});
    fs::copy(&next.cert, &alice.cert).unwrap();
    assert_eq!(called_as(), "alice II");
    fs::copy(&next.key, &alice.key).unwrap();
    assert_eq!(called_as(), "alice III");
}
