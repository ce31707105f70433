//! Who is who: names, secrets, replacing, and what becomes of calls when somebody goes.

use std::env;
use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use quickrpc::{Error, Processing, Promise};
use quickrpc_tests::{eventually, every_kind};

use super::*;

#[test]
fn both_sides_ask_each_other_for_results_of_every_kind() {
    let secrets = Secrets::new();
    let (server, addr) = secrets.server("");
    let client = secrets.client("cog", "", &format!("ws:{addr}"));
    client.start().unwrap();
    for (asking, answering) in [(&server, "cog"), (&client, "SERVER")] {
        let them = asking.all();
        let promises: Vec<_> = every_kind()
            .into_iter()
            .map(|value| (value.clone(), them.ask_echo(value)))
            .collect();
        for (value, promise) in promises {
            assert_eq!(settled(promise).unwrap(), value);
        }
        assert_eq!(settled(them.ask_who()).unwrap(), answering);
        for (promise, text) in [
            (them.ask_fail(), "failed on purpose"),
            (them.ask_nope(), "nope"),
        ] {
            let Err(Error::Call(error)) = settled(promise) else {
                panic!("no failure");
            };
            assert!(error.message.contains(text), "{error}");
        }
    }
}

#[test]
fn each_client_is_asked_at_the_same_time() {
    let secrets = Secrets::new();
    let (server, addr) = secrets.server("");
    let mut one = Raw::identified(addr, "one");
    let mut two = Raw::identified(addr, "two");
    let both = server.all().each().ask_who();
    let (of_one, of_two) = (one.packet(), two.packet());
    // The later one answers first.
    two.say(response(
        &of_two["packet_id"],
        "FAILURE_RESPONSE",
        json!("no"),
        "two",
    ));
    one.say(response(
        &of_one["packet_id"],
        "SUCCESS_RESPONSE",
        json!("1"),
        "one",
    ));
    let mut results = bounded("both", move || both.results().collect::<Vec<_>>());
    results.sort_by_key(|(peer, _)| peer.to_string());
    let [(one, Ok(first)), (two, Err(Error::Call(second)))] = &results[..] else {
        panic!("{results:?}");
    };
    assert_eq!((&*one.to_string(), &**first), ("one", "1"));
    assert_eq!((&*two.to_string(), &*second.message), ("two", "no"));
}

#[test]
fn who_is_not_connected_is_unknown_at_once() {
    let secrets = Secrets::new();
    let (server, addr) = secrets.server("");
    let unknown = settled(server.to("cog").ask_ping()).unwrap_err();
    assert!(matches!(unknown, Error::UnknownPeer { .. }), "{unknown:?}");
    // Connected, but it has not said who it is.
    let _stranger = Raw::connect(addr);
    let nobody = settled(server.all().ask_ping()).unwrap_err();
    assert!(matches!(nobody, Error::NoPeer { .. }), "{nobody:?}");
}

/// A lost client is noticed at once: what it was asked fails, and its name is free.
#[test]
fn a_lost_client_leaves_nothing_behind() {
    let secrets = Secrets::new();
    let (server, addr) = secrets.server("");
    let (gone, ends) = inbox();
    server.on_disconnect(move |peer, _reason| gone.send(peer.to_string()).unwrap());
    for _ in 0..3 {
        let mut raw = Raw::identified(addr, "cog");
        let asked = server.to("cog").ask_ping();
        raw.packet();
        // Without a goodbye.
        drop(raw);
        let lost = settled(asked).unwrap_err();
        assert!(matches!(lost, Error::Disconnected { .. }), "{lost:?}");
        assert_eq!(ends.next(), "cog");
        let unknown = settled(server.to("cog").ask_ping()).unwrap_err();
        assert!(matches!(unknown, Error::UnknownPeer { .. }), "{unknown:?}");
    }
}

/// Its handler owes it an answer when it goes, so that its end takes a while.
#[test]
fn a_client_that_is_owed_an_answer_gives_its_name_back_at_once() {
    let secrets = Secrets::new();
    let server = Bot::bind(secrets.codec("", ""), SERVER).unwrap();
    let (asked, questions) = inbox();
    server.ping.connect(|_sender| "pong".to_owned());
    server.who.connect(move |_sender| {
        let (promise, resolver) = Promise::<String>::pair();
        asked.send(resolver).unwrap();
        promise
    });
    server.start().unwrap();
    let addr = server.local_addrs()[0];
    let mut first = Raw::identified(addr, "cog");
    first.say(request("CLIENT_REQUEST", "who", json!({}), "7"));
    let resolver = questions.next();
    let lost = server.to("cog").ask_ping();
    first.packet();
    first.0.close(None).unwrap();
    first.0.flush().unwrap();
    assert!(settled(lost).is_err());
    let mut second = Raw::identified(addr, "cog");
    second.is_served();
    let asked = server.to("cog").ask_ping();
    let packet = second.packet();
    second.say(response(
        &packet["packet_id"],
        "SUCCESS_RESPONSE",
        json!("2"),
        "cog",
    ));
    assert_eq!(settled(asked).unwrap(), "2");
    resolver.set_result("late".to_owned()).unwrap();
    second.is_served();
}

