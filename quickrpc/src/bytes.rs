//! STUB
use serde::{Deserialize, Serialize};
/// x
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bytes(Vec<u8>);
impl Bytes { /// x
    pub fn into_vec(self) -> Vec<u8> { self.0 } }
impl From<Vec<u8>> for Bytes { fn from(v: Vec<u8>) -> Self { Bytes(v) } }
