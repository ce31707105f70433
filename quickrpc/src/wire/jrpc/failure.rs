//! Errors of answers.

use std::marker::PhantomData;

use crate::base::error::CallError;
use crate::base::value::Value;
use crate::format::text::{Json, Reader};

/// Reads the error of an answer. Everything in it may be missing or of a wrong type.
pub(super) fn failure(text: &str, depth: usize) -> CallError {
    let mut reader = Reader::new(text, Json, depth);
    match reader.value(PhantomData::<Value>) {
        Ok(Value::Map(mut members)) => CallError {
            code: members.remove("code").map_or(0, |code| error_code(&code)),
            message: match members.remove("message") {
                None => String::new(),
                Some(Value::String(message)) => message,
                Some(other) => other.to_string(),
            },
            data: members.remove("data").filter(|data| !data.is_null()),
        },
        Ok(other) => CallError {
            code: CallError::INTERNAL_ERROR,
            message: String::from("the call failed with an error that is not an object"),
            data: Some(other).filter(|data| !data.is_null()),
        },
        Err(error) => CallError::new(
            CallError::INTERNAL_ERROR,
            format!("the call failed with an error that cannot be read: {error}"),
        ),
    }
}

/// The code of an error, 0 if it is no number that fits.
pub(crate) fn error_code(code: &Value) -> i64 {
    match code {
        Value::Integer(code) => i64::try_from(*code).unwrap_or(0),
        Value::Float(code) => *code as i64,
        _ => 0,
    }
}
