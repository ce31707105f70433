//! Calls that nobody has declared, and gateways made of them.

use std::time::{Duration, Instant};

use quickrpc::dynamic::{Api, Call};
use quickrpc::{CallError, CallErrors, Error, Processing, Promise, Stream, Value, remote_api};
use quickrpc_tests::{Telnet, bounded, eventually, inbox, own_bus, value};
use serde_json::json;

#[remote_api]
trait Backend {
    #[incoming(positional)]
    fn add(&self, a: i64, b: i64) -> i64;
    #[incoming]
    fn refuse(&self) -> Result<u8, Refusal>;
    #[incoming]
    fn note(&self, text: &str);
    #[incoming]
    fn count(&self, to: u32) -> Stream<u32, String>;
    #[incoming]
    fn wait(&self) -> u8;
    #[incoming]
    fn upload(&self, name: &str, data: Stream<u32>) -> u64;
    #[incoming]
    fn doubled(&self, numbers: Stream<u32>) -> Stream<u32>;
    #[outgoing]
    fn ask(&self, text: &str) -> String;
    #[outgoing]
    fn told(&self, text: &str);
}

#[derive(Debug, serde::Serialize, serde::Deserialize, CallErrors)]
enum Refusal {
    #[code(-7)]
    Full(u8),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it is full")
    }
}

impl std::error::Error for Refusal {}

/// A backend, a gateway to it, and where it is reached.
struct Passed {
    backend: Backend,
    front: Api,
    back: Api,
}

impl Passed {
    fn new(front: &str, processing: Processing) -> Self {
        let backend = Backend::builder()
            .transport("tcpserv:127.0.0.1:0")
            .processing(Processing::Pool(4))
            .build()
            .unwrap();
        backend.add.connect(|_sender, a, b| a + b);
        backend
            .refuse
            .connect(|_sender| Err::<u8, _>(Refusal::Full(3)));
        backend.start().unwrap();
        let front = Api::builder()
            .codec(front)
            .transport("mux:(tcpserv:127.0.0.1:0)(wsserv:127.0.0.1:0/ws)")
            .processing(processing)
            .build_dynamic()
            .unwrap();
        let address = backend.local_addrs()[0];
        let back = Api::bind("jrpc?deadlines=on", format!("tcp:{address}")).unwrap();
        let (to_front, to_back) = (front.all(), back.all());
        front.on_any(move |call| to_back.forward(call));
        back.on_any(move |call| to_front.forward(call));
        back.start().unwrap();
        front.start().unwrap();
        Passed {
            backend,
            front,
            back,
        }
    }

    fn client(&self) -> BackendInverse {
        let address = self.front.local_addrs()[1];
        let client = BackendInverse::bind("jrpc?deadlines=on", format!("ws:{address}/ws")).unwrap();
        client.start().unwrap();
        client
    }
}

#[test]
fn calls_errors_and_notifications_go_through_both_ways() {
    for processing in [Processing::Inline, Processing::Queue, Processing::Pool(3)] {
        let passed = Passed::new("jrpc", processing);
        let client = passed.client();
        assert_eq!(client.all().add(2, 3).result().unwrap(), 5);
        let error = client.all().refuse().result().unwrap_err();
        assert!(
            matches!(error.call::<Refusal>(), Some(Refusal::Full(3))),
            "{error}"
        );
        assert_eq!(error.code(), Some(-7));
        let (tell, heard) = inbox();
        let said = tell.clone();
        passed
            .backend
            .note
            .connect(move |_sender, text| tell.send(text.to_owned()).unwrap());
        client.all().note("from the browser").unwrap();
        assert_eq!(heard.next(), "from the browser");

        client
            .told
            .connect(move |_sender, text| said.send(text.to_owned()).unwrap());
        client.ask.connect(|_sender, text| format!("{text}!"));
        let backend = passed.backend.clone();
        let answer = bounded("asking", move || {
            backend.all().told("from the backend").unwrap();
            backend.all().ask("who").result()
        });
        assert_eq!(answer.unwrap(), "who!");
        assert_eq!(heard.next(), "from the backend");
    }
}

/// A telegram of `jrpc`.
fn telegram(person: &mut Telnet) -> String {
    let mut bytes = person.until(0);
    bytes.pop_if(|byte| *byte == 0);
    String::from_utf8(bytes).unwrap()
}

