//! STUB
/// x
#[derive(Debug, Clone, thiserror::Error)]
#[error("x")]
pub struct ExprError;
/// x
#[derive(Debug, Clone)]
pub struct CodecExpr;
/// x
#[derive(Debug, Clone)]
pub struct SecurityExpr;
/// x
#[derive(Debug, Clone)]
pub struct TransportExpr;
