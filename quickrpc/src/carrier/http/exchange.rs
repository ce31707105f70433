//! One request and its response.

use std::io::Read;
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::http::StatusCode;

use crate::expr::Hidden;

use super::Target;
use super::answers::Answer;
use super::room::Room;
use super::telegram::{answer, not_answered, without_terms};

/// Whose caller has given up is told so; this is for those of whom it was not.
const GRACE: Duration = Duration::from_secs(5);
/// So much of a response is read at once.
const CHUNK: usize = 16 << 10;
/// A notification has so long; where the server is at hand, each part of the exchange has.
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
    /// Posts something. Gives what is answered to its caller, if somebody waits, and what is wrong.
    pub(super) fn exchange(
        &self,
        agent: &Agent,
        authorization: Option<&Hidden>,
        job: Job,
    ) -> Option<Answer> {
        let limit = job.timeout.unwrap_or(PATIENCE);
        let left = limit.saturating_sub(job.since.elapsed());
        let mut room = self.rooms.one();
        let said = match (left.is_zero(), job.call) {
            // Its caller has given up.
            (true, Some(_)) => return None,
            (true, None) => Err(String::from("was busy for too long")),
            (false, _) => self.post(agent, authorization, job.telegram, left + GRACE, &mut room),
        };
        let (why, status) = match (said, job.call) {
            (Ok((status, _)), None) if status.is_success() => return None,
            (Ok((status, body)), Some(call)) => {
                match answer(&self.codec, &self.limits, body, call) {
                    Ok(answer) => return Some(Answer::new(answer, Some(room))),
                    Err(body) => (told(status, &body), Some(status.as_u16())),
                }
            }
            (Ok((status, body)), None) => (told(status, &body), Some(status.as_u16())),
            (Err(error), _) => (error, None),
        };
        let why = format!("{} {why}", self.shown);
        let answer = not_answered(&self.codec, job.call, &why, status);
        Some(Answer::new(answer, None))
    }

    fn post(
        &self,
        agent: &Agent,
        authorization: Option<&Hidden>,
        telegram: Vec<u8>,
        left: Duration,
        room: &mut Room,
    ) -> Result<(StatusCode, Vec<u8>), String> {
        let mut request = agent
            .post(self.url.reveal())
            .header("Content-Type", "application/json")
            .header("Accept", "application/json");
        let (body, trace) = without_terms(telegram);
        if let Some(trace) = &trace {
            request = request.header("traceparent", trace);
        }
        if let Some(authorization) = authorization {
            request = request.header("Authorization", authorization.reveal());
        }
        let config = request.config();
        let left = Some(left);
        let request = match self.is_at_hand {
            // With a time for all together, a thread would be started to look up what needs no looking up.
            true => config
                .timeout_send_request(left)
                .timeout_send_body(left)
                .timeout_recv_response(left)
                .timeout_recv_body(left),
            false => config.timeout_global(left),
        };
        let request = request.build();
        let mut response = request.send(body).map_err(|error| failed(&error))?;
        let status = response.status();
        let limit = self.limits.message_size as u64;
        let mut reader = response.body_mut().with_config().limit(limit).reader();
        let (mut body, mut chunk) = (Vec::new(), [0; CHUNK]);
        loop {
            let count = reader
                .read(&mut chunk)
                .map_err(|error| match error.into() {
                    ureq::Error::BodyExceedsLimit(_) => {
                        format!("answered with more than {limit} bytes ({status})")
                    }
                    error => failed(&error),
                })?;
            if count == 0 {
                return Ok((status, body));
            }
            if !room.take(count) {
                let limit = self.rooms.limit();
                return Err(format!(
                    "answered ({status}), but all that it answers at once is more than \
                     {limit} bytes (`buffered_total`); ask for less at once"
                ));
            }
            body.extend_from_slice(chunk.get(..count).unwrap_or_default());
        }
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
    // It may begin with what is said already.
    let text = text.strip_prefix(&format!("{status}: ")).unwrap_or(&text);
    let start: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    let what = match (
        status.is_redirection(),
        status.is_success(),
        start.is_empty(),
    ) {
        (true, ..) => "answered with a redirection, which a call does not follow",
        (_, false, _) => "answered",
        (_, true, true) => "answered without an answer",
        (_, true, false) => "answered something else than JSON-RPC to this call",
    };
    match start.is_empty() {
        true => format!("{what}: status {status}"),
        false => format!("{what}: status {status}: {start}"),
    }
}
