//! A value of any type: what is handled without knowing the declared types.

mod convert;
mod de;
mod ser;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::ops::Index;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use de::ValueDeserializer;
pub(crate) use ser::ValueSerializer;

use crate::base::error::{Error, Result};

/// A value of any type that can travel on a wire.
///
/// ```
/// use quickrpc::Value;
///
/// let point: Value = [("x", Value::from(3)), ("y", Value::from(4.5))].into_iter().collect();
/// assert_eq!(point["x"].as_i64(), Some(3));
/// assert_eq!(point["z"], Value::Null);
/// assert_eq!(point.to_string(), r#"{"x":3,"y":4.5}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Nothing; Python's `None`.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A number without a fraction; all integers of Rust up to `i128` fit.
    Integer(i128),
    /// Any other number.
    Float(f64),
    /// A text.
    String(String),
    /// A byte string; Python's `bytes`.
    Bytes(Vec<u8>),
    /// Values in order.
    List(Vec<Value>),
    /// Values by name.
    Map(BTreeMap<String, Value>),
}

impl Value {
    /// Whether this is [`Value::Null`].
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The boolean, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, if this is one and it fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_integer()?.try_into().ok()
    }

    /// The integer, if this is one and it fits.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_integer()?.try_into().ok()
    }

    /// The integer, if this is one.
    pub fn as_integer(&self) -> Option<i128> {
        match self {
            Value::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, if this is one; a large integer is rounded.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Integer(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(value) => Some(value),
            _ => None,
        }
    }

    /// The bytes, if this is a byte string.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Bytes(value) => Some(value),
            _ => None,
        }
    }

    /// The items, if this is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries, if this is a map.
    pub fn as_map(&self) -> Option<&BTreeMap<String, Value>> {
        match self {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The entry of that name, if this is a map that has one.
    ///
    /// ```
    /// use quickrpc::Value;
    ///
    /// let options: Value = [("speed", 5)].into_iter().collect();
    /// assert_eq!(options.get("speed"), Some(&Value::Integer(5)));
    /// assert_eq!(options.get("colour"), None);
    /// ```
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_map()?.get(name)
    }
}

/// Turns anything that is `Serialize` into a [`Value`].
///
/// # Errors
///
/// [`Error::Encode`] if a map has keys that are no text, an integer is beyond `i128`, or
/// the type refuses to be serialised.
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value> {
    value
        .serialize(ValueSerializer)
        .map_err(|error| Error::Encode {
            method: std::any::type_name::<T>().into(),
            reason: error.0.into(),
        })
}

/// Reads any `Deserialize` type out of a [`Value`].
///
/// # Errors
///
/// [`Error::BadValue`] if the value is not of that type; the text says what was found and
/// what was expected.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T> {
    T::deserialize(ValueDeserializer(&value)).map_err(|error| Error::BadValue {
        expected: std::any::type_name::<T>().into(),
        reason: error.0.into(),
    })
}

/// What went wrong between a value and a type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ValueError(pub(crate) String);

impl serde::ser::Error for ValueError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        ValueError(message.to_string())
    }
}

impl serde::de::Error for ValueError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        ValueError(message.to_string())
    }
}

static NULL: Value = Value::Null;

/// The entry of that name; [`Value::Null`] if there is none.
impl Index<&str> for Value {
    type Output = Value;

    fn index(&self, name: &str) -> &Value {
        self.get(name).unwrap_or(&NULL)
    }
}

/// The item at that place; [`Value::Null`] if there is none.
impl Index<usize> for Value {
    type Output = Value;

    fn index(&self, place: usize) -> &Value {
        self.as_list()
            .and_then(|items| items.get(place))
            .unwrap_or(&NULL)
    }
}

/// Looks like JSON, with bytes and the odd floats as `jrpc` writes them.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Integer(value) => write!(f, "{value}"),
            Value::Float(value) => show_float(*value, f),
            Value::String(value) => show_text(value, f),
            Value::Bytes(value) => write!(f, "{{\"__bytes\":\"{}\"}}", STANDARD.encode(value)),
            Value::List(items) => {
                f.write_char('[')?;
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        f.write_char(',')?;
                    }
                    write!(f, "{item}")?;
                }
                f.write_char(']')
            }
            Value::Map(entries) => {
                f.write_char('{')?;
                for (place, (name, value)) in entries.iter().enumerate() {
                    if place > 0 {
                        f.write_char(',')?;
                    }
                    show_text(name, f)?;
                    write!(f, ":{value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

fn show_float(value: f64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if value.is_nan() {
        return f.write_str("NaN");
    }
    if value.is_infinite() {
        return f.write_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    }
    // Debug keeps the point, and with it the type: 1.0 is not 1.
    write!(f, "{value:?}")
}

fn show_text(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            control if control < ' ' => write!(f, "\\u{:04x}", u32::from(control))?,
            other => f.write_char(other)?,
        }
    }
    f.write_char('"')
}
