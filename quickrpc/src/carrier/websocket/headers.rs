//! What a client says of itself: `Authorization` from the URL, and the headers of a file.

use std::io::Read;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tungstenite::http::header::HeaderName;

use crate::base::mark::text_of_file;
use crate::base::sys;
use crate::expr::{Hidden, web};
use crate::wire::http::{HEAD, HEADERS};

/// Where they come from. None of them is shown.
#[derive(Debug, Default)]
pub(super) struct Headers {
    /// The value of `Authorization`.
    authorization: Option<Hidden>,
    file: Option<PathBuf>,
}

impl Headers {
    pub(super) fn new(login: Option<&Hidden>, file: Option<&str>) -> Self {
        let login = login.and_then(|login| web::decode_percent(login.reveal()));
        let authorization = login.map(|login| format!("Basic {}", STANDARD.encode(login)));
        Headers {
            authorization: authorization.map(Hidden::new),
            file: file.map(PathBuf::from),
        }
    }

    /// The lines of one request, as the file says now.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or is wrong; in words with nothing of its content.
    pub(super) fn read(&self) -> Result<Vec<(HeaderName, Hidden)>, String> {
        let mut headers = match &self.file {
            None => Vec::new(),
            Some(path) => read(path)
                .and_then(|text| parse(&text))
                .map_err(|why| format!("the headers of `{}`: {why}", path.display()))?,
        };
        if let Some(value) = &self.authorization {
            if headers.iter().any(|(name, _)| name == "authorization") {
                let path = self.file.as_deref().unwrap_or("".as_ref()).display();
                return Err(format!(
                    "the URL has a user, and the headers of `{path}` have `Authorization`, which \
                     says the same; take one of them away"
                ));
            }
            let name = HeaderName::from_static("authorization");
            headers.push((name, value.clone()));
        }
        Ok(headers)
    }
}

/// A file, and nothing that could let the reader wait.
fn read(path: &std::path::Path) -> Result<String, String> {
    let opened = path.canonicalize().and_then(|path| sys::open_plain(&path));
    let file = opened.map_err(|error| format!("cannot be read: {error}"))?;
    let is_file = file.metadata().is_ok_and(|data| data.is_file());
    if !is_file {
        return Err(String::from("it is no file"));
    }
    let mut bytes = Vec::new();
    let most = HEAD as u64;
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > most {
        return Err(format!("it is larger than {HEAD} bytes"));
    }
    Ok(text_of_file(&bytes)?.to_owned())
}

/// Reads `Name: value` in each line.
fn parse(text: &str) -> Result<Vec<(HeaderName, Hidden)>, String> {
    let mut headers = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        // None of the line is shown, since nobody knows what it is.
        let Some((name, value)) = line.split_once(':') else {
            return Err(format!("expected `Name: value` in line {number}"));
        };
        let Ok(name) = HeaderName::from_bytes(name.trim_ascii_end().as_bytes()) else {
            return Err(format!("there is no name of a header in line {number}"));
        };
        if belongs_to_handshake(name.as_str()) {
            return Err(format!(
                "`{name}` in line {number} belongs to the handshake, which writes it by itself"
            ));
        }
        let value = value.trim_ascii();
        if !value
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
        {
            return Err(format!(
                "the value of `{name}` in line {number} has a character that no header can have"
            ));
        }
        if headers.len() >= HEADERS {
            return Err(format!("there are more than {HEADERS} headers"));
        }
        headers.push((name, Hidden::new(value)));
    }
    Ok(headers)
}

/// Whether the handshake would be another one with it, or none.
fn belongs_to_handshake(name: &str) -> bool {
    matches!(
        name,
        "host" | "connection" | "upgrade" | "content-length" | "transfer-encoding"
    ) || name.starts_with("sec-websocket-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_each_line() {
        let text = "Authorization: Bearer a:b \r\n\nx-a:1\nX-A :\t2\nEmpty:";
        let read = parse(text).unwrap();
        let read: Vec<_> = read.iter().map(|(n, v)| (n.as_str(), v.reveal())).collect();
        let expected = [
            ("authorization", "Bearer a:b"),
            ("x-a", "1"),
            ("x-a", "2"),
            ("empty", ""),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn mistakes_show_nothing_of_the_content() {
        for (text, words) in [
            ("secret", "expected `Name: value` in line 1"),
            ("a: b\n\nsecret", "in line 3"),
            ("se cret: x", "no name of a header in line 1"),
            (": secret", "no name of a header in line 1"),
            ("Token: secret\u{1}", "the value of `token` in line 1"),
            ("Token: secr\u{e9}t", "the value of `token` in line 1"),
            ("Token: secret\rX: y", "the value of `token` in line 1"),
            ("Host: secret", "`host` in line 1 belongs to the handshake"),
            ("Sec-WebSocket-Key: secret", "belongs to the handshake"),
            ("connection: secret", "belongs to the handshake"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(words), "{text:?}: {error}");
            assert!(!error.contains("secr"), "{error}");
        }
        assert!(parse(&"a: b\n".repeat(101)).is_err());
        let headers = Headers::new(Some(&Hidden::new("me:s%C3%BC:x")), None);
        assert!(!format!("{headers:?}").contains("bWU"), "{headers:?}");
        let read = headers.read().unwrap();
        assert_eq!(read[0].1.reveal(), "Basic bWU6c8O8Ong=");
    }
}
