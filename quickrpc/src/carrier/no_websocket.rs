//! In the place of WebSocket, where the feature is off: nothing of it exists.

use std::sync::Arc;

use crate::base::error::Error;
use crate::expr::{TransportExpr, TransportKind};
use crate::wire::websocket::Side;

use super::greeter::Greeting;

/// What comes before a connection is a peer, and which end of it we are.
pub(crate) type Bound = (Arc<dyn Greeting>, Side);

/// What a transport needs for WebSocket, if it needs it.
///
/// # Errors
///
/// If it does.
pub(crate) fn bind(
    expr: &TransportExpr,
    _usual: &str,
    _posts: bool,
) -> Result<Option<Bound>, Error> {
    match expr.kind() {
        TransportKind::WebSocket { .. } | TransportKind::WebSocketServer { .. } => {
            Err(Error::lacks_feature(expr, "websocket"))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_the_feature() {
        for text in ["ws:h:1", "wsserv::1"] {
            let expr: TransportExpr = text.parse().unwrap();
            let error = bind(&expr, "/", false).err().unwrap().to_string();
            assert!(
                error.contains(text) && error.contains("feature `websocket`"),
                "{error}"
            );
        }
        assert!(
            bind(&"tcp:h:1".parse().unwrap(), "/", false)
                .unwrap()
                .is_none()
        );
    }
}
