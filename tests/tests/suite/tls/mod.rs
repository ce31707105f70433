//! TLS: what is promised over it as over every stream, and who is at the other end.

mod hostile;
mod reload;
mod words;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::thread;

use quickrpc::security::SecInfo;
use quickrpc::{DisconnectReason, Error, Limits};
use quickrpc_tests::{
    Authority, Inbox, Lab, LabInverse, OwnHost, Served, TlsStream, bounded, inbox, names, serve,
    server_on,
};
use rcgen::DnType;

use crate::settled;

/// A running server with a certificate of the authority.
fn server(codec: &str, authority: &Authority, options: &str) -> (Lab, SocketAddr, Served) {
    let identity = authority.server().options();
    server_on(codec, &format!("tlsserv:127.0.0.1:0?{identity}{options}"))
}

/// The expression of a client that believes the authority.
fn client_of(authority: &Authority, addr: SocketAddr) -> String {
    format!("tls:{addr}?ca={}", authority.file().display())
}

/// A client that has connected.
#[track_caller]
fn connected(codec: &str, transport: &str) -> LabInverse {
    let api = LabInverse::bind(codec, transport).expect("right expressions");
    api.start().expect("a server that accepts");
    api
}

/// How peers go.
fn reasons(api: &Lab) -> Inbox<DisconnectReason> {
    let (gone, ends) = inbox();
    api.on_disconnect(move |_peer, reason| {
        let _ = gone.send(reason.clone());
    });
    ends
}

/// A person on the other side, over `terse`.
struct Person(TlsStream);

impl Person {
    #[track_caller]
    fn connect(addr: SocketAddr, authority: &Authority) -> Self {
        let mut stream = TlsStream::connect(addr, &authority.file());
        stream.handshake().expect("a handshake");
        Person(stream)
    }

    #[track_caller]
    fn say(&mut self, line: &str) {
        let line = format!("{line}\n");
        self.0.write_all(line.as_bytes()).expect("the server reads");
    }

    #[track_caller]
    fn line(&mut self) -> String {
        let mut line = Vec::new();
        let mut byte = [0];
        loop {
            self.0.read_exact(&mut byte).expect("the server answers");
            match byte {
                [b'\n'] => return String::from_utf8(line).expect("text"),
                [byte] => line.push(byte),
            }
        }
    }

    /// Whether the other side says goodbye, and how much came before.
    fn rest(&mut self) -> std::io::Result<usize> {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest)
    }
}

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
    let none = other.dir().join("none.pem");
    std::fs::write(&none, "").unwrap();
    let text = call(&none);
    assert!(
        text.contains("ca-certificates") && text.contains("?ca="),
        "{text}"
    );
}

#[test]
fn start_waits_for_the_handshake_but_not_for_ever() {
    let authority = Authority::new("lab");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let transport = client_of(&authority, silent.local_addr().unwrap());
    let api = LabInverse::bind("jrpc", format!("{transport}&greeting=0.2")).unwrap();
    let Err(Error::Start { reason, .. }) = bounded("start", move || api.start()) else {
        panic!("it has not started");
    };
    assert!(reason.contains("in time"), "{reason}");
}

#[test]
fn a_handshake_does_not_hold_up_a_stop() {
    let authority = Authority::new("lab");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let transport = client_of(&authority, silent.local_addr().unwrap());
    let api = LabInverse::bind("jrpc", transport).unwrap();
    let starting = api.start_nonblocking();
    let (_connection, _) = silent.accept().unwrap();
    let stopping = api.clone();
    bounded("stop", move || stopping.stop()).unwrap();
    bounded("start", move || starting.result()).unwrap_err();
}

#[test]
fn who_ends_by_close_notify_still_gets_its_answers() {
    let authority = Authority::new("lab");
    let (api, addr, _served) = server("terse", &authority, "");
    let ends = reasons(&api);
    let mut person = Person::connect(addr, &authority);
    person.say("add[1] a:1 b:2");
    person.say(&format!("echo[2] text:\"{}\"", "x".repeat(1 << 20)));
    person.0.close_notify();
    assert_eq!(person.line(), "[1]:3");
    assert_eq!(person.line().len(), "[2]:\"\"".len() + (1 << 20));
    // Goodbye from there too, so that nothing can have been cut off.
    assert_eq!(person.rest().unwrap(), 0);
    assert!(matches!(ends.next(), DisconnectReason::EndOfInput));
}

