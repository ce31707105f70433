//! Streams in the convention of other people: a call begins them, notifications are the items, and
//! another call ends them.
//!
//! ```text
//! eth_subscribe ["newHeads"]            ─►   rpc.on ["price"]                      ─►
//!                             ◄─  "0x1"                          ◄─  {"price": "ok"}
//!   ◄─  eth_subscription {"subscription": "0x1", "result": ..}   ◄─  {"notification": "price", ..}
//! eth_unsubscribe ["0x1"]               ─►   rpc.off ["price"]                     ─►
//! ```
//!
//! Ours, whose items come as far as the one who takes them says, are the rest of `stream/`. Here
//! nobody is asked: what waits for a reader is bounded, and a reader that is too slow ends with an
//! error.

pub(crate) mod hearing;
pub(super) mod serving;
mod subscribed;
mod subscribing;
pub(crate) mod table;
mod telegrams;

/// Begins events of rpc-websockets, whose names are its arguments.
const ON: &str = "rpc.on";
/// Ends them.
const OFF: &str = "rpc.off";
