//! TLS to a server.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::TcpListener;

use quickrpc::Error;
use quickrpc_tests::{Authority, Identity, NatsServer, Release, SOON};

use crate::parts::{Shop, ShopInverse, sees};

by_both_servers! {
    a_server_is_reached_over_tls
    who_is_not_believed_is_an_error_that_says_so
}

/// The part of a configuration.
fn tls(authority: &Authority, server: &Identity, more: &str) -> String {
    format!(
        "tls {{ cert_file: \"{}\", key_file: \"{}\", ca_file: \"{}\"\n{more} }}\n",
        server.cert.display(),
        server.key.display(),
        authority.file().display(),
    )
}

/// Tests of what a secured server does.
fn works(server: &NatsServer, options: &str) {
    let bound = |name: &str| server.bound_over_tls("lab", &format!("name={name}&{options}"));
    let shop = Shop::bind("jrpc", bound("shop")).unwrap();
    shop.add.connect(|_, a, b| a + b);
    shop.who.connect(|sender| format!("{:?}", sender.secinfo()));
    shop.start().unwrap();
    let api = ShopInverse::bind("jrpc", bound("hub")).unwrap();
    api.start().unwrap();
    sees(&api, 1);
    let calls: Vec<_> = (0..200).map(|a| api.any().add(a, 1)).collect();
    for (a, call) in (0..).zip(calls) {
        assert_eq!(call.result().unwrap(), a + 1);
    }
    // The broker's certificate says nothing of who is behind it.
    assert_eq!(api.to("shop").who().result().unwrap(), "{}");
}

fn a_server_is_reached_over_tls(release: Release) {
    let authority = Authority::new("lab");
    let (identity, hub) = (authority.server(), authority.client("hub"));
    let ca = format!("ca={}&server_name=localhost", authority.file().display());
    let Some(server) = NatsServer::of(release, &tls(&authority, &identity, "")) else {
        return;
    };
    works(&server, &ca);
    // Whoever has a certificate, where the server wants to see it.
    let verified = NatsServer::of(release, &tls(&authority, &identity, "verify: true")).unwrap();
    works(&verified, &format!("{ca}&{}", hub.options()));
    let nobody = ShopInverse::bind("jrpc", verified.bound_over_tls("lab", &ca)).unwrap();
    let error = nobody.start().unwrap_err().to_string();
    assert!(error.contains("certificate"), "{error}");
    // TLS at once, which only the current one knows.
    if let Release::Current(_) = release {
        let config = tls(&authority, &identity, "handshake_first: true");
        let first = NatsServer::of(release, &config).unwrap();
        works(&first, &format!("{ca}&handshake_first=on"));
    }
}

/// Why it does not start.
fn refused(expression: String) -> String {
    let api = ShopInverse::bind("jrpc", expression).unwrap();
    let error = api.start().unwrap_err();
    assert!(matches!(error, Error::Start { .. }), "{error}");
    error.to_string()
}

fn who_is_not_believed_is_an_error_that_says_so(release: Release) {
    let (authority, other) = (Authority::new("lab"), Authority::new("elsewhere"));
    let identity = authority.server_named("broker.lab");
    let Some(secured) = NatsServer::of(release, &tls(&authority, &identity, "")) else {
        return;
    };
    let (right, wrong) = (authority.file(), other.file());
    let (right, wrong) = (right.display(), wrong.display());
    let plain = NatsServer::of(release, "").unwrap();
    let good = format!("ca={right}&server_name=broker.lab");
    for (expression, why) in [
        (
            secured.bound_over_tls("lab", &format!("ca={wrong}&server_name=broker.lab")),
            "authority that is not known here",
        ),
        (
            secured.bound_over_tls("lab", &format!("ca={right}&server_name=localhost")),
            "is not for `localhost`, but for \"broker.lab\"",
        ),
        (
            secured.bound("lab", "name=x"),
            "the broker wants TLS, which is `nats+tls:`",
        ),
        (
            plain.bound_over_tls("lab", &good),
            "the broker has no TLS, which `nats+tls:` wants",
        ),
        (
            plain.bound_over_tls("lab", &format!("{good}&handshake_first=on")),
            "TLS",
        ),
    ] {
        let error = refused(expression);
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn nothing_that_is_said_in_the_plain_is_taken_for_secured() {
    let authority = Authority::new("lab");
    let info = "INFO {\"headers\":true,\"max_payload\":1048576,\"tls_required\":true}\r\n";
    for (said, why) in [
        (
            format!("{info}MSG lab.all.say 1 2\r\n{{}}\r\n"),
            "more before TLS begins",
        ),
        (format!("{info}PONG\r\n"), "more before TLS begins"),
        (format!("PING\r\n{info}"), "an answer before TLS begins"),
        (String::new(), "handshake_first=on"),
        (
            "HTTP/1.1 400 Bad Request\r\n\r\n".to_owned(),
            "no NATS server",
        ),
        (format!("{info}no record of TLS"), "more before TLS begins"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let broker = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(SOON)).unwrap();
            stream.write_all(said.as_bytes()).unwrap();
            match said.is_empty() {
                true => drop(stream),
                false => {
                    // It may be gone already.
                    let _ = stream.read_to_end(&mut Vec::new());
                }
            }
        });
        let mut expression = format!("nats+tls:{addr}/lab?name=hub&server_name=localhost");
        write!(expression, "&ca={}", authority.file().display()).unwrap();
        let error = refused(expression);
        assert!(error.contains(why), "{error}");
        broker.join().unwrap();
    }
}
