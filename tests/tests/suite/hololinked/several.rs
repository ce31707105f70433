//! Several Things behind one server, over one connection.

use quickrpc::Node;
use serde_json::json;

use super::by_hand::{Asks, exception};
use super::*;

#[remote_api(prefix = "motor/")]
trait Motor {
    #[incoming]
    fn turn(&self, by: i64) -> i64;
    #[incoming(property, writable)]
    fn position(&self) -> i64;
    #[outgoing(positional)]
    fn stalled(&self, at: i64);
}

/// Of an id that has a `/` itself.
#[remote_api(prefix = "lab/lamp:1/")]
trait Lamp {
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
}

fn things() -> (Node, SocketAddr, Scope, Motor) {
    let node = Node::bind(CODEC, "zmqserv:127.0.0.1:0").unwrap();
    let scope: Scope = node.add().unwrap();
    let motor: Motor = node.add().unwrap();
    let lamp: Lamp = node.add().unwrap();
    scope.add.connect(|_client, a, b| a + b);
    scope.channel.set(1).unwrap();
    scope.peak.set(0.5).unwrap();
    lamp.add.connect(|_client, a, b| 100 * a + b);
    motor.position.set(7).unwrap();
    let position = motor.position.clone();
    motor.turn.connect(move |_client, by| {
        let to = position.get().unwrap() + by;
        position.set(to)?;
        quickrpc::ok(to)
    });
    node.start().unwrap();
    let addr = node.local_addrs()[0];
    (node, addr, scope, motor)
}

#[test]
fn each_has_its_members() {
    let (_node, addr, ..) = things();
    let mut asks = Asks::new(addr);
    let mut of = |thing: &str, operation: &str, objekt: &str, payload: serde_json::Value| {
        let mut header = asks.header("OPERATION");
        header["thingID"] = thing.into();
        header["operation"] = operation.into();
        header["objekt"] = objekt.into();
        asks.say(&header.to_string(), payload.to_string().as_bytes(), b"");
        asks.hear()
    };
    let two = json!({"__args__": [1, 2]});
    for (thing, operation, objekt, payload, result) in [
        ("thg", "invokeaction", "add", two.clone(), json!(3)),
        ("lab/lamp:1", "invokeaction", "add", two.clone(), json!(102)),
        ("motor", "invokeaction", "turn", json!({"by": 3}), json!(10)),
        ("motor", "readproperty", "position", json!(null), json!(10)),
        ("motor", "writeproperty", "position", json!(4), json!(null)),
        (
            "motor",
            "readallproperties",
            "",
            json!(null),
            json!({"position": 4}),
        ),
        (
            "thg",
            "readallproperties",
            "",
            json!(null),
            json!({"channel": 1, "peak": 0.5}),
        ),
        (
            "lab/lamp:1",
            "readallproperties",
            "",
            json!(null),
            json!({}),
        ),
        ("motor", "invokeaction", "ping", json!(null), json!(null)),
    ] {
        let answer = of(thing, operation, objekt, payload);
        assert_eq!(
            (&*answer.kind, answer.payload),
            ("REPLY", result),
            "{thing} {operation} {objekt}"
        );
    }
    for (thing, objekt, kind, error) in [
        ("motor", "add", "EXCEPTION", "AttributeError"),
        ("thg", "turn", "EXCEPTION", "AttributeError"),
        ("thg", "motor/turn", "EXCEPTION", "AttributeError"),
        ("lab", "lamp:1/add", "INVALID_MESSAGE", "KeyError"),
        ("moto", "turn", "INVALID_MESSAGE", "KeyError"),
        ("", "motor/turn", "INVALID_MESSAGE", "KeyError"),
    ] {
        let answer = of(thing, "invokeaction", objekt, two.clone());
        assert_eq!(answer.kind, kind, "{thing} {objekt}");
        assert_eq!(exception(&answer).0, error, "{thing} {objekt}");
    }
    let described = of("motor", "invokeaction", "get_thing_description", json!({})).payload;
    assert_eq!(
        (&described["id"], &described["title"]),
        (&json!("motor"), &json!("Motor"))
    );
    for (kind, member) in [
        ("properties", "position"),
        ("actions", "turn"),
        ("events", "stalled"),
    ] {
        let names: Vec<_> = described[kind].as_object().unwrap().keys().collect();
        assert_eq!(names, [member]);
    }
}

#[test]
fn a_client_has_them_over_one_connection() {
    let (node, addr, scope, motor) = things();
    let lab = Node::bind(CODEC, format!("zmq:{addr}")).unwrap();
    let theirs: ScopeInverse = lab.add().unwrap();
    let drive: MotorInverse = lab.add().unwrap();
    let lamp: LampInverse = lab.add().unwrap();
    let ((tick, ticks), (stall, stalls), (at, positions)) = (inbox(), inbox(), inbox());
    theirs.single.connect(move |_srv, n| tick.send(n).unwrap());
    drive
        .stalled
        .connect(move |_srv, at| stall.send(at).unwrap());
    drive.position.connect(move |_srv, to| at.send(to).unwrap());
    lab.start().unwrap();
    assert_eq!((lab.peers().len(), node.peers().len()), (1, 1));
    assert_eq!(settled(theirs.all().add(1, 2)).unwrap(), 3);
    assert_eq!(settled(lamp.all().add(1, 2)).unwrap(), 102);
    assert_eq!(settled(drive.all().turn(1)).unwrap(), 8);
    assert_eq!(settled(drive.all().position()).unwrap(), 8);
    settled(drive.all().set_position(20)).unwrap();
    let error = settled(drive.all().set_position(i64::MAX)).err();
    assert!(error.is_none(), "{error:?}");
    // Subscriptions are on their way for a while.
    eventually("both subscriptions", || {
        scope.all().single(1).unwrap();
        motor.all().stalled(5).unwrap();
        !ticks.so_far().is_empty() && !stalls.so_far().is_empty()
    });
    motor.position.set(-3).unwrap();
    while positions.next() != -3 {}
}
