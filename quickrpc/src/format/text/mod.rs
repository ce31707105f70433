//! One serde engine for the two text formats, JSON as `jrpc` speaks it and `terse`.
//!
//! [`Reader`] takes values, and the pieces that an envelope needs, out of a telegram
//! without copying what can be borrowed; [`write()`] appends a value to a buffer. Both are
//! generic over a [`Syntax`], so that what the formats share is written once and what
//! differs is decided at compile time. Nothing here does I/O, and no input makes it panic
//! or recurse deeper than the given limit.

mod access;
mod bytes;
mod de;
mod error;
mod key_de;
mod key_ser;
mod number;
mod ordered;
mod pairs;
mod private;
mod reader;
mod ser;
mod skip;
mod string;
mod syntax;
#[cfg(test)]
mod test_pairs;
#[cfg(test)]
mod test_private;
#[cfg(test)]
mod test_properties;
#[cfg(test)]
mod test_tables;
#[cfg(test)]
mod test_tree;
#[cfg(test)]
mod test_typed;

pub(crate) use bytes::noting_tags;
pub(crate) use error::TextError;
pub(crate) use key_ser::PREPARED_KEY;
pub(crate) use number::{apart, joined};
pub(crate) use pairs::{Pairs, write_pairs};
pub(crate) use reader::Reader;
pub(crate) use ser::write;
pub(crate) use string::{find_special, write_str};
pub(crate) use syntax::{Json, Syntax, Terse};
