//! STUB
pub trait Via<W>: Sized {}
/// x
pub trait IntoReply<T> {}
