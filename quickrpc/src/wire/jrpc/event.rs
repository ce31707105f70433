//! Events of rpc-websockets, which are no JSON-RPC.

use serde::Serialize;

use super::{Jrpc, write};
use crate::format::text::{self, Json};

impl Jrpc {
    /// Appends an event of rpc-websockets, which has its name in a member of its own; with the other
    /// one it is a notification, too.
    pub(crate) fn encode_event<V: Serialize + ?Sized>(
        &self,
        out: &mut Vec<u8>,
        name: &str,
        value: &V,
    ) -> Result<(), String> {
        out.extend_from_slice(br#"{"jsonrpc":"2.0","method":"#);
        text::write_str(out, Json, name);
        out.extend_from_slice(br#","notification":"#);
        text::write_str(out, Json, name);
        out.extend_from_slice(br#","params":"#);
        let start = out.len();
        write(out, value)?;
        if !matches!(out.get(start), Some(b'{' | b'[')) {
            out.insert(start, b'[');
            out.push(b']');
        }
        out.push(b'}');
        Ok(())
    }
}
