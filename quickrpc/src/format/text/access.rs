//! What is in lists, maps and enums, one after the other.

use serde::de::{self, DeserializeSeed, Unexpected, Visitor};

use super::key_de::MapKey;
use super::{Reader, Syntax, TextError};

/// The entries of a list.
pub(super) struct Items<'a, 'de, S: Syntax> {
    reader: &'a mut Reader<'de, S>,
    /// None has been read yet.
    pub(super) first: bool,
}

impl<'a, 'de, S: Syntax> Items<'a, 'de, S> {
    #[inline]
    pub(super) fn new(reader: &'a mut Reader<'de, S>) -> Self {
        Items {
            reader,
            first: true,
        }
    }
}

impl<'de, S: Syntax> de::SeqAccess<'de> for &mut Items<'_, 'de, S> {
    type Error = TextError;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, TextError> {
        if !self.reader.next_entry(self.first, b']')? {
            return Ok(None);
        }
        self.first = false;
        self.reader.value(seed).map(Some)
    }
}

/// The entries of a map.
pub(super) struct Entries<'a, 'de, S: Syntax> {
    reader: &'a mut Reader<'de, S>,
    /// None has been read yet.
    pub(super) first: bool,
}

impl<'a, 'de, S: Syntax> Entries<'a, 'de, S> {
    #[inline]
    pub(super) fn new(reader: &'a mut Reader<'de, S>) -> Self {
        Entries {
            reader,
            first: true,
        }
    }
}

impl<'de, S: Syntax> de::MapAccess<'de> for &mut Entries<'_, 'de, S> {
    type Error = TextError;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, TextError> {
        if !self.reader.next_entry(self.first, b'}')? {
            return Ok(None);
        }
        self.first = false;
        MapKey::read(self.reader, seed).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, TextError> {
        self.reader.colon()?;
        self.reader.value(seed)
    }
}

/// A variant that is just its name.
pub(super) struct UnitVariant<'a, 'de, S: Syntax> {
    pub(super) reader: &'a mut Reader<'de, S>,
}

impl<'de, S: Syntax> de::EnumAccess<'de> for UnitVariant<'_, 'de, S> {
    type Error = TextError;
    type Variant = Self;

    #[inline]
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), TextError> {
        let variant = MapKey::read(self.reader, seed)?;
        Ok((variant, self))
    }
}

impl<'de, S: Syntax> de::VariantAccess<'de> for UnitVariant<'_, 'de, S> {
    type Error = TextError;

    #[inline]
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
pub(super) struct Variant<'a, 'de, S: Syntax> {
    pub(super) reader: &'a mut Reader<'de, S>,
}

impl<'de, S: Syntax> de::EnumAccess<'de> for Variant<'_, 'de, S> {
    type Error = TextError;
    type Variant = Self;

    #[inline]
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), TextError> {
        let variant = MapKey::read(self.reader, seed)?;
        self.reader.colon()?;
        Ok((variant, self))
    }
}

impl<'de, S: Syntax> de::VariantAccess<'de> for Variant<'_, 'de, S> {
    type Error = TextError;

    #[inline]
    fn unit_variant(self) -> Result<(), TextError> {
        serde::Deserialize::deserialize(self.reader)
    }

    #[inline]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, TextError> {
        self.reader.value(seed)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, TextError> {
        de::Deserializer::deserialize_seq(self.reader, visitor)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TextError> {
        de::Deserializer::deserialize_struct(self.reader, "", fields, visitor)
    }
}
