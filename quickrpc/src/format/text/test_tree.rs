//! A value tree for the tests, which takes whatever the reader offers.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde::{Deserialize, Deserializer};

use super::{Reader, Syntax, TextError, write};

/// Any value, with the order and the duplicates of a map's entries.
#[derive(Debug, Clone)]
pub(super) enum Tree {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

impl PartialEq for Tree {
    /// Like `==`, but a float is the same if its bits are, and NaN is NaN.
    fn eq(&self, other: &Tree) -> bool {
        match (self, other) {
            (Tree::Null, Tree::Null) => true,
            (Tree::Bool(a), Tree::Bool(b)) => a == b,
            (Tree::Int(a), Tree::Int(b)) => a == b,
            (Tree::Float(a), Tree::Float(b)) => {
                a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
            }
            (Tree::Text(a), Tree::Text(b)) => a == b,
            (Tree::Bytes(a), Tree::Bytes(b)) => a == b,
            (Tree::List(a), Tree::List(b)) => a == b,
            (Tree::Map(a), Tree::Map(b)) => a == b,
            _ => false,
        }
    }
}

/// Reads one value that is all of `text`.
pub(super) fn read<'de, T: Deserialize<'de>, S: Syntax>(
    text: &'de str,
    syntax: S,
) -> Result<T, TextError> {
    let mut reader = Reader::new(text, syntax, 128);
    let value = reader.value(PhantomData)?;
    reader.skip_ws();
    match reader.at_end() {
        true => Ok(value),
        false => Err(reader.error("more than one value")),
    }
}

/// What is written for a value, or the error's message.
pub(super) fn written<T: Serialize + ?Sized, S: Syntax>(value: &T, syntax: S) -> String {
    let mut out = b"before".to_vec();
    match write(&mut out, syntax, value) {
        Ok(()) => {
            let text = String::from_utf8(out).unwrap();
            text.strip_prefix("before").unwrap().to_owned()
        }
        Err(error) => {
            assert_eq!(out, b"before");
            error.placed()
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Int(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Int(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Tree, E> {
        Ok(Tree::Int(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_byte_buf<E>(self, value: Vec<u8>) -> Result<Tree, E> {
        Ok(Tree::Bytes(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Tree::Map(map))
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Tree::Null => serializer.serialize_unit(),
            Tree::Bool(value) => serializer.serialize_bool(*value),
            Tree::Int(value) => serializer.serialize_i128(*value),
            Tree::Float(value) => serializer.serialize_f64(*value),
            Tree::Text(value) => serializer.serialize_str(value),
            Tree::Bytes(value) => serializer.serialize_bytes(value),
            Tree::List(items) => serializer.collect_seq(items),
            Tree::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl From<i128> for Tree {
    fn from(value: i128) -> Tree {
        Tree::Int(value)
    }
}

impl From<f64> for Tree {
    fn from(value: f64) -> Tree {
        Tree::Float(value)
    }
}

impl From<&str> for Tree {
    fn from(value: &str) -> Tree {
        Tree::Text(value.to_owned())
    }
}

impl From<&[u8]> for Tree {
    fn from(value: &[u8]) -> Tree {
        Tree::Bytes(value.to_vec())
    }
}

/// A list.
pub(super) fn list<const N: usize>(items: [Tree; N]) -> Tree {
    Tree::List(items.into())
}

/// A map.
pub(super) fn map<const N: usize>(entries: [(&str, Tree); N]) -> Tree {
    let entries = entries.map(|(key, value)| (key.to_owned(), value));
    Tree::Map(entries.into())
}
