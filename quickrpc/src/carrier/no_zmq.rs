//! In the place of ZeroMQ, where the feature is off: nothing of it exists.

use std::sync::Arc;

use crate::base::error::Error;
use crate::expr::TransportExpr;
use crate::wire::session::Identity;
use crate::wire::zmtp::Socket;

use super::greeter::Greeting;

/// What comes before a connection is a peer, and what we are.
pub(crate) type Bound = (Arc<dyn Greeting>, Arc<Socket>);

/// What a transport needs for ZeroMQ, if it needs it.
///
/// # Errors
///
/// None here: it is looked for before (`features.rs`).
pub(crate) fn bind(
    _expr: &TransportExpr,
    _is_sealed: bool,
    _usual: Option<Identity>,
) -> Result<Option<Bound>, Error> {
    Ok(None)
}
