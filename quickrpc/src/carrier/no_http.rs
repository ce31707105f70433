//! In the place of the client of HTTP, where the feature is off: nothing of it exists.

use std::sync::Arc;

use crate::base::error::Error;
use crate::base::limits::Limits;
use crate::expr::{TransportExpr, TransportKind};
use crate::wire::codec::AnyCodec;

use super::transport::Transport;

/// The client that an expression describes, if it is one.
///
/// # Errors
///
/// If it is.
pub(crate) fn bind(
    expr: &TransportExpr,
    _codec: &AnyCodec,
    _limits: &Limits,
) -> Result<Option<Arc<dyn Transport>>, Error> {
    match expr.kind() {
        TransportKind::Http { .. } => Err(Error::lacks_feature(expr, "http")),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_the_feature() {
        for text in ["http:h:1/rpc", "https:h:443"] {
            let expr: TransportExpr = text.parse().unwrap();
            let error = bind(&expr, &AnyCodec::default(), &Limits::default());
            let error = error.err().unwrap().to_string();
            assert!(
                error.contains(text) && error.contains("feature `http`"),
                "{error}"
            );
        }
    }
}
