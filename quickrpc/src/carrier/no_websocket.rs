//! In the place of WebSocket, where the feature is off: nothing of it exists.

use std::path::PathBuf;
use std::sync::Arc;

use crate::base::error::Error;
use crate::expr::TransportExpr;
use crate::wire::websocket::Side;

use super::greeter::Greeting;

/// What comes before a connection is a peer, and which end of it we are.
pub(crate) type Bound = (Arc<dyn Greeting>, Side);

/// What a transport needs for WebSocket, if it needs it.
///
/// # Errors
///
/// None here: it is looked for before (`features.rs`).
pub(crate) fn bind(
    _expr: &TransportExpr,
    _usual: &str,
    _posts: bool,
    _keys: Option<PathBuf>,
) -> Result<Option<Bound>, Error> {
    Ok(None)
}
