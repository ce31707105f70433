//! The writer: a serde serializer into a buffer.

use serde::ser::{self, Serialize, Serializer};

use super::key_ser::KeyWriter;
use super::number::{write_f32, write_f64};
use super::private::{PrivateWriter, no_key};
use super::string::write_str;
use super::{Syntax, TextError};
use crate::base::private_names::{Private, is_private};

/// Appends a value.
///
/// # Errors
///
/// If the value refuses to be serialised, or has map keys that are no text. `out` is then
/// as it was.
pub(crate) fn write<S: Syntax, T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    syntax: S,
    value: &T,
) -> Result<(), TextError> {
    let start = out.len();
    let result = value.serialize(&mut Writer::new(out, syntax, DEPTH));
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// Lists and maps that are written within each other at the most. The Python original
/// stops receiving at something below 1,000.
pub(super) const DEPTH: usize = 500;

/// Appends values to a buffer.
pub(super) struct Writer<'a, S: Syntax> {
    out: &'a mut Vec<u8>,
    syntax: S,
    /// Lists and maps that may still be opened within each other.
    depth: usize,
}

impl<'a, S: Syntax> Writer<'a, S> {
    #[inline]
    pub(super) fn new(out: &'a mut Vec<u8>, syntax: S, depth: usize) -> Self {
        Writer { out, syntax, depth }
    }

    /// Begins a list or map.
    #[inline]
    fn open(&mut self, open: u8, close: &'static [u8]) -> Result<Compound<'_, S>, TextError> {
        self.descend()?;
        self.out.push(open);
        Ok(Compound {
            out: self.out,
            syntax: self.syntax,
            depth: self.depth,
            first: true,
            close,
        })
    }

    #[inline]
    fn descend(&mut self) -> Result<(), TextError> {
        match self.depth.checked_sub(1) {
            Some(depth) => {
                self.depth = depth;
                Ok(())
            }
            None => Err(ser::Error::custom(format_args!(
                "nested deeper than {DEPTH} levels"
            ))),
        }
    }

    /// Begins the map around an enum variant that has content.
    #[inline]
    fn variant(&mut self, variant: &'static str) -> Result<(), TextError> {
        self.descend()?;
        self.out.push(b'{');
        S::write_key(self.out, variant);
        self.out.push(b':');
        Ok(())
    }
}

macro_rules! integers {
    ($($method:ident($type:ty))*) => {
        $(
            #[inline]
            fn $method(self, value: $type) -> Result<(), TextError> {
                self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
                Ok(())
            }
        )*
    };
}

impl<'b, S: Syntax> Serializer for &'b mut Writer<'_, S> {
    type Ok = ();
    type Error = TextError;
    type SerializeSeq = Compound<'b, S>;
    type SerializeTuple = Compound<'b, S>;
    type SerializeTupleStruct = Compound<'b, S>;
    type SerializeTupleVariant = Compound<'b, S>;
    type SerializeMap = Compound<'b, S>;
    type SerializeStruct = Fields<'b, S>;
    type SerializeStructVariant = Compound<'b, S>;

