//! Who is at the other end, and whom one believes.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use quickrpc::security::SecInfo;
use quickrpc_tests::{Authority, Lab, LabInverse, TlsStream, bounded, inbox, names, server_on};
use rcgen::DnType;

use super::{client_of, connected, server};
use crate::settled;

#[test]
fn both_sides_know_who_is_at_the_other_end() {
    let authority = Authority::new("lab");
    let ca = authority.file();
    let (api, addr, _served) = server("jrpc", &authority, &format!("&client_ca={}", ca.display()));
    let (seen, infos) = inbox();
    let note = seen.clone();
    api.on_connect(move |peer| {
        let _ = seen.send(peer.secinfo().clone());
    });
    api.notify.connect(move |sender, _text| {
        let _ = note.send(sender.secinfo().clone());
    });
    let alice = authority.client("alice").options();
    let client = LabInverse::bind("jrpc", format!("{}&{alice}", client_of(&authority, addr)));
    let client = client.unwrap();
    let (tell, servers) = inbox();
    client.on_connect(move |peer| {
        let _ = tell.send(peer.secinfo().clone());
    });
    client.start().unwrap();
    client.all().notify("x").unwrap();
    let of = |info: SecInfo| {
        let mut parts: Vec<String> = info["subject"].split(',').map(str::to_owned).collect();
        parts.sort();
        (info["cn"].clone(), parts.join(","))
    };
    let expected = (String::from("alice"), String::from("CN=alice,O=lab"));
    for info in infos.take(2) {
        assert_eq!(of(info), expected);
    }
    assert_eq!(
        of(servers.next()),
        (String::from("server"), String::from("CN=server"))
    );
}

#[test]
fn without_client_certificates_nothing_is_known() {
    let authority = Authority::new("lab");
    let (api, addr, _served) = server("jrpc", &authority, "");
    let (seen, infos) = inbox();
    api.on_connect(move |peer| {
        let _ = seen.send(peer.secinfo().clone());
    });
    // It has one, but nobody asked.
    let alice = authority.client("alice").options();
    let _client = connected("jrpc", &format!("{}&{alice}", client_of(&authority, addr)));
    assert_eq!(infos.next(), SecInfo::new());
}

#[test]
fn a_security_provider_adds_to_what_the_certificate_says_and_cannot_change_it() {
    let authority = Authority::new("lab");
    let (identity, ca) = (authority.server().options(), authority.file());
    let ca = ca.display();
    let api = Lab::builder()
        .security("blindly_believe_everything:server")
        .transport(format!("tlsserv:127.0.0.1:0?{identity}&client_ca={ca}"))
        .build()
        .unwrap();
    let (seen, infos) = inbox();
    api.notify.connect(move |sender, _text| {
        let _ = seen.send(sender.secinfo().clone());
    });
    api.start().unwrap();
    let alice = authority.client("alice");
    let mut raw = TlsStream::client(api.local_addrs()[0], &authority.file(), Some(&alice));
    let header = r#"{"jsonrpc":"2.0","method":"rpc.secinfo","params":{"user":"bob","cn":"root","subject":"CN=root"}}"#;
    let call = r#"{"jsonrpc":"2.0","method":"notify","params":{"text":"x"}}"#;
    raw.write_all(format!("{header}\0{call}\0").as_bytes())
        .unwrap();
    let info = infos.next();
    assert_eq!((&*info["user"], &*info["cn"]), ("bob", "alice"), "{info:?}");
    assert!(info["subject"].contains("CN=alice"), "{info:?}");
}

