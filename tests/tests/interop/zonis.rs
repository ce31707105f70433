//! Zonis 2.1 with the Python package itself, as a client and, with FastAPI and uvicorn, as a server.

use std::time::Duration;

use quickrpc::{DisconnectReason, Error, TransportState, Value, remote_api};
use quickrpc_tests::{
    Bot, Inbox, OwnDir, Peer, Python, SOON, bounded, eventually, every_kind, inbox, serve_bot,
    value,
};
use serde_json::json;

use crate::settled;

const SHORT: Duration = Duration::from_millis(300);

fn python() -> Option<&'static Python> {
    Python::with_zonis(env!("CARGO_TARGET_TMPDIR"))
}

/// The options with which the counterparts know the secret.
const KNOWS: [&str; 2] = ["--secret", "s3cret"];

struct Secrets(OwnDir);

impl Secrets {
    fn new() -> Self {
        let dir = OwnDir::new();
        for (name, secret) in [("secret", "s3cret"), ("override", "over")] {
            std::fs::write(dir.path(name), secret).expect("a file");
        }
        Secrets(dir)
    }

    fn codec(&self, identifier: &str) -> String {
        let secret = self.0.path("secret");
        let key = self.0.path("override");
        let (secret, key) = (secret.display(), key.display());
        format!("zonis:{identifier}?secret_file={secret}&override_file={key}")
    }
}

/// A counterpart: how long it waits for an answer is up to the test.
fn start(python: &Python, options: &[&str], rest: &[&str]) -> Peer {
    let patience = SOON.as_secs().to_string();
    let mut command = python.script("zonis_peer.py");
    command.args(["--quiet", "--seconds", "100", "--timeout", &patience]);
    Peer::start(command.args(options).args(rest))
}

/// Our server, with what its handlers were told, and who came and went.
struct Server {
    api: Bot,
    url: String,
    came: Inbox<String>,
    gone: Inbox<(String, DisconnectReason)>,
    notes: Inbox<(String, String)>,
}

fn our_server(secrets: &Secrets) -> Server {
    let api = Bot::bind(secrets.codec(""), "wsserv:127.0.0.1:0/ws").unwrap();
    serve_bot(&api, "SERVER");
    let (comes, came) = inbox();
    api.on_connect(move |peer| {
        let _ = comes.send(peer.to_string());
    });
    let (goes, gone) = inbox();
    api.on_disconnect(move |peer, reason| {
        let _ = goes.send((peer.to_string(), reason.clone()));
    });
    let (noted, notes) = inbox();
    api.note.connect(move |sender, text| {
        let _ = noted.send((sender.to_string(), text.to_owned()));
    });
    api.start().unwrap();
    let url = format!("ws://{}/ws", api.local_addrs()[0]);
    Server {
        api,
        url,
        came,
        gone,
        notes,
    }
}

/// A client of the package, which has identified itself.
fn their_client(python: &Python, server: &Server, identifier: &str, more: &[&str]) -> Peer {
    let mut options = KNOWS.to_vec();
    options.extend(["--identifier", identifier]);
    options.extend(more);
    let peer = start(python, &options, &["client", &server.url, "-"]);
    peer.expect("ready");
    assert_eq!(server.came.next(), identifier);
    peer
}

/// A server of the package, and the transport to it.
fn their_server(python: &Python, options: &[&str]) -> (Peer, String) {
    let mut all = KNOWS.to_vec();
    all.extend(["--override", "over"]);
    all.extend(options);
    let peer = start(python, &all, &["server", "0", "-"]);
    let port = peer.expect("ready")["port"].clone();
    (peer, format!("ws:127.0.0.1:{port}/ws"))
}

fn our_client(secrets: &Secrets, identifier: &str, transport: &str) -> Bot {
    let api = Bot::bind(secrets.codec(identifier), transport).unwrap();
    serve_bot(&api, identifier);
    api
}

