//! The declaration is to blame, and not what is made of it.

use quickrpc::remote_api;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub struct NoSuchChannel;

#[remote_api]
pub trait Lab {
    #[incoming]
    fn measure(&self, channel: u8) -> Result<f64, NoSuchChannel>;
}

fn main() {}
