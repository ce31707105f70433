//! Calls whose one argument is all that they send.

use std::collections::BTreeMap;

use quickrpc::{Error, Value, dynamic, remote_api};
use quickrpc_tests::{inbox, value};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{call_error, settled};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Point {
    x: f64,
    y: Option<f64>,
}

#[remote_api]
trait Plotter {
    /// Goes there.
    #[incoming]
    fn go(&self, #[whole] target: &Point) -> Point;

    #[incoming]
    fn text(&self, #[whole] text: &str) -> String;

    #[incoming]
    fn path(&self, #[whole] points: &[Point]) -> usize;

    #[incoming]
    fn any(&self, #[whole] value: Value) -> Value;

    #[outgoing]
    fn drawn(&self, #[whole] counts: BTreeMap<String, u32>);
}

fn serve(plotter: &Plotter) {
    plotter.go.connect(|_sender, target| target.clone());
    plotter.text.connect(|_sender, text| text.to_uppercase());
    plotter.path.connect(|_sender, points| points.len());
    plotter.any.connect(|_sender, value| value);
}

const POINT: Point = Point { x: 1.5, y: None };

#[test]
fn the_value_is_all_that_is_sent() {
    for (codec, server, client) in [
        ("jrpc", "tcpserv:127.0.0.1:0", "tcp:"),
        ("juggler:0.7", "wsserv:127.0.0.1:0", "ws:"),
        ("juggler:0.6", "wsserv:127.0.0.1:0", "ws:"),
    ] {
        let plotter = Plotter::bind(codec, server).unwrap();
        serve(&plotter);
        plotter.start().unwrap();
        let (came, comers) = inbox();
        plotter.on_connect(move |peer| came.send(peer.clone()).unwrap());
        let addr = plotter.local_addrs()[0];
        let other = PlotterInverse::bind(codec, format!("{client}{addr}").as_str()).unwrap();
        let (heard, drawn) = inbox();
        other
            .drawn
            .connect(move |_sender, counts| heard.send(counts).unwrap());
        other.start().unwrap();
        comers.next();
        assert_eq!(settled(other.all().go(&POINT)).unwrap(), POINT);
        assert_eq!(settled(other.all().path(&[POINT, POINT])).unwrap(), 2);
        for any in [json!({"a": {"value": 1}}), json!([1, [2]]), json!([])] {
            let any = value(any);
            assert_eq!(settled(other.all().any(any.clone())).unwrap(), any);
        }
        let counts = BTreeMap::from([("dots".to_owned(), 3)]);
        plotter.all().drawn(counts.clone()).unwrap();
        assert_eq!(drawn.next(), counts);
        let texts = settled(other.all().text("a"));
        match codec {
            // What JSON-RPC has no place for.
            "jrpc" => assert!(matches!(texts, Err(Error::Encode { .. })), "{texts:?}"),
            _ => assert_eq!(texts.unwrap(), "A"),
        }
        // What others see of it.
        let plain = dynamic::Api::bind(codec, format!("{client}{addr}").as_str()).unwrap();
        plain.start().unwrap();
        let point = value(json!({"x": 1.5, "y": 2.0}));
        assert_eq!(settled(plain.call("go", &point)).unwrap(), point);
        let wrong = call_error(settled(plain.call("go", value(json!({"target": point})))));
        assert!(
            wrong.message.contains("argument `target` of `go`"),
            "{wrong}"
        );
    }
}

#[test]
fn over_zonis_it_is_an_object_whose_members_are_arguments() {
    let secret = "?secret_env=PATH";
    let server = format!("zonis{secret}");
    let plotter = Plotter::bind(server.as_str(), "wsserv:127.0.0.1:0").unwrap();
    serve(&plotter);
    plotter.start().unwrap();
    let (came, comers) = inbox();
    plotter.on_connect(move |peer| came.send(peer.clone()).unwrap());
    let transport = format!("ws:{}", plotter.local_addrs()[0]);
    let client = format!("zonis:pen{secret}");
    let other = PlotterInverse::bind(client.as_str(), transport.as_str()).unwrap();
    let (heard, drawn) = inbox();
    other
        .drawn
        .connect(move |_sender, counts| heard.send(counts).unwrap());
    other.start().unwrap();
    comers.next();
    assert_eq!(settled(other.all().go(&POINT)).unwrap(), POINT);
    let counts = BTreeMap::from([("dots".to_owned(), 3)]);
    plotter.all().drawn(counts.clone()).unwrap();
    assert_eq!(drawn.next(), counts);
    // A Python peer would never answer that.
    for refused in [
        settled(other.all().path(&[POINT])).map(drop),
        settled(other.all().text("a")).map(drop),
    ] {
        assert!(matches!(refused, Err(Error::Encode { .. })), "{refused:?}");
    }
    assert_eq!(settled(other.all().go(&POINT)).unwrap(), POINT);
}

#[test]
fn a_person_types_its_members() {
    let plotter = Plotter::bind("terse", "tcpserv:127.0.0.1:0").unwrap();
    serve(&plotter);
    plotter.start().unwrap();
    let transport = format!("tcp:{}", plotter.local_addrs()[0]);
    let other = PlotterInverse::bind("terse", transport.as_str()).unwrap();
    other.start().unwrap();
    assert_eq!(settled(other.all().go(&POINT)).unwrap(), POINT);
    let refused = settled(other.all().path(&[POINT])).unwrap_err();
    assert!(matches!(refused, Error::Encode { .. }), "{refused}");
}

#[test]
fn the_description_says_so() {
    let argument = Plotter::DESCRIPTION.calls[0].arguments[0];
    assert!(argument.whole && argument.name == "target");
    let property = PlotterInverse::DESCRIPTION.calls.last().unwrap();
    assert!(property.arguments[0].whole);
}
