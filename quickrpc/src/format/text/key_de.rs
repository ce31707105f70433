//! Map keys, which are text on the wire whatever they are in Rust.

use std::borrow::Cow;

use serde::de::value::CowStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Visitor};

use super::{Reader, Syntax, TextError};

/// A deserializer for the key that comes next.
pub(super) struct MapKey<'a, 'de, S: Syntax> {
    reader: &'a mut Reader<'de, S>,
}

impl<'a, 'de, S: Syntax> MapKey<'a, 'de, S> {
    #[inline]
    pub(super) fn read<K: DeserializeSeed<'de>>(
        reader: &'a mut Reader<'de, S>,
        seed: K,
    ) -> Result<K::Value, TextError> {
        let start = reader.position();
        seed.deserialize(MapKey { reader })
            .map_err(|error| error.at(start))
    }

    /// A key that is to be an integer; any other text is left to the visitor to refuse.
    fn visit_integer<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        let key = self.reader.key()?;
        if let Ok(value) = key.parse() {
            visitor.visit_i64(value)
        } else if let Ok(value) = key.parse() {
            visitor.visit_u64(value)
        } else if let Ok(value) = key.parse() {
            visitor.visit_i128(value)
        } else if let Ok(value) = key.parse() {
            visitor.visit_u128(value)
        } else {
            visitor.visit_str(&key)
        }
    }
}

macro_rules! integers {
    ($($method:ident)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
                self.visit_integer(visitor)
            }
        )*
    };
}

impl<'de, S: Syntax> Deserializer<'de> for MapKey<'_, 'de, S> {
    type Error = TextError;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        match self.reader.key()? {
            Cow::Borrowed(key) => visitor.visit_borrowed_str(key),
            Cow::Owned(key) => visitor.visit_string(key),
        }
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        let key = self.reader.key()?;
        match &*key {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            other => visitor.visit_str(other),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        // The option itself takes nothing of the input, like one in a value.
        let MapKey { reader } = self;
        reader.wrapped(|reader| visitor.visit_some(MapKey { reader }))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, TextError> {
        let MapKey { reader } = self;
        reader.wrapped(|reader| visitor.visit_newtype_struct(MapKey { reader }))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TextError> {
        CowStrDeserializer::new(self.reader.key()?).deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map
        struct identifier ignored_any
    }
}
