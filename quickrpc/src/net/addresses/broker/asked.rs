//! What we have asked, and whether those who owe us an answer are still there.

use std::sync::Arc;
use std::time::Instant;

use super::super::super::above::Above;
use super::super::super::conn::{At, Conn, Outlet};
use super::Broker;
use crate::base::error::Error;
use crate::base::numbers::NumberMap;
use crate::base::security::SecurityError;
use crate::base::sync::lock;
use crate::wire::broker::subjects;

/// One call that waits for its answer.
#[derive(Debug, Clone)]
pub(super) struct Question {
    /// Who was asked.
    pub(super) conn: Arc<Conn>,
    /// Whom it was sent to, as its subject says.
    pub(super) sent_to: At,
    pub(super) method: Box<str>,
    pub(super) since: Instant,
    /// How often nobody has said that he works on it.
    pub(super) silences: u32,
    /// Who was asked knows nothing of it any more; what he has said before may be under way.
    pub(super) is_lost: bool,
}

/// The calls, by their numbers and those of who was asked: one call may go to several.
pub(super) type Questions = NumberMap<(u64, u64), Question>;

/// A call of which nobody has said so often that he works on it is lost.
const SILENCES: u32 = 3;
/// So many calls are named at once.
const NAMED: usize = 4096;

/// What stands in the reply subject for a call, in pieces.
pub(super) fn mark<'a>(
    (id, asked): (u64, u64),
    first: &'a mut itoa::Buffer,
    second: &'a mut itoa::Buffer,
) -> [&'a str; 3] {
    [first.format(id), "-", second.format(asked)]
}

/// The same as one text.
fn mark_text(key: (u64, u64)) -> String {
    mark(key, &mut itoa::Buffer::new(), &mut itoa::Buffer::new()).concat()
}

/// The call that such a mark means.
pub(super) fn marked(mark: &str) -> Option<(u64, u64)> {
    let (id, asked) = mark.split_once('-')?;
    Some((id.parse().ok()?, asked.parse().ok()?))
}

/// Who it stands for behind the broker.
pub(super) fn at(conn: &Conn) -> Option<&At> {
    match &conn.outlet {
        Outlet::Broker(outlet) => Some(&outlet.at),
        _ => None,
    }
}

impl Broker {
    /// Looks after those who owe us answers.
    pub(super) fn look_at_questions(&self, above: &dyn Above, now: Instant) {
        let due: Vec<_> = {
            let questions = lock(&self.questions);
            let probe = self.probe();
            let is_due = |question: &Question| now.duration_since(question.since) >= probe / 2;
            let due = questions.iter().filter(|(_, question)| is_due(question));
            due.map(|(key, question)| (*key, question.clone()))
                .collect()
        };
        let (mut open, mut lost, mut over) = (Vec::new(), Vec::new(), Vec::new());
        let (mut asks_all, mut named) = (false, false);
        for (key, question) in due {
            if !above.awaits(&question.conn, key.0) {
                over.push(key);
                continue;
            }
            match at(&question.conn) {
                Some(At::Any) if question.silences >= SILENCES => lost.push((key, question)),
                Some(At::Any) => {
                    // Whoever had taken it may have gone without a word.
                    asks_all |= question.silences > 0;
                    open.push(key);
                }
                Some(At::All) => asks_all = true,
                Some(At::Peer(_)) => named = true,
                Some(At::Named(_)) if question.is_lost || question.silences >= SILENCES => {
                    lost.push((key, question));
                }
                Some(At::Named(name)) => {
                    if let Some(question) = lock(&self.questions).get_mut(&key) {
                        question.silences += 1;
                    }
                    let subject = self.subjects().to(name, subjects::PING);
                    self.publish(&subject, &self.subjects().inbox(&mark_text(key)), b"");
                }
                _ => {}
            }
        }
        {
            let mut questions = lock(&self.questions);
            for key in over {
                questions.remove(&key);
            }
            for (key, _) in &lost {
                questions.remove(key);
            }
            for key in open.iter().take(NAMED) {
                if let Some(question) = questions.get_mut(key) {
                    question.silences += 1;
                }
            }
        }
        if asks_all || named {
            self.ask_members(above, |conn| asks_all || conn.flow.is_awaited());
        }
        if !open.is_empty() {
            let marks: Vec<_> = open.into_iter().take(NAMED).map(mark_text).collect();
            for marks in marks.chunks(64) {
                let all = self.subjects().all(subjects::OWED);
                let inbox = self.subjects().inbox(subjects::NONE);
                self.publish(&all, &inbox, marks.join(" ").as_bytes());
            }
        }
        for ((id, _), question) in lost {
            let error = Error::Disconnected {
                peer: Arc::clone(&question.conn.peer().name),
                reason: "nobody says that he works on the call any more".into(),
            };
            above.unanswered(&question.conn, id, error);
        }
    }

