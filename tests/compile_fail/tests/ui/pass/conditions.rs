//! What `#[cfg]` takes away is nowhere; the rest is as if it had been written alone.
#![deny(warnings)]

use quickrpc::{Sender, remote_api};

/// With conditions.
#[remote_api(rename_all = "camelCase", positional,)]
#[allow(dead_code)]
pub trait Stage {
    #[incoming]
    #[cfg(any())]
    fn lost(&self, not: NowhereDeclared);

    /// One of two.
    #[incoming]
    #[cfg(not(any()))]
    fn open(&self, path: &str) -> i64;

    /// The other.
    #[incoming]
    #[cfg(any())]
    fn open(&self, handle: u64) -> u8;

    #[outgoing]
    #[cfg(all(all(), not(any())))]
    #[cfg(any(all(), any()))]
    fn moved(
        &self,
        #[cfg(any())] nowhere: NowhereDeclared,
        x: f64,
        #[cfg(all())]
        /// There.
        y: f64,
        #[cfg_attr(all(), name = "third", default(3.0))]
        #[cfg_attr(any(), name = "fourth", nonsense)]
        z: f64,
    );

    #[cfg_attr(all(), incoming)]
    #[cfg_attr(not(all()), outgoing)]
    #[cfg_attr(all(), cfg_attr(all(), name = "nested"), cfg(all()))]
    fn which(&self);

    #[incoming]
    #[cfg_attr(all(), cfg(any()))]
    fn nested_lost(&self);

    #[outgoing]
    #[cfg(debug_assertions)]
    #[cfg(not(debug_assertions))]
    fn contradictory(&self);

    #[outgoing]
    fn last(&self) -> i64;
}

struct Server;

impl StageIncoming for Server {
    fn open(&self, _: &Sender, path: &str) -> i64 {
        path.len() as i64
    }

    fn which(&self, _: &Sender) {}
}

/// Nothing is left.
#[remote_api]
trait Empty {
    #[incoming]
    #[cfg(any())]
    fn lost(&self);
}

fn in_a_function() {
    #[remote_api]
    trait Local {
        #[incoming]
        #[cfg(all())]
        fn say(&self, text: &str);
        #[incoming]
        #[cfg(not(all()))]
        fn lost(&self, text: &str);
    }

    let _ = |api: Local| api.say.connect(|_, text| println!("{text}"));
}

fn main() {
    let names: Vec<_> = Stage::DESCRIPTION.calls.iter().map(|call| call.wire_name).collect();
    assert_eq!(names, ["open", "moved", "nested", "last"]);
    assert_eq!(Stage::DESCRIPTION.docs, "With conditions.");
    let [open, moved, ..] = Stage::DESCRIPTION.calls else { panic!() };
    assert_eq!((open.docs, open.arguments[0].name, open.result), ("One of two.", "path", Some("i64")));
    let arguments: Vec<_> = moved.arguments.iter().map(|a| (a.wire_name, a.default, a.docs)).collect();
    assert_eq!(arguments, [("x", None, ""), ("y", None, "There."), ("third", Some("3.0"), "")]);
    assert!(StageInverse::DESCRIPTION.calls.len() == 4 && Empty::DESCRIPTION.calls.is_empty());

    // The calls behind a missing one are still the right ones.
    let (api, other) = Stage::pair();
    api.serve(Server);
    other.last.connect(|_| 5);
    other.moved.connect(|_, x, y, z| println!("{x} {y} {z}"));
    assert_eq!(other.all().open("four").result().unwrap(), 4);
    assert_eq!(api.all().last().result().unwrap(), 5);
    let _: Option<StageOpenSlot> = None;
    in_a_function();
}
