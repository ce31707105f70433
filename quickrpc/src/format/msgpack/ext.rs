//! Extensions: what MessagePack has for types that it does not know.

use std::fmt;

use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{EXT, Reader, write};
use crate::base::bytes::Bytes;
use crate::base::error::{Error, Result};

/// An extension of MessagePack: bytes, and a number that says what they are. What the number
/// means is between the two sides.
///
/// Neovim's handles are extensions, of the types 0 (buffer), 1 (window) and 2 (tabpage), with a
/// number in them:
///
/// ```
/// use quickrpc::msgpack::Ext;
///
/// let buffer = Ext { kind: 0, data: vec![7] };
/// assert_eq!(buffer.unpack::<i64>()?, 7);
/// assert_eq!(Ext::pack(0, &7)?, buffer);
/// # Ok::<(), quickrpc::Error>(())
/// ```
///
/// Who reads a [`Value`](crate::Value) gets the map `{"__ext": [type, bytes]}` for one, and such
/// a map is sent as one. That is what it is on wires of text, too, so that it can be passed on. The
/// types 73 and 85 with 16 bytes are integers beyond 64 bits to this library.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ext {
    /// The type.
    pub kind: i8,
    /// What it is made of.
    pub data: Vec<u8>,
}

impl Ext {
    /// The extension of this type whose bytes are a value of MessagePack.
    ///
    /// # Errors
    ///
    /// [`Error::Encode`] if the value cannot be written.
    pub fn pack<T: Serialize + ?Sized>(kind: i8, value: &T) -> Result<Self> {
        let mut data = Vec::new();
        match write(&mut data, value) {
            Ok(()) => Ok(Ext { kind, data }),
            Err(error) => Err(Error::Encode {
                method: std::any::type_name::<T>().into(),
                reason: error.into_message().into(),
            }),
        }
    }

    /// The value of MessagePack that its bytes are.
    ///
    /// # Errors
    ///
    /// [`Error::BadValue`] if they are none, or none of that type.
    pub fn unpack<T: DeserializeOwned>(&self) -> Result<T> {
        let mut reader = Reader::new(&self.data, DEPTH);
        let read = T::deserialize(&mut reader).and_then(|value| match reader.at_end() {
            true => Ok(value),
            false => Err(reader.error("expected nothing behind the value")),
        });
        read.map_err(|error| Error::BadValue {
            expected: std::any::type_name::<T>().into(),
            reason: error.into_message().into(),
        })
    }
}

/// As deep as messages may be.
const DEPTH: usize = 128;

/// As a map, which the writer of MessagePack knows.
impl Serialize for Ext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Data<'a>(&'a [u8]);
        impl Serialize for Data<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(self.0)
            }
        }
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(EXT, &(self.kind, Data(&self.data)))?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Ext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ExtVisitor;

        impl<'de> Visitor<'de> for ExtVisitor {
            type Value = Ext;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an extension of MessagePack")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Ext, A::Error> {
                let entry = access.next_entry::<String, (i8, Bytes)>()?;
                match entry {
                    Some((key, (kind, data))) if key == EXT => {
                        let data = data.into_vec();
                        Ok(Ext { kind, data })
                    }
                    _ => Err(de::Error::invalid_type(de::Unexpected::Map, &self)),
                }
            }
        }

        deserializer.deserialize_map(ExtVisitor)
    }
}
