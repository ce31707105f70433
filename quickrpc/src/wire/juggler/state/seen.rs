//! What the other side shows.

use std::collections::BTreeSet;
use std::time::Instant;

use json_patch::jsonptr::Pointer;
use json_patch::{AddOperation, PatchOperation, RemoveOperation, patch_unsafe};
use serde_json::Value;

use crate::base::limits::Limits;

use super::{Weight, depth};

/// The state of the other side, as far as it has told it.
#[derive(Debug)]
pub(crate) struct Seen {
    document: Value,
    /// It has told anything.
    told: bool,
    /// What the document weighs.
    weight: Weight,
    /// How much it may still be moved and copied about, and since when.
    credit: usize,
    since: Instant,
}

/// What a patch has changed.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// The state as a whole, which was this before.
    pub(crate) whole: Option<Value>,
    /// These of its members, or something in them.
    pub(crate) members: BTreeSet<String>,
}

/// A peer may have so much moved and copied, in values and characters: short patches could otherwise
/// keep us busy for hours.
const CREDIT: usize = 1 << 24;
/// And so much more each second.
const EARNED: usize = 1 << 23;

impl Seen {
    pub(crate) fn new() -> Self {
        Seen {
            document: Value::Null,
            told: false,
            weight: Weight::of(&Value::Null),
            credit: CREDIT,
            since: Instant::now(),
        }
    }

    /// The value of a property, in JSON, if it was told.
    pub(crate) fn value(&self, property: &str) -> Option<String> {
        let value = match property {
            "" => self.told.then_some(&self.document),
            name => self.document.get(name),
        };
        Some(value?.to_string())
    }

    /// The same if it is among what has changed.
    pub(crate) fn changed(&self, news: &News, property: &str) -> Option<String> {
        if property.is_empty() {
            let any = news.whole.is_some() || !news.members.is_empty();
            return any.then(|| self.document.to_string());
        }
        let now = self.document.get(property);
        let before = news.whole.as_ref().map(|before| before.get(property));
        let changed = news.members.contains(property) || before.is_some_and(|it| it != now);
        // What is there no longer is null.
        changed.then(|| now.map_or_else(|| "null".to_owned(), Value::to_string))
    }

    /// About the bytes that are kept.
    pub(crate) fn held(&self) -> usize {
        match self.document {
            Value::Null => 0,
            _ => self.weight.bytes(),
        }
    }

    #[cfg(test)]
    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// Applies a patch. Where the whole may be removed, it is null then.
    ///
    /// # Errors
    ///
    /// When it is no patch, does not fit the document, or makes it larger or deeper than a message
    /// may be. Some of it may have been applied: who sends such a thing has to go.
    pub(crate) fn apply(
        &mut self,
        patch: &str,
        removable: bool,
        limits: &Limits,
    ) -> Result<News, String> {
        let operations: Vec<PatchOperation> =
            serde_json::from_str(patch).map_err(|error| format!("it is no patch: {error}"))?;
        let mut news = News::default();
        self.told = true;
        self.earn();
        for operation in operations {
            self.operate(operation, removable, limits, &mut news)?;
        }
        Ok(news)
    }

    fn operate(
        &mut self,
        operation: PatchOperation,
        removable: bool,
        limits: &Limits,
        news: &mut News,
    ) -> Result<(), String> {
        let operation = match operation {
            PatchOperation::Test(_) => return self.carry_out(&operation),
            // What it is by definition (RFC 6902, section 4.4): places may change between the two.
            PatchOperation::Move(moved) => {
                let gone = self.taken(&moved.from);
                self.spend(
                    gone.text
                        .saturating_mul(2)
                        .saturating_add(self.beside(&moved.from)),
                )?;
                let value = self.document.pointer_mut(moved.from.as_str());
                let value = value.map(Value::take).unwrap_or_default();
                self.weight = self.weight.minus(gone);
                news.note(&moved.from);
                self.carry_out(&PatchOperation::Remove(RemoveOperation {
                    path: moved.from,
                }))?;
                let path = moved.path;
                PatchOperation::Add(AddOperation { path, value })
            }
            other => other,
        };
        self.check(&operation, limits)?;
        if !operation.path().is_root() {
            self.carry_out(&operation)?;
            news.note(operation.path());
            return Ok(());
        }
        let new = match operation {
            PatchOperation::Add(add) => add.value,
            PatchOperation::Replace(replace) => replace.value,
            PatchOperation::Copy(copy) => {
                let copied = self.at(&copy.from).cloned();
                copied.ok_or_else(|| format!("there is nothing at {:.40}", copy.from.as_str()))?
            }
            _ if removable => Value::Null,
            _ => return Err("the whole of a state cannot be removed".to_owned()),
        };
        let before = std::mem::replace(&mut self.document, new);
        news.whole.get_or_insert(before);
        Ok(())
    }

