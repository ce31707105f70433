//! That the answer to a call is not wanted any more, or only for a while.

use std::time::Duration;

use super::{Jrpc, canonical};
use crate::base::limits::Limits;
use crate::base::trace::Trace;
use crate::format::text::{Json, Reader};
use crate::wire::framing::Framing;

/// The notifications by which a caller gives up a call: ours, and that of the Language Server
/// Protocol (version 3.17, "Cancellation Support").
pub(crate) const CANCEL: &str = "rpc.cancel";
const CANCEL_REQUEST: &str = "$/cancelRequest";

/// Whether a notification of this name gives a call up.
pub(crate) fn is_cancel(method: &str) -> bool {
    matches!(method, CANCEL | CANCEL_REQUEST)
}

impl Jrpc {
    /// Appends that the call of ours with this id is not wanted any more. Gives the method.
    pub(crate) fn encode_cancel(&self, out: &mut Vec<u8>, id: u64) -> &'static str {
        let method = match self.framing {
            Framing::ContentLength => CANCEL_REQUEST,
            _ => CANCEL,
        };
        out.extend_from_slice(canonical::CALL);
        out.extend_from_slice(method.as_bytes());
        out.extend_from_slice(canonical::PARAMS);
        out.extend_from_slice(br#"{"id":"#);
        out.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
        out.extend_from_slice(b"}}");
        method
    }
}

/// Writes into a call how long its caller waits for the answer. At its beginning, where it is seen
/// at once that the call is none of those that are told at a glance.
#[cold]
pub(crate) fn put_timeout(call: &mut Vec<u8>, left: Duration) {
    let member = format!("\"timeout\":{},", left.as_secs_f64());
    if call.starts_with(b"{") {
        call.splice(1..1, member.into_bytes());
    }
}

/// Writes into a call which trace it belongs to; likewise.
#[cold]
pub(crate) fn put_trace(call: &mut Vec<u8>, trace: Trace) {
    let member = format!("\"traceparent\":\"{trace}\",");
    if call.starts_with(b"{") {
        call.splice(1..1, member.into_bytes());
    }
}

/// The id of the call that is given up, as it is written, if that is what a notification says.
pub(super) fn given_up(method: &str, params: &str, limits: &Limits) -> Option<Box<str>> {
    if method != CANCEL && method != CANCEL_REQUEST {
        return None;
    }
    let mut reader = Reader::new(params, Json, limits.nesting_depth);
    reader.skip_ws();
    let is_list = reader.eat(b'[');
    if !is_list {
        reader.expect(b'{').ok()?;
    }
    loop {
        reader.skip_ws();
        let is_id = is_list || {
            let key = reader.string().ok()?;
            reader.skip_ws();
            reader.expect(b':').ok()?;
            key == "id"
        };
        reader.skip_ws();
        let value = reader.skip_value().ok()?;
        if is_id {
            let id = params.get(value)?;
            let may_be = id.starts_with(|c: char| matches!(c, '"' | '-' | '0'..='9'));
            return may_be.then(|| id.into());
        }
        reader.skip_ws();
        reader.expect(b',').ok()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_found_among_others() {
        let limits = Limits::default();
        for (params, id) in [
            (r#"{"id":7}"#, Some("7")),
            (r#"{ "id" : "a b" , "x":1}"#, Some(r#""a b""#)),
            (r#"{"x":[{"id":1}],"y":{},"id":-1}"#, Some("-1")),
            ("[7]", Some("7")),
            ("[ 7 , 8]", Some("7")),
            ("[]", None),
            ("{}", None),
            (r#"{"id":null}"#, None),
            (r#"{"id":[7]}"#, None),
            (r#"{"ID":7}"#, None),
            ("7", None),
        ] {
            for method in [CANCEL, CANCEL_REQUEST] {
                assert_eq!(given_up(method, params, &limits).as_deref(), id, "{params}");
            }
            assert_eq!(given_up("cancel", params, &limits), None);
        }
    }

    #[test]
    fn what_is_said_is_understood() {
        let codecs = [
            (Jrpc::default(), CANCEL),
            (Jrpc::new(Framing::ContentLength, false), CANCEL_REQUEST),
        ];
        for (codec, method) in codecs {
            let mut out = Vec::new();
            assert_eq!(codec.encode_cancel(&mut out, 7), method);
            let text = String::from_utf8(out).unwrap();
            let expected =
                format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{{"id":7}}}}"#);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn a_deadline_stands_at_the_beginning() {
        let mut call = br#"{"jsonrpc":"2.0"}"#.to_vec();
        put_timeout(&mut call, Duration::from_millis(1500));
        assert_eq!(call, br#"{"timeout":1.5,"jsonrpc":"2.0"}"#);
    }
}
