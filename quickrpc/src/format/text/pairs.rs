//! The top level of a terse line, where arguments stand without braces: ` a:1 b:"x"`.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, Visitor};
use serde::ser::{self, Impossible, Serialize, Serializer};

use super::key_de::MapKey;
use super::key_ser::KeyWriter;
use super::private::no_key;
use super::ser::{DEPTH, Writer};
use super::{Reader, Syntax, Terse, TextError};
use crate::base::private_names::{Private, is_private};

/// What is left of a terse line, `{ ws name ":" value [","] }`, as a map.
pub(crate) struct Pairs<'a, 'de>(pub(crate) &'a mut Reader<'de, Terse>);

impl Pairs<'_, '_> {
    /// An error unless everything has been read.
    fn end(&mut self) -> Result<(), TextError> {
        self.0.skip_ws();
        match self.0.at_end() {
            true => Ok(()),
            false => Err(self.0.error("more arguments than expected")),
        }
    }
}

impl<'de> de::MapAccess<'de> for &mut Pairs<'_, 'de> {
    type Error = TextError;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, TextError> {
        self.0.skip_ws();
        if self.0.at_end() {
            return Ok(None);
        }
        MapKey::read(self.0, seed).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, TextError> {
        self.0.colon()?;
        let value = self.0.value(seed)?;
        self.0.skip_ws();
        self.0.eat(b',');
        Ok(value)
    }
}

impl<'de> Deserializer<'de> for Pairs<'_, 'de> {
    type Error = TextError;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, TextError> {
        let start = self.0.position();
        let value = visitor
            .visit_map(&mut self)
            .map_err(|error| error.at(start))?;
        self.end()?;
        Ok(value)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        self.0.skip_ws();
        if self.0.at_end() {
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, TextError> {
        self.end()?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, TextError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, TextError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(
        mut self,
        visitor: V,
    ) -> Result<V::Value, TextError> {
        while de::MapAccess::next_entry::<IgnoredAny, IgnoredAny>(&mut &mut self)?.is_some() {}
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        seq tuple tuple_struct map struct enum identifier
    }
}

/// Appends ` name:value` for each entry of `value`, which has to be a map, struct or unit.
///
/// # Errors
///
/// For any other value, and if the value refuses. `out` is then as it was.
pub(crate) fn write_pairs<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    value: &T,
) -> Result<(), TextError> {
    let start = out.len();
    let result = value.serialize(PairsWriter { out });
    if result.is_err() {
        out.truncate(start);
    }
    result
}

struct PairsWriter<'a> {
    out: &'a mut Vec<u8>,
}

impl PairsWriter<'_> {
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), TextError> {
        self.out.push(b':');
        value.serialize(&mut Writer::new(self.out, Terse, DEPTH))
    }
}

#[cold]
fn named_only<T>() -> Result<T, TextError> {
    Err(ser::Error::custom("terse has named arguments only"))
}

impl ser::SerializeMap for PairsWriter<'_> {
    type Ok = ();
    type Error = TextError;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), TextError> {
        self.out.push(b' ');
        key.serialize(KeyWriter::new(self.out, Terse))
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), TextError> {
        self.value(value)
    }

    #[inline]
    fn end(self) -> Result<(), TextError> {
        Ok(())
    }
}

impl ser::SerializeStruct for PairsWriter<'_> {
    type Ok = ();
    type Error = TextError;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), TextError> {
        if is_private(key) {
            return Err(no_key());
        }
        self.out.push(b' ');
        Terse::write_key(self.out, key);
        self.value(value)
    }

    #[inline]
    fn end(self) -> Result<(), TextError> {
        Ok(())
    }
}

macro_rules! refused {
    ($($method:ident($($type:ty),*))*) => {
        $(
            fn $method(self $(, _: $type)*) -> Result<(), TextError> {
                named_only()
            }
        )*
    };
}

impl Serializer for PairsWriter<'_> {
    type Ok = ();
    type Error = TextError;
    type SerializeSeq = Impossible<(), TextError>;
    type SerializeTuple = Impossible<(), TextError>;
    type SerializeTupleStruct = Impossible<(), TextError>;
    type SerializeTupleVariant = Impossible<(), TextError>;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<(), TextError>;

    refused! {
        serialize_bool(bool)
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64)
        serialize_u128(u128)
        serialize_f32(f32) serialize_f64(f64)
        serialize_char(char) serialize_str(&str) serialize_bytes(&[u8])
        serialize_unit_variant(&'static str, u32, &'static str)
    }

    fn serialize_none(self) -> Result<(), TextError> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), TextError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), TextError> {
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), TextError> {
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), TextError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Result<(), TextError> {
        named_only()
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Self::SerializeSeq, TextError> {
        named_only()
    }

    fn serialize_tuple(self, _len: usize) -> Result<Self::SerializeTuple, TextError> {
        named_only()
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeTupleStruct, TextError> {
        named_only()
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeTupleVariant, TextError> {
        named_only()
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Self, TextError> {
        Ok(self)
    }

    fn serialize_struct(self, name: &'static str, _len: usize) -> Result<Self, TextError> {
        match Private::named(name) {
            None => Ok(self),
            Some(Private::Number) => named_only(),
            Some(Private::Raw) => Err(ser::Error::custom(
                "the arguments of a terse call cannot be a `RawValue` of serde_json, which is one \
                 text; send a map of arguments",
            )),
        }
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeStructVariant, TextError> {
        named_only()
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, _value: &T) -> Result<(), TextError> {
        named_only()
    }
}
