//! A Thing that is not the one of the expression, but another one of the same server.

use quickrpc::Node;

use super::*;

#[remote_api(prefix = "second/")]
trait Second {
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
    #[incoming]
    fn fail(&self, message: String) -> ();
    #[incoming]
    fn push_tick(&self, n: u32) -> ();
    #[incoming(property, writable)]
    fn value(&self) -> f64;
    #[outgoing]
    fn tick(&self, n: u32);
}

#[test]
fn one_of_theirs() {
    for generation in ["0.4", "0.3"] {
        let Some(served) = serve(generation, &["--no-ipc", "--thing-id", "second"]) else {
            return;
        };
        let node = Node::bind(CODEC, served.tcp.as_str()).unwrap();
        let second: SecondInverse = node.add().unwrap();
        let ((tick, ticks), (tell, told)) = (inbox(), inbox());
        second.tick.connect(move |_srv, n| tick.send(n).unwrap());
        second.value.connect(move |_srv, to| tell.send(to).unwrap());
        node.start().unwrap();
        let thing = second.all();
        assert_eq!(settled(thing.add(2, 3)).unwrap(), 5);
        settled(thing.set_value(4.5)).unwrap();
        assert_eq!(settled(thing.value()).unwrap(), 4.5);
        // A subscription is on its way for a while.
        quickrpc_tests::eventually("an event", || {
            settled(second.all().push_tick(1)).unwrap();
            !ticks.so_far().is_empty()
        });
        settled(thing.set_value(-1.5)).unwrap();
        while told.next() != -1.5 {}
    }
}

#[test]
fn one_of_ours() {
    for generation in ["0.4", "0.3"] {
        let Some(python) = Python::with_hololinked(env!("CARGO_TARGET_TMPDIR"), generation) else {
            return;
        };
        let first = thing("zmqserv:127.0.0.1:0");
        let second: Second = first.node().add().unwrap();
        second.add.connect(|_client, a, b| a + b);
        second.fail.connect(|_client, message: String| {
            let kind: Value = [("type", Value::from("ValueError"))].into_iter().collect();
            let error = CallError::new(CallError::HANDLER_ERROR, message);
            Result::<()>::Err(error.with_data(kind).into())
        });
        let everybody = second.all();
        second.push_tick.connect(move |_client, n| {
            for number in 0..n {
                everybody.tick(number).ok();
            }
        });
        second.value.set(0.0).unwrap();
        let address = format!("tcp://{}", first.local_addrs()[0]);
        for thing in ["interop-thing", "second"] {
            let mut command = python.script("hololinked_peer.py");
            command.args(["client", "--seconds", "60", "--address", &address]);
            let client = Peer::start(command.args(["--proxy", "--thing-id", thing]));
            let summary = client.expect("summary");
            assert_eq!(summary["failed"], 0, "{generation} {thing}");
        }
    }
}