#[test]
fn who_overrides_takes_the_name_and_the_old_one_is_closed() {
    let secrets = Secrets::new();
    let (server, addr) = secrets.server("");
    let mut old = Raw::identified(addr, "cog");
    let asked = server.to("cog").ask_ping();
    old.packet();
    let mut new = Raw::connect(addr);
    new.say(identify("cog", "s3cret", Some("over")));
    assert_eq!(new.packet()["data"]["type"], "IDENTIFY");
    let lost = settled(asked).unwrap_err();
    assert!(matches!(lost, Error::Disconnected { .. }), "{lost:?}");
    let closed = old.next();
    let Got::Closed(1000, text) = &closed else {
        panic!("{closed:?}");
    };
    assert!(text.contains("taken the place"), "{text}");
    new.is_served();
    let names: Vec<_> = server.peers().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["cog"]);
}

/// No failed identification does anything to the client whose name it gives.
#[test]
fn a_healthy_client_is_not_pushed_out() {
    let secrets = Secrets::new();
    let (server, addr) = secrets.server("");
    let mut healthy = Raw::identified(addr, "cog");
    for (secret, key, expected) in [
        ("bad", None, Got::Closed(4100, "Invalid secret key.".into())),
        (
            "s3cret",
            None,
            Got::Closed(4102, "Duplicate identifier on IDENTIFY".into()),
        ),
        (
            "s3cret",
            Some("nope"),
            Got::Closed(4102, "Duplicate identifier on IDENTIFY".into()),
        ),
        (
            "bad",
            Some("over"),
            Got::Closed(4100, "Invalid secret key.".into()),
        ),
    ] {
        let mut other = Raw::connect(addr);
        other.say(identify("cog", secret, key));
        assert_eq!(other.next(), expected);
        let asked = server.to("cog").ask_ping();
        let packet = healthy.packet();
        healthy.say(response(
            &packet["packet_id"],
            "SUCCESS_RESPONSE",
            json!("ok"),
            "cog",
        ));
        assert_eq!(settled(asked).unwrap(), "ok");
        healthy.is_served();
    }
}

#[test]
fn without_an_override_key_nobody_takes_a_name() {
    let server = Bot::bind("zonis", SERVER).unwrap();
    server.start().unwrap();
    let addr = server.local_addrs()[0];
    let mut first = Raw::connect(addr);
    first.say(identify("cog", "", None));
    assert_eq!(first.packet()["data"]["type"], "IDENTIFY");
    for key in [None, Some(""), Some("null")] {
        let mut other = Raw::connect(addr);
        other.say(identify("cog", "", key));
        let expected = Got::Closed(4102, "Duplicate identifier on IDENTIFY".into());
        assert_eq!(other.next(), expected);
    }
}

#[test]
fn a_client_comes_back_by_itself() {
    let secrets = Secrets::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let client = secrets.client("cog", "", &format!("restart:0.01:ws:{addr}"));
    let mut first = let_in(&client, &listener);
    let asked = client.all().ask_ping();
    first.packet();
    drop(first);
    let lost = settled(asked).unwrap_err();
    assert!(matches!(lost, Error::Disconnected { .. }), "{lost:?}");
    // As a server in Python does, which has not noticed that the client was gone.
    let mut refused = Raw::accept(&listener);
    refused.packet();
    refused
        .0
        .close(Some(tungstenite::protocol::CloseFrame {
            code: 4102.into(),
            reason: "Duplicate identifier on IDENTIFY".into(),
        }))
        .unwrap();
    refused.0.flush().unwrap();
    let mut second = Raw::accept_identified(&listener);
    eventually("it is known again", || !client.peers().is_empty());
    let asked = client.all().ask_ping();
    let packet = second.packet();
    second.say(response(
        &packet["packet_id"],
        "SUCCESS_RESPONSE",
        json!("pong"),
        "SERVER",
    ));
    assert_eq!(settled(asked).unwrap(), "pong");
}

