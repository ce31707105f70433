//! Errors with types: how an error of a program travels in the data of an error answer, and how it
//! is read from one.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::error::{BoxError, CallError, Error};
use crate::base::sync::lock;
use crate::base::value::{Value, from_value, to_value};

/// Errors with codes, which `#[derive(CallErrors)]` makes of an enum or a struct.
///
/// `#[code(..)]` on a variant (or the struct) is its code; a variant around another type of this
/// kind has the codes of that one, and any other [`CallError::HANDLER_ERROR`]. Errors of other
/// programs are read by their codes, whatever else they say: a field gets their data, or their
/// text where it can be read from that. The type is `Serialize`, `Deserialize` and an error beside;
/// it converts into [`CallError`] and [`Error`](crate::Error), so that `?` keeps code and data.
///
/// ```
/// use quickrpc::{CallError, CallErrors, remote_api};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error, CallErrors)]
/// enum MathError {
///     #[code(400)]
///     #[error("nobody can divide {0} by zero")]
///     DivisionByZero(f64),
///     #[code(CallError::INVALID_PARAMS)]
///     #[error("wrong arguments: {0}")]
///     Arguments(String),
/// }
///
/// #[remote_api]
/// trait Calculator {
///     #[incoming]
///     fn divide(&self, a: f64, b: f64) -> Result<f64, MathError>;
/// }
///
/// # fn main() -> quickrpc::Result<()> {
/// let (calculator, caller) = Calculator::pair();
/// calculator.divide.connect(|_sender, a, b| match b == 0.0 {
///     true => Err(MathError::DivisionByZero(a)),
///     false => Ok(a / b),
/// });
/// let error = caller.all().divide(1.0, 0.0).result().unwrap_err();
/// assert_eq!(error.call::<MathError>(), Some(MathError::DivisionByZero(1.0)));
/// assert_eq!(error.code(), Some(400));
/// assert_eq!(error.to_string(), "nobody can divide 1 by zero (code 400)");
///
/// // What programs say that do not know the type:
/// let other = CallError::new(CallError::INVALID_PARAMS, "two numbers, please");
/// let read = other.call::<MathError>().unwrap();
/// assert_eq!(read, MathError::Arguments("two numbers, please".to_owned()));
/// # Ok(()) }
/// ```
pub trait CallErrors:
    std::error::Error + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The code with which it travels.
    fn code(&self) -> i64;

    /// Reads an error answer, by its code alone.
    fn from_code(error: &CallError) -> Option<Self>;

    /// All codes that it can have but [`CallError::HANDLER_ERROR`], each with a word or two about
    /// it; for `rpc.discover`.
    fn codes() -> Vec<(i64, &'static str)> {
        Vec::new()
    }
}

impl CallError {
    /// The error answer that an error of a type becomes: its text is the message, and it is itself
    /// in the data.
    ///
    /// What a handler returns as the `E` of a declared `-> Result<T, E>` becomes this by itself. For
    /// one that answers later, with a [`Resolver`](crate::Resolver):
    ///
    /// ```
    /// use quickrpc::{CallError, Promise};
    /// # #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize, thiserror::Error)]
    /// # enum LampError { #[error("there is no lamp {0}")] Missing(u8) }
    ///
    /// let (promise, resolver) = Promise::<bool>::pair();
    /// resolver.set_error(CallError::of(&LampError::Missing(7)))?;
    ///
    /// let error = promise.result().unwrap_err();
    /// assert_eq!(error.call::<LampError>(), Some(LampError::Missing(7)));
    /// # Ok::<(), quickrpc::Error>(())
    /// ```
    ///
    /// Types with `#[derive(CallErrors)]` convert by `CallError::from`, which keeps their codes, too.
    pub fn of<E: std::error::Error + Serialize>(error: &E) -> Self {
        CallError {
            code: Self::HANDLER_ERROR,
            message: error.to_string(),
            // What cannot be written is told by its text.
            data: to_value(error).ok(),
        }
    }

