//! Who may call what, and how often.

use std::cell::Cell;

use quickrpc::{CallError, Error, Limits, remote_api};
use quickrpc_tests::{Inbox, KeyFile, Lab, LabInverse, SOON, Telnet, eventually, inbox, serve};
use serde_json::json;

use crate::{call_error, settled};

#[remote_api]
trait Store {
    /// Anybody may look.
    #[incoming]
    fn count(&self) -> u64;

    /// Empties it.
    #[incoming]
    #[require(role = "keeper")]
    fn clear(&self, #[default] hard: bool) -> bool;

    #[incoming]
    #[require(role = "keeper")]
    fn note(&self, text: &str);

    /// For whoever receives it.
    #[outgoing]
    #[require(role = "keeper")]
    fn confirm(&self) -> bool;
}

struct Running {
    store: Store,
    ran: Inbox<&'static str>,
    errors: Inbox<(Option<String>, i64, String)>,
}

fn running(security: &str) -> Running {
    let store = Store::builder()
        .security(security)
        .transport("tcpserv:127.0.0.1:0")
        .build()
        .unwrap();
    let (seen, ran) = inbox();
    let (cleared, noted) = (seen.clone(), seen);
    store.count.connect(|_sender| 3_u64);
    store.clear.connect(move |_sender, hard| {
        cleared.send("clear").unwrap();
        hard
    });
    store
        .note
        .connect(move |_sender, _text| noted.send("note").unwrap());
    let (failed, errors) = inbox();
    store.on_error(move |_sender, error, method| match error {
        Error::Call(error) => failed
            .send((method.map(str::to_owned), error.code, error.message.clone()))
            .unwrap(),
        other => panic!("{other:?}"),
    });
    store.start().unwrap();
    Running { store, ran, errors }
}

impl Running {
    fn client(&self, security: &str) -> StoreInverse {
        let client = StoreInverse::builder()
            .security(security)
            .transport(format!("tcp:{}", self.store.local_addrs()[0]))
            .build()
            .unwrap();
        client.start().unwrap();
        client
    }
}

#[test]
fn a_role_is_required_and_comes_from_the_keys_file() {
    let keys = KeyFile::with(
        &[
            KeyFile::table("keeper", "keeper", "roles = [\"keeper\", \"x\"]"),
            KeyFile::table("guest", "guest", "roles = [\"keepers\", \"keep\"]"),
        ]
        .concat(),
    );
    let server = running(&keys.hmac("store"));
    let keeper = server.client(&keys.hmac("keeper"));
    assert!(settled(keeper.all().clear(true)).unwrap());
    keeper.all().note("x").unwrap();
    assert_eq!(server.ran.take(2), ["clear", "note"]);
    let guest = server.client(&keys.hmac("guest"));
    assert_eq!(settled(guest.all().count()).unwrap(), 3);
    let error = call_error(settled(guest.all().clear(true)));
    assert_eq!(error.code, CallError::FORBIDDEN);
    assert_eq!(error.message, "`clear` needs the role `keeper`");
    guest.all().note("x").unwrap();
    for method in ["clear", "note"] {
        let (about, code, _) = server.errors.next();
        assert_eq!(
            (about.as_deref(), code),
            (Some(method), CallError::FORBIDDEN)
        );
    }
    assert!(server.ran.so_far().is_empty());
    // The other way round, too.
    guest.confirm.connect(|_sender| true);
    guest.on_error(|_, _, _| ());
    let error = call_error(settled(server.store.all().timeout(SOON).confirm()));
    assert_eq!(error.code, CallError::FORBIDDEN);
}

#[test]
fn without_a_provider_nobody_has_a_role() {
    let server = running("null");
    let client = server.client("null");
    assert_eq!(
        call_error(settled(client.all().clear(true))).code,
        CallError::FORBIDDEN
    );
    // However the call looks like.
    let mut wire = Telnet::connect(server.store.local_addrs()[0]);
    for (call, answered) in [
        (
            json!({"jsonrpc": "2.0", "method": "clear", "params": {}, "id": 1}),
            true,
        ),
        (
            json!({"jsonrpc": "2.0", "id": 1, "method": "clear", "params": {"no": 1}}),
            true,
        ),
        (
            json!([{"jsonrpc": "2.0", "id": 1, "method": "clear"}, {"jsonrpc": "2.0", "method": "note",
            "params": {"text": "x"}}]),
            true,
        ),
        (
            json!({"jsonrpc": "2.0", "method": "note", "params": {"text": "x"}}),
            false,
        ),
    ] {
        wire.send(format!("{call}\0"));
        if answered {
            let answer = wire.json();
            let error = answer.get(0).unwrap_or(&answer);
            assert_eq!(error["error"]["code"], CallError::FORBIDDEN, "{answer}");
        }
    }
    // The last of several names counts, and what looks like another call is none.
    wire.send(
        "{\"jsonrpc\":\"2.0\",\"method\":\"count\",\"params\":{},\"id\":2,\"method\":\"clear\"}\0",
    );
    assert_eq!(wire.json()["error"]["code"], CallError::FORBIDDEN);
    wire.send("{\"jsonrpc\":\"2.0\",\"method\":\"count\",\"id\":3}\0");
    assert_eq!(wire.json()["result"], 3);
    assert!(server.ran.so_far().is_empty());
}

#[test]
fn the_description_says_it() {
    let roles: Vec<_> = Store::DESCRIPTION
        .calls
        .iter()
        .map(|call| call.role)
        .collect();
    assert_eq!(
        roles,
        [None, Some("keeper"), Some("keeper"), Some("keeper")]
    );
    assert_eq!(StoreInverse::DESCRIPTION.calls[3].role, Some("keeper"));
}

#[test]
fn all_rules_have_to_allow() {
    let lab = Lab::builder()
        .transport("tcpserv:127.0.0.1:0")
        .authorize(|_sender, method| method != "fail")
        .build()
        .unwrap();
    let served = serve(&lab);
    lab.authorize(|sender, method| {
        assert!(sender.name().starts_with("127.0.0.1:"));
        assert_ne!(method, "blob", "a panic forbids");
        method != "notify"
    });
    let (failed, errors) = inbox();
    lab.on_error(move |_sender, error, method| {
        failed
            .send((error.to_string(), method.map(str::to_owned)))
            .unwrap();
    });
    lab.start().unwrap();
    let client = LabInverse::bind("jrpc", format!("tcp:{}", lab.local_addrs()[0])).unwrap();
    client.start().unwrap();
    let all = client.all();
    assert_eq!(settled(all.add(2, 3)).unwrap(), 5);
    for error in [
        call_error(settled(all.fail("x"))),
        call_error(settled(all.blob(b"x"))),
    ] {
        assert_eq!(error.code, CallError::FORBIDDEN);
        assert!(error.message.starts_with("you may not call `"), "{error}");
    }
    all.notify("x").unwrap();
    assert_eq!(settled(all.add(2, 3)).unwrap(), 5);
    assert!(served.notes.so_far().is_empty());
    let about: Vec<_> = errors
        .take(3)
        .into_iter()
        .map(|(_, method)| method.unwrap())
        .collect();
    assert_eq!(about, ["fail", "blob", "notify"]);
    // Unknown methods are unknown to everybody.
    let mut wire = Telnet::connect(lab.local_addrs()[0]);
    wire.send("{\"jsonrpc\":\"2.0\",\"method\":\"no\",\"id\":3}\0");
    assert_eq!(wire.json()["error"]["code"], CallError::METHOD_NOT_FOUND);
}

/// A server that allows so many calls a second, and a raw client.
fn limited(options: &str) -> (Lab, quickrpc_tests::Served, Inbox<String>) {
    let lab = Lab::bind("jrpc", format!("tcpserv:127.0.0.1:0?{options}")).unwrap();
    let served = serve(&lab);
    let (failed, errors) = inbox();
    lab.on_error(move |_sender, error, _method| failed.send(error.to_string()).unwrap());
    lab.start().unwrap();
    (lab, served, errors)
}

#[test]
fn calls_beyond_the_rate_are_answered_with_an_error() {
    let (lab, served, errors) = limited("rate=1&burst=5");
    let client = LabInverse::bind("jrpc", format!("tcp:{}", lab.local_addrs()[0])).unwrap();
    client.start().unwrap();
    let promises: Vec<_> = (0..20).map(|n| client.all().add(n, 1)).collect();
    let results: Vec<_> = promises.into_iter().map(settled).collect();
    let passed = results.iter().filter(|result| result.is_ok()).count();
    assert!((5..10).contains(&passed), "{passed}");
    for error in results.into_iter().filter_map(Result::err) {
        let error = call_error(Err::<(), _>(error));
        assert_eq!(error.code, CallError::TOO_MANY_CALLS);
        assert_eq!(error.message, "more than 1 calls a second");
    }
    let first = errors.next();
    assert!(first.contains("refused so far: 1"), "{first}");
    // Another peer has a rate of its own; notifications are dropped.
    let other = LabInverse::bind("jrpc", format!("tcp:{}", lab.local_addrs()[0])).unwrap();
    other.start().unwrap();
    for _ in 0..200 {
        other.all().notify("x").unwrap();
    }
    let error = call_error(settled(other.all().add(1, 1)));
    assert_eq!(error.code, CallError::TOO_MANY_CALLS);
    let noted = served.notes.so_far().len();
    assert!((5..20).contains(&noted), "{noted}");
    // The program hears of it now and then, not each time.
    assert!(errors.so_far().len() < 20);
    // Entries of a batch are calls.
    let mut wire = Telnet::connect(lab.local_addrs()[0]);
    let call = json!({"jsonrpc": "2.0", "method": "add", "params": {"a": 1, "b": 1}, "id": 1});
    wire.send(format!("{}\0", json!(vec![call; 30])));
    let answers = wire.json();
    let answers = answers.as_array().unwrap();
    let refused = answers
        .iter()
        .filter(|answer| answer["error"]["code"] == -32002)
        .count();
    assert_eq!(answers.len(), 30);
    assert!((20..=25).contains(&refused), "{refused}");
}

#[test]
fn who_calls_slowly_is_not_limited() {
    let lab = Lab::builder()
        .transport("tcpserv:127.0.0.1:0?rate=200&burst=1")
        .limits(Limits {
            rate: Some(1),
            ..Limits::default()
        })
        .build()
        .unwrap();
    let _served = serve(&lab);
    lab.on_error(|_, _, _| ());
    lab.start().unwrap();
    let client = LabInverse::bind("jrpc", format!("tcp:{}", lab.local_addrs()[0])).unwrap();
    client.start().unwrap();
    // With one a second it would take too long.
    let passed = Cell::new(0);
    eventually("thirty calls pass", || {
        let one = settled(client.all().add(1, 1)).is_ok();
        passed.set(passed.get() + usize::from(one));
        passed.get() == 30
    });
}

#[test]
fn the_options_are_checked() {
    for wrong in ["rate=0", "rate=-1", "burst=x", "rate=4294967296"] {
        let error = Lab::bind("jrpc", format!("tcpserv::0?{wrong}")).expect_err("refused");
        assert!(
            error
                .to_string()
                .contains("a whole number above 0, or `off`"),
            "{error}"
        );
    }
    let expr: quickrpc::TransportExpr = "tcpserv::0?rate=off&burst=7".parse().unwrap();
    assert_eq!(expr.to_string(), "tcpserv::0?rate=off&burst=7");
}
