//! The reader as a serde deserializer.

use std::borrow::Cow;

use serde::de::{self, Expected, Unexpected, Visitor};

use super::access::{Entries, Items, UnitVariant, Variant};
use super::number::{Number, Word};
use super::{Reader, Syntax, TextError};
use crate::base::private_names::RAW;

impl<'de, S: Syntax> Reader<'de, S> {
    /// Goes to the value that comes next, and looks at its first byte.
    #[inline]
    fn begin(&mut self) -> Option<u8> {
        self.skip_ws();
        self.peek()
    }

    #[inline]
    fn visit_number<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, TextError> {
        match self.begin() {
            Some(byte) if begins_number::<S>(byte) => {
                let start = self.position();
                if let Some(value) = self.small_integer() {
                    return located(start, visitor.visit_u64(value));
                }
                let number = match self.number()? {
                    // As the original writes integers from a million on.
                    number if !S::STRICT => number.or_integer(),
                    number => number,
                };
                located(start, number.visit(visitor))
            }
            _ => Err(self.mismatch(&visitor)),
        }
    }

    #[inline]
    fn visit_list<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, TextError> {
        let start = self.position();
        self.nested(|reader| {
            reader.set_position(start + 1);
            let mut items = Items::new(reader);
            let value = visitor.visit_seq(&mut items);
            let first = items.first;
            let value = located(start, value)?;
            reader.end_of(first, b']')?;
            Ok(value)
        })
    }

    #[inline]
    fn visit_map<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, TextError> {
        let start = self.position();
        self.nested(|reader| {
            reader.set_position(start + 1);
            let mut entries = Entries::new(reader);
            let value = visitor.visit_map(&mut entries);
            let first = entries.first;
            let value = located(start, value)?;
            reader.end_of(first, b'}')?;
            Ok(value)
        })
    }

    #[inline]
    fn visit_string<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, TextError> {
        let start = self.position();
        let value = match self.string()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        };
        located(start, value)
    }

    fn visit_word<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, TextError> {
        let start = self.position();
        let value = match self.word()? {
            Word::Null => visitor.visit_unit(),
            Word::Bool(value) => visitor.visit_bool(value),
            Word::Float(value) => visitor.visit_f64(value),
        };
        located(start, value)
    }

    /// The error for a value that is not of the expected type. Not generic, as it is part
    /// of nearly every method below.
    #[cold]
    fn mismatch(&mut self, expected: &dyn Expected) -> TextError {
        let start = self.position();
        let invalid = |found| <TextError as de::Error>::invalid_type(found, expected).at(start);
        match self.peek() {
            Some(b'"') => match self.string() {
                Ok(text) => invalid(Unexpected::Str(&text)),
                Err(error) => error,
            },
            Some(b'{') => invalid(Unexpected::Map),
            Some(b'[') => invalid(Unexpected::Seq),
            Some(b'\'') if !S::STRICT => invalid(Unexpected::Bytes(&[])),
            Some(byte) if begins_number::<S>(byte) => match self.number() {
                Ok(Number::Unsigned(value)) => invalid(Unexpected::Unsigned(value)),
                Ok(Number::Signed(value)) => invalid(Unexpected::Signed(value)),
                Ok(Number::Float(value)) => invalid(Unexpected::Float(value)),
                Ok(Number::Wide(value)) => {
                    invalid(Unexpected::Other(&format!("integer `{value}` as i128")))
                }
                Ok(Number::WideUnsigned(value)) => {
                    invalid(Unexpected::Other(&format!("integer `{value}` as u128")))
                }
                Err(error) => error,
            },
            _ => match self.word() {
                Ok(Word::Null) => invalid(Unexpected::Unit),
                Ok(Word::Bool(value)) => invalid(Unexpected::Bool(value)),
                Ok(Word::Float(value)) => invalid(Unexpected::Float(value)),
                Err(error) => error,
            },
        }
    }
}

/// Says where the value is that a visitor refused.
#[inline]
fn located<T>(start: usize, result: Result<T, TextError>) -> Result<T, TextError> {
    result.map_err(|error| error.at(start))
}

