//! STUB
/// x
#[derive(Debug)]
pub struct ActionQueue;