#[test]
fn a_subject_may_have_no_name_or_two_or_a_strange_one() {
    let authority = Authority::new("lab");
    let ca = authority.file();
    let (api, addr, _served) = server("jrpc", &authority, &format!("&client_ca={}", ca.display()));
    let (seen, infos) = inbox();
    api.on_connect(move |peer| {
        let _ = seen.send(peer.secinfo().clone());
    });
    let nobody = authority.issue("nobody", |params| {
        params.distinguished_name.remove(DnType::CommonName);
        params
            .distinguished_name
            .push(DnType::OrganizationName, "lab");
        params.subject_alt_names = names(&["device.lab"], &[]);
    });
    let strange = "ä,CN=root+O=\"x\"\n\u{1f600}";
    let other = authority.issue("strange", |params| {
        params.distinguished_name.push(DnType::CommonName, strange);
    });
    let two = authority.issue("two", |params| {
        let second = DnType::CustomDnType(vec![2, 5, 4, 3]);
        params.distinguished_name.push(second, "root");
    });
    for identity in [&nobody, &other, &two] {
        let options = identity.options();
        let transport = format!("{}&{options}", client_of(&authority, addr));
        let _client = connected("jrpc", &transport);
        let info = infos.next();
        if identity.cert == nobody.cert {
            assert!(!info.contains_key("cn"), "{info:?}");
            assert_eq!(info["subject"], "O=lab");
        } else if identity.cert == two.cert {
            assert!(!info.contains_key("cn"), "{info:?}");
            assert!(info["subject"].contains("CN=two"), "{info:?}");
            assert!(info["subject"].contains("CN=root"), "{info:?}");
        } else {
            assert_eq!(info["cn"], strange);
            // It is one name, and no second one.
            assert!(info["subject"].starts_with("CN="), "{info:?}");
            assert!(!info["subject"].contains(",CN=root+O="), "{info:?}");
        }
    }
}

#[test]
fn the_name_to_verify_is_the_host_or_another() {
    let authority = Authority::new("lab");
    let identity = authority.server_named("hub.lab").options();
    let (_api, addr, _served) = server_on("jrpc", &format!("tlsserv:127.0.0.1:0?{identity}"));
    let client = client_of(&authority, addr);
    let api = connected("jrpc", &format!("{client}&name=hub.lab"));
    assert_eq!(settled(api.all().add(1, 2)).unwrap(), 3);
    let wrong = LabInverse::bind("jrpc", client).unwrap().start();
    let text = wrong.unwrap_err().to_string();
    assert!(
        text.contains("`127.0.0.1`") && text.contains("hub.lab"),
        "{text}"
    );
    assert!(text.contains("?name="), "{text}");
}

#[test]
fn ipv6_and_names() {
    let authority = Authority::new("lab");
    let identity = authority.server().options();
    let ca = authority.file();
    for host in ["[::1]", "localhost"] {
        let transport = format!("tlsserv:{host}:0?{identity}");
        let (_api, addr, _served) = server_on("jrpc", &transport);
        let port = addr.port();
        let api = connected("jrpc", &format!("tls:{host}:{port}?ca={}", ca.display()));
        assert_eq!(api.peers()[0].name(), format!("{host}:{port}"));
    }
}

/// In a program of its own, which believes whom its environment says.
#[test]
fn the_authorities_of_the_system_are_believed_without_others() {
    let authority = Authority::new("system");
    let (_api, addr, _served) = server("jrpc", &authority, "");
    let call = |store: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab_caller"));
        command.arg("jrpc").arg(format!("tls:{addr}"));
        command
            .env("SSL_CERT_FILE", store)
            .env_remove("SSL_CERT_DIR");
        let output = bounded("the caller", move || command.output()).unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text + &String::from_utf8_lossy(&output.stderr)
    };
    assert_eq!(call(&authority.file()), "5\n");
    let other = Authority::new("other");
    let text = call(&other.file());
    assert!(
        text.contains("authority") && text.contains("?ca="),
        "{text}"
    );
    // A system without any.
    let none = other.path("none.pem");
    std::fs::write(&none, "").unwrap();
    let text = call(&none);
    assert!(
        text.contains("ca-certificates") && text.contains("?ca="),
        "{text}"
    );
}

/// A certificate that can be verified, and hardly read: who connects to such a server wants the
/// server, and who is let in by such a certificate must be known.
#[test]
fn certificates_that_cannot_be_read() {
    let authority = Authority::new("lab");
    let odd = authority.issue("odd", |params| {
        params.subject_alt_names = names(&["localhost"], &["127.0.0.1"]);
        params.serial_number = Some(vec![0x11; 40].into());
    });
    let (options, ca) = (odd.options(), authority.file());
    let (_api, addr, _served) = server_on("jrpc", &format!("tlsserv:127.0.0.1:0?{options}"));
    let client = connected("jrpc", &client_of(&authority, addr));
    assert_eq!(client.peers()[0].secinfo(), &SecInfo::new());
    assert_eq!(settled(client.all().add(1, 2)).unwrap(), 3);
    let (api, addr, _served) = server("jrpc", &authority, &format!("&client_ca={}", ca.display()));
    let client = LabInverse::bind("jrpc", format!("{}&{options}", client_of(&authority, addr)));
    client.unwrap().start().unwrap_err();
    assert!(api.peers().is_empty());
}