#[test]
fn an_end_without_close_notify_may_be_somebody_elses() {
    let authority = Authority::new("lab");
    let (api, addr, _served) = server("terse", &authority, "");
    let ends = reasons(&api);
    let mut person = Person::connect(addr, &authority);
    person.say("add[1] a:1 b:2");
    assert_eq!(person.line(), "[1]:3");
    person.0.below().shutdown(Shutdown::Write).unwrap();
    let reason = ends.next();
    assert!(!matches!(reason, DisconnectReason::EndOfInput));
    assert!(reason.to_string().contains("close_notify"), "{reason}");
}

#[test]
fn a_client_is_told_of_both_ends_of_its_server() {
    let authority = Authority::new("lab");
    let identity = authority.server();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let serving = thread::spawn(move || {
        for goodbye in [true, false] {
            let mut stream = TlsStream::server(listener.accept().unwrap().0, &identity, None);
            let mut call = [0; 10];
            stream.read_exact(&mut call).unwrap();
            if goodbye {
                stream.close_notify();
            }
        }
    });
    for goodbye in [true, false] {
        let client = LabInverse::bind("terse", client_of(&authority, addr)).unwrap();
        let (gone, ends) = inbox();
        client.on_disconnect(move |_peer, reason| {
            let _ = gone.send(reason.clone());
        });
        client.start().unwrap();
        // This thread reads by itself.
        let error = settled(client.all().add(1, 2)).unwrap_err();
        assert!(matches!(error, Error::Disconnected { .. }), "{error:?}");
        let reason = ends.next();
        assert_eq!(
            matches!(reason, DisconnectReason::EndOfInput),
            goodbye,
            "{reason}"
        );
        assert_eq!(
            reason.to_string().contains("close_notify"),
            !goodbye,
            "{reason}"
        );
    }
    bounded("the server", || serving.join()).unwrap();
}

#[test]
fn we_say_goodbye_in_both_roles() {
    let authority = Authority::new("lab");
    let (api, addr, _served) = server("terse", &authority, "");
    // Disconnected.
    let mut person = Person::connect(addr, &authority);
    person.say("add[1] a:1 b:2");
    assert_eq!(person.line(), "[1]:3");
    let peers = api.peers();
    api.disconnect(&peers[0]).unwrap();
    assert_eq!(person.rest().unwrap(), 0);
    // Stopped.
    let mut person = Person::connect(addr, &authority);
    person.say("add[1] a:1 b:2");
    assert_eq!(person.line(), "[1]:3");
    bounded("stop", move || api.stop()).unwrap();
    assert_eq!(person.rest().unwrap(), 0);
    // A client that stops.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = client_of(&authority, listener.local_addr().unwrap());
    let identity = authority.server();
    let serving = thread::spawn(move || {
        let stream = TlsStream::server(listener.accept().unwrap().0, &identity, None);
        Person(stream).rest().unwrap()
    });
    connected("terse", &client).stop().unwrap();
    assert_eq!(bounded("the server", || serving.join()).unwrap(), 0);
}

/// Many threads at once, with answers that are shorter and longer than a record and than a
/// buffer: whoever reads, and whenever it leaves the reading to another, nothing is left behind.
#[test]
fn nothing_is_left_behind_when_readers_change() {
    let authority = Authority::new("lab");
    let (_api, addr, _served) = server("jrpc", &authority, "");
    for spin in ["", "&spin=50us"] {
        let client = connected("jrpc", &(client_of(&authority, addr) + spin));
        let threads: Vec<_> = (0..4_usize)
            .map(|number| {
                let hub = client.all();
                thread::spawn(move || {
                    for round in 0..100 {
                        let length = [0, 10, 5000, 17_000, 70_000, 200_000][(number + round) % 6];
                        let text = "x".repeat(length);
                        if round % 3 == 0 {
                            let (done, answers) = inbox();
                            hub.echo(&text).then(
                                move |answer| done.send(answer).unwrap(),
                                |error| panic!("{error}"),
                            );
                            assert_eq!(answers.next().len(), length);
                        } else {
                            assert_eq!(hub.echo(&text).result().unwrap().len(), length);
                        }
                    }
                })
            })
            .collect();
        bounded("the callers", move || {
            threads.into_iter().for_each(|one| one.join().unwrap())
        });
    }
}

