//! Map keys, which here are what they are; and which are texts to who wants texts.

use std::str;

use serde::de::{Deserializer, Visitor};

use super::de::mismatch;
use super::mark;
use super::reader::{Reader, Token};
use crate::format::text::TextError;

/// A deserializer for the key that comes next.
pub(super) struct MapKey<'a, 'de>(pub(super) &'a mut Reader<'de>);

impl<'de> MapKey<'_, 'de> {
    /// A key that is to be a text, which is how whoever knows nothing but texts has any.
    #[inline]
    fn visit_text<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        match self.0.token()? {
            Token::Text(text) => match str::from_utf8(text) {
                Ok(text) => visitor.visit_borrowed_str(text),
                Err(_) => visitor.visit_string(String::from_utf8_lossy(text).into_owned()),
            },
            Token::Bytes(bytes) => {
                visitor.visit_string(String::from_utf8_lossy(bytes).into_owned())
            }
            Token::Unsigned(value) => visitor.visit_string(value.to_string()),
            Token::Signed(value) => visitor.visit_string(value.to_string()),
            Token::Wide(value) => visitor.visit_string(value.to_string()),
            Token::WideUnsigned(value) => visitor.visit_string(value.to_string()),
            Token::Bool(value) => visitor.visit_str(if value { "true" } else { "false" }),
            other => Err(mismatch(
                other,
                &"a key of a map: a string, an integer or a bool",
            )),
        }
    }

    /// A key that is to be an integer. Peers that know nothing but texts, and values that came
    /// from one, have it as a text.
    fn visit_integer<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        match self.0.token()? {
            Token::Unsigned(value) => visitor.visit_u64(value),
            Token::Signed(value) => visitor.visit_i64(value),
            Token::Wide(value) => visitor.visit_i128(value),
            Token::WideUnsigned(value) => visitor.visit_u128(value),
            Token::Text(text) => {
                let key = str::from_utf8(text).unwrap_or_default();
                if let Ok(value) = key.parse() {
                    visitor.visit_i64(value)
                } else if let Ok(value) = key.parse() {
                    visitor.visit_u64(value)
                } else if let Ok(value) = key.parse() {
                    visitor.visit_i128(value)
                } else if let Ok(value) = key.parse() {
                    visitor.visit_u128(value)
                } else {
                    visitor.visit_str(key)
                }
            }
            other => Err(mismatch(other, &visitor)),
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

macro_rules! as_texts {
    ($($method:ident)*) => {
        $(
            #[inline]
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
                self.visit_text(visitor)
            }
        )*
    };
}

macro_rules! as_values {
    ($($method:ident)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
                self.0.$method(visitor)
            }
        )*
    };
}

impl<'de> Deserializer<'de> for MapKey<'_, 'de> {
    type Error = TextError;

    /// Who takes anything keeps it to read it later, as serde does for enums without a tag or with one
    /// inside: it has to be what it is.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        self.0.deserialize_any(visitor)
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    as_values! {
        deserialize_f32 deserialize_f64 deserialize_bytes deserialize_byte_buf deserialize_unit
        deserialize_seq deserialize_map deserialize_ignored_any
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        match self.0.token()? {
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Text(b"true") => visitor.visit_bool(true),
            Token::Text(b"false") => visitor.visit_bool(false),
            other => Err(mismatch(other, &visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        if self.0.peek() == Some(mark::NIL) {
            self.0.token()?;
            return visitor.visit_none();
        }
        // The option itself takes nothing of the input, like one in a value.
        self.0.wrapped(|reader| visitor.visit_some(MapKey(reader)))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, TextError> {
        self.0
            .wrapped(|reader| visitor.visit_newtype_struct(MapKey(reader)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TextError> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, TextError> {
        self.0.deserialize_tuple(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, TextError> {
        self.0.deserialize_tuple_struct(name, len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TextError> {
        self.0.deserialize_struct(name, fields, visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, TextError> {
        self.0.deserialize_unit_struct(name, visitor)
    }

    as_texts! { deserialize_char deserialize_str deserialize_string deserialize_identifier }
}
