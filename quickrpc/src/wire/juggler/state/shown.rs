//! What the other side was shown.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::base::sync::lock;

use super::diff::{diff, member};
use super::{Weight, depth};

/// With what is around it in a message, this is no more than others of this library read.
const DEEPEST: usize = 120;

/// A state: what is not changed is not copied.
#[derive(Debug, Clone)]
pub(crate) enum Document {
    Whole(Arc<Value>),
    /// An object of the values of properties, of which there is one at least.
    Members(Arc<Members>),
}

type Members = BTreeMap<Box<str>, Arc<Value>>;

/// Properties that have changed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changed {
    /// The whole of the state, before the others.
    whole: Option<Arc<Value>>,
    members: Members,
}

/// What has been done for one peer is not done again for the others.
#[derive(Debug, Default)]
pub(crate) struct Common {
    /// A leaf in the lock order.
    last: Mutex<Option<Step>>,
    /// The values of properties as they were written last. Likewise.
    read: Mutex<BTreeMap<Box<str>, Read>>,
}

/// A value as it was written, and what that is.
#[derive(Debug)]
struct Read {
    text: Box<[u8]>,
    value: Arc<Value>,
}

/// From one document to another.
#[derive(Debug, Clone)]
struct Step {
    before: Document,
    changed: Changed,
    after: Document,
    patch: Option<Arc<str>>,
}

impl Common {
    /// Reads the value of a property.
    ///
    /// # Errors
    ///
    /// When others could not read it.
    pub(crate) fn read(&self, property: &str, value: &[u8]) -> Result<Arc<Value>, String> {
        let mut read = lock(&self.read);
        if let Some(known) = read.get(property)
            && *known.text == *value
        {
            return Ok(Arc::clone(&known.value));
        }
        let new = serde_json::from_slice(value).map_err(|error| error.to_string())?;
        if depth(&new) > DEEPEST {
            return Err(format!("it is nested deeper than {DEEPEST}"));
        }
        let new = Arc::new(new);
        let text = value.into();
        let value = Arc::clone(&new);
        read.insert(property.into(), Read { text, value });
        Ok(new)
    }

    /// The document with these changes, and the patch that shows them, if there is something to
    /// show.
    pub(crate) fn step(
        &self,
        before: &Document,
        changed: &Changed,
    ) -> (Document, Option<Arc<str>>) {
        let mut last = lock(&self.last);
        if let Some(step) = &*last
            && step.changed == *changed
            && step.before == *before
        {
            return (step.after.clone(), step.patch.clone());
        }
        let mut after = before.with(changed);
        let patch = patch(before, &after, changed).map(Arc::from);
        // Who has come to the same by another way shares it from now on.
        if let Some(step) = last.as_ref().filter(|step| step.after == after) {
            after = step.after.clone();
        }
        *last = Some(Step {
            before: before.clone(),
            changed: changed.clone(),
            after: after.clone(),
            patch: patch.clone(),
        });
        (after, patch)
    }
}

impl Changed {
    pub(crate) fn is_empty(&self) -> bool {
        self.whole.is_none() && self.members.is_empty()
    }

    /// The value of a member, or of the whole if the property has no name.
    pub(crate) fn note(&mut self, property: &str, value: Arc<Value>) {
        match property {
            "" => {
                self.whole = Some(value);
                self.members.clear();
            }
            name => drop(self.members.insert(name.into(), value)),
        }
    }

    /// Takes out what comes first, where all together is too much. With it the name of the
    /// property.
    pub(crate) fn pop(&mut self) -> Option<(Box<str>, Changed)> {
        let mut first = Changed::default();
        if let Some(whole) = self.whole.take() {
            first.whole = Some(whole);
            return Some(("".into(), first));
        }
        let (name, value) = self.members.pop_first()?;
        first.members.insert(name.clone(), value);
        Some((name, first))
    }
}

impl Document {
    pub(crate) fn new() -> Self {
        Document::Whole(Arc::new(Value::Null))
    }

    /// As one value.
    pub(super) fn value(&self) -> Cow<'_, Value> {
        match self {
            Document::Whole(value) => Cow::Borrowed(value),
            Document::Members(members) => {
                let copies = members.iter().map(|(name, value)| {
                    let name = String::from(&**name);
                    (name, Value::clone(value))
                });
                Cow::Owned(Value::Object(copies.collect()))
            }
        }
    }

    fn with(&self, changed: &Changed) -> Document {
        let whole = changed.whole.clone().map(Document::Whole);
        if changed.members.is_empty() {
            return whole.unwrap_or_else(|| self.clone());
        }
        let mut members = match whole.as_ref().unwrap_or(self) {
            Document::Members(members) => Members::clone(members),
            Document::Whole(value) => {
                let members = value.as_object().into_iter().flatten();
                let copies =
                    members.map(|(name, value)| (name.as_str().into(), value.clone().into()));
                copies.collect()
            }
        };
        for (name, value) in &changed.members {
            members.insert(name.clone(), Arc::clone(value));
        }
        Document::Members(Arc::new(members))
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Document::Whole(one), Document::Whole(other)) => same(one, other),
            (Document::Members(one), Document::Members(other)) => {
                Arc::ptr_eq(one, other) || are_same(one, other)
            }
            _ => self.value() == other.value(),
        }
    }
}

impl PartialEq for Changed {
    fn eq(&self, other: &Self) -> bool {
        let whole = match (&self.whole, &other.whole) {
            (Some(one), Some(other)) => same(one, other),
            (None, None) => true,
            _ => false,
        };
        whole && are_same(&self.members, &other.members)
    }
}

fn same(one: &Arc<Value>, other: &Arc<Value>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}

fn are_same(one: &Members, other: &Members) -> bool {
    let both = || one.iter().zip(other);
    one.len() == other.len()
        && both().all(|((one, _), (other, _))| one == other)
        && both().all(|((_, one), (_, other))| same(one, other))
}

/// What makes one document of the other.
fn patch(before: &Document, after: &Document, changed: &Changed) -> Option<String> {
    let mut operations = Vec::new();
    match (before, after) {
        (Document::Members(before), Document::Members(_)) if changed.whole.is_none() => {
            for (name, new) in &changed.members {
                let path = member("", name);
                match before.get(name) {
                    Some(old) => short(&path, old, new, &mut operations),
                    None => {
                        operations.push(json!({"op": "add", "path": path, "value": &**new}));
                    }
                }
            }
        }
        _ => short("", &before.value(), &after.value(), &mut operations),
    }
    (!operations.is_empty()).then(|| Value::Array(operations).to_string())
}

/// The operations that make the value at a path another one. So much may differ that the value
/// itself is shorter.
fn short(path: &str, old: &Value, new: &Value, operations: &mut Vec<Value>) {
    let mut patch = Vec::new();
    diff(path, old, new, &mut patch);
    let length = |value: &Value| Weight::of(value).text;
    if patch.len() > 1 && patch.iter().map(length).sum::<usize>() > length(new) {
        patch = vec![json!({"op": "replace", "path": path, "value": new})];
    }
    operations.append(&mut patch);
}
