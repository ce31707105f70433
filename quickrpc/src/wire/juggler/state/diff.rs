//! What makes one document of another, in few operations.
//!
//! `json_patch::diff` compares lists place by place, so that one value that is inserted at the
//! front of a list is the whole list again. Others need no more than `add`, `remove` and `replace`.

use serde_json::{Value, json};

/// The operations that make the value at a path another one.
pub(super) fn diff(path: &str, old: &Value, new: &Value, patch: &mut Vec<Value>) {
    match (old, new) {
        (old, new) if old == new => {}
        (Value::Object(before), Value::Object(after))
            if !before.is_empty() && !after.is_empty() =>
        {
            for key in before.keys().filter(|key| !after.contains_key(*key)) {
                patch.push(json!({"op": "remove", "path": member(path, key)}));
            }
            for (key, new) in after {
                match before.get(key) {
                    Some(old) => diff(&member(path, key), old, new, patch),
                    None => {
                        patch.push(json!({"op": "add", "path": member(path, key), "value": new}));
                    }
                }
            }
        }
        (Value::Array(before), Value::Array(after)) if !before.is_empty() && !after.is_empty() => {
            lists(path, before, after, patch);
        }
        // Python replaces what was empty or becomes so, too.
        _ => patch.push(json!({"op": "replace", "path": path, "value": new})),
    }
}

/// The same for lists: what is alike at both ends stays, and what is between is compared place by
/// place.
fn lists(path: &str, before: &[Value], after: &[Value], patch: &mut Vec<Value>) {
    let alike = |(old, new): &(&Value, &Value)| old == new;
    let front = before.iter().zip(after).take_while(alike).count();
    let (before, after) = (&before[front..], &after[front..]);
    let back = before.iter().rev().zip(after.iter().rev());
    let back = back.take_while(alike).count();
    let before = &before[..before.len() - back];
    let after = &after[..after.len() - back];
    for (at, (old, new)) in before.iter().zip(after).enumerate() {
        diff(&item(path, front + at), old, new, patch);
    }
    // From behind, so that places stay what they are.
    for at in (after.len()..before.len()).rev() {
        patch.push(json!({"op": "remove", "path": item(path, front + at)}));
    }
    for (at, new) in after.iter().enumerate().skip(before.len()) {
        patch.push(json!({"op": "add", "path": item(path, front + at), "value": new}));
    }
}

/// The path of a member (RFC 6901, section 3).
pub(super) fn member(path: &str, key: &str) -> String {
    format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"))
}

fn item(path: &str, at: usize) -> String {
    format!("{path}/{at}")
}