/// A server that never answers costs a call its time, and no more.
#[test]
fn calls_have_a_deadline_and_a_late_answer_is_for_nobody() {
    let secrets = Secrets::new();
    let (server, addr) = secrets.server("");
    let mut raw = Raw::identified(addr, "cog");
    let asked = server
        .to("cog")
        .timeout(Duration::from_millis(20))
        .ask_ping();
    let packet = raw.packet();
    let late = settled(asked).unwrap_err();
    assert!(matches!(late, Error::Timeout { .. }), "{late:?}");
    raw.say(response(
        &packet["packet_id"],
        "SUCCESS_RESPONSE",
        json!("late"),
        "cog",
    ));
    raw.is_served();
}

/// What a peer in Python cannot take is not sent: the caller hears that instead.
#[test]
fn messages_that_would_close_a_client_in_python_are_not_sent() {
    let secrets = Secrets::new();
    let (server, addr) = secrets.server("");
    let mut raw = Raw::identified(addr, "cog");
    let too_large = quickrpc::Value::from("x".repeat(1 << 20));
    let refused = settled(server.to("cog").ask_echo(too_large)).unwrap_err();
    assert!(
        matches!(
            refused,
            Error::MessageTooLarge {
                limit: 1_048_576,
                ..
            }
        ),
        "{refused:?}"
    );
    // An answer that is as large as it may be, and one that is larger by its envelope alone.
    let overhead = response(&json!("7"), "SUCCESS_RESPONSE", json!(""), "SERVER")
        .to_string()
        .len();
    for (size, kind) in [
        ((1 << 20) - overhead, "SUCCESS_RESPONSE"),
        ((1 << 20) - overhead + 1, "FAILURE_RESPONSE"),
        ((1 << 20) - 2, "FAILURE_RESPONSE"),
        ((1 << 20) + 1, "FAILURE_RESPONSE"),
    ] {
        let text = "x".repeat(size);
        raw.say(request(
            "CLIENT_REQUEST",
            "echo",
            json!({"text": text}),
            "7",
        ));
        let answer = raw.packet();
        assert_eq!(answer["packet_id"], "7");
        assert_eq!(answer["data"]["type"], kind, "{size}");
        assert!(answer["data"]["data"].is_string());
    }
    raw.is_served();
}

/// Whether calls are handled on the thread that reads or not, each is answered once.
#[test]
fn in_every_mode_of_processing() {
    for processing in [
        Processing::Inline,
        Processing::Queue,
        Processing::Pool(3),
        Processing::Manual,
    ] {
        let secrets = Secrets::new();
        let build = |codec: String, transport: &str| {
            let api = Bot::builder()
                .bind(codec, transport)
                .processing(processing)
                .build();
            api.unwrap()
        };
        let server = build(secrets.codec("", ""), SERVER);
        serve_bot(&server, "SERVER");
        server.start().unwrap();
        let addr = server.local_addrs()[0];
        let client = build(secrets.codec("cog", ""), &format!("ws:{addr}"));
        serve_bot(&client, "cog");
        // Also without anybody who runs what waits for its turn.
        client.start().unwrap();
        let mut raw = Raw::identified(addr, "raw");
        let from_client: Vec<_> = (0..50).map(|n| client.all().ask_add(n, 1)).collect();
        let from_server: Vec<_> = (0..50).map(|n| server.to("cog").ask_add(n, 2)).collect();
        for number in 0..50 {
            let arguments = json!({"a": number, "b": 3});
            raw.say(request(
                "CLIENT_REQUEST",
                "add",
                arguments,
                &number.to_string(),
            ));
        }
        let stop = Arc::new(AtomicBool::new(false));
        let main_loop = thread::spawn({
            let (server, client, stop) = (server.clone(), client.clone(), Arc::clone(&stop));
            move || {
                while !stop.load(Ordering::Relaxed) {
                    server.process_pending();
                    client.process_pending();
                    thread::park_timeout(Duration::from_millis(1));
                }
            }
        });
        for (n, promise) in (0..).zip(from_client) {
            assert_eq!(settled(promise).unwrap(), n + 1);
        }
        for (n, promise) in (0..).zip(from_server) {
            assert_eq!(settled(promise).unwrap(), n + 2);
        }
        let mut answers: Vec<_> = (0..50)
            .map(|_| {
                let answer = raw.packet();
                let id: i64 = answer["packet_id"].as_str().unwrap().parse().unwrap();
                assert_eq!(answer["data"]["data"], id + 3);
                id
            })
            .collect();
        stop.store(true, Ordering::Relaxed);
        main_loop.join().unwrap();
        answers.sort_unstable();
        assert_eq!(answers, (0..50).collect::<Vec<_>>());
    }
}

#[test]
fn arguments_by_position_are_refused_here_and_none_are_an_empty_map() {
    let secrets = Secrets::new();
    let (_server, addr) = secrets.server("");
    let codec = secrets.codec("cog", "");
    let client = quickrpc::dynamic::Api::bind(codec, format!("ws:{addr}")).unwrap();
    client.start().unwrap();
    let refused = settled(client.call("add", (1, 2))).unwrap_err();
    assert!(refused.to_string().contains("by their names"), "{refused}");
    assert_eq!(settled(client.call("ping", ())).unwrap(), "pong".into());
}

