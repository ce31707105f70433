//! The commands in `docs/tls.md` make certificates that work.

use std::process::Command;

use quickrpc_tests::{Lab, LabInverse, Openssl, OwnDir, bounded, inbox, serve};

use crate::settled;

#[test]
fn as_the_page_about_tls_says() {
    if !Openssl::is_there() {
        return;
    }
    let page = include_str!("../../../docs/tls.md");
    let scripts: Vec<&str> = page
        .split("```sh\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    let [with_authority, alone] = scripts.as_slice() else {
        panic!("the page has {} scripts", scripts.len());
    };
    let alice = "ca=ca.crt&cert=alice.crt&key=alice.key";
    works(with_authority, "&client_ca=ca.crt", alice, Some("alice"));
    works(alone, "", "ca=server.crt", None);
}

/// A server and a client with the files that a script makes; the server knows the client so.
fn works(script: &str, server: &str, client: &str, name: Option<&str>) {
    let dir = OwnDir::new();
    let mut bash = Command::new("bash");
    bash.args(["-euc", script]).current_dir(&dir);
    let output = bounded("the script", move || bash.output()).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let here = |options: &str| {
        let path = |file: &str| format!("={}", dir.path(file).display());
        let files = [
            "ca.crt",
            "server.crt",
            "server.key",
            "alice.crt",
            "alice.key",
        ];
        files.iter().fold(options.to_owned(), |options, file| {
            options.replace(&format!("={file}"), &path(file))
        })
    };
    let own = here(&format!("cert=server.crt&key=server.key{server}"));
    let api = Lab::bind("jrpc", format!("tlsserv:127.0.0.1:0?{own}")).unwrap();
    serve(&api);
    let (seen, names) = inbox();
    api.on_connect(move |peer| {
        let _ = seen.send(peer.secinfo().get("cn").cloned());
    });
    api.start().unwrap();
    let (addr, options) = (api.local_addrs()[0], here(client));
    let transport = format!("tls:{addr}?{options}&name=hub.local");
    let hub = LabInverse::bind("jrpc", transport).unwrap();
    hub.start().unwrap();
    assert_eq!(settled(hub.all().add(1, 2)).unwrap(), 3);
    let known = hub.peers()[0].secinfo().get("cn").cloned();
    assert_eq!(known.as_deref(), Some("hub"));
    assert_eq!(names.next().as_deref(), name);
}
