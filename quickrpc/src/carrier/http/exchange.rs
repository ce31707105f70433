//! One request and its response.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::http::StatusCode;

use crate::carrier::tls::explained;
use crate::expr::Hidden;

use super::Target;
use super::answers::Answer;
use super::room::Room;
use super::telegram::{answer, not_answered, without_terms};

/// Whose caller has given up is told so; this is for those of whom it was not.
const GRACE: Duration = Duration::from_secs(5);
/// So much of a response is read at once.
const CHUNK: usize = 16 << 10;
/// Who waits for something else than the server is told so before his time is over: when this part of it is left,
/// and no more than [`EARLY`].
const RESERVE: u32 = 5;
const EARLY: Duration = Duration::from_secs(1);

/// What is to be posted.
pub(super) struct Job {
    pub(super) telegram: Vec<u8>,
    /// The call that waits for an answer.
    pub(super) call: Option<u64>,
    /// The name, if it is a notification.
    pub(super) method: Box<str>,
    /// How long its caller waits, from when it was made.
    pub(super) timeout: Option<Duration>,
    pub(super) since: Instant,
}

impl Job {
    /// When its caller, who would hear only that his time is over, is better told what it has waited for.
    pub(super) fn late(&self) -> Option<Instant> {
        let timeout = self.timeout.filter(|_| self.call.is_some())?;
        let wait = timeout.saturating_sub(EARLY.min(timeout / RESERVE));
        self.since.checked_add(wait)
    }
}

impl Target {
    /// Posts something. Gives what is answered to its caller, if somebody waits, and what is wrong.
    pub(super) fn exchange(
        &self,
        agent: &Agent,
        authorization: Option<&Hidden>,
        job: Job,
    ) -> Option<Answer> {
        let limit = job.timeout.unwrap_or(self.patience);
        let left = limit.saturating_sub(job.since.elapsed());
        let mut room = self.rooms.one();
        let said = match (left.is_zero(), job.call) {
            // Its caller has given up.
            (true, Some(_)) => return None,
            (true, None) => Err(format!("was busy for {limit:?} with what was sent before")),
            (false, call) => {
                let left = left + call.map_or(Duration::ZERO, |_| GRACE);
                self.post(agent, authorization, job.telegram, left, &mut room)
            }
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
        let mut why = format!("{} {why}", self.shown);
        if !job.method.is_empty() {
            why.push_str(&format!("; that was the notification `{}`", job.method));
        }
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
        let end = Instant::now() + left;
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
        let mut response = request.send(body).map_err(|error| self.failed(&error))?;
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
                    error => self.failed(&error),
                })?;
            // Where each part has its time, one that comes bit by bit must not have it again and again.
            if count > 0 && Instant::now() > end {
                return Err(String::from(NOT_IN_TIME));
            }
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

const NOT_IN_TIME: &str = "has not answered in time";

impl Target {
    fn failed(&self, error: &ureq::Error) -> String {
        match error {
            ureq::Error::Timeout(_) => String::from(NOT_IN_TIME),
            ureq::Error::HostNotFound => String::from("is not known by that name"),
            ureq::Error::Io(error) => match explained(error) {
                Some(why) => format!("cannot be asked: {why}"),
                // What it had to say of that may be lost, since we go on speaking.
                None if self.is_tls && is_end(error) => format!(
                    "cannot be asked: it has ended the connection ({error}); it may want a certificate of ours, or \
                     not take the one of `?cert=`"
                ),
                None => format!("cannot be asked: {error}"),
            },
            // Which is what an alert of TLS is taken for.
            ureq::Error::Protocol(error)
                if !self.is_tls && error.to_string().contains(NO_VERSION) =>
            {
                String::from(
                    "cannot be asked: it does not speak HTTP there; if it speaks TLS, call it by `https:`",
                )
            }
            error => format!("cannot be asked: {error}"),
        }
    }
}

fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::UnexpectedEof
    )
}

/// What `ureq` says of an answer that begins with something else than HTTP.
const NO_VERSION: &str = "invalid HTTP version";

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
