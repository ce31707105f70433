//! Arguments: what is declared is what both sides see.

use std::borrow::Cow;
use std::collections::BTreeMap;

use quickrpc::{Bytes, CallError, remote_api};
use quickrpc_tests::{Telnet, inbox};
use serde::{Deserialize, Serialize};

use crate::{call_error, settled};

/// A type of the user's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Point {
    x: f64,
    y: f64,
    label: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Dot,
    Circle(Point, f64),
    Line { from: Point, to: Point },
}

/// Every kind of argument.
#[remote_api]
trait Kinds {
    #[incoming]
    fn text(&self, borrowed: &str, owned: String, some: Option<&str>) -> String;

    #[incoming]
    fn bytes(&self, slice: &[u8], vec: Vec<u8>, some: Option<Vec<u8>>, wrapped: Bytes) -> Vec<u8>;

    #[incoming]
    fn points(&self, value: Point, by_reference: &Point, slice: &[Point]) -> Point;

    #[incoming]
    fn shape(&self, shape: Shape) -> Shape;

    #[incoming]
    fn numbers(&self, a: u8, b: i64, c: u64, d: i128, e: f64, f: bool, g: char) -> String;

    #[incoming]
    fn containers(
        &self,
        list: Vec<i32>,
        map: BTreeMap<String, Vec<bool>>,
        pair: (i32, String),
    ) -> usize;

    #[incoming]
    fn owned(
        &self,
        text: Cow<'static, str>,
        names: &[Name<'static>],
        #[default] lines: Option<Cow<'static, [i64]>>,
    ) -> Cow<'static, str>;

    #[incoming]
    fn nothing(&self) -> bool;
}

/// May borrow, and does not where it travels.
#[derive(Serialize, Deserialize)]
struct Name<'a> {
    text: Cow<'a, str>,
}

fn point(x: f64) -> Point {
    Point {
        x,
        y: -0.5,
        label: (x > 1.0).then(|| "a \"far\" one\n".into()),
    }
}

#[test]
fn text() {
    let (api, caller) = Kinds::pair();
    api.text.connect(|_sender, borrowed: &str, owned, some| {
        format!("{borrowed}|{owned}|{}", some.unwrap_or("-"))
    });
    let all = caller.all();
    let plain = settled(all.text("a", "b".into(), Some("c"))).unwrap();
    assert_eq!(plain, "a|b|c");
    let hard = settled(all.text("ä\"\\\n\u{0}\u{1f600}", String::new(), None)).unwrap();
    assert_eq!(hard, "ä\"\\\n\u{0}\u{1f600}||-");
}

#[test]
fn bytes() {
    let (api, caller) = Kinds::pair();
    api.bytes.connect(|_sender, slice, vec, some, wrapped| {
        let some = some.unwrap_or_default();
        [slice, &vec, &some, &wrapped].concat()
    });
    let wrapped = Bytes::from(vec![4]);
    let all = caller.all();
    let joined = all.bytes(&[0xff], vec![2], Some(vec![3]), wrapped.clone());
    assert_eq!(settled(joined).unwrap(), [0xff, 2, 3, 4]);
    let joined = all.bytes(&[], vec![], None, wrapped);
    assert_eq!(settled(joined).unwrap(), [4]);
}

#[test]
fn types_of_the_user() {
    let (api, caller) = Kinds::pair();
    api.points.connect(|_sender, value, by_reference, slice| {
        assert_eq!(&value, by_reference);
        assert_eq!(slice, [value.clone(), point(9.0)]);
        value
    });
    let sent = [point(2.0), point(9.0)];
    let answer = caller.all().points(point(2.0), &point(2.0), &sent);
    assert_eq!(settled(answer).unwrap(), point(2.0));
}

#[test]
fn enums() {
    let (api, caller) = Kinds::pair();
    api.shape.connect(|_sender, shape| shape);
    for shape in [
        Shape::Dot,
        Shape::Circle(point(0.0), 1.5),
        Shape::Line {
            from: point(1.0),
            to: point(2.0),
        },
    ] {
        assert_eq!(settled(caller.all().shape(shape.clone())).unwrap(), shape);
    }
}

