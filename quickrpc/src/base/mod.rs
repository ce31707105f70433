//! What every part has in common: errors, values, limits, threads and locks.

pub(crate) mod bytes;
pub(crate) mod call_error;
pub(crate) mod current;
#[cfg_attr(
    not(feature = "hololinked"),
    allow(dead_code, reason = "no protocol is there that asks")
)]
pub(crate) mod eavesdrop;
pub(crate) mod error;
pub(crate) mod expr_error;
pub(crate) mod foreign;
pub(crate) mod here;
pub(crate) mod limits;
pub(crate) mod log;
pub(crate) mod mark;
pub(crate) mod numbers;
pub(crate) mod often;
pub(crate) mod private_names;
pub(crate) mod reason;
pub(crate) mod scratch;
pub(crate) mod security;
pub(crate) mod sender;
pub(crate) mod spans;
pub(crate) mod spare;
pub(crate) mod subject;
pub(crate) mod sync;
#[cfg_attr(
    not(all(feature = "hmac", feature = "tls", feature = "websocket")),
    allow(dead_code, unused_imports, reason = "few need to know all that")
)]
pub(crate) mod sys;
pub(crate) mod threads;
pub(crate) mod trace;
pub(crate) mod typed_error;
pub(crate) mod utf8;
pub(crate) mod value;
