//! STUB
/// What a security provider says about a sender: a map of strings.
pub type SecInfo = std::collections::BTreeMap<String, String>;
/// x
pub fn register_security() {}
