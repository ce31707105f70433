//! STUB
/// x
pub fn register_transport() {}
