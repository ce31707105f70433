//! Every kind of argument and result: declared, handled without annotations, sent,
//! subscribed to, and implemented.
#![deny(warnings)]
#![allow(unused_parens)]

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use quickrpc::{Bytes, Resolver, Sender, Stream, remote_api};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Point {
    pub x: f64,
}

#[derive(Serialize, Deserialize)]
pub enum Shape {
    Circle { center: Point, radius: f64 },
    Nothing,
}

/// A type that may borrow, and does not where it travels.
#[derive(Serialize, Deserialize)]
pub struct Name<'a> {
    pub text: Cow<'a, str>,
}

#[remote_api]
pub trait Kinds {
    #[incoming]
    fn owned(
        &self,
        text: Cow<'static, str>,
        maybe: Option<&Cow<'static, str>>,
        #[default(vec![].into())] names: Cow<'static, [String]>,
        name: &Name<'static>,
        lines: Stream<Cow<'static, str>>,
    ) -> Result<Name<'static>, Cow<'static, str>>;

    #[incoming(property)]
    fn name(&self) -> Cow<'static, str>;

    #[incoming]
    fn text(&self, text: &str, maybe: Option<&str>, owned: String, maybe_owned: Option<String>);

    #[incoming]
    fn bytes(
        &self,
        data: &[u8],
        maybe: Option<&[u8]>,
        owned: Vec<u8>,
        maybe_owned: Option<Vec<u8>>,
        named: Bytes,
        list: Vec<Vec<u8>>,
        array: [u8; 4],
    ) -> Vec<u8>;

    #[incoming]
    fn slices(&self, slice: &[Point], maybe: Option<&[i64]>, owned: Vec<Point>, nested: &[Vec<i64>]);

    #[incoming]
    fn structs(
        &self,
        point: Point,
        reference: &Point,
        maybe: Option<Point>,
        maybe_reference: Option<&Point>,
        shape: Shape,
        map: &HashMap<String, Point>,
        tuple: (i64, Point),
    ) -> Point;

    #[incoming]
    fn plain(&self, a: bool, b: u8, c: i128, d: f32, e: char, f: (), g: Option<Option<i64>>, h: &i64);

    #[incoming]
    fn nothing(&self);

    #[incoming]
    fn acknowledged(&self) -> ();

    #[incoming]
    fn optional(&self) -> Option<i64>;

    #[incoming]
    fn optional_bytes(&self) -> Option<Vec<u8>>;

    #[incoming]
    fn fallible(&self, text: &str) -> Result<i64, std::num::ParseIntError>;

    #[incoming]
    fn fallible_alias(&self) -> quickrpc::Result<Vec<u8>>;

    #[incoming]
    fn fallible_boxed(&self) -> Result<BTreeMap<String, i64>, Box<dyn std::error::Error + Send + Sync>>;

    #[incoming]
    #[rustfmt::skip]
    fn parenthesised(&self, a: (&str), b: (Vec<(u8)>), c: &(str), d: std::option::Option<&std::primitive::str>, e: (Point));

    #[incoming]
    fn many(&self, a: i8, b: i8, c: i8, d: i8, e: i8, f: i8, g: i8, h: i8,
        i: i8, j: i8, k: i8, l: i8, m: i8, n: i8, o: i8, p: &str) -> i64;
}