/// What is written while the other side does not read is encrypted in part already: nothing of
/// it may be lost, doubled, or sent in another order.
#[test]
fn a_peer_that_reads_late_reads_everything() {
    const NOTES: usize = 600;
    let authority = Authority::new("lab");
    let (api, addr, _served) = server("terse", &authority, "&peer_queue=64M&stall=60");
    let mut person = Person::connect(addr, &authority);
    person.say("add[1] a:1 b:2");
    assert_eq!(person.line(), "[1]:3");
    let threads: Vec<_> = (0..3)
        .map(|number| {
            let all = api.all();
            thread::spawn(move || {
                for round in 0..NOTES / 3 {
                    let filling = "x".repeat(30_000 + round % 7);
                    all.notified(&format!("{number} {round} {filling}"))
                        .unwrap();
                }
            })
        })
        .collect();
    bounded("the senders", move || {
        threads.into_iter().for_each(|one| one.join().unwrap())
    });
    let mut next = [0; 3];
    let mut reader = std::io::BufReader::new(person.0.clone());
    for _ in 0..NOTES {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut reader, &mut line).unwrap();
        let text = line.strip_prefix("notified text:\"").expect("a note");
        let mut parts = text.trim_end().trim_end_matches('"').split(' ');
        let mut number = || parts.next().unwrap().parse::<usize>().unwrap();
        let (sender, round) = (number(), number());
        assert_eq!(round, next[sender]);
        assert_eq!(parts.next().unwrap().len(), 30_000 + round % 7);
        next[sender] += 1;
    }
    assert_eq!(next, [NOTES / 3; 3]);
}

#[test]
fn a_peer_that_never_reads_is_given_up() {
    let authority = Authority::new("lab");
    let (api, addr, _served) = server("terse", &authority, "&peer_queue=64k&stall=0.2");
    let ends = reasons(&api);
    let mut person = Person::connect(addr, &authority);
    let mut other = Person::connect(addr, &authority);
    person.say("add[1] a:1 b:2");
    other.say("add[1] a:1 b:2");
    assert_eq!(
        (person.line(), other.line()),
        (String::from("[1]:3"), String::from("[1]:3"))
    );
    let deaf = person.0.below().local_addr().unwrap().to_string();
    let (to_deaf, note) = (api.to(deaf), "x".repeat(8 << 10));
    bounded(
        "the sender",
        move || while to_deaf.notified(&note).is_ok() {},
    );
    let reason = ends.next();
    assert!(
        matches!(reason, DisconnectReason::SlowConsumer { .. }),
        "{reason:?}"
    );
    other.say("add[2] a:1 b:2");
    assert_eq!(other.line(), "[2]:3");
}

#[test]
fn keys_are_changed_under_way() {
    let authority = Authority::new("lab");
    let (api, addr, _served) = server("terse", &authority, "");
    let ends = reasons(&api);
    let mut person = Person::connect(addr, &authority);
    for id in 0..50 {
        person.0.update_keys();
        person.say(&format!("add[{id}] a:1 b:{id}"));
        assert_eq!(person.line(), format!("[{id}]:{}", id + 1));
    }
    // Who does nothing else is not borne for long.
    for _ in 0..200 {
        person.0.update_keys();
    }
    let _ = person.0.write_all(b"add[x] a:1 b:2\n");
    let reason = ends.next();
    assert!(matches!(reason, DisconnectReason::Lost(_)), "{reason:?}");
}

#[test]
fn a_large_message_has_its_limit_over_tls_too() {
    let authority = Authority::new("lab");
    let (api, addr, _served) = server("terse", &authority, "&message_size=64k");
    let ends = reasons(&api);
    let limits = Limits {
        message_size: 1 << 20,
        ..Limits::default()
    };
    let client = LabInverse::builder()
        .codec("terse")
        .transport(client_of(&authority, addr))
        .limits(limits)
        .build()
        .unwrap();
    client.start().unwrap();
    settled(client.all().echo(&"x".repeat(100_000))).unwrap_err();
    assert!(matches!(
        ends.next(),
        DisconnectReason::MessageTooLarge { .. }
    ));
}

