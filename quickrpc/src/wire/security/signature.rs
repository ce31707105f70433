//! Signatures of messages: HMAC-SHA-256 over the fields of their headers, and over themselves.

use base64_simd::{AsOut, STANDARD};
use hmac::{Hmac as Mac, Mac as _};
use sha2::Sha256;

use super::fields::Fields;
use super::keys::Key;

/// What the signature begins with, so that it means nothing to any other protocol.
const PROTOCOL: &str = "quickrpc-hmac-1";
/// Bytes of a signature, and of the base64 of it.
const SIZE: usize = 32;
const TEXT: usize = 44;

/// A signature as far as the messages of one side of a connection have it in common: its key has been
/// taken in, and the fields in front.
#[derive(Debug, Clone)]
pub(super) struct Begun(Mac<Sha256>);

impl Begun {
    pub(super) fn new(key: &Key, fields: &Fields<'_>) -> Self {
        let mut mac = key.mac.clone();
        for line in [
            PROTOCOL,
            fields.user,
            fields.to,
            fields.session,
            fields.peer,
        ] {
            mac.update(line.as_bytes());
            mac.update(b"\n");
        }
        Begun(mac)
    }

    /// Signs a message, in base64.
    pub(super) fn sign(&self, counter: &str, time: &str, payload: &[u8]) -> Signature {
        let code = self.over(counter, time, payload).finalize().into_bytes();
        let mut text = [0; TEXT];
        let _ = STANDARD.encode(&code, text.as_mut_slice().as_out());
        Signature(text)
    }

    /// Whether that is the signature of a message; compared in constant time.
    pub(super) fn fits(&self, counter: &str, time: &str, payload: &[u8], mac: &str) -> bool {
        // What is decoded has at most three bytes for four letters.
        let mut room = [0; TEXT / 4 * 3];
        let code = match mac.len() {
            TEXT => STANDARD.decode(mac.as_bytes(), room.as_mut_slice().as_out()),
            _ => return false,
        };
        let made = self.over(counter, time, payload);
        matches!(code, Ok(code) if code.len() == SIZE && made.verify_slice(code).is_ok())
    }

    fn over(&self, counter: &str, time: &str, payload: &[u8]) -> Mac<Sha256> {
        let mut mac = self.0.clone();
        for line in [counter, time] {
            mac.update(line.as_bytes());
            mac.update(b"\n");
        }
        mac.update(payload);
        mac
    }
}

/// The base64 of a signature.
pub(super) struct Signature([u8; TEXT]);

impl Signature {
    pub(super) fn text(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::Keys;
    use super::*;

    const SECRET: &str = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0";

    fn begun() -> Begun {
        let keys = Keys::parse(&format!("[users.alice]\nkeys = [\"{SECRET}\"]\n")).unwrap();
        let key = &keys.user("alice").unwrap().keys[0];
        Begun::new(
            key,
            &Fields {
                user: "alice",
                to: "hub",
                session: "8a",
                peer: "51",
                counter: "",
                time: "",
            },
        )
    }

    #[test]
    fn it_is_over_the_lines_that_the_document_names() {
        let text = "quickrpc-hmac-1\nalice\nhub\n8a\n51\n7\n1798761600000000\n{}";
        let mac = Mac::<Sha256>::new_from_slice(b"secretsecretsecretsecret").unwrap();
        let code = mac.chain_update(text).finalize().into_bytes();
        let begun = begun();
        let signed = begun.sign("7", "1798761600000000", b"{}");
        assert_eq!(signed.text(), STANDARD.encode_to_string(code));
        // It goes on from the same beginning each time.
        for _ in 0..2 {
            assert!(begun.fits("7", "1798761600000000", b"{}", signed.text()));
        }
        for (counter, time, payload) in [
            ("8", "1798761600000000", "{}"),
            ("7", "1798761600000001", "{}"),
            ("7", "1798761600000000", "{ }"),
            ("", "1798761600000000", "{}"),
        ] {
            assert!(!begun.fits(counter, time, payload.as_bytes(), signed.text()));
        }
    }

    #[test]
    fn a_signature_has_one_text() {
        let begun = begun();
        let signed = begun.sign("1", "2", b"{}");
        let text = signed.text();
        assert!(text.ends_with('=') && begun.fits("1", "2", b"{}", text));
        let (front, _) = text.split_at(text.len() - 2);
        // The last letter has two bits that mean nothing, and are zero.
        let letters = ('A'..='Z')
            .chain('a'..='z')
            .chain('0'..='9')
            .chain(['+', '/', '=']);
        let others = letters.map(|letter| format!("{front}{letter}="));
        let fitting: Vec<_> = others
            .filter(|other| begun.fits("1", "2", b"{}", other))
            .collect();
        assert_eq!(fitting, [text]);
        let without = text.trim_end_matches('=');
        for other in [
            "",
            "=",
            without,
            &format!("{text}="),
            &format!("{text}===="),
            &format!(" {without}"),
            &format!("{without}A"),
            &format!("{front}=="),
            &"=".repeat(TEXT),
            &"é".repeat(TEXT / 2),
        ] {
            assert!(!begun.fits("1", "2", b"{}", other), "{other}");
        }
    }
}
