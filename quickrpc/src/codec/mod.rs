//! STUB
/// x
pub fn register_codec() {}
/// What names a codec: a string, an expression, or a codec.
pub trait IntoCodec {}
impl IntoCodec for &str {}
