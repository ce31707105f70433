//! STUB
/// x
#[derive(Debug, Clone, PartialEq)]
pub struct Value;
