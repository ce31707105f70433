//! Documents that change, and patches from anybody.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::base::limits::Limits;

/// One peer that is shown a state.
struct Shown(Document);

impl Shown {
    fn new() -> Self {
        Shown(Document::new())
    }

    fn document(&self) -> Value {
        self.0.value().into_owned()
    }

    fn show(&mut self, common: &Common, property: &str, value: Value) -> Option<Arc<str>> {
        self.show_all(common, &[(property, value)])
    }

    fn show_all(&mut self, common: &Common, all: &[(&str, Value)]) -> Option<Arc<str>> {
        let mut changed = Changed::default();
        for (property, value) in all {
            let value = common.read(property, value.to_string().as_bytes());
            changed.note(property, value.unwrap());
        }
        let (after, patch) = common.step(&self.0, &changed);
        self.0 = after;
        patch
    }
}

/// Has one side show what the other one sees.
fn apply(seen: &mut Seen, patch: &Value) -> Result<News, String> {
    let applied = seen.apply(&patch.to_string(), true, &Limits::default());
    if applied.is_ok() {
        assert_eq!(seen.held(), held(seen.document()), "{patch}");
    }
    applied
}

/// What a document takes.
fn held(document: &Value) -> usize {
    match document {
        Value::Null => 0,
        document => Weight::of(document).bytes(),
    }
}

#[test]
fn the_operations_of_others_are_understood() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../../../tests/vectors/juggler.json")).unwrap();
    let mut compared = 0;
    for (path, member, diff, whole) in [
        ("/0.7/package_as_client/state", "state", "diff", true),
        ("/0.6/package_as_client/state", "state", "diff", true),
        (
            "/0.5/package_as_server/remote data",
            "remote_data",
            "payload",
            false,
        ),
    ] {
        let mut seen = Seen::new();
        let (mut tested, mut alive) = (false, true);
        for event in vectors.pointer(path).unwrap().as_array().unwrap() {
            if let Some(text) = event["text"]
                .as_str()
                .filter(|text| text.contains("\"op\""))
            {
                let message: Value = serde_json::from_str(text.trim_start_matches('0')).unwrap();
                let patch = message[diff].to_string();
                alive = seen.apply(&patch, whole, &Limits::default()).is_ok();
                // What the package makes of a test that holds is its own.
                tested |= patch.contains("\"test\"");
            } else if let Some(state) = event["seen"].get(member)
                && !(tested && whole)
                && alive
            {
                assert_eq!(seen.document(), state, "{path}");
                compared += 1;
            }
        }
    }
    assert!(compared > 10, "{compared}");
}

