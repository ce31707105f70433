//! The writer: a serde serializer into a buffer.

use serde::ser::{self, Serialize, Serializer};

use super::private::{PrivateWriter, is_private_key};
use super::reader::{Reader, Token};
use super::write::{
    marked, sized, write_bytes, write_ext, write_i128, write_int, write_str, write_u128, write_uint,
};
use super::{EXT, mark};
use crate::base::private_names::{NO_KEY, Private, is_private};
use crate::format::text::TextError;

/// Appends a value.
///
/// # Errors
///
/// If the value refuses to be serialised, is too deep, or has not as many entries as it says.
/// `out` is then as it was.
pub(crate) fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), TextError> {
    let start = out.len();
    let result = value.serialize(&mut Writer { out, depth: DEPTH });
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// Lists and maps that are written within each other at the most, as in the text formats.
const DEPTH: usize = 500;

/// Appends values to a buffer.
pub(super) struct Writer<'a> {
    pub(super) out: &'a mut Vec<u8>,
    /// Lists and maps that may still be opened within each other.
    pub(super) depth: usize,
}

/// What has entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    List,
    Map,
}

impl Kind {
    #[inline]
    fn open(self, out: &mut Vec<u8>, length: usize) -> Result<(), TextError> {
        let (fix, two, four) = match self {
            Kind::List => (0x90, mark::LIST16, mark::LIST32),
            Kind::Map => (0x80, mark::MAP16, mark::MAP32),
        };
        match length {
            0..=15 => {
                out.push(fix | length as u8);
                Ok(())
            }
            _ => sized(out, length, [None, Some(two)], four),
        }
    }
}

impl<'a> Writer<'a> {
    /// Begins a list or map. Without a length, its head is put in at the end.
    #[inline]
    fn open(&mut self, kind: Kind, length: Option<usize>) -> Result<Compound<'_>, TextError> {
        self.descend()?;
        let start = self.out.len();
        if let Some(length) = length {
            kind.open(self.out, length)?;
        }
        Ok(Compound {
            out: self.out,
            depth: self.depth,
            kind,
            start,
            said: length,
            count: 0,
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
        Kind::Map.open(self.out, 1)?;
        write_str(self.out, variant)
    }
}

macro_rules! integers {
    ($($method:ident($type:ty) $write:ident)*) => {
        $(
            #[inline]
            fn $method(self, value: $type) -> Result<(), TextError> {
                $write(self.out, value.into());
                Ok(())
            }
        )*
    };
}

impl<'b> Serializer for &'b mut Writer<'_> {
    type Ok = ();
    type Error = TextError;
    type SerializeSeq = Compound<'b>;
    type SerializeTuple = Compound<'b>;
    type SerializeTupleStruct = Compound<'b>;
    type SerializeTupleVariant = Compound<'b>;
    type SerializeMap = Compound<'b>;
    type SerializeStruct = Fields<'b>;
    type SerializeStructVariant = Compound<'b>;

    integers! {
        serialize_i8(i8) write_int
        serialize_i16(i16) write_int
        serialize_i32(i32) write_int
        serialize_i64(i64) write_int
        serialize_u8(u8) write_uint
        serialize_u16(u16) write_uint
        serialize_u32(u32) write_uint
        serialize_u64(u64) write_uint
    }

    fn serialize_i128(self, value: i128) -> Result<(), TextError> {
        write_i128(self.out, value)
    }

    fn serialize_u128(self, value: u128) -> Result<(), TextError> {
        write_u128(self.out, value)
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), TextError> {
        self.out.push(if value { mark::TRUE } else { mark::FALSE });
        Ok(())
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<(), TextError> {
        marked(self.out, mark::F32, value.to_be_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<(), TextError> {
        marked(self.out, mark::F64, value.to_be_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), TextError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), TextError> {
        write_str(self.out, value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), TextError> {
        write_bytes(self.out, value)
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
        self.out.push(mark::NIL);
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

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), TextError> {
        self.variant(variant)?;
        value.serialize(&mut *self)?;
        self.depth += 1;
        Ok(())
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Compound<'b>, TextError> {
        self.open(Kind::List, len)
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<Compound<'b>, TextError> {
        self.open(Kind::List, Some(len))
    }

    #[inline]
    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        len: usize,
    ) -> Result<Compound<'b>, TextError> {
        self.open(Kind::List, Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'b>, TextError> {
        self.variant(variant)?;
        self.open(Kind::List, Some(len))
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Compound<'b>, TextError> {
        self.open(Kind::Map, len)
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Fields<'b>, TextError> {
        match Private::named(name) {
            None => self.open(Kind::Map, Some(len)).map(Fields::Map),
            Some(what) => Ok(Fields::Private(PrivateWriter::new(
                self.out, self.depth, what,
            ))),
        }
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Compound<'b>, TextError> {
        self.variant(variant)?;
        self.open(Kind::Map, Some(len))
    }
}

/// A list or map that is being written.
pub(super) struct Compound<'a> {
    out: &'a mut Vec<u8>,
    depth: usize,
    kind: Kind,
    /// Where it begins.
    start: usize,
    /// How many entries it said it has.
    said: Option<usize>,
    count: usize,
}

impl Compound<'_> {
    #[inline]
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), TextError> {
        self.count += 1;
        self.value(value)
    }

