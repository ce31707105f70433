//! STUB
pub struct Text<'de>(&'de str);
pub struct Blob<'de>(&'de str);
pub struct BlobRef<'de>(pub &'de [u8]);
pub struct Plain<'a, T: ?Sized>(pub &'a T);
pub struct Maybe<A>(pub Option<A>);
pub trait WireArgs<'de>: Sized { type Defaults; }
pub trait OutArgs {}
