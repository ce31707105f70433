//! State that one side has and the other one sees, told by JSON Patch (RFC 6902).
//!
//! [`Seen`] is what the other side shows, [`Document`] what it was shown. Neither does I/O, nor
//! knows how a patch travels.

mod diff;
mod seen;
mod shown;

pub(crate) use seen::{News, Seen};
pub(crate) use shown::{Changed, Common, Document};

use serde_json::Value;

/// What a value takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Weight {
    /// About its length as text.
    text: usize,
    /// How many values that are.
    values: usize,
}

impl Weight {
    /// No deeper than what was read or checked.
    fn of(value: &Value) -> Weight {
        let text = |text| Weight { text, values: 1 };
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => text(4),
            Value::String(content) => text(2 + content.len()),
            Value::Array(list) => {
                let items = list.iter().map(|value| (1, value));
                items.fold(text(2), Weight::with)
            }
            Value::Object(members) => {
                let members = members.iter().map(|(key, value)| (4 + key.len(), value));
                members.fold(text(2), Weight::with)
            }
        }
    }

    /// With a value in a place that takes so much by itself.
    fn with(self, (place, value): (usize, &Value)) -> Weight {
        self.plus(Weight::of(value)).placed(place)
    }

    fn placed(self, place: usize) -> Weight {
        Weight {
            text: self.text + place,
            ..self
        }
    }

    fn plus(self, other: Weight) -> Weight {
        Weight {
            text: self.text + other.text,
            values: self.values + other.values,
        }
    }

    fn minus(self, other: Weight) -> Weight {
        Weight {
            text: self.text.saturating_sub(other.text),
            values: self.values.saturating_sub(other.values),
        }
    }

    /// About the bytes in memory.
    fn bytes(self) -> usize {
        self.text + self.values * BYTES
    }
}

/// What a value takes in memory at least, and where it is kept.
const BYTES: usize = 48;

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
