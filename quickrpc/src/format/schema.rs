//! What a description knows of types beyond their names: functions that the generated code leaves
//! there, since data knows no types.

use std::fmt;
use std::marker::PhantomData;

/// How a type looks as JSON Schema, if the type says so (`schemars::JsonSchema`) and the library is
/// built with the feature `schema`.
///
/// It is no part of what makes two descriptions equal.
#[derive(Clone, Copy)]
pub struct TypeSchema(Option<Ask>);

#[cfg(feature = "schema")]
type Ask = fn(&mut schemars::SchemaGenerator) -> Option<schemars::Schema>;

#[cfg(not(feature = "schema"))]
type Ask = std::convert::Infallible;

impl TypeSchema {
    /// Nothing is known of the type.
    pub const NONE: Self = TypeSchema(None);

    #[cfg(feature = "schema")]
    #[doc(hidden)]
    pub const fn __new(ask: Ask) -> Self {
        TypeSchema(Some(ask))
    }

    /// The schema. What it does is the user's.
    #[cfg(feature = "schema")]
    pub(crate) fn ask(self, generator: &mut schemars::SchemaGenerator) -> Option<schemars::Schema> {
        let ask = self.0?;
        let schema = crate::base::foreign::catch("describing a type", || ask(generator));
        let mut schema = schema.flatten()?;
        // Only whole documents are brought into the form of the settings without being asked.
        for transform in generator.transforms_mut() {
            transform.transform(&mut schema);
        }
        Some(schema)
    }
}

impl PartialEq for TypeSchema {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for TypeSchema {}

impl fmt::Debug for TypeSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Some(_) => "TypeSchema(..)",
            None => "TypeSchema::NONE",
        })
    }
}

/// The codes of a declared error, with a word about each; what makes two descriptions equal has
/// them not.
///
/// ```
/// use quickrpc::{CallErrors, remote_api};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Serialize, Deserialize, thiserror::Error, CallErrors)]
/// enum MathError {
///     /// Nobody can do that.
///     #[code(400)]
///     #[error("division by zero")]
///     DivisionByZero,
/// }
///
/// #[remote_api]
/// trait Calculator {
///     #[incoming]
///     fn divide(&self, a: f64, b: f64) -> Result<f64, MathError>;
/// }
///
/// let error = Calculator::DESCRIPTION.calls[0].error.unwrap();
/// assert_eq!(error.type_name, "MathError");
/// assert_eq!(error.codes.list(), [(400, "DivisionByZero: Nobody can do that.")]);
/// ```
#[derive(Clone, Copy)]
pub struct ErrorCodes(fn() -> Vec<(i64, &'static str)>);

impl ErrorCodes {
    #[doc(hidden)]
    pub const fn __new(list: fn() -> Vec<(i64, &'static str)>) -> Self {
        ErrorCodes(list)
    }

    /// All of them.
    pub fn list(&self) -> Vec<(i64, &'static str)> {
        (self.0)()
    }
}

impl PartialEq for ErrorCodes {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for ErrorCodes {}

impl fmt::Debug for ErrorCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErrorCodes(..)")
    }
}

// ---- For generated code

/// A declared type: what it can do decides what is known of it. The compiler takes the first of the
/// two traits that fits, from a value behind a reference.
#[derive(Debug)]
pub struct Declared<T>(pub PhantomData<T>);

/// It has a schema.
#[cfg(feature = "schema")]
pub trait HasSchema {
    /// Its schema, or a reference to that.
    fn schema(&self, generator: &mut schemars::SchemaGenerator) -> Option<schemars::Schema>;
}

/// It has none.
#[cfg(feature = "schema")]
pub trait HasNoSchema {
    /// Nothing.
    fn schema(&self, generator: &mut schemars::SchemaGenerator) -> Option<schemars::Schema>;
}

#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> HasSchema for &Declared<T> {
    fn schema(&self, generator: &mut schemars::SchemaGenerator) -> Option<schemars::Schema> {
        Some(generator.subschema_for::<T>())
    }
}

#[cfg(feature = "schema")]
impl<T> HasNoSchema for Declared<T> {
    fn schema(&self, _generator: &mut schemars::SchemaGenerator) -> Option<schemars::Schema> {
        None
    }
}

#[cfg(feature = "schema")]
mod of_ours {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    use crate::base::bytes::Bytes;
    use crate::base::value::Value;

    impl JsonSchema for Value {
        fn schema_name() -> Cow<'static, str> {
            "Value".into()
        }

        fn inline_schema() -> bool {
            true
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({ "title": "Value" })
        }
    }

    /// As `jrpc` writes them. That member itself cannot be described: it would mark byte strings.
    impl JsonSchema for Bytes {
        fn schema_name() -> Cow<'static, str> {
            "Bytes".into()
        }

        fn inline_schema() -> bool {
            true
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "title": "Bytes",
                "type": "object",
                "contentEncoding": "base64",
                "required": ["__bytes"],
            })
        }
    }
}
