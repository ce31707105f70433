//! Map keys on their way out: text, whatever they are in Rust.

use serde::ser::{self, Impossible, Serialize, Serializer};

use super::private::no_key;
use super::{Syntax, TextError};
use crate::base::private_names::is_private;

/// Stands for the place of a variant where a key comes with its quotes, which are in the name of the
/// enum. No enum has so many variants.
pub(crate) const PREPARED_KEY: u32 = u32::MAX;

/// Writes one key; anything that is not one word is refused.
pub(super) struct KeyWriter<'a, S: Syntax> {
    out: &'a mut Vec<u8>,
    syntax: S,
}

impl<'a, S: Syntax> KeyWriter<'a, S> {
    #[inline]
    pub(super) fn new(out: &'a mut Vec<u8>, syntax: S) -> Self {
        KeyWriter { out, syntax }
    }
}

#[cold]
fn refused<T>() -> Result<T, TextError> {
    Err(ser::Error::custom(
        "a map key must be a string, an integer, a bool or a char",
    ))
}

macro_rules! integers {
    ($($method:ident($type:ty))*) => {
        $(
            fn $method(self, value: $type) -> Result<(), TextError> {
                S::write_bare_key(self.out, itoa::Buffer::new().format(value));
                Ok(())
            }
        )*
    };
}

impl<S: Syntax> Serializer for KeyWriter<'_, S> {
    type Ok = ();
    type Error = TextError;
    type SerializeSeq = Impossible<(), TextError>;
    type SerializeTuple = Impossible<(), TextError>;
    type SerializeTupleStruct = Impossible<(), TextError>;
    type SerializeTupleVariant = Impossible<(), TextError>;
    type SerializeMap = Impossible<(), TextError>;
    type SerializeStruct = Impossible<(), TextError>;
    type SerializeStructVariant = Impossible<(), TextError>;

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), TextError> {
        if is_private(value) {
            return Err(no_key());
        }
        S::write_key(self.out, value);
        Ok(())
    }

    integers! {
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64)
        serialize_u128(u128)
    }

    fn serialize_bool(self, value: bool) -> Result<(), TextError> {
        S::write_bare_key(self.out, if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), TextError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<(), TextError> {
        if index == PREPARED_KEY {
            S::write_prepared_key(self.out, name, variant);
            return Ok(());
        }
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), TextError> {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), TextError> {
        value.serialize(KeyWriter::new(self.out, self.syntax))
    }

    fn serialize_f32(self, _value: f32) -> Result<(), TextError> {
        refused()
    }

    fn serialize_f64(self, _value: f64) -> Result<(), TextError> {
        refused()
    }

    fn serialize_bytes(self, _value: &[u8]) -> Result<(), TextError> {
        refused()
    }

    fn serialize_none(self) -> Result<(), TextError> {
        refused()
    }

    fn serialize_unit(self) -> Result<(), TextError> {
        refused()
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), TextError> {
        refused()
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Result<(), TextError> {
        refused()
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Self::SerializeSeq, TextError> {
        refused()
    }

    fn serialize_tuple(self, _len: usize) -> Result<Self::SerializeTuple, TextError> {
        refused()
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeTupleStruct, TextError> {
        refused()
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeTupleVariant, TextError> {
        refused()
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Self::SerializeMap, TextError> {
        refused()
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeStruct, TextError> {
        refused()
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeStructVariant, TextError> {
        refused()
    }
}
