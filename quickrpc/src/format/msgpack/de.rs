//! The reader as a serde deserializer.

use serde::Deserialize;
use serde::de::value::SeqDeserializer;
use serde::de::{self, Expected, Unexpected, Visitor};

use super::access::{Entries, ExtEntry, Items, UnitVariant, Variant};
use super::mark;
use super::reader::{Reader, Token};
use crate::base::private_names::{RAW, RawEntry};
use crate::base::utf8;
use crate::base::value::Value;
use crate::format::text::TextError;

impl<'de> Reader<'de> {
    #[inline]
    pub(super) fn visit_list<V: Visitor<'de>>(
        &mut self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, TextError> {
        self.nested(|reader| {
            let mut items = Items::new(reader, length);
            let value = visitor.visit_seq(&mut items)?;
            match items.left {
                0 => Ok(value),
                _ => Err(reader.more()),
            }
        })
    }

    #[inline]
    pub(super) fn visit_map<V: Visitor<'de>>(
        &mut self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, TextError> {
        self.nested(|reader| {
            let mut entries = Entries::new(reader, length);
            let value = visitor.visit_map(&mut entries)?;
            match entries.left {
                0 => Ok(value),
                _ => Err(reader.more()),
            }
        })
    }

    #[cold]
    fn more(&self) -> TextError {
        self.error("more entries than expected")
    }

    #[inline]
    fn visit_number<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, TextError> {
        match self.token()? {
            Token::Unsigned(value) => visitor.visit_u64(value),
            Token::Signed(value) => visitor.visit_i64(value),
            Token::Wide(value) => visitor.visit_i128(value),
            Token::WideUnsigned(value) => visitor.visit_u128(value),
            Token::Float32(value) => visitor.visit_f64(value.into()),
            Token::Float(value) => visitor.visit_f64(value),
            other => Err(mismatch(other, &visitor)),
        }
    }

    #[inline]
    fn visit_text<V: Visitor<'de>>(
        &mut self,
        text: &'de [u8],
        visitor: V,
    ) -> Result<V::Value, TextError> {
        match utf8::text(text) {
            Ok(text) => visitor.visit_borrowed_str(text),
            Err(_) => Err(self.error(NOT_UTF8)),
        }
    }
}

pub(super) const NOT_UTF8: &str = "a string that is not UTF-8; `Bytes` can be read from it";

/// The error for a value that is not of the expected type. Not generic, as it is part of nearly
/// every method below.
#[cold]
pub(super) fn mismatch(found: Token<'_>, expected: &dyn Expected) -> TextError {
    let invalid = |found| <TextError as de::Error>::invalid_type(found, expected);
    match found {
        Token::Nil => invalid(Unexpected::Unit),
        Token::Bool(value) => invalid(Unexpected::Bool(value)),
        Token::Unsigned(value) => invalid(Unexpected::Unsigned(value)),
        Token::Signed(value) => invalid(Unexpected::Signed(value)),
        Token::Wide(value) => invalid(Unexpected::Other(&format!("integer `{value}` as i128"))),
        Token::WideUnsigned(value) => {
            invalid(Unexpected::Other(&format!("integer `{value}` as u128")))
        }
        Token::Float32(value) => invalid(Unexpected::Float(value.into())),
        Token::Float(value) => invalid(Unexpected::Float(value)),
        Token::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => invalid(Unexpected::Str(text)),
            Err(_) => invalid(Unexpected::Other("string that is not UTF-8")),
        },
        Token::Bytes(bytes) => invalid(Unexpected::Other(&format!("{} bytes", bytes.len()))),
        Token::Ext(kind, _) => invalid(Unexpected::Other(&format!("extension of type {kind}"))),
        Token::List(_) => invalid(Unexpected::Seq),
        Token::Map(_) => invalid(Unexpected::Map),
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {
        $(
            #[inline]
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
                self.visit_number(visitor)
            }
        )*
    };
}