#[test]
fn other_wires_are_refused_when_they_are_bound() {
    for transport in ["tcp:127.0.0.1:1", "udp:1", "unix:/no/such", "stdio"] {
        let Err(Error::Config(text)) = Bot::bind("zonis:cog", transport) else {
            panic!("{transport}");
        };
        assert!(
            text.contains("`zonis:cog` is spoken over a WebSocket"),
            "{text}"
        );
    }
    let keys = quickrpc_tests::KeyFile::of(&["alice"]);
    let built = Bot::builder()
        .security(keys.hmac("alice"))
        .codec("zonis")
        .transport(SERVER)
        .build();
    let Err(Error::Config(text)) = built else {
        panic!("{built:?}");
    };
    assert!(text.contains("cannot carry a security header"), "{text}");
}

#[test]
fn secrets_are_checked_and_never_shown() {
    let secrets = Secrets::new();
    let empty = secrets.path("empty");
    fs::write(&empty, "\n").unwrap();
    let large = secrets.path("large");
    fs::write(&large, "x".repeat(5_000)).unwrap();
    for (codec, expected) in [
        (
            "zonis?secret_env=QUICKRPC_NO_SUCH".to_owned(),
            "QUICKRPC_NO_SUCH`: it is not set",
        ),
        (
            format!("zonis?secret_file={}", empty.display()),
            "empty` is empty",
        ),
        (
            format!("zonis?override_file={}", empty.display()),
            "empty` is empty",
        ),
        (
            format!("zonis?secret_file={}", large.display()),
            "larger than 4096 bytes",
        ),
        ("zonis?secret_file=/no/such".to_owned(), "/no/such`: "),
        #[cfg(unix)]
        (
            "zonis?secret_file=/dev/zero".to_owned(),
            "larger than 4096 bytes",
        ),
    ] {
        let error = config_error(&codec);
        assert!(error.contains(expected), "{error}");
    }
    // Whatever is shown, it is not the secret.
    let (server, addr) = secrets.server("");
    let client = secrets.client("cog", &secrets.overriding(), &format!("ws:{addr}"));
    client.start().unwrap();
    let wrong = format!("zonis:eve?secret_file={}", secrets.path("wrong").display());
    let eve = Bot::bind(wrong.as_str(), format!("ws:{addr}").as_str()).unwrap();
    let shown = format!("{server:?} {client:?} {eve:?} {}", refused(eve.clone()));
    for secret in ["s3cret", "over\"", "over,"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// What a system takes for a text, and nobody else does.
#[cfg(unix)]
fn not_unicode() -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(b"fr\xfch".to_vec())
}

/// What a system takes for a text, and nobody else does.
#[cfg(windows)]
fn not_unicode() -> OsString {
    std::os::windows::ffi::OsStringExt::from_wide(&[0x66, 0x72, 0xd800, 0x68])
}

/// A child process, since the environment of this one is not its own to change.
#[test]
fn a_secret_in_the_environment() {
    const MODE: &str = "QUICKRPC_TEST_ZONIS_SECRET";
    if env::var_os(MODE).is_some() {
        let codec = "zonis?secret_env=QUICKRPC_TEST_ZONIS_SECRET";
        let shown = match Bot::bind(codec, SERVER) {
            Err(error) => error.to_string(),
            Ok(api) => {
                api.start().unwrap();
                let mut raw = Raw::connect(api.local_addrs()[0]);
                raw.say(identify("cog", "fr\u{fc}h", None));
                raw.packet()["data"]["type"].to_string()
            }
        };
        return fs::write(env::var_os("QUICKRPC_TEST_ZONIS_OUT").unwrap(), shown).unwrap();
    }
    let dir = OwnDir::new();
    for (secret, expected) in [
        (OsString::from("fr\u{fc}h"), "\"IDENTIFY\""),
        (
            not_unicode(),
            "`zonis?secret_env=QUICKRPC_TEST_ZONIS_SECRET`: the secret in the \
             environment variable `QUICKRPC_TEST_ZONIS_SECRET`: it is not UTF-8",
        ),
    ] {
        let out = dir.path("out");
        let mut child = std::process::Command::new(env::current_exe().unwrap());
        child
            .args(["--exact", "zonis::names::a_secret_in_the_environment"])
            .env(MODE, secret)
            .env("QUICKRPC_TEST_ZONIS_OUT", &out);
        let output = bounded("the child", move || child.output()).unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(fs::read_to_string(out).unwrap(), expected);
    }
}
