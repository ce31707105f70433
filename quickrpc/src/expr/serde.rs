//! Expressions in config files: each is written as its string.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use ::serde::de::{Deserialize, Deserializer, Error, Visitor};
use ::serde::ser::{Serialize, Serializer};

use super::{CodecExpr, SecurityExpr, TransportExpr};
use crate::base::expr_error::ExprError;

/// Reads an expression from a string, with the caret in the error.
struct ExprVisitor<T>(&'static str, PhantomData<T>);

impl<T: FromStr<Err = ExprError>> Visitor<'_> for ExprVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

macro_rules! as_string {
    ($($type:ty: $expecting:literal, $write:expr;)*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&$write(self))
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(ExprVisitor($expecting, PhantomData))
            }
        }
    )*};
}

as_string! {
    CodecExpr: "a codec expression, such as \"jrpc\"", ToString::to_string;
    SecurityExpr: "a security expression, such as \"null\"", ToString::to_string;
    TransportExpr: "a transport expression, such as \"tcp:localhost:8888\"", TransportExpr::in_full;
}
