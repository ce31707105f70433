//! In the place of the client of HTTP, where the feature is off: nothing of it exists.

use std::sync::Arc;

use crate::base::error::Error;
use crate::expr::TransportExpr;
use crate::wire::Wire;

use super::transport::Transport;

/// The client that an expression describes, if it is one.
///
/// # Errors
///
/// None here: it is looked for before (`features.rs`).
pub(crate) fn bind(
    _expr: &TransportExpr,
    _wire: &Wire,
) -> Result<Option<Arc<dyn Transport>>, Error> {
    Ok(None)
}