#[test]
fn numbers_keep_all_digits() {
    let (api, caller) = Kinds::pair();
    api.numbers
        .connect(|_sender, a, b, c, d, e, f, g| format!("{a} {b} {c} {d} {e} {f} {g}"));
    let all = caller.all();
    let largest = all.numbers(255, i64::MIN, u64::MAX, i128::MIN, 0.1, true, 'ß');
    let expected = format!("255 {} {} {} 0.1 true ß", i64::MIN, u64::MAX, i128::MIN);
    assert_eq!(settled(largest).unwrap(), expected);
    let whole = all.numbers(0, 0, 0, 0, 1e300, false, 'a');
    assert_eq!(
        settled(whole).unwrap(),
        format!("0 0 0 0 {} false a", 1e300)
    );
}

#[test]
fn containers() {
    let (api, caller) = Kinds::pair();
    api.containers.connect(|_sender, list, map, pair| {
        assert_eq!(map["no"], [false]);
        list.len() + map.len() + pair.1.len()
    });
    let map = BTreeMap::from([("no".into(), vec![false]), ("all".into(), vec![])]);
    let answer = caller
        .all()
        .containers(vec![1, 2, 3], map, (1, "abcd".into()));
    assert_eq!(settled(answer).unwrap(), 9);
}

#[test]
fn owned_where_it_may_borrow() {
    let (api, client) = Kinds::pair();
    api.owned.connect(|_, text, names, lines| {
        let names: Vec<_> = names.iter().map(|name| &*name.text).collect();
        Cow::from(format!("{text} {} {lines:?}", names.join("+")))
    });
    let names = ["a", "b\n"].map(|text| Name { text: text.into() });
    let told = client
        .all()
        .owned("ß\t".into(), &names, Some(vec![1, 2].into()));
    assert_eq!(settled(told).unwrap(), "ß\t a+b\n Some([1, 2])");
    let told = client.all().owned("".into(), &[], None);
    assert_eq!(settled(told).unwrap(), "  None");
}

/// A map that JSON has not.
type Pairs = BTreeMap<(u8, u8), i64>;

#[remote_api]
trait Unwritable {
    #[incoming]
    fn by_name(&self, first: i64, pairs: Pairs);