    fn carry_out(&mut self, operation: &PatchOperation) -> Result<(), String> {
        let done = patch_unsafe(&mut self.document, std::slice::from_ref(operation));
        done.map_err(|error| error.to_string())
    }

    /// Takes down what an operation adds and removes, if it stays within the limits.
    fn check(&mut self, operation: &PatchOperation, limits: &Limits) -> Result<(), String> {
        let path = operation.path();
        let (value, place) = match operation {
            PatchOperation::Add(add) => (Some(&add.value), self.place(path)),
            PatchOperation::Replace(replace) => (Some(&replace.value), self.place(path)),
            PatchOperation::Copy(copy) => (self.at(&copy.from), self.place(path)),
            _ => (None, 0),
        };
        let (added, is_removed) = (value.map(Weight::of).unwrap_or_default(), value.is_none());
        let gone = match operation {
            _ if path.is_root() => self.weight,
            PatchOperation::Remove(_) | PatchOperation::Replace(_) => self.taken(path),
            // What is inserted into a list takes the place of nothing.
            _ if self.beside(path) > 0 => Weight::default(),
            _ => self.taken(path),
        };
        let most = limits.nesting_depth;
        if value.is_some_and(|value| path.count() + depth(value) > most) {
            return Err(format!("the state is nested deeper than {most}"));
        }
        let most = limits.message_size;
        self.weight = self.weight.plus(added).placed(place).minus(gone);
        if path.is_root() && is_removed {
            self.weight = Weight::of(&Value::Null);
        }
        if self.weight.text > most {
            return Err(format!("the state is larger than {most} bytes"));
        }
        // What is copied is weighed, copied, and weighed again when it goes.
        let copied = match operation {
            PatchOperation::Copy(_) => added.text.saturating_mul(3),
            _ => 0,
        };
        self.spend(copied.saturating_add(self.beside(path)))
    }

    /// Something is moved and copied.
    fn spend(&mut self, work: usize) -> Result<(), String> {
        match self.credit.checked_sub(work) {
            Some(left) => self.credit = left,
            None => return Err("it has too much moved and copied".to_owned()),
        }
        Ok(())
    }

    /// Time makes good for what was done.
    fn earn(&mut self) {
        let millis = self.since.elapsed().as_millis();
        let earned = usize::try_from(millis)
            .unwrap_or(CREDIT)
            .saturating_mul(EARNED / 1_000);
        if earned > 0 {
            self.since = Instant::now();
            self.credit = self.credit.saturating_add(earned).min(CREDIT);
        }
    }

    /// What goes with the value at a path.
    fn taken(&self, path: &Pointer) -> Weight {
        let weigh = |value| Weight::of(value).placed(self.place(path));
        self.at(path).map(weigh).unwrap_or_default()
    }

    /// What the place of a value takes, itself apart.
    fn place(&self, path: &Pointer) -> usize {
        let Some((parent, token)) = path.split_back() else {
            return 0;
        };
        match self.at(parent) {
            Some(Value::Array(_)) => 1,
            _ => 4 + token.decoded().len(),
        }
    }

    fn at(&self, path: &Pointer) -> Option<&Value> {
        self.document.pointer(path.as_str())
    }

    /// How many values are in the list that a value is in.
    fn beside(&self, path: &Pointer) -> usize {
        let parent = path.split_back().and_then(|(parent, _)| self.at(parent));
        parent.and_then(Value::as_array).map_or(0, Vec::len)
    }
}

impl News {
    pub(crate) fn is_empty(&self) -> bool {
        self.whole.is_none() && self.members.is_empty()
    }

    fn note(&mut self, path: &Pointer) {
        if let Some(member) = path.first() {
            self.members.insert(member.decoded().into_owned());
        }
    }
}
