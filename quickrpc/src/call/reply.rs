//! What handlers return, and how results travel.

use crate::base::bytes::Bytes;
use serde::Serialize;

use crate::base::error::BoxError;
use crate::call::promise::Promise;

/// How a declared result travels: as itself, except that byte strings, written as
/// `Vec<u8>`, travel as [`Bytes`].
pub trait Via<W>: Sized {
    /// The form that is serialised.
    fn into_wire(self) -> W;

    /// Back from the form that was deserialised.
    fn from_wire(wire: W) -> Self;
}

impl<T> Via<T> for T {
    #[inline]
    fn into_wire(self) -> T {
        self
    }

    #[inline]
    fn from_wire(wire: T) -> T {
        wire
    }
}

impl Via<Bytes> for Vec<u8> {
    fn into_wire(self) -> Bytes {
        self.into()
    }

    fn from_wire(wire: Bytes) -> Self {
        wire.into_vec()
    }
}

impl Via<Option<Bytes>> for Option<Vec<u8>> {
    fn into_wire(self) -> Option<Bytes> {
        self.map(Bytes::from)
    }

    fn from_wire(wire: Option<Bytes>) -> Self {
        wire.map(Bytes::into_vec)
    }
}

/// What a handler has to say about a call.
#[derive(Debug)]
pub enum Reply<T> {
    /// The answer.
    Value(T),
    /// Nothing: another handler may answer.
    NotMine,
    /// The answer is an error. A [`CallError`](crate::CallError) and the declared one keep what
    /// they say.
    Failed(BoxError),
    /// The answer comes later.
    Later(Promise<T>),
}

/// What a handler of a call with the result `T` may return.
///
/// * `T`: the answer.
/// * `Option<T>`: the answer, or `None`: not mine, let another handler answer.
/// * `Result<T, E>`: the answer, or an error for the caller. `E` is whatever converts into
///   `Box<dyn Error + Send + Sync>`; a [`CallError`](crate::CallError) inside keeps its code and
///   data, and the `E` of a declared `-> Result<T, E>` travels as itself, if it can.
///   [`quickrpc::ok`](crate::ok) fixes the type in closures that use `?`.
/// * [`Promise<T>`]: the answer comes later, without blocking anything.
/// * `Result<Promise<T>, E>`: either of them. `E` is an error that is `Serialize`; any other
///   one goes by `Reply::from(result)`.
/// * [`Reply<T>`]: one of these, in words.
/// * `!`: nothing, as with `|_sender| todo!()`.
///
/// For a notification `T` is `()`. With a declared `Option<X>`, `None` is the answer, and
/// `Option<Option<X>>` can pass.
#[diagnostic::on_unimplemented(
    message = "a handler of this call must return `{T}`, `Option<{T}>`, `Result<{T}, E>` or `Promise<{T}>`, not `{Self}`",
    label = "its handler returns `{Self}`",
    note = "the declaration of the call says `{T}`; `E` is any error that converts into `Box<dyn Error + Send + Sync>`",
    note = "a handler that is async, or returns another future, goes to `connect_async` (of a property: `on_read_async`, `on_write_async`)"
)]
pub trait IntoReply<T> {
    /// What the handler has to say.
    #[doc(hidden)]
    fn into_reply(self) -> Reply<T>;
}

impl<T> IntoReply<T> for T {
    #[inline]
    fn into_reply(self) -> Reply<T> {
        Reply::Value(self)
    }
}

impl<T> IntoReply<T> for Option<T> {
    #[inline]
    fn into_reply(self) -> Reply<T> {
        match self {
            Some(value) => Reply::Value(value),
            None => Reply::NotMine,
        }
    }
}