    /// A peer works on these calls of ours, which went to one of several.
    pub(super) fn taken(&self, above: &dyn Above, by: &Arc<Conn>, marks: &str) {
        for key in marks.split(' ').filter_map(marked) {
            let taken = {
                let mut questions = lock(&self.questions);
                let Some(question) = questions.remove(&key) else {
                    continue;
                };
                if at(&question.conn) != Some(&At::Any) {
                    questions.insert(key, question);
                    continue;
                }
                let by = Question {
                    conn: Arc::clone(by),
                    silences: 0,
                    ..question.clone()
                };
                // Its answer will come with the old mark, and the next question goes to the peer.
                questions.insert(key, by);
                question
            };
            above.taken(&taken.conn, key.0, by);
        }
    }

    /// Who was asked the call with this mark, if it is still open.
    pub(super) fn asked(&self, key: (u64, u64)) -> Option<Arc<Conn>> {
        lock(&self.questions)
            .get(&key)
            .map(|question| Arc::clone(&question.conn))
    }

    /// The broker says that nobody listens to what a call was sent to.
    pub(super) fn nobody_listens(&self, above: &dyn Above, key: (u64, u64)) {
        let Some(question) = lock(&self.questions).remove(&key) else {
            return;
        };
        let conn = &question.conn;
        if let Some(At::Peer(name)) = at(conn)
            && self
                .nobody_named(above, name)
                .is_some_and(|gone| gone.id() == conn.id())
        {
            return;
        }
        let error = match question.silences {
            0 => Error::NoPeer {
                method: (*question.method).into(),
                addressed: true,
                sent: true,
                reason: "".into(),
            },
            // It has been there.
            _ => Error::Disconnected {
                peer: Arc::clone(&conn.peer().name),
                reason: "nobody listens there any more".into(),
            },
        };
        above.unanswered(conn, key.0, error);
    }

    /// The broker has refused what was sent to this subject.
    pub(super) fn forbidden(&self, above: &dyn Above, subject: &str, text: &str) {
        let error = Error::Security(SecurityError::Refused(
            format!("the broker's permissions: {text}").into(),
        ));
        self.refused(above, subject, &error);
    }

    /// The broker does not let us listen to this subject.
    pub(super) fn unheard(&self, above: &dyn Above, subject: &str, text: &str) {
        let [answers, me, all] = self.subjects().own();
        let what = match subject {
            _ if *subject == *answers => "no answers",
            _ if *subject == *me => "nothing that is for us alone",
            _ if *subject == *all => "nothing that is for everybody",
            _ => "no calls to `any()` of it",
        };
        let error = Error::Security(SecurityError::Refused(
            format!("the broker's permissions: {text}; {what} can come").into(),
        ));
        above.trouble(self.everyone.peer(), error.clone());
        if *subject == *answers && self.deaf.set(error.clone()).is_ok() {
            let questions = std::mem::take(&mut *lock(&self.questions));
            for ((id, _), question) in questions {
                above.unanswered(&question.conn, id, error.clone());
            }
        }
    }

    /// What was sent to this subject has failed.
    pub(super) fn refused(&self, above: &dyn Above, subject: &str, error: &Error) {
        let refused: Vec<_> = {
            let mut questions = lock(&self.questions);
            let is_its = |question: &Question| {
                let sent_to = self.subject_of(&question.sent_to, &question.method, true);
                sent_to.is_some_and(|pieces| pieces.concat() == subject)
            };
            let keys: Vec<_> = questions
                .iter()
                .filter(|(_, question)| is_its(question))
                .map(|(key, _)| *key)
                .collect();
            let refused = keys.into_iter();
            refused
                .filter_map(|key| Some((key, questions.remove(&key)?)))
                .collect()
        };
        if refused.is_empty() {
            above.trouble(self.everyone.peer(), error.clone());
            return;
        }
        for ((id, _), question) in refused {
            above.unanswered(&question.conn, id, error.clone());
        }
    }

    /// Something was heard of a call by whoever works on it. Its answer ends it, unless it went to
    /// several; what comes bit by bit says who that is.
    pub(super) fn answered(&self, above: &dyn Above, key: (u64, u64), by: &Arc<Conn>) {
        let goes_on = above.awaits(by, key.0);
        let mut questions = lock(&self.questions);
        if !goes_on {
            questions.remove(&key);
        } else if let Some(question) = questions.get_mut(&key) {
            question.silences = 0;
            if at(&question.conn) == Some(&At::Any) {
                question.conn = Arc::clone(by);
            }
        }
    }

    /// Whoever has this name knows nothing of what was sent to him so far.
    pub(super) fn give_up_on(&self, name: &str) {
        for question in lock(&self.questions).values_mut() {
            let is_his = matches!(at(&question.conn), Some(At::Named(asked)) if **asked == *name);
            question.is_lost |= is_his;
        }
    }

    /// Who was asked is there.
    pub(super) fn is_there(&self, key: (u64, u64)) {
        if let Some(question) = lock(&self.questions).get_mut(&key) {
            question.silences = 0;
        }
    }
}