#[test]
fn ids_are_those_of_the_caller() {
    let passed = Passed::new("jrpc?strict=on", Processing::Inline);
    let mut person = Telnet::connect(passed.front.local_addrs()[0]);
    for id in [
        "1.50",
        "null",
        "\"a\\u0062\"",
        "-0.5",
        "36893488147419103232",
        "1e3",
    ] {
        for params in [r#"{"a":2,"b":3}"#, "[2,3]"] {
            person.send(format!(
                "{{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":{params},\"id\":{id}}}\0"
            ));
            let answer = telegram(&mut person);
            assert_eq!(
                answer,
                format!("{{\"jsonrpc\":\"2.0\",\"result\":5,\"id\":{id}}}")
            );
        }
        person.send(format!(
            "{{\"jsonrpc\":\"2.0\",\"method\":\"refuse\",\"id\":{id}}}\0"
        ));
        let answer = telegram(&mut person);
        assert!(
            answer.contains("\"code\":-7") && answer.contains("\"data\":"),
            "{answer}"
        );
        assert!(answer.ends_with(&format!("\"id\":{id}}}")), "{answer}");
    }
    // Two of one id at once, as some write them.
    person.send(
        "[{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"params\":[1,1],\"id\":7.5},\
          {\"jsonrpc\":\"2.0\",\"method\":\"nobody\",\"id\":7.5}]\0",
    );
    let answers = person.json();
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), 2);
    assert!(answers.iter().all(|answer| answer["id"] == json!(7.5)));
    assert!(
        answers
            .iter()
            .any(|answer| answer["error"]["code"] == json!(-32601))
    );
}

#[test]
fn streams_go_through_with_the_readers_credit() {
    let passed = Passed::new("jrpc", Processing::Pool(2));
    let (tell, made) = inbox();
    passed.backend.count.connect(move |_sender, to| {
        let tell = tell.clone();
        Stream::<u32, String>::future(move |items| async move {
            for number in 1..=to {
                tell.send(number).unwrap();
                items.send_async(number).await?;
            }
            Ok("done".to_owned())
        })
    });
    let client = passed.client();
    let mut all = client.all().count(5000);
    let sum: u64 = all.by_ref().map(|item| u64::from(item.unwrap())).sum();
    assert_eq!(sum, 5000 * 5001 / 2);
    assert_eq!(all.result().unwrap(), "done");
    assert_eq!(made.so_far().len(), 5000);

    // One that is not read stops the backend, and other calls go on.
    let mut slow = client.all().count(1_000_000);
    slow.next().unwrap().unwrap();
    assert_eq!(client.all().add(2, 3).result().unwrap(), 5);
    let mut before = made.so_far().len();
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        std::thread::park_timeout(Duration::from_millis(100));
        let more = made.so_far().len();
        before += more;
        if more == 0 {
            break;
        }
        assert!(Instant::now() < end, "it does not stop: {before}");
    }
    assert!(before < 10_000, "{before}");
    // Given up, it ends there.
    drop(slow);
    let (tell, gone) = inbox::<()>();
    drop(tell);
    drop(gone);
    eventually("it goes through", || {
        client.all().add(1, 1).result().is_ok()
    });
}

