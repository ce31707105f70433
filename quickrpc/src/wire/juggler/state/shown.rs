//! What the other side was shown.

use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};

use crate::base::sync::lock;

use super::diff::{diff, member};

/// The state that a peer knows. Peers that know the same share it.
#[derive(Debug)]
pub(in super::super) struct Shown {
    document: Arc<Value>,
}

/// What was shown to a peer last: the same is not compared again for the others.
#[derive(Debug, Default)]
pub(in super::super) struct Common {
    /// A leaf in the lock order.
    last: Mutex<Option<Step>>,
}

/// From one document to another.
#[derive(Debug)]
struct Step {
    before: Arc<Value>,
    property: String,
    value: Value,
    after: Arc<Value>,
    patch: Option<Arc<str>>,
}

impl Shown {
    pub(in super::super) fn new() -> Self {
        Shown {
            document: Arc::new(Value::Null),
        }
    }

    #[cfg(test)]
    pub(in super::super) fn document(&self) -> &Arc<Value> {
        &self.document
    }

    /// Shows the value of a member, or of the whole if the property has no name. Gives the patch
    /// that does it, if there is something to do.
    pub(in super::super) fn show(
        &mut self,
        common: &Common,
        property: &str,
        value: Value,
    ) -> Option<Arc<str>> {
        let mut last = lock(&common.last);
        if let Some(step) = &*last
            && step.property == property
            && (Arc::ptr_eq(&step.before, &self.document) || step.before == self.document)
            && step.value == value
        {
            self.document = Arc::clone(&step.after);
            return step.patch.clone();
        }
        let before = Arc::clone(&self.document);
        let (after, patch) = step(&before, property, &value);
        let known = last.as_ref().filter(|step| *step.after == after);
        let after = known.map_or_else(|| Arc::new(after), |step| Arc::clone(&step.after));
        let patch = patch.map(Arc::from);
        self.document = Arc::clone(&after);
        *last = Some(Step {
            before,
            property: property.to_owned(),
            value,
            after,
            patch: patch.clone(),
        });
        patch
    }
}

/// The document with another value of a property, and how it comes about.
fn step(before: &Value, property: &str, value: &Value) -> (Value, Option<String>) {
    let mut operations = Vec::new();
    let (after, path) = match (property, before) {
        ("", before) => {
            diff("", before, value, &mut operations);
            (value.clone(), String::new())
        }
        (name, Value::Object(members)) if !members.is_empty() => {
            let path = member("", name);
            match members.get(name) {
                Some(old) => diff(&path, old, value, &mut operations),
                None => operations.push(json!({"op": "add", "path": path, "value": value})),
            }
            let mut members = members.clone();
            members.insert(name.to_owned(), value.clone());
            (Value::Object(members), path)
        }
        (name, _) => {
            let whole = Value::Object(Map::from_iter([(name.to_owned(), value.clone())]));
            operations.push(json!({"op": "replace", "path": "", "value": whole}));
            (whole, String::new())
        }
    };
    if operations.is_empty() {
        return (after, None);
    }
    let patch = Value::Array(operations).to_string();
    // So much may differ that the value itself is shorter.
    let new = after
        .pointer(&path)
        .filter(|_| before.pointer(&path).is_some());
    let whole = new.map(|new| json!([{"op": "replace", "path": path, "value": new}]).to_string());
    let shorter = whole.filter(|whole| whole.len() < patch.len());
    (after, Some(shorter.unwrap_or(patch)))
}