/// What we ask of a side in Python.
fn asked_by_us(api: &Bot, name: &str) {
    let them = api.all();
    assert_eq!(settled(them.ask_ping()).unwrap(), "pong");
    assert_eq!(settled(them.ask_add(2, 3)).unwrap(), 5);
    assert_eq!(settled(them.ask_who()).unwrap(), name);
    for value in every_kind() {
        assert_eq!(settled(them.ask_echo(value.clone())).unwrap(), value);
    }
    let Err(Error::Call(unknown)) = settled(them.ask_nope()) else {
        panic!("no failure");
    };
    assert_eq!(unknown.message, "nope is not a valid route name.");
    // A handler that raises answers nothing at all.
    let silent = settled(them.timeout(SHORT).ask_fail()).unwrap_err();
    assert!(matches!(silent, Error::Timeout { .. }), "{silent:?}");
    assert_eq!(settled(them.ask_ping()).unwrap(), "pong");
}

/// A thousand at once from each side, with values of every kind.
fn load(api: &Bot, peer: &mut Peer, command: &str) {
    peer.command(command);
    let them = api.all();
    let kinds = every_kind();
    let promises: Vec<_> = (0..1_000_usize)
        .map(|number| {
            let value = Value::from(vec![number.into(), kinds[number % kinds.len()].clone()]);
            (value.clone(), them.ask_echo(value))
        })
        .collect();
    for (value, promise) in promises {
        assert_eq!(settled(promise).unwrap(), value);
    }
    let result = peer.expect_one_of(&["result", "error", "timeout"]);
    assert_eq!(
        (&result["command"], &result["value"]),
        (&json!(command), &json!(1_000))
    );
}

#[test]
fn our_server_and_their_client() {
    let Some(python) = python() else { return };
    let secrets = Secrets::new();
    let server = our_server(&secrets);
    let mut peer = their_client(python, &server, "cog", &[]);
    asked_by_us(&server.api, "cog");
    assert_eq!(peer.result("ping"), "pong");
    assert_eq!(peer.result("add a=2 b=3"), 5);
    assert_eq!(peer.result("who"), "SERVER");
    assert_eq!(peer.result("note text=hello"), json!(null));
    assert_eq!(server.notes.next(), ("cog".into(), "hello".into()));
    server.api.to("cog").tell("you too").unwrap();
    assert_eq!(peer.expect("note")["text"], "you too");
    // All that its package says about a failure.
    for line in ["fail", "nope", "add a=1", "add a=1 b=2 c=3", "add a=x b=1"] {
        let error = peer.outcome(line);
        assert_eq!(error["type"], "UnhandledWebsocketType", "{error}");
        assert!(
            error["text"].as_str().unwrap().contains("FAILURE_RESPONSE"),
            "{error}"
        );
    }
    load(&server.api, &mut peer, "load 1000");
    // What it could not take is not sent.
    let large = Value::from("x".repeat(1 << 20));
    let refused = settled(server.api.all().ask_echo(large)).unwrap_err();
    assert!(
        matches!(refused, Error::MessageTooLarge { .. }),
        "{refused:?}"
    );
    let most = Value::from("x".repeat((1 << 20) - 300));
    assert_eq!(
        settled(server.api.all().ask_echo(most.clone())).unwrap(),
        most
    );
    // It is the same connection as at the beginning, and ends as it should.
    assert!(server.came.so_far().is_empty() && server.gone.so_far().is_empty());
    peer.command("close");
    let (name, reason) = server.gone.next();
    assert_eq!(name, "cog");
    assert!(
        matches!(reason, DisconnectReason::Closed { code: 1000, .. }),
        "{reason:?}"
    );
    let unknown = settled(server.api.to("cog").ask_ping()).unwrap_err();
    assert!(matches!(unknown, Error::UnknownPeer { .. }), "{unknown:?}");
}

