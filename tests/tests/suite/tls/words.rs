//! What goes wrong is said in words, with what to do.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::thread;

use quickrpc::{DisconnectReason, Error};
use quickrpc_tests::{
    Authority, Identity, Lab, LabInverse, Telnet, TlsStream, bounded, inbox, names, server_on,
};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair};

use super::{client_of, reasons, server};
use crate::settled;

/// Why a client does not start.
#[track_caller]
fn refused(transport: &str) -> String {
    let api = LabInverse::bind("jrpc", transport).expect("right expressions");
    match bounded("start", move || api.start()) {
        Err(error @ Error::Start { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// All of the parts are in the text.
#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
}

#[test]
fn certificates_of_servers() {
    let authority = Authority::new("lab");
    let other = Authority::new("other lab");
    let cases: [(&str, Identity, &[&str]); 6] = [
        ("expired", authority.expired_server(), &["expired"]),
        ("future", authority.future_server(), &["valid", "clock"]),
        (
            "another name",
            authority.server_named("elsewhere.lab"),
            &["`127.0.0.1`", "elsewhere.lab", "?name="],
        ),
        (
            "no name",
            authority.issue("nameless", |_params| {}),
            &["`127.0.0.1`", "?name="],
        ),
        ("unknown authority", other.server(), &["authority", "?ca="]),
        (
            "for clients",
            authority.issue("client", |params| {
                params.subject_alt_names = names(&["localhost"], &["127.0.0.1"]);
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
            &["not meant", "server"],
        ),
    ];
    for (what, identity, parts) in cases {
        let options = identity.options();
        for (serves, calls) in [("tlsserv", "tls"), ("wssserv", "wss")] {
            let (api, addr, _served) =
                server_on("jrpc", &format!("{serves}:127.0.0.1:0?{options}"));
            let ca = authority.file();
            let text = refused(&format!("{calls}:{addr}?ca={}", ca.display()));
            says(&text, parts);
            // It says which wire it is, and names no key.
            says(&text, &[&format!("{calls}:{addr}")]);
            assert!(api.peers().is_empty(), "{what}");
        }
    }
}

/// What `openssl req -x509` makes: an authority and a server in one.
#[test]
fn a_certificate_of_its_own() {
    let authority = Authority::new("unused");
    let identity = Identity {
        cert: authority.path("own.crt"),
        key: authority.path("own.key"),
    };
    for is_ca in [true, false] {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names(&["localhost"], &["127.0.0.1"]);
        params.is_ca = match is_ca {
            true => IsCa::Ca(BasicConstraints::Unconstrained),
            false => IsCa::ExplicitNoCa,
        };
        let key = KeyPair::generate().unwrap();
        let cert = params.self_signed(&key).unwrap();
        fs::write(&identity.cert, cert.pem()).unwrap();
        fs::write(&identity.key, key.serialize_pem()).unwrap();
        let options = identity.options();
        let (_api, addr, _served) = server_on("jrpc", &format!("tlsserv:127.0.0.1:0?{options}"));
        let transport = format!("tls:{addr}?ca={}", identity.cert.display());
        if is_ca {
            says(&refused(&transport), &["CA:FALSE"]);
        } else {
            let api = LabInverse::bind("jrpc", transport).unwrap();
            api.start().unwrap();
            assert_eq!(settled(api.all().add(1, 2)).unwrap(), 3);
        }
    }
}

#[test]
fn certificates_of_clients() {
    let authority = Authority::new("lab");
    let other = Authority::new("other lab");
    let ca = authority.file();
    let (api, addr, _served) = server("jrpc", &authority, &format!("&client_ca={}", ca.display()));
    let client = client_of(&authority, addr);
    let expired = authority.issue("late", |params| {
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
    });
    let cases: [(&str, String, &[&str]); 4] = [
        ("none", String::new(), &["?cert="]),
        (
            "another lab's",
            other.client("alice").options(),
            &["authority"],
        ),
        ("expired", expired.options(), &["expired"]),
        (
            "a server's",
            authority.server_named("x.lab").options(),
            &["certificate"],
        ),
    ];
    for (what, own, parts) in cases {
        let separator = if own.is_empty() { "" } else { "&" };
        let text = refused(&format!("{client}{separator}{own}"));
        says(&text, parts);
        assert!(api.peers().is_empty(), "{what}");
    }
}

#[test]
fn a_server_that_does_not_speak_tls() {
    let authority = Authority::new("lab");
    let ca = authority.file();
    for codec in ["jrpc", "jrpc:\\n", "jrpc:content-length", "terse"] {
        let (api, addr, _served) = server_on(codec, "tcpserv:127.0.0.1:0");
        let ends = reasons(&api);
        let (seen, errors) = inbox();
        api.on_error(move |_sender, error, _| {
            let _ = seen.send(error.to_string());
        });
        let text = refused(&format!("tls:{addr}?ca={}", ca.display()));
        says(&text, &["speak TLS", "`tcp:`"]);
        // The server says it too, once, and does not keep the connection.
        says(&errors.next(), &["TLS", "`tlsserv:`"]);
        let reason = ends.next();
        assert!(matches!(reason, DisconnectReason::Garbled(_)), "{reason:?}");
        assert!(errors.so_far().is_empty());
    }
    let (_api, addr, _served) = server_on("jrpc", "wsserv:127.0.0.1:0");
    says(
        &refused(&format!("wss:{addr}?ca={}", ca.display())),
        &["speak TLS", "`ws:`"],
    );
}

#[test]
fn servers_that_speak_something_else_or_nothing() {
    let authority = Authority::new("lab");
    let greetings: [(&[u8], &[&str]); 4] = [
        (b"220 mail.lab ESMTP\r\n", &["speak TLS"]),
        (b"\0\0\0\0\0\0\0\0", &["speak TLS"]),
        (b"", &["handshake", "speak TLS"]),
        // The beginning of an answer.
        (b"\x16\x03\x03\x00\x7a\x02", &["handshake"]),
    ];
    for (greeting, parts) in greetings {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let serving = thread::spawn(move || {
            let mut person = Telnet::over(listener.accept().unwrap().0);
            person.send(greeting);
            person.close_write();
            person.expect_closed();
        });
        says(&refused(&client_of(&authority, addr)), parts);
        bounded("the server", || serving.join()).unwrap();
    }
}

#[test]
fn plain_clients_of_a_tls_port() {
    let authority = Authority::new("lab");
    let (api, addr, _served) = server("jrpc", &authority, "");
    for codec in ["jrpc", "terse"] {
        let client = LabInverse::bind(codec, format!("tcp:{addr}")).unwrap();
        let (seen, errors) = inbox();
        client.on_error(move |_sender, error, _| {
            let _ = seen.send(error.to_string());
        });
        client.start().unwrap();
        let error = settled(client.all().add(1, 2)).unwrap_err();
        assert!(matches!(error, Error::Disconnected { .. }), "{error:?}");
        says(&errors.next(), &["TLS", "`tls:`"]);
    }
    // Telnet sees its end at once.
    let mut person = Telnet::connect(addr);
    person.send("hello\r\n");
    person.expect_closed();
    assert!(api.peers().is_empty());
}

/// Why an expression cannot be bound, or its API cannot start.
#[track_caller]
fn misconfigured(bound: quickrpc::Result<impl Send>) -> String {
    match bound {
        Err(error) => error.to_string(),
        Ok(_) => panic!("nothing is wrong with it"),
    }
}

#[test]
fn files_that_are_wrong() {
    let authority = Authority::new("lab");
    let (good, other) = (authority.server(), authority.server_named("other"));
    let at = |name: &str| authority.path(name);
    let make = |name: &str, text: &str| {
        fs::write(at(name), text).unwrap();
        at(name)
    };
    let empty = make("empty.pem", "");
    let rubbish = make(
        "rubbish.pem",
        "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n",
    );
    let no_x509 = make(
        "no-x509.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    let locked = make(
        "locked.key",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let missing = at("missing.pem");
    let cases: [(&Path, &Path, &[&str]); 9] = [
        (&missing, &good.key, &["missing.pem", "`cert`"]),
        (&good.cert, &missing, &["missing.pem", "`key`"]),
        (&empty, &good.key, &["empty.pem", "BEGIN CERTIFICATE"]),
        (&good.cert, &empty, &["empty.pem", "BEGIN PRIVATE KEY"]),
        (&rubbish, &good.key, &["rubbish.pem"]),
        (&no_x509, &good.key, &["no-x509.pem"]),
        (
            &good.cert,
            &locked,
            &["locked.key", "passphrase", "openssl pkey"],
        ),
        (&good.cert, &other.key, &["other.key", "server.crt"]),
        // Taken for each other.
        (&good.key, &good.cert, &["server.key", "BEGIN CERTIFICATE"]),
    ];
    for (cert, key, parts) in cases {
        let options = format!("cert={}&key={}", cert.display(), key.display());
        let text = misconfigured(Lab::bind("jrpc", format!("tlsserv::0?{options}")));
        says(&text, parts);
        let text = misconfigured(LabInverse::bind(
            "jrpc",
            format!("tls:localhost:1?{options}"),
        ));
        says(&text, parts);
    }
    for (file, parts) in [
        (&missing, &["missing.pem", "`ca`"][..]),
        (&empty, &["empty.pem", "BEGIN CERTIFICATE"]),
        (&no_x509, &["no-x509.pem"]),
    ] {
        let file = file.display();
        let text = misconfigured(LabInverse::bind(
            "jrpc",
            format!("tls:localhost:1?ca={file}"),
        ));
        says(&text, parts);
        let options = good.options();
        let server = format!("wssserv::0?{options}&client_ca={file}");
        let text = misconfigured(Lab::bind("jrpc", server));
        says(&text.replace("client_ca`", "ca`"), parts);
    }
}

/// What `openssl` and others make, and what cannot be used: it is said what it is, and what to
/// do, with nothing of the key.
#[test]
fn keys_that_cannot_be_used() {
    macro_rules! vector {
        ($name:literal) => {
            (
                $name,
                include_str!(concat!("../../../vectors/keys/", $name)),
            )
        };
    }
    let authority = Authority::new("lab");
    let cert = authority.server().cert;
    let cases: [((&str, &str), &[&str]); 7] = [
        (
            vector!("locked-sec1.pem"),
            &["locked by a passphrase", "openssl pkey -in"],
        ),
        (
            vector!("p521-sec1.pem"),
            &["curve P-521", "P-256", "openssl genpkey"],
        ),
        (vector!("secp256k1-sec1.pem"), &["curve secp256k1", "P-256"]),
        (vector!("explicit.pem"), &["explicit parameters", "P-256"]),
        (vector!("ed448.pem"), &["Ed448", "Ed25519"]),
        (vector!("rsa1024.pem"), &["RSA", "2048"]),
        (vector!("openssh.pem"), &["OpenSSH", "ssh-keygen -p -m PEM"]),
    ];
    for ((name, text), parts) in cases {
        let key = authority.path(name);
        fs::write(&key, text).unwrap();
        let options = format!("cert={}&key={}", cert.display(), key.display());
        let said = misconfigured(Lab::bind("jrpc", format!("tlsserv::0?{options}")));
        says(&said, parts);
        says(&said, &[name]);
        for line in text.lines().filter(|line| !line.contains('-')) {
            let part = &line[..line.len().min(16)];
            assert!(part.is_empty() || !said.contains(part), "{said}");
        }
    }
}

/// As the editors and shells of Windows write files.
#[test]
fn marks_of_the_order_of_bytes_in_files() {
    let authority = Authority::new("lab");
    let identity = authority.server();
    let ca = authority.file();
    for file in [&identity.cert, &identity.key, &ca] {
        let text = fs::read_to_string(file).unwrap();
        fs::write(file, format!("\u{feff}{text}")).unwrap();
    }
    let options = format!("{}&client_ca={}", identity.options(), ca.display());
    let (_api, addr, _served) = server_on("jrpc", &format!("tlsserv:127.0.0.1:0?{options}"));
    let client = authority.client("alice").options();
    let client = format!("{}&{client}", client_of(&authority, addr));
    let api = LabInverse::bind("jrpc", client).unwrap();
    api.start().unwrap();
    assert_eq!(settled(api.all().add(1, 2)).unwrap(), 3);

    for file in [&identity.cert, &identity.key, &ca] {
        let text = fs::read_to_string(file).unwrap();
        for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
            // The mark is in the text.
            let wide: Vec<u8> = text.encode_utf16().flat_map(to_bytes).collect();
            fs::write(file, wide).unwrap();
            let said = misconfigured(Lab::bind("jrpc", format!("tlsserv::0?{options}")));
            let name = file.file_name().unwrap().to_str().unwrap();
            says(&said, &[name, "UTF-16", "save it as UTF-8"]);
        }
        fs::write(file, text).unwrap();
    }
}

/// A certificate and its key may be one file, as some programs want it.
#[test]
fn one_file_for_both() {
    let authority = Authority::new("lab");
    let identity = authority.server();
    let both = authority.path("both.pem");
    let text = [&identity.key, &identity.cert].map(|file| fs::read_to_string(file).unwrap());
    fs::write(&both, text.concat()).unwrap();
    let cert = both.display();
    let (_api, addr, _served) = server_on("jrpc", &format!("tlsserv:127.0.0.1:0?cert={cert}"));
    let api = LabInverse::bind("jrpc", client_of(&authority, addr)).unwrap();
    api.start().unwrap();
    assert_eq!(settled(api.all().add(1, 2)).unwrap(), 3);
}

/// With an authority between it and the one that is believed.
#[test]
fn a_chain() {
    let root = Authority::new("root");
    let between = Authority::issued_by(&root, "between");
    let identity = between.server();
    let chain = [&identity.cert, &between.file()].map(|file| fs::read_to_string(file).unwrap());
    let (_api, addr, _served) = {
        let options = identity.options();
        server_on("jrpc", &format!("tlsserv:127.0.0.1:0?{options}"))
    };
    let client = client_of(&root, addr);
    says(&refused(&client), &["authority", "?ca="]);
    fs::write(&identity.cert, chain.concat()).unwrap();
    let api = LabInverse::bind("jrpc", client).unwrap();
    api.start().unwrap();
    assert_eq!(settled(api.all().add(1, 2)).unwrap(), 3);
}

#[test]
fn a_server_tells_its_log_and_no_handler_of_failed_handshakes() {
    let authority = Authority::new("lab");
    let (api, addr, _served) = server("terse", &authority, "");
    let (seen, events) = inbox::<String>();
    let errors = seen.clone();
    api.on_connect(move |peer| {
        let _ = seen.send(peer.to_string());
    });
    api.on_error(move |_sender, error, _| {
        let _ = errors.send(error.to_string());
    });
    // A client that does not believe the server.
    let other = Authority::new("other lab");
    let mut stream = TlsStream::connect(addr, &other.file());
    stream.handshake().unwrap_err();
    let person: SocketAddr = addr;
    let mut good = super::Person::connect(person, &authority);
    good.say("add[1] a:1 b:2");
    assert_eq!(good.line(), "[1]:3");
    assert_eq!(events.so_far().len(), 1, "the good one alone");
}
