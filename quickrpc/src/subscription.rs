//! STUB
/// x
#[derive(Debug)]
pub struct Subscription<T>(T);