#[test]
fn giving_up_and_deadlines_reach_the_backend() {
    let passed = Passed::new("jrpc", Processing::Pool(2));
    let (tell, heard) = inbox();
    passed.backend.wait.connect(move |sender| {
        tell.send(sender.deadline().map(|at| at - Instant::now()))
            .unwrap();
        while !sender.is_cancelled() {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        tell.send(None).unwrap();
        Err::<u8, _>(Error::Cancelled)
    });
    let client = passed.client();
    let waits = client.all().timeout(Duration::from_secs(5)).wait();
    let left = heard.next().expect("a deadline");
    assert!(left <= Duration::from_secs(5), "{left:?}");
    waits.cancel();
    assert!(heard.next().is_none());
    // By its end.
    let waits = client.all().wait();
    assert!(heard.next().is_some());
    client.stop().unwrap();
    assert!(heard.next().is_none());
    drop(waits);
}

/// He can still take them: `nc -N`.
#[test]
fn who_has_ended_his_side_gets_the_answers_of_what_was_passed_on() {
    let passed = Passed::new("jrpc", Processing::Pool(2));
    let ((tell, waiting), (told, counting)) = (inbox(), inbox());
    passed.backend.wait.connect(move |_sender| {
        let (promise, resolver) = Promise::<u8>::pair();
        tell.send(resolver).unwrap();
        promise
    });
    passed.backend.count.connect(move |_sender, _to| {
        let (items, stream) = Stream::<u32, String>::channel();
        told.send(items).unwrap();
        stream
    });
    let mut person = Telnet::connect(passed.front.local_addrs()[0]);
    person.send(concat!(
        r#"{"jsonrpc":"2.0","method":"wait","id":1}"#,
        "\0",
        r#"{"jsonrpc":"2.0","method":"count","params":{"to":2},"id":2}"#,
        "\0"
    ));
    let (resolver, items) = (waiting.next(), counting.next());
    items.send(1).unwrap();
    assert_eq!(person.json()["params"], json!({"id": 2, "value": 1}));
    // The answer to this cannot come any more, from which the gateway's side is seen.
    let asked = passed.front.all().call("ask", ());
    assert_eq!(person.json()["method"], "ask");
    person.close_write();
    let error = asked.result().unwrap_err();
    assert!(matches!(error, Error::Disconnected { .. }), "{error}");
    items.send(2).unwrap();
    items.finish("done".to_owned()).unwrap();
    resolver.set_result(7).unwrap();
    let rest = person.rest();
    let rest = rest.split('\0').filter(|telegram| !telegram.is_empty());
    let mut rest: Vec<serde_json::Value> = rest
        .map(|telegram| serde_json::from_str(telegram).unwrap())
        .collect();
    // The two calls have nothing to do with each other.
    rest.sort_by_key(|said| said["id"].as_u64());
    assert_eq!(rest.len(), 3, "{rest:?}");
    assert_eq!(rest[0]["params"], json!({"id": 2, "value": 2}));
    assert_eq!(rest[1]["result"], 7);
    assert_eq!(rest[2]["result"], "done");
}

#[test]
fn a_backend_that_is_away_is_an_error() {
    let passed = Passed::new("jrpc", Processing::Inline);
    let client = passed.client();
    passed.front.on_error(|_, _, _| ());
    passed.back.stop().unwrap();
    let error = client.all().add(1, 2).result().unwrap_err();
    assert!(matches!(error, Error::Call(_)), "{error:?}");
}

/// An API, a client of it, and what its handler of all else was told.
fn any<R: quickrpc::dynamic::IntoAnswer>(
    handler: impl Fn(Call) -> R + Send + Sync + 'static,
) -> (Api, Api) {
    let bus = own_bus();
    let server = Api::bind("jrpc", format!("internal:{bus}:server")).unwrap();
    server.on_any(handler);
    server.start().unwrap();
    let client = Api::bind("jrpc", format!("internal:{bus}:client")).unwrap();
    client.start().unwrap();
    (server, client)
}

#[test]
fn what_no_slot_takes_is_heard() {
    let (tell, heard) = inbox();
    let (server, client) = any(move |call| {
        let seen = (
            call.method().to_owned(),
            call.wants_answer(),
            call.args().clone(),
        );
        tell.send(seen).unwrap();
        match call.method() {
            "unknown" => None,
            _ => Some(Value::from(call.sender().name())),
        }
    });
    let (noted, notes) = inbox();
    server.on("note", move |_sender, _args| noted.send(()).unwrap());
    server.on("known", |_sender, _args| Value::from("known"));
    server.on("passed", |_sender, _args| None::<Value>);
    assert_eq!(
        client.call("known", ()).result().unwrap(),
        Value::from("known")
    );
    let args = value(json!({"a": [1, 2.5, null]}));
    for method in ["passed", "other", ""] {
        let answer = client.call(method, args.clone()).result().unwrap();
        assert_eq!(answer, Value::from("client"));
        assert_eq!(heard.next(), (method.to_owned(), true, args.clone()));
    }
    client.notify("other", ()).unwrap();
    assert_eq!(heard.next(), ("other".to_owned(), false, value(json!({}))));
    // A notification is for all who hear it, so that nobody leaves it to others.
    client.notify("passed", ()).unwrap();
    client.notify("note", ()).unwrap();
    notes.next();
    let error = client.call("unknown", ()).result().unwrap_err();
    assert_eq!(error.code(), Some(CallError::METHOD_NOT_FOUND));
    assert_eq!(heard.next().0, "unknown");
    // What belongs to the protocol is not among it.
    for method in ["rpc.cancel", "$/cancelRequest", "rpc.item", "rpc.more"] {
        client
            .notify(method, value(json!({"id": 4711, "items": 1, "value": 1})))
            .unwrap();
    }
    client.notify("last", ()).unwrap();
    assert_eq!(heard.next().0, "last");
}

#[test]
fn answers_come_later_if_it_likes() {
    let (tell, asked) = inbox();
    let (_server, client) = any(move |_call| {
        let (promise, resolver) = Promise::<Value>::pair();
        tell.send(resolver).unwrap();
        promise
    });
    let later = client.call("later", ());
    asked.next().set_result(Value::from(7)).unwrap();
    assert_eq!(later.result().unwrap(), Value::from(7));
    let given_up = client.call("later", ());
    let resolver = asked.next();
    given_up.cancel();
    eventually("it hears of that", || resolver.is_cancelled());
}

#[test]
fn rules_hold_for_what_nobody_declares() {
    let (tell, heard) = inbox();
    let (server, client) = any(move |call| {
        tell.send(call.method().to_owned()).unwrap();
        Value::Null
    });
    let (trouble, troubles) = inbox();
    server.on_error(move |_sender, _error, method| {
        trouble.send(method.map(str::to_owned)).unwrap();
    });
    server.authorize(|_sender, method| method != "secret");
    let error = client.call("secret", ()).result().unwrap_err();
    assert_eq!(error.code(), Some(CallError::FORBIDDEN));
    client.notify("secret", ()).unwrap();
    client.call("open", ()).result().unwrap();
    assert_eq!(heard.next(), "open");
    assert_eq!(
        troubles.take(2),
        [Some("secret".to_owned()), Some("secret".to_owned())]
    );
}

#[test]
fn a_role_is_needed_also_where_the_slot_has_no_handler() {
    #[remote_api]
    trait Guarded {
        #[incoming]
        #[require(role = "keeper")]
        fn clear(&self) -> u8;
    }
    let bus = own_bus();
    let server = Guarded::bind("jrpc", format!("internal:{bus}:server")).unwrap();
    server.on_error(|_, _, _| ());
    server.node().dynamic().on_any(|_call| Value::from(1));
    server.start().unwrap();
    let client = Api::bind("jrpc", format!("internal:{bus}:client")).unwrap();
    client.start().unwrap();
    let error = client.call("clear", ()).result().unwrap_err();
    assert_eq!(error.code(), Some(CallError::FORBIDDEN));
}

#[test]
fn what_cannot_be_read_is_an_error_of_the_caller() {
    let (tell, heard) = inbox();
    let api = Api::bind("jrpc?strict=on", "tcpserv:127.0.0.1:0").unwrap();
    api.on_error(|_, _, _| ());
    api.on_any(move |call| {
        tell.send(call.method().to_owned()).unwrap();
        match call.method() {
            "panic" => panic!("as a test wants it"),
            _ => Value::Null,
        }
    });
    api.start().unwrap();
    let mut person = Telnet::connect(api.local_addrs()[0]);
    person.send("{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"params\":{\"a\":1e,},\"id\":1}\0");
    assert!(telegram(&mut person).contains("-32700"));
    person.send("{\"jsonrpc\":\"2.0\",\"method\":\"panic\",\"id\":2}\0");
    assert!(telegram(&mut person).contains("-32603"));
    assert_eq!(heard.next(), "panic");
    person.send("{\"jsonrpc\":\"2.0\",\"method\":\"y\",\"params\":{},\"id\":3}\0");
    assert_eq!(
        telegram(&mut person),
        "{\"jsonrpc\":\"2.0\",\"result\":null,\"id\":3}"
    );
}

#[test]
fn streams_that_are_arguments_go_through() {
    let passed = Passed::new("jrpc", Processing::Pool(2));
    let (tell, taken) = inbox();
    passed.backend.upload.connect(move |_sender, name, data| {
        let mut sum = 0;
        for number in data {
            match number {
                Ok(number) => sum += u64::from(number),
                Err(error) => {
                    tell.send(error.to_string()).unwrap();
                    return Err(error);
                }
            }
            if name == "once" {
                break;
            }
        }
        Ok(sum)
    });
    passed.backend.doubled.connect(|_sender, numbers| {
        let numbers = numbers.map(|number| number.map(|number| number * 2));
        Stream::<u32>::try_iter(numbers)
    });
    let client = passed.client();
    let all = client.all();
    let sum = all.upload("all", Stream::iter(1..=5000)).result().unwrap();
    assert_eq!(sum, 5000 * 5001 / 2);
    // An endless one of which the backend takes a little.
    assert_eq!(all.upload("once", Stream::iter(7..)).result().unwrap(), 7);
    // One that fails.
    let broken = Stream::try_iter([Ok(1), Err("broken")]);
    let error = all.upload("all", broken).result().unwrap_err();
    assert!(error.to_string().contains("broken"), "{error}");
    assert!(taken.next().contains("broken"));
    // Both ways at once.
    let doubled: Vec<u32> = all
        .doubled(Stream::iter(1..=2000))
        .map(Result::unwrap)
        .collect();
    assert_eq!((doubled.len(), doubled[1999]), (2000, 4000));
    // A gateway that passes it to nobody lets go of it.
    passed.back.stop().unwrap();
    assert!(all.upload("all", Stream::iter(1..)).result().is_err());
}
