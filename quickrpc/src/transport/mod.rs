//! STUB
/// x
pub fn register_transport() {}
/// What names a transport: a string, an expression, or a transport.
pub trait IntoTransport {}
impl IntoTransport for &str {}
