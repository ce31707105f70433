//! Texts of expressions that nobody is to see: not in names, logs and errors.

use std::fmt;

/// A text that is not shown: `Debug` and `Display` have `***` in its place.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(String);

impl Hidden {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Hidden(text.into())
    }

    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// What is shown instead.
const HIDDEN: &str = "***";

/// A transport expression that may be wrong anywhere, with stars for what may be a secret: users,
/// passwords and queries of URLs. As many bytes as before, so that places stay what they are.
pub(super) fn masked(text: &str, is_known: impl Fn(&str) -> bool) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut from = 0;
    while let Some(begin) = next_url(text, from) {
        from = begin;
        let rest = text.get(begin..).unwrap_or_default();
        // A password may have anything in it that belongs into no URL.
        if let Some(length) = rest.rfind('@') {
            hide(&mut bytes, begin, begin + length);
        }
        // Nor is it known where a wrong one ends.
        let Some(query) = rest.find('?').map(|at| begin + at + 1) else {
            continue;
        };
        let options = rest.rfind('?').map_or(query, |at| begin + at + 1);
        hide(&mut bytes, query, options.saturating_sub(1));
        let mut at = options;
        for pair in text.get(options..).unwrap_or_default().split('&') {
            match pair.split_once('=') {
                Some((key, _)) if is_known(key) => {}
                Some((key, _)) => hide(&mut bytes, at + key.len() + 1, at + pair.len()),
                None => hide(&mut bytes, at, at + pair.len()),
            }
            at += pair.len() + 1;
        }
    }
    // Whole characters were replaced by stars, byte for byte.
    String::from_utf8(bytes).unwrap_or_default()
}

/// Where the authority of the next URL begins.
fn next_url(text: &str, from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    let found = ["ws:", "wss:", "http:", "https:"]
        .iter()
        .filter_map(|scheme| {
            let at = rest.find(scheme)? + scheme.len();
            let slashes = rest.get(at..)?.starts_with("//");
            Some(from + at + if slashes { 2 } else { 0 })
        });
    found.min()
}

fn hide(bytes: &mut [u8], from: usize, to: usize) {
    for byte in bytes.get_mut(from..to).into_iter().flatten() {
        *byte = b'*';
    }
}

#[cfg(test)]
mod tests {
    use crate::expr::TransportExpr;

    fn parse(text: &str) -> TransportExpr {
        text.parse().unwrap()
    }

    #[test]
    fn secrets_are_not_shown() {
        for (text, shown) in [
            ("ws://me:secret@h/a?token=secret", "ws:***@h:80/a?***"),
            (
                "wss://secret@h?secret?keepalive=5",
                "wss:***@h:443/?***?keepalive=5",
            ),
            (
                "restart::ws://h/a?secret=secret",
                "restart:10:(ws:h:80/a?***)",
            ),
            (r"mux:(ws:h:1?path=/a\x3fsecret)", "mux:(ws:h:1/a?***)"),
        ] {
            let expr = parse(text);
            assert_eq!(expr.to_string(), shown);
            assert!(!format!("{expr:?}").contains("secret"), "{expr:?}");
            parse(shown);
            // But it can be kept.
            let json = serde_json::to_string(&expr).unwrap();
            assert_eq!(serde_json::from_str::<TransportExpr>(&json).unwrap(), expr);
        }
        for wrong in [
            "ws://me:secret@",
            "ws://me:secret@:1/",
            "ws://me:secret@h:x/",
            "ws://me:secret/secret@h/",
            "ws://me:secret?secret@h/",
            "ws://me:secret#secret@h/",
            "ws://me:secret%@h/",
            "ws://me%3a:secret@h",
            "ws://me:secret@h/a b",
            "ws://me:secret@h/#",
            "ws:me:secret@h:x",
            "ws:secret@h:1?files=a",
            "mux:ws://me:secret@h",
            "mux:(ws://me:secret@h)x",
            "mux:(ws://h?a=secret)x",
            "wss://h/?key=secret",
            "wss://h/?name=secret?ca=",
            "ws://h/a?token=secret&keepalive=5",
            "ws://h/a?keepalive=5&secret",
            "ws://h/a?secret?keepalive=x",
            "ws://h/a?secret?secret?keepalive=x",
            "ws:h:1/a?token=secret",
            r"ws:h:1?path=a\x3fsecret",
            "restart:x:ws://h/a?token=secret",
            "restart:ws://me:secret@h/",
            "tcp:ws://me:secret@h/",
            "wss:ws://me:secret@h/",
        ] {
            let error = wrong.parse::<TransportExpr>().unwrap_err();
            let told = format!("{error} {error:?} {} {}", error.text(), error.message());
            assert!(!told.contains("secret"), "{wrong}: {error}");
            assert_eq!(error.text().len(), wrong.len());
        }
    }
}