#[test]
fn our_server_and_several_clients_of_theirs() {
    let Some(python) = python() else { return };
    let secrets = Secrets::new();
    let server = our_server(&secrets);
    let mut first = their_client(python, &server, "cog", &[]);
    let second = their_client(python, &server, "dashboard", &[]);
    let each = server.api.all().each().ask_who();
    let results = bounded("both", move || each.results().collect::<Vec<_>>());
    let mut names: Vec<_> = results
        .into_iter()
        .map(|(peer, name)| (peer.to_string(), name.unwrap()))
        .collect();
    names.sort();
    let same = |name: &str| (name.to_owned(), name.to_owned());
    assert_eq!(names, [same("cog"), same("dashboard")]);
    // One with a name that is taken, and one that does not know the secret.
    for (secret, code, text) in [
        ("s3cret", 4102, "Duplicate identifier on IDENTIFY"),
        ("guess", 4100, "Invalid secret key."),
    ] {
        let options = ["--secret", secret, "--identifier", "cog", "--timeout", "3"];
        let stranger = start(python, &options, &["client", &server.url, "-"]);
        let closed = stranger.expect("socket_closed");
        assert_eq!(
            (&closed["code"], &closed["reason"]),
            (&json!(code), &json!(text))
        );
        assert_eq!(first.result("ping"), "pong");
        assert_eq!(settled(server.api.to("cog").ask_who()).unwrap(), "cog");
    }
    assert!(server.gone.so_far().is_empty());
    // One that takes the name over.
    let mut heir = their_client(python, &server, "cog", &["--override", "over"]);
    let (name, reason) = server.gone.next();
    assert_eq!(name, "cog");
    assert!(matches!(reason, DisconnectReason::Replaced), "{reason:?}");
    assert_eq!(first.expect("socket_closed")["code"], 1000);
    assert_eq!(heir.result("ping"), "pong");
    // A client that dies is noticed at once, and so is its name.
    let asked = server.api.to("dashboard").timeout(SOON).ask_fail();
    drop(second);
    assert!(matches!(settled(asked), Err(Error::Disconnected { .. })));
    let _third = their_client(python, &server, "dashboard", &[]);
}

#[test]
fn our_client_and_their_server() {
    let Some(python) = python() else { return };
    let secrets = Secrets::new();
    let (mut peer, transport) = their_server(python, &[]);
    let client = our_client(&secrets, "cog", &transport);
    let (noted, notes) = inbox();
    client.note.connect(move |_sender, text| {
        let _ = noted.send(text.to_owned());
    });
    let (goes, gone) = inbox();
    client.on_disconnect(move |_peer, reason| {
        let _ = goes.send(reason.clone());
    });
    client.start().unwrap();
    peer.expect("connected");
    asked_by_us(&client, "SERVER");
    client.all().tell("hello").unwrap();
    assert_eq!(peer.expect("note")["text"], "hello");
    assert_eq!(peer.result("cog ping"), "pong");
    assert_eq!(peer.result("cog add a=2 b=3"), 5);
    assert_eq!(peer.result("cog note text=there"), json!(null));
    assert_eq!(notes.next(), "there");
    for (line, text) in [
        ("cog fail", "failed on purpose"),
        ("cog nope", "nope"),
        ("cog add a=1", "b"),
        ("cog add a=x b=1", "a"),
    ] {
        let error = peer.outcome(line);
        assert_eq!(error["type"], "RequestFailed", "{error}");
        // It can be printed only if it is a text.
        assert!(error["data"].as_str().unwrap().contains(text), "{error}");
    }
    let other = our_client(&secrets, "dashboard", &transport);
    other.start().unwrap();
    peer.expect("connected");
    let all = peer.result("all who");
    assert_eq!(all, json!({"cog": "cog", "dashboard": "dashboard"}));
    load(&client, &mut peer, "load cog 1000");
    let large = Value::from("x".repeat(10 << 20));
    assert_eq!(
        settled(client.all().timeout(SOON).ask_echo(large.clone())).unwrap(),
        large
    );
    // Nothing that was sent has ended the service.
    assert_eq!(peer.result("cog ping"), "pong");
    assert!(gone.so_far().is_empty());
    bounded("stop", move || client.stop()).unwrap();
    assert_eq!(peer.expect("disconnected")["identifier"], "cog");
    // We are told why we have to go.
    let wrong = Bot::bind("zonis:cog", transport.as_str()).unwrap();
    let refused = bounded("start", move || wrong.start())
        .unwrap_err()
        .to_string();
    assert!(refused.contains("4100: Invalid secret key."), "{refused}");
}