    #[incoming(positional)]
    fn by_place(&self, first: i64, #[name = "allPairs"] pairs: &[Pairs]);
}

#[test]
fn what_cannot_be_written_is_named() {
    let (_api, client) = Unwritable::pair();
    let pairs = || Pairs::from([((1, 2), 3)]);
    let refused = "a map key must be a string, an integer, a bool or a char";
    for (error, of) in [
        (
            client.all().by_name(1, pairs()),
            "`by_name`: argument `pairs`",
        ),
        (
            client.all().by_place(1, &[pairs()]),
            "`by_place`: argument `allPairs`",
        ),
    ] {
        let error = error.unwrap_err().to_string();
        assert_eq!(error, format!("cannot encode {of}: {refused}"));
    }
}

#[test]
fn no_arguments() {
    let (api, caller) = Kinds::pair();
    api.nothing.connect(|_sender| true);
    assert!(settled(caller.all().nothing()).unwrap());
}

#[test]
fn every_handler_decodes_its_own_arguments() {
    let (api, caller) = Kinds::pair();
    let (seen, log) = inbox();
    for _ in 0..2 {
        let seen = seen.clone();
        // Owned arguments of a type that a handler may keep.
        api.shape.connect(move |_sender, shape| {
            seen.send(shape).unwrap();
            None::<Shape>
        });
    }
    let error = call_error(settled(caller.all().shape(Shape::Dot)));
    assert_eq!(error.code, CallError::INTERNAL_ERROR);
    assert_eq!(log.take(2), [Shape::Dot, Shape::Dot]);
}

/// Names on the wire, defaults, and how strict a call is.
#[remote_api(rename_all = "camelCase", prefix = "lab.")]
trait Named {
    #[incoming]
    fn set_target(&self, target_angle: f64, #[default(2 + 3)] max_speed: i64) -> String;

    #[incoming]
    #[name = "STOP"]
    fn stop(&self, #[name = "why-not"] reason: Option<&str>) -> Option<String>;

    #[incoming(positional)]
    fn start(&self, first: i64, #[default] second: i64) -> i64;

    #[outgoing(positional)]
    fn to(&self, first: i64, second: Option<i64>);
}

/// All by position.
#[remote_api(positional)]
trait Positional {
    #[incoming]
    fn go(&self, to: &Point, speed: Option<i64>, note: Option<&str>, data: &[u8]);

    #[incoming]
    fn stop(&self, after: Option<i64>, note: Option<&str>);

    #[incoming]
    fn home(&self);
}

/// Lets unknown arguments pass.
#[remote_api(ignore_unknown)]
trait Lenient {
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
}

struct Caller {
    connection: Telnet,
    id: u32,
    _api: Box<dyn std::any::Any>,
}

impl Caller {
    fn of_named() -> Self {
        let api = Named::bind("jrpc:\\n", "tcpserv:127.0.0.1:0").unwrap();
        api.set_target
            .connect(|_sender, angle, speed| format!("{angle} at {speed}"));
        api.stop
            .connect(|_sender, reason| reason.map(str::to_owned));
        api.start
            .connect(|_sender, first, second| first * 10 + second);
        api.start().unwrap();
        Caller {
            connection: Telnet::connect(api.local_addrs()[0]),
            id: 0,
            _api: Box::new(api),
        }
    }

    fn call(&mut self, method: &str, params: &str) -> serde_json::Value {
        self.id += 1;
        let head = format!(r#"{{"jsonrpc":"2.0","method":"{method}""#);
        let params = match params {
            "" => String::new(),
            params => format!(r#","params":{params}"#),
        };
        let call = format!("{head}{params},\"id\":{}}}\n", self.id);
        self.connection.send(call);
        let answer: serde_json::Value = serde_json::from_str(&self.connection.line()).unwrap();
        assert_eq!(answer["id"], self.id);
        answer
    }

    #[track_caller]
    fn result(&mut self, method: &str, params: &str) -> serde_json::Value {
        let answer = self.call(method, params);
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].clone()
    }

    #[track_caller]
    fn refusal(&mut self, method: &str, params: &str) -> String {
        let answer = self.call(method, params);
        assert_eq!(
            answer["error"]["code"],
            CallError::INVALID_PARAMS,
            "{answer}"
        );
        answer["error"]["message"].as_str().unwrap().to_owned()
    }
}

#[test]
fn names_on_the_wire() {
    let mut caller = Caller::of_named();
    let params = r#"{"targetAngle":1.5,"maxSpeed":2}"#;
    assert_eq!(caller.result("lab.setTarget", params), "1.5 at 2");
    assert_eq!(caller.result("STOP", r#"{"why-not":"tired"}"#), "tired");
    let answer = caller.call("lab.set_target", params);
    assert_eq!(answer["error"]["code"], CallError::METHOD_NOT_FOUND);
}

#[test]
fn defaults_and_options_stand_in_for_missing_arguments() {
    let mut caller = Caller::of_named();
    let missing = caller.result("lab.setTarget", r#"{"targetAngle":1.5}"#);
    assert_eq!(missing, "1.5 at 5");
    assert!(caller.result("STOP", "").is_null());
    assert!(caller.result("STOP", "{}").is_null());
    assert!(caller.result("STOP", r#"{"why-not":null}"#).is_null());
    // Null is a value, and here a wrong one.
    caller.refusal("lab.setTarget", r#"{"targetAngle":1.5,"maxSpeed":null}"#);
}

#[test]
fn wrong_arguments_are_refused_in_words() {
    let mut caller = Caller::of_named();
    let unknown = caller.refusal("lab.setTarget", r#"{"targetAngle":1,"speed":2}"#);
    assert!(unknown.contains("speed"), "{unknown}");
    let missing = caller.refusal("lab.setTarget", "{}");
    assert!(missing.contains("targetAngle"), "{missing}");
    let wrong = caller.refusal("lab.setTarget", r#"{"targetAngle":"x"}"#);
    assert!(wrong.contains("targetAngle"), "{wrong}");
    let list = caller.refusal("lab.setTarget", "[1, 2]");
    assert!(list.contains("named"), "{list}");
    let sender = caller.refusal("lab.setTarget", r#"{"targetAngle":1,"sender":"me"}"#);
    assert!(sender.contains("sender"), "{sender}");
    // A refusal harms nothing.
    caller.result("lab.setTarget", r#"{"targetAngle":1}"#);
}

/// They are wrong for all handlers alike, so the caller is told once, and what is wrong.
#[test]
fn wrong_arguments_with_several_handlers() {
    let api = Lenient::bind("jrpc:\\n", "tcpserv:127.0.0.1:0").unwrap();
    api.add.connect(|_sender, _a, _b| None::<i64>);
    api.add.connect(|_sender, a, b| a + b);
    let (seen, trouble) = inbox();
    api.on_error(move |_peer, error, method| {
        let _ = seen.send(format!("{}: {error}", method.unwrap_or_default()));
    });
    api.start().unwrap();
    let mut connection = Telnet::connect(api.local_addrs()[0]);
    let call = r#"{"jsonrpc":"2.0","method":"add","params":{"a":"x"}"#;
    connection.send(format!("{call}}}\n{call},\"id\":1}}\n"));
    let answer: serde_json::Value = serde_json::from_str(&connection.line()).unwrap();
    assert_eq!(
        answer["error"]["code"],
        CallError::INVALID_PARAMS,
        "{answer}"
    );
    let trouble = trouble.so_far();
    let [notification] = &*trouble else {
        panic!("told {} times: {trouble:?}", trouble.len());
    };
    assert!(
        notification.contains("argument `a` of `add`"),
        "{notification}"
    );
}

/// An incoming call that takes arguments by position is sent so by its inverse; what is
/// missing in the midst is null, and at the end it is left out.
#[test]
fn the_inverse_of_a_positional_call_sends_a_list() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("tcp:{}", listener.local_addr().unwrap());
    let api = PositionalInverse::bind("jrpc:\\n", to).unwrap();
    api.start().unwrap();
    let mut connection = Telnet::over(listener.accept().unwrap().0);
    let point = Point {
        x: 1.0,
        y: 2.5,
        label: None,
    };
    api.all().go(&point, None, Some("ä"), b"\x01").unwrap();
    api.all().go(&point, Some(7), None, b"").unwrap();
    api.all().stop(Some(1), None).unwrap();
    api.all().stop(None, None).unwrap();
    api.all().home().unwrap();
    for expected in [
        r#"{"jsonrpc":"2.0","method":"go","params":[{"x":1.0,"y":2.5,"label":null},null,"ä",{"__bytes":"AQ=="}]}"#,
        r#"{"jsonrpc":"2.0","method":"go","params":[{"x":1.0,"y":2.5,"label":null},7,null,{"__bytes":""}]}"#,
        r#"{"jsonrpc":"2.0","method":"stop","params":[1]}"#,
        r#"{"jsonrpc":"2.0","method":"stop","params":[]}"#,
        r#"{"jsonrpc":"2.0","method":"home","params":[]}"#,
    ] {
        assert_eq!(connection.line(), expected);
    }
}

#[test]
fn positional_arguments_where_allowed() {
    let mut caller = Caller::of_named();
    assert_eq!(caller.result("lab.start", "[1, 2]"), 12);
    assert_eq!(caller.result("lab.start", "[1]"), 10);
    assert_eq!(caller.result("lab.start", r#"{"second":3,"first":4}"#), 43);
    caller.refusal("lab.start", "[]");
    caller.refusal("lab.start", "[1, 2, 3]");
}

#[test]
fn an_outgoing_positional_call_sends_a_list() {
    let api = Named::bind("jrpc:\\n", "tcpserv:127.0.0.1:0").unwrap();
    let (seen, log) = inbox();
    api.on_connect(move |_peer| {
        seen.send(()).unwrap();
    });
    api.start().unwrap();
    let mut connection = Telnet::connect(api.local_addrs()[0]);
    log.next();
    // The user's `to` and `stop`, beside the handle's own.
    api.all().to(1, Some(2)).unwrap();
    api.all().to(1, None).unwrap();
    let mut params = || {
        let call: serde_json::Value = serde_json::from_str(&connection.line()).unwrap();
        assert_eq!(call["method"], "lab.to");
        call["params"].clone()
    };
    assert_eq!(params(), serde_json::json!([1, 2]));
    assert_eq!(params(), serde_json::json!([1]));
    api.stop().unwrap();
}

#[test]
fn unknown_arguments_pass_where_allowed() {
    let api = Lenient::bind("terse", "tcpserv:127.0.0.1:0").unwrap();
    api.add.connect(|_sender, a, b| a + b);
    api.start().unwrap();
    let mut connection = Telnet::connect(api.local_addrs()[0]);
    connection.send("add[1] a:1 c:{d:[7]} b:2\n");
    assert_eq!(connection.line(), "[1]:3");
}