    #[inline]
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), TextError> {
        value.serialize(&mut Writer {
            out: self.out,
            depth: self.depth,
        })
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), TextError> {
        if is_private(key) {
            return Err(ser::Error::custom(NO_KEY));
        }
        self.count += 1;
        write_str(self.out, key)?;
        self.value(value)
    }

    #[inline]
    fn close(self) -> Result<(), TextError> {
        match self.said {
            Some(said) if said == self.count => Ok(()),
            _ => self.put_head(),
        }
    }

    #[cold]
    fn put_head(self) -> Result<(), TextError> {
        if let Some(said) = self.said {
            let count = self.count;
            return Err(ser::Error::custom(format_args!(
                "a type says that it has {said} entries, and has {count}"
            )));
        }
        let mut head = Vec::with_capacity(5);
        self.kind.open(&mut head, self.count)?;
        self.out.splice(self.start..self.start, head);
        Ok(())
    }
}

macro_rules! lists {
    ($($trait:ident::$method:ident)*) => {
        $(
            impl ser::$trait for Compound<'_> {
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

impl ser::SerializeStructVariant for Compound<'_> {
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
pub(super) enum Fields<'a> {
    Map(Compound<'a>),
    /// What serde_json makes look like a struct.
    Private(PrivateWriter<'a>),
}

impl ser::SerializeStruct for Fields<'_> {
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

impl ser::SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = TextError;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), TextError> {
        self.count += 1;
        let start = self.out.len();
        self.value(key)?;
        match is_private_key(self.out.get(start..).unwrap_or_default()) {
            true => Err(ser::Error::custom(NO_KEY)),
            false => Ok(()),
        }
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), TextError> {
        self.value(value)
    }

    #[inline]
    fn end(self) -> Result<(), TextError> {
        let Compound {
            out,
            depth,
            kind,
            start,
            said,
            count,
        } = self;
        Compound {
            out: &mut *out,
            depth,
            kind,
            start,
            said,
            count,
        }
        .close()?;
        match count == 1 && out.get(start + 1..).is_some_and(begins_ext) {
            true => make_ext(out, start),
            false => Ok(()),
        }
    }
}

/// Whether the key that begins so is that of an extension.
#[inline]
fn begins_ext(bytes: &[u8]) -> bool {
    matches!(bytes, [0xa5, key @ ..] if key.starts_with(EXT.as_bytes()))
}

/// A map with the one entry `"__ext": [type, bytes]`, as it was written, becomes an extension.
#[cold]
fn make_ext(out: &mut Vec<u8>, start: usize) -> Result<(), TextError> {
    let written = out.get(start..).unwrap_or_default();
    let mut reader = Reader::new(written, 1);
    let mut next = || reader.token();
    let (Ok(Token::Map(1)), Ok(Token::Text(_)), Ok(Token::List(2))) = (next(), next(), next())
    else {
        return Ok(());
    };
    let kind = match next() {
        Ok(Token::Unsigned(kind)) => i8::try_from(kind).ok(),
        Ok(Token::Signed(kind)) => i8::try_from(kind).ok(),
        _ => None,
    };
    let data = match next() {
        Ok(Token::Bytes(data)) => Some(data.to_vec()),
        _ => None,
    };
    if let (Some(kind), Some(data), true) = (kind, data, reader.at_end()) {
        out.truncate(start);
        write_ext(out, kind, &data)?;
    }
    Ok(())
}
