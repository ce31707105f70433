//! What the other side shows.

use std::collections::BTreeSet;

use json_patch::jsonptr::Pointer;
use json_patch::{PatchOperation, patch_unsafe};
use serde_json::Value;

use crate::base::limits::Limits;

use super::{depth, weight};

/// The state of the other side, as far as it has told it.
#[derive(Debug)]
pub(in super::super) struct Seen {
    document: Value,
    /// It has told anything.
    told: bool,
    /// No less than what the document weighs.
    weight: usize,
}

/// What a patch has changed.
#[derive(Debug, Default)]
pub(in super::super) struct News {
    /// The state as a whole, which was this before.
    pub(in super::super) whole: Option<Value>,
    /// These of its members, or something in them.
    pub(in super::super) members: BTreeSet<String>,
}

/// A patch may move and copy so much, in values and characters: a short one could otherwise keep us
/// busy for hours.
const WORK: usize = 1 << 26;

impl Seen {
    pub(in super::super) fn new() -> Self {
        Seen {
            document: Value::Null,
            told: false,
            weight: weight(&Value::Null),
        }
    }

    /// The value of a property, in JSON, if it was told.
    pub(in super::super) fn value(&self, property: &str) -> Option<String> {
        let value = match property {
            "" => self.told.then_some(&self.document),
            name => self.document.get(name),
        };
        Some(value?.to_string())
    }

    /// The same if it is among what has changed.
    pub(in super::super) fn changed(&self, news: &News, property: &str) -> Option<String> {
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
    pub(in super::super) fn held(&self) -> usize {
        match self.document {
            Value::Null => 0,
            _ => self.weight,
        }
    }

    #[cfg(test)]
    pub(in super::super) fn document(&self) -> &Value {
        &self.document
    }

    /// Applies a patch. Where the whole may be removed, it is null then.
    ///
    /// # Errors
    ///
    /// When it is no patch, does not fit the document, or makes it larger or deeper than a message
    /// may be. Some of it may have been applied: who sends such a thing has to go.
    pub(in super::super) fn apply(
        &mut self,
        patch: &str,
        removable: bool,
        limits: &Limits,
    ) -> Result<News, String> {
        let operations: Vec<PatchOperation> =
            serde_json::from_str(patch).map_err(|error| format!("it is no patch: {error}"))?;
        let (mut news, mut work) = (News::default(), 0_usize);
        self.told = true;
        for operation in &operations {
            let is_root = operation.path().is_root();
            if let PatchOperation::Remove(_) = operation
                && is_root
                && removable
            {
                self.weight = weight(&Value::Null);
                let before = std::mem::take(&mut self.document);
                news.whole.get_or_insert(before);
                continue;
            }
            self.check(operation, &mut work, limits)?;
            let replaced = match operation {
                PatchOperation::Add(_) | PatchOperation::Replace(_) if is_root => {
                    Some(std::mem::take(&mut self.document))
                }
                // What is moved away is still looked for in the whole.
                PatchOperation::Copy(_) | PatchOperation::Move(_) if is_root => {
                    work = work.saturating_add(self.weight);
                    Some(self.document.clone())
                }
                _ => None,
            };
            patch_unsafe(&mut self.document, std::slice::from_ref(operation))
                .map_err(|error| error.to_string())?;
            if let Some(replaced) = replaced {
                news.whole.get_or_insert(replaced);
                continue;
            }
            match operation {
                PatchOperation::Test(_) => {}
                PatchOperation::Move(moved) => {
                    news.note(&moved.from);
                    news.note(&moved.path);
                }
                other => news.note(other.path()),
            }
        }
        Ok(news)
    }

    /// Whether an operation stays within the limits.
    fn check(
        &mut self,
        operation: &PatchOperation,
        work: &mut usize,
        limits: &Limits,
    ) -> Result<(), String> {
        let (added, value) = match operation {
            PatchOperation::Add(add) => (weight(&add.value), Some(&add.value)),
            PatchOperation::Replace(replace) => (weight(&replace.value), Some(&replace.value)),
            PatchOperation::Copy(copy) => {
                let source = self.at(&copy.from);
                let copied = source.map_or(0, weight);
                // Once to weigh it, once to copy it.
                *work = work.saturating_add(copied.saturating_mul(2));
                (copied, source)
            }
            PatchOperation::Move(moved) => {
                let source = self.at(&moved.from);
                *work = work.saturating_add(source.map_or(0, weight));
                *work = work.saturating_add(self.beside(&moved.from));
                (0, source)
            }
            PatchOperation::Remove(_) | PatchOperation::Test(_) => (0, None),
        };
        let path = operation.path();
        let most = limits.nesting_depth;
        if value.is_some_and(|value| path.count() + depth(value) > most) {
            return Err(format!("the state is nested deeper than {most}"));
        }
        let key = path.last().map_or(0, |token| token.encoded().len());
        // A member of a list may be inserted, which moves those behind it.
        *work = work.saturating_add(self.beside(path));
        let most = limits.message_size;
        if self.weight.saturating_add(added).saturating_add(key) > most {
            // Something may have been removed.
            self.weight = weight(&self.document);
            *work = work.saturating_add(self.weight);
        }
        self.weight = self.weight.saturating_add(added).saturating_add(key + 5);
        if self.weight > most {
            return Err(format!("the state is larger than {most} bytes"));
        }
        match *work > WORK {
            true => Err("the patch moves and copies too much".to_owned()),
            false => Ok(()),
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
    pub(in super::super) fn is_empty(&self) -> bool {
        self.whole.is_none() && self.members.is_empty()
    }

    fn note(&mut self, path: &Pointer) {
        if let Some(member) = path.first() {
            self.members.insert(member.decoded().into_owned());
        }
    }
}
