//! Expressions: what can be read is written so that it is read as the same.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use quickrpc::{CodecExpr, SecurityExpr, TransportExpr};

/// The first byte says of what kind the expression is.
pub fn expressions(data: &[u8]) {
    let Some((kind, text)) = data.split_first() else {
        return;
    };
    let Ok(text) = str::from_utf8(text) else {
        return;
    };
    match kind % 3 {
        0 => round_trip::<CodecExpr>(text),
        1 => round_trip::<SecurityExpr>(text),
        _ => round_trip::<TransportExpr>(text),
    }
}

fn round_trip<E>(text: &str)
where
    E: FromStr + Display + PartialEq + Debug,
    E::Err: Display,
{
    let expr = match text.parse::<E>() {
        Ok(expr) => expr,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let written = expr.to_string();
    match written.parse::<E>() {
        Ok(again) => {
            assert_eq!(again, expr, "{text:?} is written as {written:?}");
            assert_eq!(again.to_string(), written);
        }
        Err(error) => panic!("{text:?} is written as {written:?}, which is wrong: {error}"),
    }
}
