//! Things of hololinked, of two generations, and its clients: those that know its messages, and
//! those that begin with a description.

mod crowd;
mod several;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use quickrpc::{Bytes, CallError, Error, Processing, Promise, Result, Value, dynamic, remote_api};
use quickrpc_tests::{OwnDir, Peer, Python, SOON, inbox};

use crate::settled;

/// What the peer serves.
#[remote_api]
trait Thing {
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
    #[incoming]
    fn echo(&self, value: Value) -> Value;
    #[incoming]
    fn fail(&self, #[default("boom".into())] message: String) -> ();
    #[incoming]
    fn slow(&self, #[default(1.0)] seconds: f64) -> String;
    #[incoming]
    fn chatty(&self) -> String;
    #[incoming]
    fn blob(&self, #[default] data: Vec<u8>) -> Vec<u8>;
    #[incoming]
    fn mixed(&self) -> (BTreeMap<String, i64>, Bytes);
    #[incoming]
    fn push_tick(&self, #[default(1)] n: u32) -> ();
    #[incoming]
    fn slow_threaded(&self, seconds: f64) -> String;
    #[incoming]
    fn call_count(&self) -> u64;
    #[incoming]
    #[name = "readmultipleproperties"]
    fn read_some(&self, names: Vec<String>) -> BTreeMap<String, Value>;
    #[incoming]
    #[name = "readallproperties"]
    fn read_all(&self) -> BTreeMap<String, Value>;
    #[incoming]
    #[name = "writemultipleproperties"]
    fn write_some(&self, value: f64, label: &str) -> ();
    #[incoming(property, writable)]
    fn value(&self) -> f64;
    #[incoming(property, writable)]
    fn label(&self) -> String;
    #[outgoing]
    fn tick(&self, n: u32);
}

struct Served {
    thing: Peer,
    tcp: String,
    ipc: String,
}

fn serve(generation: &str, options: &[&str]) -> Option<Served> {
    let python = Python::with_hololinked(env!("CARGO_TARGET_TMPDIR"), generation)?;
    let mut command = python.script("hololinked_peer.py");
    command.args(["thing", "--seconds", "110"]).args(options);
    let thing = Peer::start(&mut command);
    let ready = thing.expect("ready");
    let place = |name: &str, scheme: &str| {
        let address = ready[name].as_str().unwrap_or_default();
        address.strip_prefix(scheme).unwrap_or_default().to_owned()
    };
    Some(Served {
        tcp: format!("zmq:{}", place("tcp_server", "tcp://")),
        ipc: format!("zmq+unix:{}", place("ipc_server", "ipc://")),
        thing,
    })
}

const CODEC: &str = "hololinked:interop-server/interop-thing";

fn client(codec: &str, transport: &str) -> ThingInverse {
    let client = ThingInverse::bind(codec, transport).unwrap();
    client.start().unwrap();
    client
}

#[test]
fn a_trait_against_a_thing() {
    for generation in ["0.4", "0.3"] {
        let Some(served) = serve(generation, &[]) else {
            return;
        };
        for transport in [&served.tcp, &served.ipc] {
            calls(&client(CODEC, transport), generation);
        }
    }
}

fn calls(client: &ThingInverse, generation: &str) {
    let thing = client.all();
    assert_eq!(client.peers()[0].name(), "interop-server");
    assert_eq!(settled(thing.add(2, 3)).unwrap(), 5);
    let value: Value = [("s", Value::from("hölo ✓")), ("n", Value::Null)]
        .into_iter()
        .collect();
    assert_eq!(settled(thing.echo(value.clone())).unwrap(), value);
    let error = settled(thing.fail("told you".into())).unwrap_err();
    let Error::Call(error) = error else {
        panic!("{error}");
    };
    assert_eq!(error.message, "told you");
    assert_eq!(error.code, CallError::HANDLER_ERROR);
    let data = error.data.unwrap();
    assert_eq!(data["type"].as_str(), Some("ValueError"));
    assert!(data["traceback"].as_list().unwrap().len() > 1, "{data}");

    assert_eq!(
        settled(thing.blob(vec![0, 1, 2, 255])).unwrap(),
        [255, 2, 1, 0]
    );
    let (width, bytes) = settled(thing.mixed()).unwrap();
    assert_eq!(width["width"], 2);
    assert_eq!(*bytes, [0, 1, 0xfe, 0xff]);

    settled(thing.set_value(4.5)).unwrap();
    settled(thing.set_label("x".into())).unwrap();
    assert_eq!(settled(thing.value()).unwrap(), 4.5);
    let some = settled(thing.read_some(vec!["value".into(), "label".into()])).unwrap();
    assert_eq!(some["value"].as_f64(), Some(4.5));
    assert_eq!(some.len(), 2);
    if generation == "0.3" {
        // Which fails at that.
        settled(thing.set_value(6.25)).unwrap();
        settled(thing.set_label("both".into())).unwrap();
    } else {
        settled(thing.write_some(6.25, "both")).unwrap();
    }
    let all = settled(thing.read_all()).unwrap();
    assert_eq!(all["label"].as_str(), Some("both"));
    assert_eq!(all["value"].as_f64(), Some(6.25));

    let before = settled(thing.call_count()).unwrap();
    settled(thing.push_tick(1)).unwrap();
    assert_eq!(settled(thing.call_count()).unwrap(), before + 1, "in order");

    // What it tells.
    let ((tell, told), (tick, ticks)) = (inbox(), inbox());
    client
        .value
        .connect(move |sender, value| tell.send((sender.name().to_owned(), value)).unwrap());
    client
        .tick
        .connect(move |sender, n| tick.send((sender.name().to_owned(), n)).unwrap());
    settled(thing.push_tick(2)).unwrap();
    assert_eq!([ticks.next(), ticks.next()].map(|(_, n)| n), [0, 1]);
    settled(thing.set_value(-1.5)).unwrap();
    assert_eq!(told.next(), ("interop-server".into(), -1.5));
    let peer = &client.peers()[0];
    assert_eq!(client.value.latest(peer), Some(-1.5));
    assert_eq!(client.peers().len(), 1);

    // Limits of the Thing's.
    let begun = Instant::now();
    let late = thing.timeout(Duration::from_millis(300));
    let error = settled(late.slow(4.0)).unwrap_err();
    assert_eq!(error.code(), Some(CallError::TOO_LONG), "{error}");
    assert!(error.to_string().contains("execution"), "{error}");
    assert!(begun.elapsed() < Duration::from_millis(3000));
    // It goes on.
    let hurried = thing.start_within(Duration::from_millis(100));
    let error = settled(hurried.add(1, 1)).unwrap_err();
    assert_eq!(error.code(), Some(CallError::TOO_LATE), "{error}");
    assert!(error.to_string().contains("invokation"), "{error}");
    assert_eq!(settled(thing.add(1, 1)).unwrap(), 2);
}

#[test]
fn without_a_trait() {
    let Some(served) = serve("0.4", &["--no-ipc"]) else {
        return;
    };
    let api = dynamic::Api::bind(CODEC, served.tcp.as_str()).unwrap();
    api.start().unwrap();
    assert_eq!(settled(api.call("add", [20, 22])).unwrap(), 42.into());
    let blob = [Value::Bytes(vec![1, 2])];
    let reversed = settled(api.call("blob", &blob)).unwrap();
    assert_eq!(reversed, Value::Bytes(vec![2, 1]));
    settled(api.all().write("value", 2.5)).unwrap();
    assert_eq!(settled(api.all().read("value")).unwrap(), 2.5.into());
    let error = settled(api.call("nothing", ())).unwrap_err();
    assert!(error.to_string().contains("nothing"), "{error}");
    let error = settled(api.call("add", [1, 2, 3])).unwrap_err();
    assert!(matches!(error, Error::Call(_)), "{error}");
    // Of another Thing.
    let other = dynamic::Api::bind("hololinked:interop-server/other", served.tcp.as_str()).unwrap();
    other.start().unwrap();
    let error = settled(other.call("add", [1, 2])).unwrap_err();
    assert_eq!(error.code(), Some(CallError::INVALID_REQUEST), "{error}");
}

/// The same Thing here.
fn thing(transport: &str) -> Thing {
    let thing = Thing::builder()
        .bind(CODEC, transport)
        .processing(Processing::Queue)
        .build()
        .unwrap();
    let calls = Arc::new(AtomicU64::new(0));
    let count = move |calls: &AtomicU64| {
        calls.fetch_add(1, Ordering::SeqCst);
    };
    let counted = calls.clone();
    thing.add.connect(move |_sender, a, b| {
        count(&counted);
        a + b
    });
    thing.echo.connect(|_sender, value| value);
    thing
        .fail
        .connect(|_sender, message: String| -> Result<()> {
            let error = CallError::new(CallError::HANDLER_ERROR, message);
            Err(error
                .with_data(
                    [("type", Value::from("ValueError"))]
                        .into_iter()
                        .collect::<Value>(),
                )
                .into())
        });
    thing.slow.connect(|_sender, seconds| {
        thread::sleep(Duration::from_secs_f64(seconds));
        "done".to_owned()
    });
    thing.slow_threaded.connect(|_sender, seconds| {
        let (promise, resolver) = Promise::pair();
        thread::spawn(move || {
            thread::sleep(Duration::from_secs_f64(seconds));
            resolver.set_result("done threaded".to_owned()).ok();
        });
        promise
    });
    thing.chatty.connect(|_sender| {
        tracing::info!(target: "lab", "first line");
        tracing::warn!(target: "lab", detail = 3, "second line");
        "ok".to_owned()
    });
    thing.blob.connect(|_sender, mut data: Vec<u8>| {
        data.reverse();
        data
    });
    thing.mixed.connect(|_sender| {
        let width = BTreeMap::from([("width".to_owned(), 2)]);
        (width, Bytes::from(vec![0, 1, 0xfe, 0xff]))
    });
    thing
        .call_count
        .connect(move |_sender| calls.load(Ordering::SeqCst));
    let everybody = thing.all();
    thing.push_tick.connect(move |_sender, n| {
        for number in 0..n {
            everybody.tick(number).ok();
        }
    });
    thing.value.set(1.5).unwrap();
    thing.label.set("start".into()).unwrap();
    thing.start().unwrap();
    thing
}

#[test]
fn clients_of_the_package_against_ours() {
    for generation in ["0.4", "0.3"] {
        let Some(python) = Python::with_hololinked(env!("CARGO_TARGET_TMPDIR"), generation) else {
            return;
        };
        let dir = OwnDir::new();
        let path = dir.path("thing.ipc");
        let ipc = format!("ipc://{}", path.display());
        let thing = thing(&format!(
            "mux:(zmqserv:127.0.0.1:0)(zmqserv+unix:{})",
            path.display()
        ));
        let addrs = thing.local_addrs();
        assert_eq!(addrs[0].port() + 1, addrs[1].port());
        let tcp = format!("tcp://{}", addrs[0]);
        for address in [&tcp, &ipc] {
            for kind in [&[][..], &["--proxy"]] {
                let mut command = python.script("hololinked_peer.py");
                command.args(["client", "--seconds", "120", "--address", address]);
                let client = Peer::start(command.args(kind));
                loop {
                    let event = client.expect_one_of(&["check", "summary"]);
                    assert_eq!(event["error"], serde_json::Value::Null, "{event}");
                    if event["event"] == "summary" {
                        assert_eq!(event["failed"], 0, "{address} {kind:?} {generation}");
                        break;
                    }
                }
            }
        }
    }
}
