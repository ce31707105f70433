//! As much of HTTP/1.1 (RFC 9112) as a handshake and a few files take.

use std::io;

use tungstenite::http::HeaderMap;
use tungstenite::http::header::{HeaderName, HeaderValue};

use super::super::greeter::read_some;
use super::super::stream::Stream;

/// A request or an answer may have so many bytes before its body.
pub(super) const HEAD: usize = 16 << 10;
/// And so many headers.
pub(super) const HEADERS: usize = 100;

/// What was asked.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// Without the query.
    pub(super) path: String,
    /// The minor version: HTTP/1.1 has 1.
    pub(super) version: u8,
    pub(super) headers: HeaderMap,
}

/// Why there is no request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadRequest {
    TooLarge,
    Malformed(String),
}

impl Request {
    /// The request at the front of the input, from which it is removed. `None` if it has not
    /// arrived as a whole.
    pub(super) fn take(input: &mut Vec<u8>) -> Result<Option<Self>, BadRequest> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let length = match request.parse(input) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if input.len() >= HEAD => {
                return Err(BadRequest::TooLarge);
            }
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(BadRequest::TooLarge),
            Err(error) => return Err(BadRequest::Malformed(error.to_string())),
        };
        let target = request.path.unwrap_or_default();
        let path = target.split(['?', '#']).next().unwrap_or_default();
        let request = Request {
            method: request.method.unwrap_or_default().to_owned(),
            path: path.to_owned(),
            version: request.version.unwrap_or_default(),
            headers: header_map(request.headers)?,
        };
        input.drain(..length);
        Ok(Some(request))
    }

    /// The value of a header that stands there once, and is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        single(&self.headers, name)
    }

    /// Whether one of the words of a header is this one.
    pub(super) fn says(&self, name: &str, word: &str) -> bool {
        words(&self.headers, name).any(|one| one.eq_ignore_ascii_case(word))
    }
}

/// The value of a header that stands there once, and is text.
pub(super) fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).into_iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// The elements of a header that is a list, on however many lines it stands, without empty ones
/// (RFC 9110, sections 5.3 and 5.6.1).
pub(super) fn words<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|word| !word.is_empty())
}

fn header_map(headers: &[httparse::Header<'_>]) -> Result<HeaderMap, BadRequest> {
    let malformed = |name: &str| BadRequest::Malformed(format!("the header `{name}`"));
    let mut map = HeaderMap::new();
    for header in headers {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::from_bytes(header.value);
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(malformed(header.name));
        };
        map.append(name, value);
    }
    Ok(map)
}

/// Reads until something whole can be taken from the input, which `take` tries. `None` if
/// the other side has to send more.
pub(super) fn read_head<T>(
    stream: &Stream,
    input: &mut Vec<u8>,
    mut take: impl FnMut(&mut Vec<u8>) -> Option<T>,
) -> io::Result<Option<T>> {
    loop {
        if !input.is_empty()
            && let Some(taken) = take(input)
        {
            return Ok(Some(taken));
        }
        if !read_some(stream, input, HEAD)? {
            return Ok(None);
        }
    }
}

/// The beginning of an answer that is the last one.
pub(super) fn answer_head(
    status: &str,
    content_type: &str,
    length: u64,
    more: &[(&str, &str)],
) -> Vec<u8> {
    // Who says what it could be upgraded to has to say so here too (RFC 9110, section 7.8).
    let upgrade = match more.iter().any(|(name, _)| *name == "Upgrade") {
        true => ", upgrade",
        false => "",
    };
    let mut head = format!(
        "HTTP/1.1 {status}\r\n\
         Content-Type: {content_type}\r\n\
         Content-Length: {length}\r\n\
         X-Content-Type-Options: nosniff\r\n\
         Cache-Control: no-cache\r\n\
         Connection: close{upgrade}\r\n"
    );
    for (name, value) in more {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.into_bytes()
}