/// What a handler may fail with: what converts into `Box<dyn Error + Send + Sync>`.
#[diagnostic::on_unimplemented(
    message = "a call cannot fail with `{Self}`, which is no error",
    label = "`{Self}` is no error",
    note = "implement `std::error::Error` for it, such as by `#[derive(Debug, thiserror::Error)]`; a `String` is one as it is"
)]
pub trait Failure {
    /// It, as all errors are.
    fn into_boxed(self) -> BoxError;
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> Failure for E {
    #[inline]
    fn into_boxed(self) -> BoxError {
        self.into()
    }
}

impl<T, E: Failure> IntoReply<T> for Result<T, E> {
    #[inline]
    fn into_reply(self) -> Reply<T> {
        match self {
            Ok(value) => Reply::Value(value),
            Err(error) => Reply::Failed(error.into_boxed()),
        }
    }
}

impl<T> IntoReply<T> for Promise<T> {
    #[inline]
    fn into_reply(self) -> Reply<T> {
        Reply::Later(self)
    }
}

// `Serialize`, so that the compiler need not guess what `Err(CallError::new(..))` is a result of, or
// `quickrpc::ok(text.parse()?)`: errors like these are none of this kind.
impl<T, E> IntoReply<T> for Result<Promise<T>, E>
where
    E: std::error::Error + Serialize + Send + Sync + 'static,
{
    #[inline]
    fn into_reply(self) -> Reply<T> {
        Reply::from(self)
    }
}

impl<T> IntoReply<T> for Reply<T> {
    #[inline]
    fn into_reply(self) -> Reply<T> {
        self
    }
}

impl<T, E: Failure> From<Result<Promise<T>, E>> for Reply<T> {
    fn from(result: Result<Promise<T>, E>) -> Self {
        match result {
            Ok(promise) => Reply::Later(promise),
            Err(error) => Reply::Failed(error.into_boxed()),
        }
    }
}

/// What a handler returns: an [`IntoReply`], or nothing ever. `K` says which of the two, so that
/// the compiler finds it out, and a `T` that nobody has stands in nobody's way.
#[diagnostic::on_unimplemented(
    message = "a handler of this call must return `{T}`, `Option<{T}>`, `Result<{T}, E>` or `Promise<{T}>`, not `{Self}`",
    label = "its handler returns `{Self}`",
    note = "the declaration of the call says `{T}`; `E` is any error that converts into `Box<dyn Error + Send + Sync>`",
    note = "a handler that is async, or returns another future, goes to `connect_async` (of a property: `on_read_async`, `on_write_async`)"
)]
pub trait Returns<T, K> {
    /// What the handler has to say.
    fn __say(self) -> Reply<T>;
}

/// It returns something.
#[derive(Debug)]
pub struct Something;

/// It does not return.
#[derive(Debug)]
pub struct Nothing;

/// `!`, which has no name where a type stands.
pub(crate) type Never = <fn() -> ! as Function>::Output;

/// A function without arguments.
pub trait Function {
    /// What it returns.
    type Output;
}

impl<T> Function for fn() -> T {
    type Output = T;
}

impl<T, R: IntoReply<T>> Returns<T, Something> for R {
    #[inline]
    fn __say(self) -> Reply<T> {
        self.into_reply()
    }
}

#[diagnostic::do_not_recommend]
impl<T> Returns<T, Nothing> for Never {
    fn __say(self) -> Reply<T> {
        self
    }
}

/// What a server's method has returned, which was declared `-> Result<Promise<T>, E>`.
pub fn served<T, E: Failure>(result: Result<Promise<T>, E>) -> Reply<T> {
    Reply::from(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::{CallError, Error, ok};

    fn told<T>(reply: impl IntoReply<T>) -> Reply<T> {
        reply.into_reply()
    }

    // As in generated code: the closure's type must follow from the declared result alone.
    fn handler<T, R: IntoReply<T>>(handler: impl Fn(&str) -> R) -> Reply<T> {
        handler("5").into_reply()
    }

    #[test]
    fn closures_need_no_annotations() {
        assert!(matches!(handler::<i64, _>(|_| 5), Reply::Value(5)));
        assert!(matches!(handler::<i64, _>(|_| Some(5)), Reply::Value(5)));
        assert!(matches!(handler::<(), _>(|_| {}), Reply::Value(())));
        let parse = handler::<i64, _>(|text| ok(text.parse()?));
        assert!(matches!(parse, Reply::Value(5)));
        let parse = handler::<char, _>(|text| text.parse::<char>());
        assert!(matches!(parse, Reply::Value('5')));
    }

    #[test]
    fn none_passes_unless_it_is_the_answer() {
        assert!(matches!(told::<u8>(None), Reply::NotMine));
        assert!(matches!(told::<Option<u8>>(None::<u8>), Reply::Value(None)));
        assert!(matches!(
            told::<Option<u8>>(None::<Option<u8>>),
            Reply::NotMine
        ));
    }

    #[test]
    fn errors_keep_what_a_call_error_says() {
        let refusal = CallError::new(7, "no").with_data(1);
        let failed = |reply: Reply<u8>| match reply {
            Reply::Failed(error) => CallError::from_boxed(error),
            _ => panic!("not failed"),
        };
        assert_eq!(failed(told(Err(refusal.clone()))), refusal);
        assert_eq!(failed(told(Err(Error::Call(refusal.clone())))), refusal);
        let words = CallError::new(CallError::HANDLER_ERROR, "in words");
        assert_eq!(failed(told(Err("in words"))), words);
    }

    #[test]
    fn bytes_travel_as_bytes() {
        let wire: Bytes = vec![1u8].into_wire();
        assert_eq!(<Vec<u8> as Via<Bytes>>::from_wire(wire), [1]);
        let wire: Option<Bytes> = Some(vec![1u8]).into_wire();
        assert_eq!(
            <Option<Vec<u8>> as Via<Option<Bytes>>>::from_wire(wire),
            Some(vec![1])
        );
        let wire: Vec<u8> = vec![1u8].into_wire();
        assert_eq!(wire, [1]);
    }
}
