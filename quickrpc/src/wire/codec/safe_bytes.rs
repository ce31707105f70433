//! The one thing that valid JSON of ours could do to a Python peer.
//!
//! The original takes every object with a key `__bytes` for a byte string and stops
//! receiving if it cannot read it. Byte strings are always written right, but a map of
//! the user's may have that key too.

/// A key in compact JSON; inside a string its quotes would be escaped.
const KEY: &[u8] = b"\"__bytes\":";

/// Whether every `__bytes` in compact JSON is padded base64, as peers expect it.
pub(crate) fn is_safe(json: &[u8]) -> bool {
    memchr::memmem::find_iter(json, KEY).all(|at| {
        let before = at.checked_sub(1).and_then(|at| json.get(at));
        // `"x\"__bytes":` is another key.
        before == Some(&b'\\') || is_base64(json.get(at + KEY.len()..).unwrap_or_default())
    })
}

/// Whether a JSON text begins with a string of padded base64.
fn is_base64(json: &[u8]) -> bool {
    let [b'"', text @ ..] = json else {
        return false;
    };
    let digits = text
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
        .count();
    let padding = match text.get(digits..) {
        Some([b'"', ..]) => 0,
        Some([b'=', b'"', ..]) => 1,
        Some([b'=', b'=', b'"', ..]) => 2,
        _ => return false,
    };
    (digits + padding) % 4 == 0
}

#[cfg(test)]
mod tests {
    use super::is_safe;

    #[test]
    fn only_base64_is_safe() {
        for safe in [
            r#"{}"#,
            r#"{"a":"__bytes"}"#,
            r#"["__bytes","\"__bytes\":1"]"#,
            r#"{"x\"__bytes":1}"#,
            r#"{"__bytes":""}"#,
            r#"{"__bytes":"eHl6"}"#,
            r#"{"a":[{"b":1,"__bytes":"eA=="},{"__bytes":"eHk="}]}"#,
        ] {
            assert!(is_safe(safe.as_bytes()), "{safe}");
        }
        for unsafe_ in [
            r#"{"__bytes":1}"#,
            r#"{"__bytes":"!"}"#,
            r#"{"__bytes":"abc"}"#,
            r#"{"__bytes":"eA="}"#,
            r#"{"__bytes":"===="}"#,
            r#"{"__bytes":{}}"#,
            r#"[{"__bytes":"eHl6"},{"a":1,"__bytes":null}]"#,
        ] {
            assert!(!is_safe(unsafe_.as_bytes()), "{unsafe_}");
        }
    }
}