    integers! {
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64)
        serialize_u128(u128)
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), TextError> {
        let word: &[u8] = if value { b"true" } else { b"false" };
        self.out.extend_from_slice(word);
        Ok(())
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<(), TextError> {
        write_f32::<S>(self.out, value);
        Ok(())
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<(), TextError> {
        write_f64::<S>(self.out, value);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), TextError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), TextError> {
        write_str(self.out, self.syntax, value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), TextError> {
        S::write_bytes(self.out, value);
        Ok(())
    }

    #[inline]
    fn serialize_none(self) -> Result<(), TextError> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), TextError> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), TextError> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    #[inline]
    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), TextError> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), TextError> {
        self.serialize_str(variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), TextError> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), TextError> {
        self.variant(variant)?;
        let depth = self.depth;
        value.serialize(&mut *self)?;
        self.depth = depth + 1;
        self.out.push(b'}');
        Ok(())
    }

    #[inline]
    fn serialize_seq(self, _len: Option<usize>) -> Result<Compound<'b, S>, TextError> {
        self.open(b'[', b"]")
    }

    #[inline]
    fn serialize_tuple(self, _len: usize) -> Result<Compound<'b, S>, TextError> {
        self.open(b'[', b"]")
    }

    #[inline]
    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Compound<'b, S>, TextError> {
        self.open(b'[', b"]")
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Compound<'b, S>, TextError> {
        self.variant(variant)?;
        self.open(b'[', b"]}")
    }

    #[inline]
    fn serialize_map(self, _len: Option<usize>) -> Result<Compound<'b, S>, TextError> {
        self.open(b'{', b"}")
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, _len: usize) -> Result<Fields<'b, S>, TextError> {
        match Private::named(name) {
            None => self.open(b'{', b"}").map(Fields::Map),
            Some(what) => {
                let writer = PrivateWriter::new(self.out, self.syntax, self.depth, what);
                Ok(Fields::Private(writer))
            }
        }
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Compound<'b, S>, TextError> {
        self.variant(variant)?;
        self.open(b'{', b"}}")
    }
}

/// A list or map that is being written.
pub(super) struct Compound<'a, S: Syntax> {
    out: &'a mut Vec<u8>,
    syntax: S,
    depth: usize,
    first: bool,
    close: &'static [u8],
}

impl<S: Syntax> Compound<'_, S> {
    #[inline]
    fn separate(&mut self) {
        if !self.first {
            self.out.push(S::SEPARATOR);
        }
        self.first = false;
    }

    #[inline]
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), TextError> {
        self.separate();
        self.value(value)
    }

    #[inline]
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), TextError> {
        value.serialize(&mut Writer::new(self.out, self.syntax, self.depth))
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), TextError> {
        if is_private(key) {
            return Err(no_key());
        }
        self.separate();
        S::write_key(self.out, key);
        self.out.push(b':');
        self.value(value)
    }

    #[inline]
    fn close(self) -> Result<(), TextError> {
        self.out.extend_from_slice(self.close);
        Ok(())
    }
}

macro_rules! lists {
    ($($trait:ident::$method:ident)*) => {
        $(
            impl<S: Syntax> ser::$trait for Compound<'_, S> {
                type Ok = ();
                type Error = TextError;

                #[inline]
                fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), TextError> {
                    self.item(value)
                }

                #[inline]
                fn end(self) -> Result<(), TextError> {
                    self.close()
                }
            }
        )*
    };
}

lists! {
    SerializeSeq::serialize_element
    SerializeTuple::serialize_element
    SerializeTupleStruct::serialize_field
    SerializeTupleVariant::serialize_field
}

impl<S: Syntax> ser::SerializeStructVariant for Compound<'_, S> {
    type Ok = ();
    type Error = TextError;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), TextError> {
        self.field(key, value)
    }

    #[inline]
    fn end(self) -> Result<(), TextError> {
        self.close()
    }
}

/// A struct that is being written. The name of one is known where it is compiled, so that there
/// nobody has to look which of the two it is.
pub(super) enum Fields<'a, S: Syntax> {
    Map(Compound<'a, S>),
    /// What serde_json makes look like a struct.
    Private(PrivateWriter<'a, S>),
}

impl<S: Syntax> ser::SerializeStruct for Fields<'_, S> {
    type Ok = ();
    type Error = TextError;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), TextError> {
        match self {
            Fields::Map(map) => map.field(key, value),
            Fields::Private(private) => private.field(key, value),
        }
    }

    #[inline]
    fn end(self) -> Result<(), TextError> {
        match self {
            Fields::Map(map) => map.close(),
            Fields::Private(private) => private.end(),
        }
    }
}

impl<S: Syntax> ser::SerializeMap for Compound<'_, S> {
    type Ok = ();
    type Error = TextError;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), TextError> {
        self.separate();
        key.serialize(KeyWriter::new(self.out, self.syntax))
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), TextError> {
        self.out.push(b':');
        self.value(value)
    }

    #[inline]
    fn end(self) -> Result<(), TextError> {
        self.close()
    }
}
