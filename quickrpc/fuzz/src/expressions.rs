//! Expressions: what can be read is written so that it is read as the same.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use quickrpc::{CodecExpr, SecurityExpr, TransportExpr};
use serde::Serialize;
use serde::de::DeserializeOwned;

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
    E: FromStr + Display + PartialEq + Debug + Serialize + DeserializeOwned,
    E::Err: Display,
{
    let expr = match text.parse::<E>() {
        Ok(expr) => expr,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    // What is shown has no secrets, and is an expression all the same.
    let shown = expr.to_string();
    if let Err(error) = shown.parse::<E>() {
        panic!("{text:?} is shown as {shown:?}, which is wrong: {error}");
    }
    let written = serde_json::to_string(&expr).expect("a string");
    match serde_json::from_str::<E>(&written) {
        Ok(again) => {
            assert_eq!(again, expr, "{text:?} is written as {written:?}");
            assert_eq!(again.to_string(), shown);
        }
        Err(error) => panic!("{text:?} is written as {written:?}, which is wrong: {error}"),
    }
}