fn handlers(api: &Kinds) {
    api.owned.connect(|_, text, maybe, names, name, lines| {
        let _: (Option<&Cow<'static, str>>, Cow<'static, [String]>) = (maybe, names);
        let _: (&Name<'static>, Stream<Cow<'static, str>>) = (name, lines);
        Name { text }
    });
    api.text.connect(|sender, text, maybe, owned, maybe_owned| {
        let _: (&Sender, &str, Option<&str>, String, Option<String>) =
            (sender, text, maybe, owned, maybe_owned);
    });
    api.bytes.connect(|_, data, maybe, owned, maybe_owned, named, list, array| {
        let _: (&[u8], Option<&[u8]>, Vec<u8>, Option<Vec<u8>>) = (data, maybe, owned, maybe_owned);
        let _: (Bytes, Vec<Vec<u8>>, [u8; 4]) = (named, list, array);
        data.to_vec()
    });
    api.slices.connect(|_, slice, maybe, owned, nested| {
        let _ = slice.len() + owned.len() + nested.len() + maybe.map_or(0, |list| list.len());
    });
    api.structs.connect(|_, point, reference, maybe, maybe_reference, shape, map, tuple| Point {
        x: point.x
            + reference.x
            + maybe.map_or(0.0, |p| p.x)
            + maybe_reference.map_or(0.0, |p| p.x)
            + match shape {
                Shape::Circle { center, radius } => center.x + radius,
                Shape::Nothing => 0.0,
            }
            + map["a"].x
            + tuple.1.x,
    });
    api.plain.connect(|_, a, _, c, _, e, (), g, h| {
        let _: (bool, i128, char, Option<Option<i64>>, &i64) = (a, c, e, g, h);
    });
    api.nothing.connect(|_| ());
    api.nothing.connect_local(|_| {});
    api.acknowledged.connect(|_| {});
    api.optional.connect(|_| None::<i64>);
    api.optional.connect(|_| None::<Option<i64>>);
    api.optional.connect(|_| Some(1));
    api.optional.connect(|sender| sender.strip_prefix("peer ").map(|rest| rest.len() as i64));
    api.optional.connect(|_| quickrpc::ok(None));
    api.optional_bytes.connect(|_| Some(vec![1]));
    api.fallible.connect(|_, text| text.parse::<i64>());
    api.fallible.connect(|_, text| {
        let number: i64 = text.parse()?;
        quickrpc::ok(number)
    });
    api.fallible.connect(|_, _| 3);
    api.fallible.connect(|_, _| None);
    api.fallible_alias.connect(|_| vec![1]);
    api.fallible_boxed.connect(|_| BTreeMap::from([("a".to_owned(), 1)]));
    api.parenthesised.connect(|_, a, b, c, d, e| {
        let _: (&str, Vec<u8>, &str, Option<&str>, Point) = (a, b, c, d, e);
    });
    api.many.connect(|_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, text| text.len() as i64);
}

fn promises(api: &Kinds, other: &KindsInverseOutgoing) {
    let other = other.clone();
    api.optional.connect(move |_| other.optional());
}

fn local(api: &Kinds) {
    let not_send = std::rc::Rc::new(1);
    api.optional.connect_local(move |_| Some(*not_send));
}

fn subscriptions(api: &Kinds) {
    let _: quickrpc::Subscription<(Sender, String, Option<String>, String, Option<String>)> =
        api.text.subscribe();
    let _: quickrpc::Subscription<(
        Sender,
        Vec<u8>,
        Option<Vec<u8>>,
        Vec<u8>,
        Option<Vec<u8>>,
        Bytes,
        Vec<Vec<u8>>,
        [u8; 4],
        Resolver<Vec<u8>>,
    )> = api.bytes.subscribe();
    let _: quickrpc::Subscription<(Sender, Vec<Point>, Option<Vec<i64>>, Vec<Point>, Vec<Vec<i64>>)> =
        api.slices.subscribe();
    let _: quickrpc::Subscription<(Sender, String, Resolver<i64>)> = api.fallible.subscribe();
    let _: quickrpc::Subscription<(Sender,)> = api.nothing.subscribe();
    let _: quickrpc::Subscription<(Sender, Resolver<()>)> = api.acknowledged.subscribe();
    let _ = (api.structs.subscribe(), api.plain.subscribe(), api.many.subscribe());
}

