//! Byte strings, where a declared type does not say so by itself.

use std::fmt;
use std::ops::Deref;

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// A byte string: Python's `bytes`.
///
/// `Vec<u8>` and `&[u8]`, written so in a declaration, are byte strings already; inside
/// other types and behind aliases they would travel as lists of numbers. Use this there.
///
/// ```
/// use quickrpc::Bytes;
///
/// let image = Bytes::from(vec![137, 80, 78, 71]);
/// assert_eq!(&image[1..], b"PNG");
/// assert_eq!(image.into_vec(), [137, 80, 78, 71]);
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(Vec<u8>);

impl Bytes {
    /// No bytes.
    pub const fn new() -> Self {
        Bytes(Vec::new())
    }

    /// The bytes, without a copy.
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes(bytes)
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Bytes(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Bytes {
    fn from(bytes: &[u8; N]) -> Self {
        Bytes(bytes.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Bytes {
    fn from(bytes: [u8; N]) -> Self {
        Bytes(bytes.to_vec())
    }
}

impl From<Bytes> for Vec<u8> {
    fn from(bytes: Bytes) -> Self {
        bytes.0
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(BytesVisitor).map(Bytes)
    }
}

/// Reads byte strings, and lists of small numbers; a text is not taken for bytes.
pub(crate) struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Vec<u8>, A::Error> {
        // Grows as items really come; a length that a peer claims reserves nothing.
        let mut bytes = Vec::new();
        while let Some(byte) = access.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::value::{Value, ValueDeserializer, to_value};

    fn read(value: Value) -> Result<Bytes, String> {
        Bytes::deserialize(ValueDeserializer(&value)).map_err(|error| error.to_string())
    }

    #[test]
    fn travels_as_bytes() {
        let bytes = Bytes::from(b"\x00\xff");
        assert_eq!(to_value(&bytes).unwrap(), Value::Bytes(vec![0, 255]));
        assert_eq!(read(Value::Bytes(vec![0, 255])), Ok(bytes));
    }

    #[test]
    fn numbers_count_as_bytes_but_texts_do_not() {
        let list: Value = [1, 2].into_iter().collect();
        assert_eq!(read(list), Ok(Bytes::from([1, 2])));
        let list: Value = [1, 256].into_iter().collect();
        assert_eq!(
            read(list).unwrap_err(),
            "invalid value: integer `256`, expected u8"
        );
        assert_eq!(
            read("AQI=".into()).unwrap_err(),
            "invalid type: string \"AQI=\", expected bytes"
        );
    }

    #[test]
    fn debug_shows_text_where_there_is_some() {
        assert_eq!(
            format!("{:?}", Bytes::from(b"a\"\n\xff")),
            r#"b"a\"\n\xff""#
        );
    }
}
