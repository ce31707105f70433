//! STUB
/// x
#[derive(Debug)]
pub struct Bytes;
