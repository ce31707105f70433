//! STUB
/// x
pub fn register_codec() {}
