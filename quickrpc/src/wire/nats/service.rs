//! What a service of NATS says of itself (its ADR-32), so that NATS's own tools see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

use crate::format::text::{Json, write};

/// A method that is served, and how often it was asked for.
#[derive(Debug, Default)]
pub(crate) struct Endpoint {
    pub(crate) name: String,
    pub(crate) subject: String,
    requests: AtomicU64,
    errors: AtomicU64,
    /// What answering took, in nanoseconds.
    time: AtomicU64,
}

impl Endpoint {
    pub(crate) fn new(name: String, subject: String) -> Self {
        Endpoint {
            name,
            subject,
            ..Endpoint::default()
        }
    }

    /// It was asked for, and has answered.
    pub(crate) fn count(&self, took: Duration, failed: bool) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.errors.fetch_add(failed.into(), Ordering::Relaxed);
        self.time.fetch_add(nanos, Ordering::Relaxed);
    }
}

/// Whose service it is.
#[derive(Debug)]
pub(crate) struct Service<'a> {
    pub(crate) name: String,
    pub(crate) id: &'a str,
    pub(crate) group: &'a str,
    /// Who it is in the namespace.
    pub(crate) peer: &'a str,
    pub(crate) endpoints: Vec<Arc<Endpoint>>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    peer: &'a str,
}

#[derive(Serialize)]
struct Answer<'a, E> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    id: &'a str,
    version: &'static str,
    metadata: Metadata<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoints: Option<Vec<E>>,
}

/// No metadata: an empty object.
#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct Described<'a> {
    name: &'a str,
    subject: &'a str,
    queue_group: &'a str,
    metadata: Nothing,
}

#[derive(Serialize)]
struct Counted<'a> {
    name: &'a str,
    subject: &'a str,
    queue_group: &'a str,
    num_requests: u64,
    num_errors: u64,
    last_error: &'static str,
    processing_time: u64,
    average_processing_time: u64,
}

/// The name of a service may have only some characters.
pub(crate) fn service_name(namespace: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let name = namespace.chars();
    name.map(|c| if allowed(c) { c } else { '-' }).collect()
}

impl Service<'_> {
    /// The answer to one of `PING`, `INFO` and `STATS`. `started` is when, in RFC 3339.
    pub(crate) fn answer(&self, verb: &str, started: &str) -> Option<Vec<u8>> {
        match verb {
            "PING" => self.write::<()>("io.nats.micro.v1.ping_response", None, None, None),
            "INFO" => {
                let described = |endpoint| self.described(endpoint);
                let endpoints = self
                    .endpoints
                    .iter()
                    .map(|it| &**it)
                    .map(described)
                    .collect();
                let text = Some("methods of an API of quickrpc");
                self.write(
                    "io.nats.micro.v1.info_response",
                    text,
                    None,
                    Some(endpoints),
                )
            }
            "STATS" => {
                let counted = |endpoint| self.counted(endpoint);
                let endpoints = self.endpoints.iter().map(|it| &**it).map(counted).collect();
                let kind = "io.nats.micro.v1.stats_response";
                self.write(kind, None, Some(started), Some(endpoints))
            }
            _ => None,
        }
    }

    fn described<'a>(&'a self, endpoint: &'a Endpoint) -> Described<'a> {
        Described {
            name: &endpoint.name,
            subject: &endpoint.subject,
            queue_group: self.group,
            metadata: Nothing {},
        }
    }

    fn counted<'a>(&'a self, endpoint: &'a Endpoint) -> Counted<'a> {
        let requests = endpoint.requests.load(Ordering::Relaxed);
        let time = endpoint.time.load(Ordering::Relaxed);
        Counted {
            name: &endpoint.name,
            subject: &endpoint.subject,
            queue_group: self.group,
            num_requests: requests,
            num_errors: endpoint.errors.load(Ordering::Relaxed),
            last_error: "",
            processing_time: time,
            average_processing_time: time.checked_div(requests).unwrap_or(0),
        }
    }

    fn write<E: Serialize>(
        &self,
        kind: &'static str,
        description: Option<&'static str>,
        started: Option<&str>,
        endpoints: Option<Vec<E>>,
    ) -> Option<Vec<u8>> {
        let answer = Answer {
            kind,
            name: &self.name,
            id: self.id,
            version: env!("CARGO_PKG_VERSION"),
            metadata: Metadata { peer: self.peer },
            description,
            started,
            endpoints,
        };
        let mut out = Vec::new();
        write(&mut out, Json, &answer).ok()?;
        Some(out)
    }
}

/// A time since 1970, in RFC 3339.
pub(crate) fn rfc3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March, in eras of 400 (Howard Hinnant, "chrono-compatible low-level date
    // algorithms").
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
