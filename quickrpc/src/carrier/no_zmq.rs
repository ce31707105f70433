//! In the place of ZeroMQ, where the feature is off: nothing of it exists.

use std::sync::Arc;

use crate::base::error::Error;
use crate::expr::{TransportExpr, TransportKind};
use crate::wire::session::Identity;
use crate::wire::zmtp::Socket;

use super::greeter::Greeting;

/// What comes before a connection is a peer, and what we are.
pub(crate) type Bound = (Arc<dyn Greeting>, Arc<Socket>);

/// What a transport needs for ZeroMQ, if it needs it.
///
/// # Errors
///
/// If it does.
pub(crate) fn bind(
    expr: &TransportExpr,
    _is_sealed: bool,
    _usual: Option<Identity>,
) -> Result<Option<Bound>, Error> {
    match expr.kind() {
        TransportKind::Zmq { .. } | TransportKind::ZmqServer { .. } => {
            Err(Error::lacks_feature(expr, "zmq"))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_the_feature() {
        for text in ["zmq:h:1", "zmqserv::1", "zmq+unix:/x", "zmqserv+unix:/x"] {
            let expr: TransportExpr = text.parse().unwrap();
            let error = bind(&expr, false, None).err().unwrap().to_string();
            assert!(
                error.contains(text) && error.contains("feature `zmq`"),
                "{error}"
            );
        }
        assert!(
            bind(&"tcp:h:1".parse().unwrap(), false, None)
                .unwrap()
                .is_none()
        );
    }
}
