//! One request and its response.

use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::http::StatusCode;

use crate::base::often::Origin;
use crate::expr::Hidden;

use super::Target;
use super::telegram::{answer, not_answered, without_timeout};

/// Whose caller has given up is told so; this is for those of whom it was not.
const GRACE: Duration = Duration::from_secs(5);
/// A notification has so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is to be posted.
pub(super) struct Job {
    pub(super) telegram: Vec<u8>,
    /// The call that waits for an answer.
    pub(super) call: Option<u64>,
    /// How long its caller waits, from when it was made.
    pub(super) timeout: Option<Duration>,
    pub(super) since: Instant,
}

impl Target {
    /// Posts something. Gives what is answered to its caller, if somebody waits.
    pub(super) fn exchange(
        &self,
        agent: &Agent,
        authorization: Option<&Hidden>,
        job: Job,
    ) -> Option<Vec<u8>> {
        let limit = job.timeout.unwrap_or(PATIENCE);
        let left = limit.saturating_sub(job.since.elapsed());
        if left.is_zero() {
            // Its caller has given up.
            return None;
        }
        let said = self.post(
            agent,
            authorization,
            without_timeout(job.telegram),
            left + GRACE,
        );
        let (why, status) = match (said, job.call) {
            (Ok((status, _)), None) if status.is_success() => return None,
            (Ok((status, body)), Some(call)) => {
                match answer(&self.codec, &self.limits, body, call) {
                    Ok(answer) => return Some(answer),
                    Err(body) => (told(status, &body), Some(status.as_u16())),
                }
            }
            (Ok((status, body)), None) => (told(status, &body), Some(status.as_u16())),
            (Err(error), _) => (error, None),
        };
        let why = format!("{} {why}", self.shown);
        match job.call {
            Some(call) => Some(not_answered(&self.codec, call, &why, status)),
            None => {
                let origin = Origin::Name(self.shown.as_str().into());
                crate::base::log::warn_often!("notifications that were not taken", &origin; "{why}");
                None
            }
        }
    }

    fn post(
        &self,
        agent: &Agent,
        authorization: Option<&Hidden>,
        body: Vec<u8>,
        left: Duration,
    ) -> Result<(StatusCode, Vec<u8>), String> {
        let mut request = agent
            .post(self.url.reveal())
            .header("Content-Type", "application/json")
            .header("Accept", "application/json");
        if let Some(authorization) = authorization {
            request = request.header("Authorization", authorization.reveal());
        }
        let request = request.config().timeout_global(Some(left)).build();
        let mut response = request.send(body).map_err(|error| failed(&error))?;
        let status = response.status();
        let limit = self.limits.message_size as u64;
        let body = response.body_mut().with_config().limit(limit).read_to_vec();
        let body = body.map_err(|error| match error {
            ureq::Error::BodyExceedsLimit(_) => {
                format!("answered with more than {limit} bytes ({status})")
            }
            error => failed(&error),
        })?;
        Ok((status, body))
    }
}

fn failed(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => String::from("has not answered in time"),
        ureq::Error::HostNotFound => String::from("is not known by that name"),
        error => format!("cannot be asked: {error}"),
    }
}

/// What a server said that was no answer, with the beginning of it.
fn told(status: StatusCode, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let start: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    let what = match (
        status.is_redirection(),
        status.is_success(),
        start.is_empty(),
    ) {
        (true, ..) => "answered with a redirection, which a call does not follow",
        (_, _, true) => "answered without an answer",
        (_, true, _) => "answered something else than JSON-RPC to this call",
        (_, false, _) => "answered",
    };
    match start.is_empty() {
        true => format!("{what}: status {status}"),
        false => format!("{what}: status {status}: {start}"),
    }
}
