//! Against the real hololinked.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use quickrpc::{Bytes, CallError, Error, Promise, Result, Value, dynamic, remote_api};
use quickrpc_tests::{Peer, Python, SOON, bounded};

/// What the peer serves.
#[remote_api]
trait Thing {
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
    #[incoming]
    fn echo(&self, value: Value) -> Value;
    #[incoming]
    fn fail(&self, message: &str) -> ();
    #[incoming]
    fn slow(&self, seconds: f64) -> String;
    #[incoming]
    fn chatty(&self) -> String;
    #[incoming]
    fn blob(&self, data: &[u8]) -> Vec<u8>;
    #[incoming]
    fn mixed(&self) -> (BTreeMap<String, i64>, Bytes);
    #[incoming]
    fn push_tick(&self, n: u32);
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

fn settled<T: Send + 'static>(promise: Promise<T>) -> Result<T> {
    bounded("the promise", move || promise.result())
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
    let error = settled(thing.fail("told you")).unwrap_err();
    let Error::Call(error) = error else {
        panic!("{error}");
    };
    assert_eq!(error.message, "told you");
    assert_eq!(error.code, CallError::HANDLER_ERROR);
    let data = error.data.unwrap();
    assert_eq!(data["type"].as_str(), Some("ValueError"));
    assert!(data["traceback"].as_list().unwrap().len() > 1, "{data}");

    assert_eq!(settled(thing.blob(&[0, 1, 2, 255])).unwrap(), [255, 2, 1, 0]);
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
    thing.push_tick(1).unwrap();
    assert_eq!(settled(thing.call_count()).unwrap(), before + 1, "in order");

    // Limits of the Thing's.
    let begun = Instant::now();
    let late = thing.timeout(Duration::from_millis(300));
    let error = settled(late.slow(1.0)).unwrap_err();
    assert_eq!(error.code(), Some(CallError::TOO_LONG), "{error}");
    assert!(error.to_string().contains("execution"), "{error}");
    assert!(begun.elapsed() < Duration::from_millis(900));
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
    assert!(SOON > Duration::ZERO);
}
