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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_strings_in_config_files() {
        let expr: TransportExpr = "restart:10:tcp:hub.local:9000".parse().unwrap();
        let json = serde_json::to_string(&expr).unwrap();
        assert_eq!(json, "\"restart:10:tcp:hub.local:9000\"");
        assert_eq!(serde_json::from_str::<TransportExpr>(&json).unwrap(), expr);
        let codec: CodecExpr = serde_json::from_str("\"terse\"").unwrap();
        assert_eq!(serde_json::to_string(&codec).unwrap(), "\"terse\"");
        let security: SecurityExpr = serde_json::from_str("\"null:\"").unwrap();
        assert_eq!(serde_json::to_string(&security).unwrap(), "\"null\"");

        let error = serde_json::from_str::<TransportExpr>("\"tcp:h:x\"").unwrap_err();
        assert!(
            error.to_string().starts_with(
                "wrong transport expression: expected a port number from 0 to 65535, found `x`\n    \
                 tcp:h:x\n          ^"
            ),
            "{error}"
        );
        let error = serde_json::from_str::<TransportExpr>("5").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("expected a transport expression, such as")
        );
    }
}
