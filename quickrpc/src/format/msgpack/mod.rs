//! MessagePack: a serde engine like that of the text formats, for the same types.
//!
//! What a type is on a wire of text it is here, with the same names and the same tags of enums:
//! an API is bound to either, and a value that came from the one can be sent on by the other. So
//! types count as human-readable. What differs is that byte strings, and the keys of maps, are
//! what they are.
//!
//! * Integers take as few bytes as they need. Those beyond 64 bits, which MessagePack has not, are
//!   an extension of ours: [`SIGNED`] and [`UNSIGNED`].
//! * An extension of others is the map `{"__ext": [type, bytes]}` to everybody who does not know
//!   it ([`Ext`](crate::msgpack::Ext) does), and such a map is written as one.
//! * A text that is not UTF-8, as Neovim sends it, is a byte string to who does not insist on
//!   text; and who asks for bytes may get a text.

mod access;
mod de;
pub(crate) mod ext;
mod key;
mod private;
mod reader;
mod scan;
mod ser;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use reader::{Reader, Token};
pub(crate) use scan::{Scan, Stop, head_of_bytes, is_list, is_map};
pub(crate) use ser::write;
pub(crate) use write::{enclose, write_str, write_uint};

/// The key that makes a map an extension.
pub(crate) const EXT: &str = "__ext";

/// The type of the extension that is an `i128`: 16 bytes, the highest first.
const SIGNED: i8 = 73;
/// The type of the extension that is a `u128` beyond all `i128`.
const UNSIGNED: i8 = 85;

/// The first bytes of values, where they have no number of their own.
mod mark {
    pub(super) const NIL: u8 = 0xc0;
    pub(super) const FALSE: u8 = 0xc2;
    pub(super) const TRUE: u8 = 0xc3;
    pub(super) const BIN8: u8 = 0xc4;
    pub(super) const BIN16: u8 = 0xc5;
    pub(super) const BIN32: u8 = 0xc6;
    pub(super) const EXT8: u8 = 0xc7;
    pub(super) const EXT16: u8 = 0xc8;
    pub(super) const EXT32: u8 = 0xc9;
    pub(super) const F32: u8 = 0xca;
    pub(super) const F64: u8 = 0xcb;
    pub(super) const U8: u8 = 0xcc;
    pub(super) const U16: u8 = 0xcd;
    pub(super) const U32: u8 = 0xce;
    pub(super) const U64: u8 = 0xcf;
    pub(super) const I8: u8 = 0xd0;
    pub(super) const I16: u8 = 0xd1;
    pub(super) const I32: u8 = 0xd2;
    pub(super) const I64: u8 = 0xd3;
    /// And the four behind it, of 2, 4, 8 and 16 bytes.
    pub(super) const FIX_EXT: u8 = 0xd4;
    pub(super) const STR8: u8 = 0xd9;
    pub(super) const STR16: u8 = 0xda;
    pub(super) const STR32: u8 = 0xdb;
    pub(super) const LIST16: u8 = 0xdc;
    pub(super) const LIST32: u8 = 0xdd;
    pub(super) const MAP16: u8 = 0xde;
    pub(super) const MAP32: u8 = 0xdf;
}
