//! What a server says: answers.

use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use crate::base::eavesdrop::{self, Entry};
use crate::base::error::{CallError, Error};
use crate::base::sync::lock;
use crate::format::text::{self, Json};
use crate::wire::session::{About, Speaking, Way};

use super::body::{Said, write_exception};
use super::frames::{self, Body};
use super::header::{Answering, Answers};
use super::operations::{Asker, Operations, Outcome, Wants};
use super::thing::no_calls;

/// What the two halves of a server's session share.
#[derive(Debug)]
pub(super) struct Desk {
    /// What the server is called.
    pub(super) us: Arc<str>,
    /// A leaf in the lock order.
    pub(super) operations: Mutex<Operations>,
}

/// The speaking half of a server's session.
pub(super) struct Speaker {
    desk: Arc<Desk>,
}

impl Speaker {
    pub(super) fn new(desk: Arc<Desk>) -> Self {
        Speaker { desk }
    }
}

impl Desk {
    /// Appends an answer.
    pub(super) fn answer(
        &self,
        out: &mut Vec<u8>,
        asker: &Asker,
        answers: Answers,
        body: Body<'_>,
    ) {
        let mut header = Vec::new();
        let answering = Answering {
            answers,
            id: &asker.id,
            receiver: &asker.sender,
            sender: &self.us,
        };
        answering.write(&mut header);
        frames::write(out, &header, body);
    }

    /// The same with a value in JSON.
    pub(super) fn answer_json(
        &self,
        out: &mut Vec<u8>,
        asker: &Asker,
        answers: Answers,
        payload: &str,
    ) {
        let body = Body {
            payload: payload.as_bytes(),
            encoded: &[],
        };
        self.answer(out, asker, answers, body);
    }

    /// The same with an error.
    pub(super) fn fail(
        &self,
        out: &mut Vec<u8>,
        asker: &Asker,
        answers: Answers,
        error: &CallError,
    ) {
        let mut payload = Vec::new();
        write_exception(&mut payload, error);
        let body = Body {
            payload: &payload,
            encoded: &[],
        };
        self.answer(out, asker, answers, body);
    }

    fn settle(&self, out: &mut Vec<u8>, outcome: Outcome) {
        match outcome {
            Outcome::Silence => {}
            Outcome::Late(asker, late) => {
                let word = format!("\"{}\"", late.word());
                self.answer_json(out, &asker, Answers::Timeout, &word);
            }
            Outcome::Result(asker, body, wants) => {
                let body = String::from_utf8(body).unwrap_or_default();
                let mut said = match wants.several {
                    true => Said::json(&body),
                    false => Said::result(&body),
                };
                if wants.logs {
                    let mut payload = br#"{"return_value":"#.to_vec();
                    payload.append(&mut said.payload);
                    payload.extend_from_slice(br#","execution_logs":"#);
                    write_logs(&mut payload);
                    payload.push(b'}');
                    said.payload = payload;
                }
                self.answer(out, &asker, Answers::Reply, said.body());
            }
            Outcome::Failed(asker, mut payload, Wants { logs, .. }) => {
                if logs && payload.pop() == Some(b'}') {
                    payload.extend_from_slice(br#","execution_logs":"#);
                    write_logs(&mut payload);
                    payload.push(b'}');
                }
                let body = Body {
                    payload: &payload,
                    encoded: &[],
                };
                self.answer(out, &asker, Answers::Exception, body);
            }
        }
    }
}

impl Speaking for Speaker {
    fn call(&mut self, _: &mut Vec<u8>, _: &str, _: &[u8], _: Option<u64>, _: Way) {
        // Events go to those who have subscribed to them, by another connection.
    }

    fn can_say(&self, about: About<'_>, _body: &[u8]) -> Result<(), Error> {
        match about {
            About::Call {
                method, id: None, ..
            } => Err(Error::Unsupported {
                protocol: "hololinked".into(),
                method: method.into(),
                reason: "events go to all who have subscribed, and not to one client".into(),
            }),
            about => no_calls(about),
        }
    }

    fn answer(&mut self, out: &mut Vec<u8>, id: &str, body: &[u8], failed: bool) {
        let Ok(call) = id.parse() else {
            return;
        };
        let now = Instant::now();
        let outcome = lock(&self.desk.operations).done(call, body, failed, now);
        self.desk.settle(out, outcome);
    }

    fn begins(&mut self, id: &str) -> bool {
        id.parse().map_or(true, |call| {
            lock(&self.desk.operations).begins(call, Instant::now())
        })
    }

    fn later(&mut self) -> Option<Instant> {
        lock(&self.desk.operations).later()
    }

    fn kept(&mut self, out: &mut Vec<u8>, _last: bool) {
        let late = lock(&self.desk.operations).late(Instant::now());
        for (asker, late) in late {
            self.desk.settle(out, Outcome::Late(asker, late));
        }
    }
}

/// Appends what this thread has logged meanwhile, the newest first.
fn write_logs(out: &mut Vec<u8>) {
    out.push(b'[');
    for (number, entry) in eavesdrop::heard().iter().rev().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write_log(out, entry);
    }
    out.push(b']');
}

fn write_log(out: &mut Vec<u8>, entry: &Entry) {
    let level = match entry.level {
        "WARN" => "WARNING",
        level => level,
    };
    let mut member = |before: &[u8], text: &str| {
        out.extend_from_slice(before);
        text::write_str(out, Json, text);
    };
    member(br#"{"level":"#, level);
    member(br#","timestamp":"#, &written(entry.at));
    // There is one such thread, as far as a client can tell.
    member(br#","thread_id":1,"message":"#, &entry.message);
    out.push(b'}');
}

/// A time as the package writes it, but of Greenwich: nothing here knows where we are.
fn written(at: SystemTime) -> String {
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let (seconds, micros) = (since.as_secs(), since.subsec_micros());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days since 0000-03-01, in eras of 400 years ("chrono-Compatible Low-Level Date Algorithms").
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = year + era * 400 + next;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_written() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000000"),
            (951_782_400, "2000-02-29T00:00:00.000000"),
            (1_735_689_599, "2024-12-31T23:59:59.000000"),
            (4_107_542_400, "2100-03-01T00:00:00.000000"),
        ] {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(written(at), text);
        }
    }
}
