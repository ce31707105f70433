//! What a handler of a call `-> Option<T>` may return.

use crate::error::BoxError;
use crate::promise::Promise;
use crate::reply::IntoReply;

/// [`IntoReply`] for a declared `Option<T>`, of which `None` is an ordinary value.
///
/// With [`IntoReply`] alone a bare `None`, or `text.parse().ok()`, could be an `Option<T>`
/// or an `Option<Option<T>>`, and closures would need type annotations.
#[diagnostic::on_unimplemented(
    message = "a handler of this call must return `Option<{T}>`, `Result<Option<{T}>, E>` or \
               `Promise<Option<{T}>>`, not `{Self}`",
    label = "this handler returns `{Self}`"
)]
pub trait IntoOptionalReply<T>: IntoReply<Option<T>> {}

impl<T> IntoOptionalReply<T> for Option<T> where Option<T>: IntoReply<Option<T>> {}

impl<T, E> IntoOptionalReply<T> for Result<Option<T>, E>
where
    E: Into<BoxError>,
    Result<Option<T>, E>: IntoReply<Option<T>>,
{
}

impl<T> IntoOptionalReply<T> for Promise<Option<T>> where Promise<Option<T>>: IntoReply<Option<T>> {}
