//! Certificates that are replaced while a program runs.

use std::fs;
use std::net::SocketAddr;

use quickrpc_tests::{Authority, Identity, LabInverse, TlsStream, bounded, inbox, names};
use rcgen::CertificateParams;

use super::{Person, client_of, connected, server};
use crate::settled;

/// For this machine, and by this name beside.
fn also(name: &str) -> impl FnOnce(&mut CertificateParams) {
    move |params| params.subject_alt_names = names(&["localhost", name], &["127.0.0.1"])
}

/// Whether the server has a certificate for this name.
fn is_called(authority: &Authority, addr: SocketAddr, name: &str) -> bool {
    let transport = format!("{}&name={name}", client_of(authority, addr));
    let api = LabInverse::bind("jrpc", transport).unwrap();
    bounded("start", move || api.start()).is_ok()
}

/// Another file in the place of one, as careful programs do it.
fn replace(file: &std::path::Path, text: &str) {
    let fresh = file.with_extension("fresh");
    fs::write(&fresh, text).unwrap();
    fs::rename(&fresh, file).unwrap();
}

#[test]
fn a_server_takes_a_new_certificate_without_a_restart() {
    let authority = Authority::new("lab");
    let (_api, addr, _served) = server("jrpc", &authority, "");
    let identity = authority.server();
    let old = connected("jrpc", &client_of(&authority, addr));
    for round in 0..5 {
        let name = format!("round{round}.lab");
        assert!(!is_called(&authority, addr, &name));
        authority.issue_into(&identity, "server", also(&name));
        assert!(is_called(&authority, addr, &name));
    }
    // Those who were connected stay so.
    assert_eq!(settled(old.all().add(1, 2)).unwrap(), 3);
}

#[test]
fn files_that_are_wrong_leave_the_old_certificate() {
    let authority = Authority::new("lab");
    let (_api, addr, _served) = server("jrpc", &authority, "");
    let identity = authority.server();
    authority.issue_into(&identity, "server", also("good.lab"));
    assert!(is_called(&authority, addr, "good.lab"));
    let next = Identity {
        cert: authority.path("next.crt"),
        key: authority.path("next.key"),
    };
    authority.issue_into(&next, "next", also("better.lab"));
    let [cert, key] = [&next.cert, &next.key].map(|file| fs::read_to_string(file).unwrap());
    // Half written; gone; the new certificate with the old key.
    fs::write(&identity.cert, &cert[..cert.len() / 2]).unwrap();
    assert!(is_called(&authority, addr, "good.lab"));
    fs::remove_file(&identity.cert).unwrap();
    assert!(is_called(&authority, addr, "good.lab"));
    replace(&identity.cert, &cert);
    assert!(is_called(&authority, addr, "good.lab"));
    // When the key is there too, it fits.
    replace(&identity.key, &key);
    assert!(is_called(&authority, addr, "better.lab"));
    assert!(!is_called(&authority, addr, "good.lab"));
}

#[test]
fn a_server_takes_new_authorities_of_clients() {
    let authority = Authority::new("lab");
    let other = Authority::new("other lab");
    let clients = authority.path("clients.pem");
    fs::copy(authority.file(), &clients).unwrap();
    let options = format!("&client_ca={}", clients.display());
    let (_api, addr, _served) = server("terse", &authority, &options);
    let (alice, bob) = (authority.client("alice"), other.client("bob"));
    let may = |identity: &Identity| {
        let mut stream = TlsStream::client(addr, &authority.file(), Some(identity));
        // In TLS 1.3, the client hears of it only when it reads.
        if stream.handshake().is_err() {
            return false;
        }
        let mut person = Person(stream);
        std::io::Write::write_all(&mut person.0, b"add[1] a:1 b:2\n").is_ok()
            && std::io::Read::read_exact(&mut person.0, &mut [0; 6]).is_ok()
    };
    assert!(may(&alice) && !may(&bob));
    replace(&clients, &fs::read_to_string(other.file()).unwrap());
    assert!(!may(&alice) && may(&bob));
    let both = [authority.file(), other.file()].map(|file| fs::read_to_string(file).unwrap());
    replace(&clients, &both.concat());
    assert!(may(&alice) && may(&bob));
    // Without any, nobody new is believed, and nobody is locked out.
    replace(&clients, "");
    assert!(may(&alice) && may(&bob));
}

#[test]
fn a_client_that_comes_back_has_its_new_certificate() {
    let authority = Authority::new("lab");
    let ca = authority.file();
    let (api, addr, _served) = server("jrpc", &authority, &format!("&client_ca={}", ca.display()));
    let (seen, names) = inbox();
    api.on_connect(move |peer| {
        let _ = seen.send((peer.clone(), peer.secinfo()["cn"].clone()));
    });
    let alice = authority.client("alice");
    let transport = format!("{}&{}", client_of(&authority, addr), alice.options());
    let client = LabInverse::bind("jrpc", format!("restart:0.01:({transport})")).unwrap();
    client.start().unwrap();
    let (peer, name) = names.next();
    assert_eq!(name, "alice");
    authority.issue_into(&alice, "alice II", |_params| {});
    api.disconnect(&peer).unwrap();
    assert_eq!(names.next().1, "alice II");
}
