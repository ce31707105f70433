//! Heads of requests, and what is answered in words (RFC 9112).

use tungstenite::http::HeaderMap;
use tungstenite::http::header::{HeaderName, HeaderValue};

/// A request or an answer may have so many bytes before its body.
pub(crate) const HEAD: usize = 16 << 10;
/// And so many headers.
pub(crate) const HEADERS: usize = 100;

/// What was asked.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Without the query.
    pub(crate) path: String,
    /// The minor version: HTTP/1.1 has 1.
    pub(crate) version: u8,
    pub(crate) headers: HeaderMap,
}

/// Why there is no request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BadRequest {
    TooLarge,
    TooMany,
    Malformed(String),
}

impl Request {
    /// The request at the front of the input, and how many bytes it has before its body. `None` if
    /// these have not all arrived.
    pub(crate) fn parse(input: &[u8]) -> Result<Option<(Self, usize)>, BadRequest> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let length = match request.parse(input) {
            Ok(httparse::Status::Complete(length)) if length > HEAD => {
                return Err(BadRequest::TooLarge);
            }
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if input.len() >= HEAD => {
                return Err(BadRequest::TooLarge);
            }
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(BadRequest::TooMany),
            Err(error) => return Err(BadRequest::Malformed(error.to_string())),
        };
        let (host, target) = split(request.path.unwrap_or_default());
        let path = target.split(['?', '#']).next().unwrap_or_default();
        let mut headers = header_map(request.headers)?;
        if let Some(host) = host {
            let host = HeaderValue::from_str(host);
            let host = host.map_err(|_| BadRequest::Malformed(String::from("the target")))?;
            headers.insert("host", host);
        }
        let request = Request {
            method: request.method.unwrap_or_default().to_owned(),
            path: path.to_owned(),
            version: request.version.unwrap_or_default(),
            headers,
        };
        Ok(Some((request, length)))
    }

    /// The value of a header that stands there once, and is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        single(&self.headers, name)
    }

    /// Whether one of the words of a header is this one.
    pub(crate) fn says(&self, name: &str, word: &str) -> bool {
        words(&self.headers, name).any(|one| one.eq_ignore_ascii_case(word))
    }
}

impl BadRequest {
    /// The status of the response, and why.
    pub(crate) fn answer(&self) -> (&'static str, String) {
        match self {
            BadRequest::TooMany => (
                "431 Request Header Fields Too Large",
                format!("the request has more than {HEADERS} headers"),
            ),
            BadRequest::TooLarge => (
                "431 Request Header Fields Too Large",
                format!("the request has more than {HEAD} bytes of headers"),
            ),
            BadRequest::Malformed(why) => {
                ("400 Bad Request", format!("this is no HTTP request: {why}"))
            }
        }
    }
}

/// The authority and the rest of a target, which may be a whole URL. Then its authority counts, whatever `Host` is
/// (RFC 9112, section 3.2.2).
fn split(target: &str) -> (Option<&str>, &str) {
    let after = |scheme: &str| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    let Some(rest) = after("http://").or_else(|| after("https://")) else {
        return (None, target);
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    match rest.starts_with('/') {
        true => (Some(authority), rest),
        false => (Some(authority), "/"),
    }
}

/// The value of a header that stands there once, and is text.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).into_iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// The elements of a header that is a list, on however many lines it stands, without empty ones
/// (RFC 9110, sections 5.3 and 5.6.1).
pub(crate) fn words<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
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

/// The headers by which a page from there may read an answer (the Fetch standard, "CORS check").
pub(crate) fn readable_by(origin: &str) -> String {
    format!("Access-Control-Allow-Origin: {origin}\r\nVary: Origin\r\n")
}

/// The same answer, which a page from there may read.
pub(crate) fn made_readable(mut answer: Vec<u8>, origin: &str) -> Vec<u8> {
    let line = answer.windows(2).position(|two| two == b"\r\n");
    if let Some(line) = line {
        answer.splice(line + 2..line + 2, readable_by(origin).into_bytes());
    }
    answer
}

/// The beginning of an answer that is the last one.
pub(crate) fn answer_head(
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

/// An answer in words that is the last one, for whoever tries it by hand.
pub(crate) fn refusal(status: &str, headers: &[(&str, &str)], text: &str) -> Vec<u8> {
    let body = format!("{status}: {text}\n");
    let plain = "text/plain; charset=utf-8";
    let mut answer = answer_head(status, plain, body.len() as u64, headers);
    answer.extend_from_slice(body.as_bytes());
    answer
}
