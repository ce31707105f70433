//! A promise whose error has a type.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::Promise;
use crate::base::typed_error::TypedError;

/// A [`Promise`] that fails with a [`TypedError`]; made by [`Promise::typed`].
#[must_use = "what was called runs in any case, but nobody hears whether it failed; \
              call `.result()`, `.then(..)` or `.await`"]
pub struct TypedPromise<T, E> {
    promise: Promise<T>,
    error: PhantomData<fn() -> E>,
}

impl<T: Send + 'static> Promise<T> {
    /// The same promise, whose error is the `E` that the other side has declared, or what else went
    /// wrong.
    ///
    /// ```
    /// use quickrpc::{TypedError, remote_api};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Debug, Serialize, Deserialize, thiserror::Error)]
    /// enum LampError {
    ///     #[error("there is no lamp {0}")]
    ///     Missing(u8),
    ///     #[error("the lamp is broken")]
    ///     Broken,
    /// }
    ///
    /// #[remote_api]
    /// trait Lamps {
    ///     #[incoming]
    ///     fn light(&self, number: u8) -> Result<bool, LampError>;
    /// }
    ///
    /// let (lamps, room) = Lamps::pair();
    /// lamps.light.connect(|_sender, number| match number {
    ///     0 => Ok(true),
    ///     _ => Err(LampError::Missing(number)),
    /// });
    /// match room.all().light(7).typed::<LampError>().result() {
    ///     Ok(was_dark) => println!("{was_dark}"),
    ///     Err(TypedError::Call(LampError::Missing(number))) => assert_eq!(number, 7),
    ///     Err(TypedError::Call(LampError::Broken)) => println!("a new one is needed"),
    ///     Err(TypedError::Other(error)) => println!("no answer: {error}"),
    /// }
    /// ```
    pub fn typed<E: DeserializeOwned + 'static>(self) -> TypedPromise<T, E> {
        TypedPromise {
            promise: self,
            error: PhantomData,
        }
    }
}

impl<T: Send + 'static, E: DeserializeOwned + 'static> TypedPromise<T, E> {
    /// Waits for the result; see [`Promise::result`].
    ///
    /// # Errors
    ///
    /// [`TypedError::Call`]: what the other side answered. [`TypedError::Other`]: what else
    /// [`Promise::result`] fails with.
    ///
    /// # Blocking
    ///
    /// As [`Promise::result`].
    pub fn result(self) -> Result<T, TypedError<E>> {
        self.promise.result().map_err(TypedError::from)
    }

    /// Waits for the result, but no longer than `timeout`; see [`Promise::result_timeout`].
    ///
    /// # Errors
    ///
    /// As [`result`](Self::result), and [`Error::Timeout`](crate::Error::Timeout).
    ///
    /// # Blocking
    ///
    /// As [`Promise::result_timeout`].
    pub fn result_timeout(&self, timeout: Duration) -> Result<T, TypedError<E>> {
        let result = self.promise.result_timeout(timeout);
        result.map_err(TypedError::from)
    }

    /// The result if it is there; see [`Promise::try_result`].
    pub fn try_result(&self) -> Option<Result<T, TypedError<E>>> {
        let result = self.promise.try_result()?;
        Some(result.map_err(TypedError::from))
    }

    /// Calls `callback` with the value, or `errback` with the error, once; see [`Promise::then`].
    pub fn then(
        self,
        callback: impl FnOnce(T) + Send + 'static,
        errback: impl FnOnce(TypedError<E>) + Send + 'static,
    ) {
        self.promise
            .then(callback, |error| errback(TypedError::from(error)));
    }
}

impl<T, E: DeserializeOwned + 'static> Future for TypedPromise<T, E> {
    type Output = Result<T, TypedError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = Pin::new(&mut self.promise).poll(cx);
        polled.map(|result| result.map_err(TypedError::from))
    }
}

impl<T, E> fmt::Debug for TypedPromise<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.promise.fmt(f)
    }
}