/// That server does not notice that a client has gone, and refuses it when it comes again; once.
/// Whose numbers are one value of ours, and two arguments of theirs.
#[remote_api]
trait Sum {
    #[outgoing]
    fn add(&self, #[whole] numbers: Value) -> Value;
}

#[test]
fn an_object_as_a_whole_is_arguments_of_theirs() {
    let Some(python) = python() else { return };
    let secrets = Secrets::new();
    let (_peer, transport) = their_server(python, &[]);
    let client = Sum::bind(secrets.codec("cog"), transport.as_str()).unwrap();
    client.start().unwrap();
    let numbers = value(json!({"a": 2, "b": 3}));
    assert_eq!(
        settled(client.all().add(numbers.clone())).unwrap(),
        Value::from(5)
    );
    let list = settled(client.all().add(value(json!([2, 3])))).unwrap_err();
    assert!(matches!(list, Error::Encode { .. }), "{list:?}");
    assert_eq!(settled(client.all().add(numbers)).unwrap(), Value::from(5));
}

#[test]
fn our_client_comes_back_to_a_server_that_has_not_noticed() {
    let Some(python) = python() else { return };
    let secrets = Secrets::new();
    let (mut peer, transport) = their_server(python, &["--keep-stale"]);
    let first = our_client(&secrets, "cog", &transport);
    first.start().unwrap();
    peer.expect("connected");
    bounded("stop", move || first.stop()).unwrap();
    // Without the key to take over.
    let secret = secrets.0.path("secret");
    let codec = format!("zonis:cog?secret_file={}", secret.display());
    let second = Bot::bind(codec.as_str(), format!("restart:0.05:{transport}").as_str()).unwrap();
    serve_bot(&second, "second");
    let (changes, states) = inbox();
    second.on_status(move |status| {
        let _ = changes.send(status.state.clone());
    });
    second.start().unwrap();
    eventually("it is let in", || !second.peers().is_empty());
    let refused = states.so_far().into_iter().find_map(|state| match state {
        TransportState::Down { reason, .. } => Some(reason.to_string()),
        _ => None,
    });
    let refused = refused.expect("it was refused first");
    assert!(
        refused.contains("4102: Duplicate identifier on IDENTIFY"),
        "{refused}"
    );
    assert_eq!(peer.result("cog who"), "second");
    // With the key it is let in at once.
    let third = our_client(&secrets, "cog", &transport);
    third.start().unwrap();
    assert_eq!(peer.result("cog who"), "cog");
}

/// A handler there that returns what is no JSON ends the service for its connection without a word.
#[test]
fn our_client_notices_that_their_server_has_stopped_its_service() {
    let Some(python) = python() else { return };
    let secrets = Secrets::new();
    let (mut peer, transport) = their_server(python, &["--keep-stale"]);
    let client = our_client(
        &secrets,
        "cog",
        &format!("restart:0.05:{transport}?greeting=1s"),
    );
    let (goes, gone) = inbox();
    client.on_disconnect(move |_peer, reason| {
        let _ = goes.send(reason.clone());
    });
    client.start().unwrap();
    let silent = settled(client.all().timeout(SHORT).ask_unserialisable()).unwrap_err();
    assert!(matches!(silent, Error::Timeout { .. }), "{silent:?}");
    let reason = gone.next();
    assert!(
        matches!(reason, DisconnectReason::Silent { .. }),
        "{reason:?}"
    );
    eventually("it is let in again", || !client.peers().is_empty());
    assert_eq!(settled(client.all().ask_ping()).unwrap(), "pong");
    assert_eq!(peer.result("cog ping"), "pong");
}