impl<'de> serde::Deserializer<'de> for &mut Reader<'de> {
    type Error = TextError;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        match self.token()? {
            Token::Nil => visitor.visit_unit(),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Unsigned(value) => visitor.visit_u64(value),
            Token::Signed(value) => visitor.visit_i64(value),
            Token::Wide(value) => visitor.visit_i128(value),
            // Who does not ask for it cannot be expected to take it.
            Token::WideUnsigned(value) => visitor.visit_f64(value as f64),
            Token::Float32(value) => visitor.visit_f64(value.into()),
            Token::Float(value) => visitor.visit_f64(value),
            Token::Text(text) => match utf8::text(text) {
                Ok(text) => visitor.visit_borrowed_str(text),
                Err(_) => visitor.visit_borrowed_bytes(text),
            },
            Token::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Token::Ext(kind, data) => visitor.visit_map(ExtEntry::new(kind, data)),
            Token::List(length) => self.visit_list(length, visitor),
            Token::Map(length) => self.visit_map(length, visitor),
        }
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        match self.token()? {
            Token::Bool(value) => visitor.visit_bool(value),
            other => Err(mismatch(other, &visitor)),
        }
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    #[inline]
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        self.deserialize_f64(visitor)
    }

    #[inline]
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        let value = match self.token()? {
            Token::Float(value) => value,
            Token::Float32(value) => value.into(),
            Token::Unsigned(value) => value as f64,
            Token::Signed(value) => value as f64,
            Token::Wide(value) => value as f64,
            Token::WideUnsigned(value) => value as f64,
            other => return Err(mismatch(other, &visitor)),
        };
        visitor.visit_f64(value)
    }

    #[inline]
    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        match self.token()? {
            Token::Text(text) => self.visit_text(text, visitor),
            other => Err(mismatch(other, &visitor)),
        }
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        match self.token()? {
            // Until 2013 there was one kind for both, and there are peers that have only texts.
            Token::Bytes(bytes) | Token::Text(bytes) => visitor.visit_borrowed_bytes(bytes),
            // Left to the visitor: there are types that take a list of numbers too.
            Token::List(length) => self.visit_list(length, visitor),
            other => Err(mismatch(other, &visitor)),
        }
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        self.deserialize_bytes(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        if self.peek() == Some(mark::NIL) {
            self.token()?;
            return visitor.visit_none();
        }
        self.wrapped(|reader| visitor.visit_some(reader))
    }

    #[inline]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        match self.token()? {
            Token::Nil => visitor.visit_unit(),
            other => Err(mismatch(other, &visitor)),
        }
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, TextError> {
        self.deserialize_unit(visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, TextError> {
        if name == RAW {
            let json = Value::deserialize(self)?.to_string();
            return visitor.visit_map(RawEntry::new(json.into()));
        }
        self.wrapped(|reader| visitor.visit_newtype_struct(reader))
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        match self.token()? {
            Token::List(length) => self.visit_list(length, visitor),
            // As others take it, who know no difference.
            Token::Bytes(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.iter().copied())),
            other => Err(mismatch(other, &visitor)),
        }
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, TextError> {
        self.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, TextError> {
        self.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        match self.token()? {
            Token::Map(length) => self.visit_map(length, visitor),
            Token::Ext(kind, data) => visitor.visit_map(ExtEntry::new(kind, data)),
            other => Err(mismatch(other, &visitor)),
        }
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TextError> {
        match self.token()? {
            Token::Map(length) => self.visit_map(length, visitor),
            Token::List(length) => self.visit_list(length, visitor),
            other => Err(mismatch(other, &visitor)),
        }
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TextError> {
        match self.token()? {
            Token::Text(name) => visitor.visit_enum(UnitVariant { name }),
            Token::Map(1) => self.nested(|reader| visitor.visit_enum(Variant { reader })),
            other => Err(mismatch(other, &visitor)),
        }
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        self.skip()?;
        visitor.visit_unit()
    }
}
