//! Codes that are none, and errors that cannot travel.

use quickrpc::CallErrors;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize, thiserror::Error, CallErrors)]
#[code(1)]
pub enum Codes {
    #[error("a")]
    #[code]
    Nothing,
    #[error("b")]
    #[code(1)]
    #[code(2)]
    Twice,
}

#[derive(Debug, Serialize, Deserialize, thiserror::Error, CallErrors)]
pub enum OfAnotherType {
    #[error("a")]
    #[code("404")]
    Text,
}

#[derive(Debug, Serialize, Deserialize, thiserror::Error, CallErrors)]
#[error("a")]
pub struct Generic<T: std::fmt::Debug>(T);

#[derive(Debug, thiserror::Error, CallErrors)]
#[error("a")]
pub struct Stays;

fn main() {}
