//! State that one side has and the other one sees, told by JSON Patch (RFC 6902).
//!
//! [`Seen`] is what the other side shows, [`Document`] what it was shown. Neither does I/O, nor
//! knows how a patch travels.

mod diff;
mod seen;
mod shown;

pub(super) use seen::{News, Seen};
pub(super) use shown::{Changed, Common, Document};

use serde_json::Value;

/// About the length of a value as text. No deeper than what was read or checked.
fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 4,
        Value::String(text) => 2 + text.len(),
        Value::Array(list) => list.iter().fold(2, |sum, value| sum + 1 + weight(value)),
        Value::Object(members) => members
            .iter()
            .fold(2, |sum, (key, value)| sum + 4 + key.len() + weight(value)),
    }
}

/// How many values are within each other, at the most.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