#[test]
fn what_has_changed_is_known() {
    let mut seen = Seen::new();
    assert_eq!((seen.value(""), seen.value("a")), (None, None));
    let whole = json!([{"op": "replace", "path": "", "value": {"a": 1, "x": 2, "y": 3}}]);
    let news = apply(&mut seen, &whole).unwrap();
    let of = |seen: &Seen, news: &News, name| seen.changed(news, name);
    assert_eq!(of(&seen, &news, "a").as_deref(), Some("1"));
    assert_eq!(of(&seen, &news, "z"), None, "it never was there");
    assert_eq!(
        of(&seen, &news, "").as_deref(),
        Some(r#"{"a":1,"x":2,"y":3}"#)
    );
    // What is the same is no news, and what is gone is null.
    let whole = json!([{"op": "add", "path": "", "value": {"a": 1, "x": 5}}]);
    let news = apply(&mut seen, &whole).unwrap();
    assert_eq!(of(&seen, &news, "a"), None);
    assert_eq!(of(&seen, &news, "x").as_deref(), Some("5"));
    assert_eq!(of(&seen, &news, "y").as_deref(), Some("null"));
    let patch = json!([
        {"op": "add", "path": "/b~1c", "value": [1]},
        {"op": "add", "path": "/b~1c/0", "value": 0},
        {"op": "test", "path": "/x", "value": 5},
        {"op": "move", "from": "/a", "path": "/d"}
    ]);
    let news = apply(&mut seen, &patch).unwrap();
    let members: Vec<_> = news.members.iter().map(String::as_str).collect();
    assert_eq!((&news.whole, &*members), (&None, &["a", "b/c", "d"][..]));
    assert_eq!(of(&seen, &news, "b/c").as_deref(), Some("[0,1]"));
    assert_eq!(of(&seen, &news, "a").as_deref(), Some("null"));
    assert_eq!(of(&seen, &news, "x"), None);
    assert_eq!(seen.document(), &json!({"b/c": [0, 1], "d": 1, "x": 5}));
    assert_eq!(seen.value("d").as_deref(), Some("1"));
    let tested = json!([{"op": "test", "path": "/x", "value": 5}]);
    assert!(apply(&mut seen, &tested).unwrap().is_empty());
    // One part of the state in the place of the whole.
    let copied = json!([{"op": "copy", "from": "/b~1c", "path": ""}]);
    let news = apply(&mut seen, &copied).unwrap();
    assert_eq!(of(&seen, &news, "").as_deref(), Some("[0,1]"));
    assert_eq!(of(&seen, &news, "d").as_deref(), Some("null"));
    let gone = apply(&mut seen, &json!([{"op": "remove", "path": ""}])).unwrap();
    assert_eq!(of(&seen, &gone, "").as_deref(), Some("null"));
    assert_eq!(seen.value("").as_deref(), Some("null"));
}

#[test]
fn what_does_not_fit_is_refused() {
    for patch in [
        json!(1),
        json!([1]),
        json!([{"op": "nope", "path": ""}]),
        json!([{"op": "add", "path": "/x/y", "value": 1}]),
        json!([{"op": "add", "path": "x", "value": 1}]),
        json!([{"op": "remove", "path": "/x"}]),
        json!([{"op": "replace", "path": "/a/9", "value": 1}]),
        json!([{"op": "add", "path": "/a/9", "value": 1}]),
        json!([{"op": "add", "path": "/a/99999999999999999999999", "value": 1}]),
        json!([{"op": "test", "path": "/a", "value": 1}]),
        json!([{"op": "move", "from": "/a", "path": "/a/0"}]),
        json!([{"op": "add", "path": ""}]),
    ] {
        let mut seen = Seen::new();
        apply(
            &mut seen,
            &json!([{"op": "add", "path": "", "value": {"a": [1]}}]),
        )
        .unwrap();
        assert!(apply(&mut seen, &patch).is_err(), "{patch}");
    }
    let mut seen = Seen::new();
    let root = r#"[{"op":"remove","path":""}]"#;
    assert!(seen.apply(root, false, &Limits::default()).is_err());
    assert!(seen.apply("[", true, &Limits::default()).is_err());
}

#[test]
fn a_short_patch_makes_no_large_state() {
    let limits = Limits {
        message_size: 10_000,
        ..Limits::default()
    };
    let mut seen = Seen::new();
    let mut apply = |patch: Value| seen.apply(&patch.to_string(), true, &limits);
    apply(json!([{"op": "add", "path": "", "value": ["x".repeat(1_000)]}])).unwrap();
    // Each copies all there is.
    let doubling = json!([{"op": "copy", "from": "", "path": "/0"}]);
    let error = (0..60).find_map(|_| apply(doubling.clone()).err());
    assert!(error.unwrap().contains("larger than 10000"));
    // What is removed counts no longer.
    let mut seen = Seen::new();
    let mut apply = |patch: Value| seen.apply(&patch.to_string(), true, &limits);
    for _ in 0..100 {
        apply(json!([{"op": "add", "path": "", "value": {"a": "x".repeat(4_000)}}])).unwrap();
        apply(json!([{"op": "remove", "path": "/a"}])).unwrap();
    }
}

#[test]
fn a_short_patch_makes_no_deep_state() {
    let mut seen = Seen::new();
    let nested = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let deep = "/0".repeat(99);
    let first = format!(r#"[{{"op":"add","path":"","value":{nested}}}]"#);
    seen.apply(&first, true, &Limits::default()).unwrap();
    let second = format!(r#"[{{"op":"add","path":"{deep}/0","value":{nested}}}]"#);
    let error = seen.apply(&second, true, &Limits::default()).unwrap_err();
    assert!(error.contains("deeper than 128"), "{error}");
    let copy = format!(r#"[{{"op":"copy","from":"","path":"{deep}/0"}}]"#);
    let error = seen.apply(&copy, true, &Limits::default()).unwrap_err();
    assert!(error.contains("deeper than 128"), "{error}");
}

#[test]
fn a_patch_keeps_nobody_busy() {
    let mut seen = Seen::new();
    apply(
        &mut seen,
        &json!([{"op": "add", "path": "", "value": vec![0; 1_000_000]}]),
    )
    .unwrap();
    let one = json!({"op": "add", "path": "/0", "value": 0});
    let error = apply(&mut seen, &Value::Array(vec![one; 10_000])).unwrap_err();
    assert!(error.contains("too much"), "{error}");
    // Nor do many of them.
    let mut seen = Seen::new();
    let large = json!({"a": "x".repeat(4_000_000), "b": [1]});
    apply(
        &mut seen,
        &json!([{"op": "add", "path": "", "value": large}]),
    )
    .unwrap();
    let moved = json!([
        {"op": "copy", "from": "/a", "path": "/b/0"},
        {"op": "move", "from": "/b/0", "path": "/c"},
        {"op": "remove", "path": "/c"}
    ]);
    let error = (0..9).find_map(|_| apply(&mut seen, &moved).err());
    assert!(error.unwrap().contains("too much"));
}

#[test]
fn what_is_moved_is_where_it_is_after_that() {
    let mut seen = Seen::new();
    let state = json!({"l": [{"x": 1}, {"x": "long"}, {"y": [2]}], "a": {"b": {"c": 3}}});
    apply(
        &mut seen,
        &json!([{"op": "add", "path": "", "value": state}]),
    )
    .unwrap();
    for (from, path, state) in [
        (
            "/l/0",
            "/l/1/x",
            json!({"l": [{"x": "long"}, {"x": {"x": 1}, "y": [2]}], "a": {"b": {"c": 3}}}),
        ),
        (
            "/l/1/x",
            "/l/-",
            json!({"l": [{"x": "long"}, {"y": [2]}, {"x": 1}], "a": {"b": {"c": 3}}}),
        ),
        (
            "/a/b",
            "/a",
            json!({"l": [{"x": "long"}, {"y": [2]}, {"x": 1}], "a": {"c": 3}}),
        ),
        (
            "/a",
            "/a",
            json!({"l": [{"x": "long"}, {"y": [2]}, {"x": 1}], "a": {"c": 3}}),
        ),
        (
            "/l",
            "/a",
            json!({"a": [{"x": "long"}, {"y": [2]}, {"x": 1}]}),
        ),
        ("/a/1", "", json!({"y": [2]})),
    ] {
        apply(
            &mut seen,
            &json!([{"op": "move", "from": from, "path": path}]),
        )
        .unwrap();
        assert_eq!(seen.document(), &state, "{from} {path}");
    }
}

#[test]
fn a_change_of_a_member_is_not_the_document() {
    let (common, mut shown) = (Common::default(), Shown::new());
    let mut large: Value = (0..10_000)
        .map(|n| json!({"n": n, "text": "x".repeat(80)}))
        .collect();
    let first = shown.show(&common, "list", large.clone()).unwrap();
    assert!(first.len() > 1_000_000);
    large[5_000]["n"] = json!("other");
    let change = shown.show(&common, "list", large.clone()).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&change).unwrap(),
        json!([{"op": "replace", "path": "/list/5000/n", "value": "other"}])
    );
    large.as_array_mut().unwrap().insert(0, json!(null));
    large.as_array_mut().unwrap().remove(7_000);
    let change = shown.show(&common, "other", json!(1)).unwrap();
    assert_eq!(&*change, r#"[{"op":"add","path":"/other","value":1}]"#);
    assert!(shown.show(&common, "other", json!(1)).is_none());
    // It is told apart all the same.
    for value in [
        json!(1.0),
        json!(true),
        json!(0),
        json!(0.0),
        json!(false),
        json!(null),
    ] {
        assert!(shown.show(&common, "other", value).is_some());
    }
}

#[test]
fn who_knows_the_same_shares_it() {
    let common = Common::default();
    let share = |one: &Shown, other: &Shown| match (&one.0, &other.0) {
        (Document::Whole(one), Document::Whole(other)) => Arc::ptr_eq(one, other),
        (Document::Members(one), Document::Members(other)) => Arc::ptr_eq(one, other),
        _ => false,
    };
    for property in ["x", ""] {
        let mut peers: Vec<_> = (0..3).map(|_| Shown::new()).collect();
        for value in [json!({"a": [1, 2, 3]}), json!({"a": [2, 3]})] {
            let patches: Vec<_> = peers
                .iter_mut()
                .map(|peer| peer.show(&common, property, value.clone()).unwrap())
                .collect();
            assert!(Arc::ptr_eq(&patches[0], &patches[1]) && Arc::ptr_eq(&patches[0], &patches[2]));
            assert!(share(&peers[0], &peers[2]));
        }
        // One that comes later, too, as soon as it knows as much.
        let mut late = Shown::new();
        late.show(&common, property, json!({"a": [2, 3]})).unwrap();
        assert!(share(&peers[0], &late));
    }
}

#[test]
fn several_changes_are_one_patch() {
    let (common, mut shown) = (Common::default(), Shown::new());
    let first = shown.show_all(
        &common,
        &[("a", json!(1)), ("b", json!(2)), ("a", json!(3))],
    );
    assert_eq!(
        first.as_deref(),
        Some(r#"[{"op":"replace","path":"","value":{"a":3,"b":2}}]"#)
    );
    let second = shown.show_all(&common, &[("b", json!([])), ("c", json!(0))]);
    assert_eq!(
        serde_json::from_str::<Value>(&second.unwrap()).unwrap(),
        json!([
            {"op": "replace", "path": "/b", "value": []},
            {"op": "add", "path": "/c", "value": 0}
        ])
    );
    // The whole, and members of it that have changed since.
    let third = shown.show_all(
        &common,
        &[("c", json!(9)), ("", json!({"b": []})), ("d", json!(1))],
    );
    assert!(third.is_some());
    assert_eq!(shown.document(), json!({"b": [], "d": 1}));
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        (-3_i64..3).prop_map(Value::from),
        Just(json!(0.0)),
        "[a-b/~é]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-b/~é]{0,2}", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_shown_is_seen(steps in prop::collection::vec(("[ab/~]{0,1}", documents()), 1..12), together in 1_usize..4) {
        let (common, mut shown, mut seen) = (Common::default(), Shown::new(), Seen::new());
        for steps in steps.chunks(together) {
            let all: Vec<_> = steps.iter().map(|(name, value)| (&**name, value.clone())).collect();
            if let Some(patch) = shown.show_all(&common, &all) {
                seen.apply(&patch, true, &Limits::default()).unwrap();
                prop_assert_eq!(seen.held(), held(seen.document()));
            }
            prop_assert_eq!(seen.document(), &shown.document());
            let (property, value) = steps.last().unwrap();
            let now = match &**property {
                "" => Some(seen.document()),
                name => seen.document().get(name),
            };
            prop_assert_eq!(now, Some(value));
        }
    }

    /// Whatever is done to a state: what it takes is known.
    #[test]
    fn what_is_seen_is_weighed(
        start in documents(),
        operations in prop::collection::vec(
            (0..6, "(/[ab~0-2]{0,1}){0,3}", "(/[ab~0-2]{0,1}){0,3}", documents()),
            1..12,
        ),
    ) {
        let mut seen = Seen::new();
        apply(&mut seen, &json!([{"op": "add", "path": "", "value": start}])).unwrap();
        for (kind, path, from, value) in operations {
            let operation = match kind {
                0 | 1 => json!({"op": "add", "path": path, "value": value}),
                2 => json!({"op": "replace", "path": path, "value": value}),
                3 => json!({"op": "copy", "path": path, "from": from}),
                4 => json!({"op": "move", "path": path, "from": from}),
                _ => json!({"op": "remove", "path": path}),
            };
            if apply(&mut seen, &json!([operation])).is_err() {
                break;
            }
        }
    }
}
