//! Calls that are made before anybody is connected who could answer them: they wait for a peer, as
//! far as their deadlines allow.
//!
//! Such a call is in the table of pending ones like any other, asked of nobody yet; so deadlines,
//! cancelling and stopping need nothing of their own. Here is what is to be sent, encoded for each
//! wire, since the arguments were only borrowed.

mod asking;
pub(crate) mod table;