#[test]
fn messages_that_come_with_the_end_of_the_handshake_are_read() {
    let authority = Authority::new("lab");
    let (_api, addr, _served) = server("terse", &authority, "");
    for calls in [1, 3000] {
        // The first write sends the rest of the handshake along.
        let mut stream = TlsStream::connect(addr, &authority.file());
        let lines: String = (0..calls)
            .map(|id| format!("add[{id}] a:1 b:2\n"))
            .collect();
        stream.write_all(lines.as_bytes()).unwrap();
        let mut person = Person(stream);
        for id in 0..calls {
            assert_eq!(person.line(), format!("[{id}]:3"));
        }
    }
}

#[test]
fn a_client_comes_back_to_a_server_that_restarts() {
    let authority = Authority::new("lab");
    let identity = authority.server().options();
    let port = quickrpc_tests::OwnPort::new();
    let addr = port.addr();
    let server = Lab::bind("jrpc", format!("tlsserv:{addr}?{identity}")).unwrap();
    serve(&server);
    let ca = authority.file();
    let transport = format!("restart:0.01:tls:{addr}?ca={}&name=localhost", ca.display());
    let client = LabInverse::bind("jrpc", transport).unwrap();
    let (came, comes) = inbox();
    client.on_connect(move |_peer| {
        let _ = came.send(());
    });
    client.start().unwrap();
    for _ in 0..3 {
        server.start().unwrap();
        comes.next();
        assert_eq!(settled(client.all().add(1, 2)).unwrap(), 3);
        let api = server.clone();
        bounded("stop", move || api.stop()).unwrap();
    }
}

#[test]
fn files_and_websockets_share_a_port_over_tls() {
    let authority = Authority::new("lab");
    let identity = authority.server().options();
    let folder = authority.dir().join("web");
    std::fs::create_dir(&folder).unwrap();
    let page = "x".repeat(3 << 20);
    std::fs::write(folder.join("page.txt"), &page).unwrap();
    let files = folder.display();
    let (_api, addr, _served) = server_on(
        "jrpc",
        &format!("wssserv:127.0.0.1:0?{identity}&files={files}"),
    );
    let mut stream = TlsStream::connect(addr, &authority.file());
    stream
        .write_all(b"GET /page.txt HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    // All of it, and the goodbye.
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{}", &answer[..100]);
    assert!(answer.ends_with(&format!("\r\n\r\n{page}")));
    let ca = authority.file();
    let client = connected("jrpc", &format!("wss://{addr}?ca={}", ca.display()));
    assert_eq!(settled(client.all().add(1, 2)).unwrap(), 3);
}

/// Two servers of the same port number, so that one cannot be taken for the other.
#[test]
fn a_mux_may_have_plain_and_encrypted_parts() {
    let authority = Authority::new("lab");
    let identity = authority.server().options();
    let host = OwnHost::new();
    let plain = host.server(0);
    let (api, _, _served) = server_on(
        "terse",
        &format!("mux:({plain})(tlsserv:127.0.0.1:0?{identity})"),
    );
    let addrs = api.local_addrs();
    let mut one = quickrpc_tests::Telnet::connect(addrs[0]);
    let mut two = Person::connect(addrs[1], &authority);
    one.send("notify text:\"hello\"\n");
    assert_eq!(one.line(), "notified text:\"hello\"");
    two.say("add[1] a:1 b:2");
    // Perhaps before, if it was connected by then.
    let line = two.line();
    assert!(line == "[1]:3" || two.line() == "[1]:3", "{line}");
}

#[test]
fn idle_keepalive_works_over_tls() {
    let authority = Authority::new("lab");
    let (_api, addr, _served) = server("jrpc", &authority, "&keepalive=0.1");
    let mut stream = TlsStream::connect(addr, &authority.file());
    let mut beats = [1; 3];
    bounded("something without meaning", move || {
        stream.read_exact(&mut beats).unwrap();
        assert_eq!(beats, [0; 3]);
    });
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
