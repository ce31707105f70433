//! What handlers return, and how results travel.

use crate::base::bytes::Bytes;
use crate::base::error::{BoxError, CallError};
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
    /// The answer is an error.
    Failed(CallError),
    /// The answer comes later.
    Later(Promise<T>),
}

/// What a handler of a call with the result `T` may return.
///
/// * `T`: the answer.
/// * `Option<T>`: the answer, or `None`: not mine, let another handler answer.
/// * `Result<T, E>`: the answer, or an error for the caller. `E` is whatever converts into
///   `Box<dyn Error + Send + Sync>`; a [`CallError`] inside keeps its code and data.
///   [`quickrpc::ok`](crate::ok) fixes the type in closures that use `?`.
/// * [`Promise<T>`]: the answer comes later, without blocking anything.
///
/// For a notification `T` is `()`. With a declared `Option<X>`, `None` is the answer, and
/// `Option<Option<X>>` can pass.
#[diagnostic::on_unimplemented(
    message = "a handler of this call must return `{T}`, `Option<{T}>`, `Result<{T}, E>` or `Promise<{T}>`, not `{Self}`",
    label = "its handler returns `{Self}`",
    note = "the declaration of the call says `{T}`; `E` is any error that converts into `Box<dyn Error + Send + Sync>`"
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

impl<T, E: Into<BoxError>> IntoReply<T> for Result<T, E> {
    #[inline]
    fn into_reply(self) -> Reply<T> {
        match self {
            Ok(value) => Reply::Value(value),
            Err(error) => Reply::Failed(CallError::from_boxed(error.into())),
        }
    }
}

impl<T> IntoReply<T> for Promise<T> {
    #[inline]
    fn into_reply(self) -> Reply<T> {
        Reply::Later(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::{Error, ok};

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
        let Reply::Failed(error) = told::<u8>(Err(refusal.clone())) else {
            panic!("not failed");
        };
        assert_eq!(error, refusal);
        let Reply::Failed(error) = told::<u8>(Err(Error::Call(refusal.clone()))) else {
            panic!("not failed");
        };
        assert_eq!(error, refusal);
        let Reply::Failed(error) = told::<u8>(Err("in words")) else {
            panic!("not failed");
        };
        assert_eq!(error, CallError::new(CallError::HANDLER_ERROR, "in words"));
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
