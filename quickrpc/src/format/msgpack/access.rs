//! What is in lists, maps, enums and extensions, one after the other.

use std::str;

use serde::de::value::{BorrowedBytesDeserializer, BorrowedStrDeserializer};
use serde::de::{
    self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    Visitor,
};

use super::EXT;
use super::de::NOT_UTF8;
use super::key::MapKey;
use super::reader::Reader;
use crate::format::text::TextError;

/// The entries of a list.
pub(super) struct Items<'a, 'de> {
    reader: &'a mut Reader<'de>,
    /// How many have not been read yet.
    pub(super) left: usize,
}

impl<'a, 'de> Items<'a, 'de> {
    #[inline]
    pub(super) fn new(reader: &'a mut Reader<'de>, left: usize) -> Self {
        Items { reader, left }
    }
}

impl<'de> SeqAccess<'de> for &mut Items<'_, 'de> {
    type Error = TextError;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, TextError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.reader.value(seed).map(Some)
    }

    /// Whatever a peer claims: each has a byte at least.
    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(self.reader.left()))
    }
}

/// The entries of a map.
pub(super) struct Entries<'a, 'de> {
    reader: &'a mut Reader<'de>,
    /// How many have not been read yet.
    pub(super) left: usize,
}

impl<'a, 'de> Entries<'a, 'de> {
    #[inline]
    pub(super) fn new(reader: &'a mut Reader<'de>, left: usize) -> Self {
        Entries { reader, left }
    }
}

impl<'de> MapAccess<'de> for &mut Entries<'_, 'de> {
    type Error = TextError;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, TextError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(MapKey(self.reader)).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, TextError> {
        self.reader.value(seed)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(self.reader.left() / 2))
    }
}

/// A variant that is just its name.
pub(super) struct UnitVariant<'de> {
    pub(super) name: &'de [u8],
}

impl<'de> de::EnumAccess<'de> for UnitVariant<'de> {
    type Error = TextError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), TextError> {
        let name = str::from_utf8(self.name).map_err(|_| TextError::new(NOT_UTF8, 0))?;
        let variant = seed.deserialize(BorrowedStrDeserializer::new(name))?;
        Ok((variant, self))
    }
}

impl<'de> de::VariantAccess<'de> for UnitVariant<'de> {
    type Error = TextError;

    fn unit_variant(self) -> Result<(), TextError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        _seed: T,
    ) -> Result<T::Value, TextError> {
        Err(just_a_name("newtype variant"))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        _visitor: V,
    ) -> Result<V::Value, TextError> {
        Err(just_a_name("tuple variant"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, TextError> {
        Err(just_a_name("struct variant"))
    }
}

#[cold]
fn just_a_name(expected: &'static str) -> TextError {
    de::Error::invalid_type(Unexpected::UnitVariant, &expected)
}

/// A variant that is the only entry of a map.
pub(super) struct Variant<'a, 'de> {
    pub(super) reader: &'a mut Reader<'de>,
}

impl<'de> de::EnumAccess<'de> for Variant<'_, 'de> {
    type Error = TextError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), TextError> {
        let variant = seed.deserialize(MapKey(self.reader))?;
        Ok((variant, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_, 'de> {
    type Error = TextError;

    fn unit_variant(self) -> Result<(), TextError> {
        serde::Deserialize::deserialize(self.reader)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, TextError> {
        self.reader.value(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, TextError> {
        self.reader.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TextError> {
        self.reader.deserialize_struct("", fields, visitor)
    }
}

/// An extension as the map that it is to who does not know it: `{"__ext": [type, bytes]}`.
pub(super) struct ExtEntry<'de> {
    kind: i8,
    data: &'de [u8],
    key: bool,
}

impl<'de> ExtEntry<'de> {
    pub(super) fn new(kind: i8, data: &'de [u8]) -> Self {
        ExtEntry {
            kind,
            data,
            key: true,
        }
    }
}

impl<'de> MapAccess<'de> for ExtEntry<'de> {
    type Error = TextError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, TextError> {
        match std::mem::take(&mut self.key) {
            true => seed
                .deserialize(BorrowedStrDeserializer::new(EXT))
                .map(Some),
            false => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, TextError> {
        seed.deserialize(ExtParts {
            kind: Some(self.kind),
            data: Some(self.data),
        })
    }
}

/// The type of an extension, and its bytes, as a list.
struct ExtParts<'de> {
    kind: Option<i8>,
    data: Option<&'de [u8]>,
}

impl<'de> Deserializer<'de> for ExtParts<'de> {
    type Error = TextError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        visitor.visit_seq(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        option unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

impl<'de> SeqAccess<'de> for ExtParts<'de> {
    type Error = TextError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, TextError> {
        if let Some(kind) = self.kind.take() {
            return seed
                .deserialize(i64::from(kind).into_deserializer())
                .map(Some);
        }
        match self.data.take() {
            Some(data) => seed
                .deserialize(BorrowedBytesDeserializer::new(data))
                .map(Some),
            None => Ok(None),
        }
    }
}