    /// The same with the code of the error.
    #[doc(hidden)]
    pub fn __of_code<E: CallErrors>(error: &E) -> Self {
        let code = error.code();
        CallError {
            code,
            ..Self::of(error)
        }
    }

    /// The error as the type that the other side has declared or means, if it can be read as such:
    /// from its data, or, with [`CallErrors`], by its code.
    ///
    /// By their codes those types are read that are declared in an API of this program (as the
    /// `E` of a `-> Result<T, E>`); of others, [`CallErrors::from_code`] does it.
    pub fn call<E: DeserializeOwned + 'static>(&self) -> Option<E> {
        let reader = lock(&READERS).get(&TypeId::of::<E>()).copied();
        match reader {
            Some(read) => read(self)?.downcast().ok().map(|error| *error),
            None => self.data.clone().and_then(read_data),
        }
    }
}

impl Error {
    /// What the other side answered, as the type that it has declared; see [`CallError::call`].
    /// `None` for what is no answer, or another one.
    pub fn call<E: DeserializeOwned + 'static>(&self) -> Option<E> {
        match self {
            Error::Call(error) => error.call(),
            _ => None,
        }
    }
}

fn read_data<E: DeserializeOwned>(data: Value) -> Option<E> {
    from_value(data).ok()
}

type Reader = fn(&CallError) -> Option<Box<dyn Any>>;

/// How types with codes are read. A function that only knows a type as `DeserializeOwned` cannot
/// ask it for its codes; so the types that are declared in APIs say it here, when one is made.
/// A leaf in the lock order.
static READERS: Mutex<BTreeMap<TypeId, Reader>> = Mutex::new(BTreeMap::new());

/// Reads an error of a type with codes.
fn read_by_code<E: CallErrors>(error: &CallError) -> Option<Box<dyn Any>> {
    let told: Option<E> = error.data.clone().and_then(read_data);
    let fits = told.as_ref().is_some_and(|told| told.code() == error.code);
    let read = match fits {
        true => told,
        // Others may have something else in the data, and those like us other codes.
        false => E::from_code(error).or(told),
    };
    read.map(|error| Box::new(error) as _)
}

// ---- For generated code

/// The error answer that a handler's error becomes.
pub(crate) type IntoCallError = fn(BoxError) -> CallError;

/// A type that is declared as an error: what it can do decides how it travels. The compiler takes
/// the first of the three traits that fits, from a value behind three references.
#[derive(Debug)]
pub struct DeclaredError<E>(pub std::marker::PhantomData<E>);

/// It has codes.
pub trait ByCode {
    /// Makes it known.
    fn errors(&self) -> IntoCallError;

    /// Its codes.
    fn codes(&self) -> Vec<(i64, &'static str)>;
}

/// It can be serialised.
pub trait ByValue {
    /// How it travels.
    fn errors(&self) -> IntoCallError;

    /// It has no codes.
    fn codes(&self) -> Vec<(i64, &'static str)> {
        Vec::new()
    }
}

/// It has a text.
pub trait ByText {
    /// How it travels.
    fn errors(&self) -> IntoCallError;

    /// It has no codes.
    fn codes(&self) -> Vec<(i64, &'static str)> {
        Vec::new()
    }
}

impl<E: CallErrors> ByCode for &&DeclaredError<E> {
    fn errors(&self) -> IntoCallError {
        lock(&READERS).insert(TypeId::of::<E>(), read_by_code::<E>);
        |error| declared::<E>(error, CallError::__of_code)
    }

    fn codes(&self) -> Vec<(i64, &'static str)> {
        E::codes()
    }
}

impl<E> ByValue for &DeclaredError<E>
where
    E: std::error::Error + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn errors(&self) -> IntoCallError {
        |error| declared::<E>(error, CallError::of)
    }
}

impl<E> ByText for DeclaredError<E> {
    fn errors(&self) -> IntoCallError {
        CallError::from_boxed
    }
}

