//! The table of protocols with sessions: which expression makes which.

use std::sync::Arc;

use crate::base::error::{Error, Result};
use crate::expr::{CodecExpr, CodecKind};

use super::session::Protocol;

/// The protocol that an expression describes.
///
/// # Errors
///
/// When it is compiled out, or its secrets cannot be read.
pub(crate) fn build(expr: &CodecExpr, kind: &CodecKind) -> Result<Arc<dyn Protocol>> {
    match kind {
        #[cfg(feature = "hololinked")]
        CodecKind::Hololinked(expr) => Ok(Arc::new(super::hololinked::Hololinked::new(expr))),
        #[cfg(feature = "juggler")]
        CodecKind::Juggler(juggler) => Ok(Arc::new(super::juggler::Juggler::new(juggler))),
        #[cfg(feature = "zonis")]
        CodecKind::Zonis(zonis) => Ok(Arc::new(super::zonis::Zonis::new(zonis)?)),
        _ => {
            let feature = expr.to_string();
            let feature = feature.split([':', '?']).next().unwrap_or_default();
            Err(Error::lacks_feature(expr, feature))
        }
    }
}
