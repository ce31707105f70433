//! Documents that change, and patches from anybody.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::base::limits::Limits;

/// Has one side show what the other one sees.
fn apply(seen: &mut Seen, patch: &Value) -> Result<Changed, String> {
    seen.apply(&patch.to_string(), true, &Limits::default())
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
    let changed = apply(
        &mut seen,
        &json!([{"op": "replace", "path": "", "value": {"a": 1}}]),
    );
    assert!(changed.unwrap().whole);
    let changed = apply(
        &mut seen,
        &json!([
            {"op": "add", "path": "/b~1c", "value": [1]},
            {"op": "add", "path": "/b~1c/0", "value": 0},
            {"op": "test", "path": "/a", "value": 1},
            {"op": "move", "from": "/a", "path": "/d"}
        ]),
    )
    .unwrap();
    let members: Vec<_> = changed.members.iter().map(String::as_str).collect();
    assert_eq!((changed.whole, &*members), (false, &["a", "b/c", "d"][..]));
    assert_eq!(seen.document(), &json!({"b/c": [0, 1], "d": 1}));
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
    let mut peers: Vec<_> = (0..3).map(|_| Shown::new()).collect();
    for value in [json!({"a": [1, 2, 3]}), json!({"a": [2, 3]})] {
        let patches: Vec<_> = peers
            .iter_mut()
            .map(|peer| peer.show(&common, "x", value.clone()).unwrap())
            .collect();
        assert!(Arc::ptr_eq(&patches[0], &patches[1]) && Arc::ptr_eq(&patches[0], &patches[2]));
        assert!(Arc::ptr_eq(peers[0].document(), peers[2].document()));
    }
    // One that comes later, too, as soon as it knows as much.
    let mut late = Shown::new();
    late.show(&common, "x", json!({"a": [2, 3]})).unwrap();
    assert!(Arc::ptr_eq(peers[0].document(), late.document()));
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
    fn what_is_shown_is_seen(steps in prop::collection::vec(("[ab/~]{0,1}", documents()), 1..12)) {
        let (common, mut shown, mut seen) = (Common::default(), Shown::new(), Seen::new());
        for (property, value) in steps {
            if let Some(patch) = shown.show(&common, &property, value.clone()) {
                let whole = json!([{"op": "replace", "path": "", "value": &**shown.document()}]);
                prop_assert!(patch.len() <= whole.to_string().len() + 60, "{}", patch);
                seen.apply(&patch, true, &Limits::default()).unwrap();
            }
            prop_assert_eq!(seen.document(), &**shown.document());
            let now = match &*property {
                "" => Some(seen.document()),
                name => seen.document().get(name),
            };
            prop_assert_eq!(now, Some(&value));
        }
    }
}