fn sending(hub: &KindsInverseOutgoing) -> quickrpc::Result<()> {
    let point = || Point { x: 1.0 };
    let name = Name { text: "a".into() };
    let _: quickrpc::Promise<Name<'static>> =
        hub.owned("a".into(), Some(&"b".into()), vec![].into(), &name, Stream::iter(["c".into()]));
    hub.text("a", None, "b".into(), Some("c".to_owned()))?;
    hub.text(&String::new(), Some("a"), String::new(), None)?;
    let _: quickrpc::Promise<Vec<u8>> =
        hub.bytes(b"abc", Some(&[1, 2]), vec![1], None, vec![1].into(), vec![vec![1]], [1; 4]);
    hub.slices(&[point()], Some(&[1]), vec![point()], &[vec![]])?;
    let _: quickrpc::Promise<Point> = hub.structs(
        point(),
        &point(),
        None,
        Some(&point()),
        Shape::Nothing,
        &HashMap::new(),
        (1, point()),
    );
    hub.plain(true, 1, 2, 3.0, 'c', (), Some(None), &1)?;
    hub.nothing()?;
    let _: quickrpc::Promise<()> = hub.acknowledged();
    let _: quickrpc::Promise<Option<i64>> = hub.optional();
    let _: quickrpc::Promise<Option<Vec<u8>>> = hub.optional_bytes();
    let _: quickrpc::Promise<i64> = hub.fallible("1");
    let _: quickrpc::Promise<Vec<u8>> = hub.fallible_alias();
    let _: quickrpc::Promise<BTreeMap<String, i64>> = hub.fallible_boxed();
    let _: Vec<(Sender, quickrpc::Result<()>)> = hub.each().nothing();
    let _: quickrpc::Promises<i64> = hub.each().fallible("1");
    Ok(())
}

struct Server;

impl KindsIncoming for Server {
    fn owned(
        &self,
        _: &Sender,
        text: Cow<'static, str>,
        _: Option<&Cow<'static, str>>,
        _: Cow<'static, [String]>,
        _: &Name<'static>,
        _: Stream<Cow<'static, str>>,
    ) -> Result<Name<'static>, Cow<'static, str>> {
        Ok(Name { text })
    }
    fn name(&self, _: &Sender) -> Cow<'static, str> {
        "name".into()
    }
    fn text(&self, _: &Sender, _: &str, _: Option<&str>, _: String, _: Option<String>) {}
    fn bytes(
        &self,
        _: &Sender,
        data: &[u8],
        _: Option<&[u8]>,
        _: Vec<u8>,
        _: Option<Vec<u8>>,
        _: Bytes,
        _: Vec<Vec<u8>>,
        _: [u8; 4],
    ) -> Vec<u8> {
        data.to_vec()
    }
    fn slices(&self, _: &Sender, _: &[Point], _: Option<&[i64]>, _: Vec<Point>, _: &[Vec<i64>]) {}
    fn structs(
        &self,
        _: &Sender,
        point: Point,
        _: &Point,
        _: Option<Point>,
        _: Option<&Point>,
        _: Shape,
        _: &HashMap<String, Point>,
        _: (i64, Point),
    ) -> Point {
        point
    }
    fn plain(&self, _: &Sender, _: bool, _: u8, _: i128, _: f32, _: char, _: (), _: Option<Option<i64>>, _: &i64) {}
    fn nothing(&self, _: &Sender) {}
    fn acknowledged(&self, _: &Sender) {}
    fn optional(&self, _: &Sender) -> Option<i64> {
        None
    }
    fn optional_bytes(&self, _: &Sender) -> Option<Vec<u8>> {
        None
    }
    fn fallible(&self, _: &Sender, text: &str) -> Result<i64, std::num::ParseIntError> {
        text.parse()
    }
    fn fallible_alias(&self, _: &Sender) -> quickrpc::Result<Vec<u8>> {
        Err(quickrpc::Error::Stopped)
    }
    fn fallible_boxed(
        &self,
        _: &Sender,
    ) -> Result<BTreeMap<String, i64>, Box<dyn std::error::Error + Send + Sync>> {
        Err("no".into())
    }
    fn parenthesised(&self, _: &Sender, _: &str, _: Vec<u8>, _: &str, _: Option<&str>, _: Point) {}
    fn many(
        &self, _: &Sender, _: i8, _: i8, _: i8, _: i8, _: i8, _: i8, _: i8, _: i8,
        _: i8, _: i8, _: i8, _: i8, _: i8, _: i8, _: i8, _: &str,
    ) -> i64 {
        1
    }
}

fn main() {
    let _ = (handlers, promises, local, subscriptions, sending);
    let _ = |api: Kinds| api.serve(Server);
}
