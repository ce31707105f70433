//! STUB
#![allow(missing_docs)]
use crate::{BoxError, Bytes, Promise};
pub trait Via<W>: Sized {}
impl<T> Via<T> for T {}
impl Via<Bytes> for Vec<u8> {}
impl Via<Option<Bytes>> for Option<Vec<u8>> {}
/// x
#[diagnostic::on_unimplemented(message = "a handler of this call must return `{T}`, `Option<{T}>`, `Result<{T}, E>` or `Promise<{T}>`, not `{Self}`", label = "returns `{Self}`")]
pub trait IntoReply<T> {}
impl<T> IntoReply<T> for T {}
impl<T> IntoReply<T> for Option<T> {}
impl<T, E: Into<BoxError>> IntoReply<T> for Result<T, E> {}
impl<T> IntoReply<T> for Promise<T> {}
