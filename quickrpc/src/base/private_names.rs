//! Two things that serde_json says by names of its own: a number as text (its feature
//! `arbitrary_precision`, which any crate of a program can turn on for all), and JSON as text
//! (`RawValue`).
//!
//! For serde, each is a struct with one field, both of this name, and `RawValue` is read by a
//! newtype of the name. Who does not know the names would send them.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde::de::value::{BorrowedStrDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, Error, MapAccess};

const NUMBER: &str = "$serde_json::private::Number";
pub(crate) const RAW: &str = "$serde_json::private::RawValue";
const PREFIX: &str = "$serde_json::private::";

/// What a struct really is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Private {
    /// A number.
    Number,
    /// Any JSON.
    Raw,
}

impl Private {
    #[inline]
    pub(crate) fn named(name: &str) -> Option<Self> {
        // One look for nearly all.
        if !name.starts_with('$') {
            return None;
        }
        match name {
            NUMBER => Some(Private::Number),
            RAW => Some(Private::Raw),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Private::Number => NUMBER,
            Private::Raw => RAW,
        }
    }
}

/// Whether a key would be such a name. It is one where somebody has taken the struct for a map.
#[inline]
pub(crate) fn is_private(key: &str) -> bool {
    key.starts_with('$') && key.starts_with(PREFIX)
}

/// Why such a key is not written.
pub(crate) const NO_KEY: &str = "a number or a `RawValue` of serde_json was made a map on its way, \
     as `flatten` and tagged enums do; keep it out of them, or send it as a value of another type";

/// What a `RawValue` is read from: a map with one entry, of JSON as text.
pub(crate) struct RawEntry<'de, E> {
    text: Option<Cow<'de, str>>,
    key: bool,
    error: PhantomData<E>,
}

impl<'de, E> RawEntry<'de, E> {
    pub(crate) fn new(text: Cow<'de, str>) -> Self {
        RawEntry {
            text: Some(text),
            key: true,
            error: PhantomData,
        }
    }
}

impl<'de, E: Error> MapAccess<'de> for RawEntry<'de, E> {
    type Error = E;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, E> {
        match std::mem::take(&mut self.key) {
            true => seed
                .deserialize(BorrowedStrDeserializer::new(RAW))
                .map(Some),
            false => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, E> {
        match self.text.take() {
            Some(Cow::Borrowed(text)) => seed.deserialize(BorrowedStrDeserializer::new(text)),
            Some(Cow::Owned(text)) => seed.deserialize(StringDeserializer::new(text)),
            None => Err(E::custom("a value of a map was read twice")),
        }
    }
}
