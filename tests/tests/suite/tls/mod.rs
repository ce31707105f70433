//! TLS: how connections begin and end.

mod hostile;
mod identity;
mod reload;
mod streams;
mod words;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::thread;

use quickrpc::{DisconnectReason, Error};
#[cfg(unix)]
use quickrpc_tests::KeyFile;
use quickrpc_tests::{
    Authority, Inbox, Lab, LabInverse, OwnHost, Served, TlsStream, bounded, inbox, serve, server_on,
};

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
    let folder = authority.path("web");
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

/// Whoever serves the folder in which all of it is.
#[cfg(unix)] // it has symlinks
#[test]
fn the_secrets_of_a_wire_are_no_files_of_it() {
    let authority = Authority::new("lab");
    let own = authority.server();
    let folder = authority.path("web");
    std::fs::create_dir(&folder).unwrap();
    let keys = KeyFile::of(&["alice"]);
    std::fs::write(folder.join("page.txt"), "the page").unwrap();
    // With the secrets by other names than those that are served.
    std::fs::copy(keys.path(), folder.join("keys.toml")).unwrap();
    let options = own.options();
    let key = options
        .split('&')
        .find_map(|option| option.strip_prefix("key="));
    std::fs::copy(key.unwrap(), folder.join("server.key")).unwrap();
    std::os::unix::fs::symlink("keys.toml", folder.join("again.toml")).unwrap();
    std::os::unix::fs::symlink(folder.join("server.key"), folder.join("again.key")).unwrap();
    let here = folder.display();
    let options = options.replace(key.unwrap(), &format!("{here}/again.key"));
    let (_api, addr, _served) = server_on(
        "jrpc",
        &format!("wssserv:127.0.0.1:0?{options}&files={here}&keys={here}/keys.toml"),
    );
    let alice = KeyFile::written("alice");
    for (path, status) in [
        ("page.txt", 200),
        ("keys.toml", 404),
        ("again.toml", 404),
        ("server.key", 404),
        ("again.key", 404),
    ] {
        let mut stream = TlsStream::connect(addr, &authority.file());
        let request = format!(
            "GET /{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {alice}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{path}: {answer}"
        );
    }
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