/// What became an error of a handler may be of the declared type, be it what another peer has
/// answered.
fn declared<E>(error: BoxError, of: fn(&E) -> CallError) -> CallError
where
    E: std::error::Error + Send + Sync + 'static,
{
    let error = match error.downcast::<E>() {
        Ok(error) => return of(&error),
        Err(error) => error,
    };
    match error.downcast::<TypedError<E>>() {
        Ok(error) => match *error {
            TypedError::Call(error) => of(&error),
            TypedError::Other(error) => CallError::from_boxed(error.into()),
        },
        Err(error) => CallError::from_boxed(error),
    }
}

/// The field of a variant without a code: if it has codes, they are those of the variant.
#[derive(Debug)]
pub struct Field<'a, F>(pub &'a F);

/// It has codes.
pub trait FieldWithCode {
    /// Its code.
    fn code(&self) -> i64;
}

/// It has none.
pub trait FieldWithoutCode {
    /// The code of any error.
    fn code(&self) -> i64;
}

impl<F: CallErrors> FieldWithCode for &Field<'_, F> {
    fn code(&self) -> i64 {
        self.0.code()
    }
}

impl<F> FieldWithoutCode for Field<'_, F> {
    fn code(&self) -> i64 {
        CallError::HANDLER_ERROR
    }
}

/// The type of such a field, to be read by code.
#[derive(Debug)]
pub struct FieldType<F>(pub std::marker::PhantomData<F>);

/// It has codes.
pub trait ReadsCode<F> {
    /// Reads it.
    fn read(&self, error: &CallError) -> Option<F>;

    /// Its codes.
    fn codes(&self) -> Vec<(i64, &'static str)>;
}

/// It has none.
pub trait ReadsNoCode<F> {
    /// Reads nothing.
    fn read(&self, error: &CallError) -> Option<F>;

    /// It has none.
    fn codes(&self) -> Vec<(i64, &'static str)> {
        Vec::new()
    }
}

impl<F: CallErrors> ReadsCode<F> for &FieldType<F> {
    fn read(&self, error: &CallError) -> Option<F> {
        F::from_code(error)
    }

    fn codes(&self) -> Vec<(i64, &'static str)> {
        F::codes()
    }
}

impl<F> ReadsNoCode<F> for FieldType<F> {
    fn read(&self, _error: &CallError) -> Option<F> {
        None
    }
}

/// The one field of a variant: the data, or else the text.
pub fn only_field<F: DeserializeOwned>(error: &CallError) -> Option<F> {
    let data = error.data.clone().and_then(read_data);
    data.or_else(|| read_data(Value::from(error.message.as_str())))
}

/// One of several fields without names.
pub fn field_at<F: DeserializeOwned>(error: &CallError, index: usize) -> Option<F> {
    let fields = error.data.as_ref()?.as_list()?;
    read_data(fields.get(index)?.clone())
}

/// A field with a name; one that may be missing reads as null.
pub fn field_named<F: DeserializeOwned>(error: &CallError, name: &str) -> Option<F> {
    let found = error.data.as_ref().and_then(|data| data.get(name));
    read_data(found.cloned().unwrap_or(Value::Null))
}

/// What went wrong with a call: an error of the type that was declared, or anything else.
///
/// What [`Promise::typed`](crate::Promise::typed) fails with.
#[derive(Debug, Clone, PartialEq)]
pub enum TypedError<E> {
    /// The other side answered with this error.
    Call(E),
    /// It answered with another one, or nothing.
    Other(Error),
}

impl<E: DeserializeOwned + 'static> From<Error> for TypedError<E> {
    fn from(error: Error) -> Self {
        match error.call() {
            Some(error) => TypedError::Call(error),
            None => TypedError::Other(error),
        }
    }
}

impl<E: fmt::Display> fmt::Display for TypedError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TypedError::Call(error) => error.fmt(f),
            TypedError::Other(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error> std::error::Error for TypedError<E> {}