/// Whether a value that begins with this byte can be a number. The floats that are words
/// count too.
#[inline]
fn begins_number<S: Syntax>(byte: u8) -> bool {
    matches!(byte, b'-' | b'0'..=b'9') || (!S::STRICT && matches!(byte, b'+' | b'.'))
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

impl<'de, S: Syntax> serde::Deserializer<'de> for &mut Reader<'de, S> {
    type Error = TextError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        match self.begin() {
            Some(b'"') => self.visit_string(visitor),
            Some(b'{') => {
                if S::STRICT && self.is_tagged()? {
                    return self.deserialize_byte_buf(visitor);
                }
                self.visit_map(visitor)
            }
            Some(b'[') => self.visit_list(visitor),
            Some(b'\'') if !S::STRICT => self.deserialize_byte_buf(visitor),
            Some(byte) if begins_number::<S>(byte) => {
                let start = self.position();
                let number = match self.number()? {
                    // Who does not ask for it cannot be expected to take it.
                    Number::WideUnsigned(value) => Number::Float(value as f64),
                    number => number,
                };
                located(start, number.visit(visitor))
            }
            _ => self.visit_word(visitor),
        }
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        let start = match self.begin() {
            Some(b't' | b'f') => return self.visit_word(visitor),
            // All that the Python original has for them in terse.
            Some(b'0' | b'1') if !S::STRICT => self.position(),
            _ => return Err(self.mismatch(&visitor)),
        };
        match self.number()? {
            Number::Unsigned(value @ 0..=1) => located(start, visitor.visit_bool(value == 1)),
            number => located(start, number.visit(visitor)),
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
        let next = self.begin();
        let start = self.position();
        let value = match next {
            Some(byte) if begins_number::<S>(byte) => self.float()?,
            Some(b'N' | b'I' | b'n' | b'i') => match self.word()? {
                Word::Float(value) => value,
                _ => {
                    self.set_position(start);
                    return Err(self.mismatch(&visitor));
                }
            },
            _ => return Err(self.mismatch(&visitor)),
        };
        located(start, visitor.visit_f64(value))
    }

    #[inline]
    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        match self.begin() {
            Some(b'"') => self.visit_string(visitor),
            _ => Err(self.mismatch(&visitor)),
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
        self.deserialize_byte_buf(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        let next = self.begin();
        let start = self.position();
        match next {
            Some(b'{') if S::STRICT => match self.tagged_bytes()? {
                Some(bytes) => located(start, visitor.visit_byte_buf(bytes)),
                None => {
                    let error = de::Error::invalid_type(Unexpected::Map, &visitor);
                    located(start, Err(error))
                }
            },
            Some(b'\'') if !S::STRICT => {
                let bytes = self.quoted_bytes()?;
                located(start, visitor.visit_byte_buf(bytes))
            }
            // Left to the visitor: there are types that take a list of numbers too.
            Some(b'[') => self.visit_list(visitor),
            Some(b'"') => self.visit_string(visitor),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        let next = self.begin();
        let start = self.position();
        // `nan` begins like `null`.
        let value = if next == Some(b'n') && self.rest().starts_with(b"null") {
            self.word()?;
            visitor.visit_none()
        } else {
            self.wrapped(|reader| visitor.visit_some(reader))
        };
        located(start, value)
    }

    #[inline]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        if self.begin() == Some(b'n') && self.rest().starts_with(b"null") {
            return self.visit_word(visitor);
        }
        Err(self.mismatch(&visitor))
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
            return self.raw_value(visitor);
        }
        self.wrapped(|reader| visitor.visit_newtype_struct(reader))
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        match self.begin() {
            Some(b'[') => self.visit_list(visitor),
            _ => Err(self.mismatch(&visitor)),
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
        match self.begin() {
            Some(b'{') => self.visit_map(visitor),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TextError> {
        match self.begin() {
            Some(b'{') => self.visit_map(visitor),
            Some(b'[') => self.visit_list(visitor),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TextError> {
        let next = self.begin();
        let start = self.position();
        match next {
            Some(b'"') => {
                let value = visitor.visit_enum(UnitVariant { reader: &mut *self });
                located(start, value)
            }
            Some(b'{') => self.nested(|reader| {
                reader.set_position(start + 1);
                if !reader.next_entry(true, b'}')? {
                    return Err(reader.unexpected("a variant"));
                }
                let value = visitor.visit_enum(Variant {
                    reader: &mut *reader,
                });
                let value = located(start, value)?;
                reader.end_of(false, b'}')?;
                Ok(value)
            }),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TextError> {
        self.skip_value()?;
        visitor.visit_unit()
    }
}
