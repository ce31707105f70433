//! What comes of a call, as layers see it.

use std::cell::OnceCell;
use std::fmt;

use crate::base::error::{BoxError, Error, Result};
use crate::base::foreign;
use crate::base::value::Value;
use crate::call::promise::Promise;

/// What looks at the outcome of a call.
type Watcher = Box<dyn FnOnce(&mut Outcome<'_>) + Send>;

/// Those who look at the outcome of a call, in this order.
#[derive(Default)]
pub(crate) struct Watchers(Vec<Watcher>);

impl Watchers {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells them what has come of a call, which has so many bytes. Gives what is told instead.
    pub(super) fn tell(self, seen: Seen<'_>, size: usize) -> Option<Result<Value>> {
        let mut outcome = Outcome {
            seen,
            value: OnceCell::new(),
            replaced: false,
            size,
        };
        for watcher in self.0 {
            foreign::catch("a layer", || watcher(&mut outcome));
        }
        if !outcome.replaced {
            return None;
        }
        Some(match outcome.seen {
            Seen::Encoded(read) => Ok(read()),
            Seen::Value(value) => Ok(value),
            Seen::Failed(error) => Err(error),
        })
    }
}

impl fmt::Debug for Watchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watchers({})", self.0.len())
    }
}

/// What comes of a call, now or later: what [`Next::run`](super::Next::run) gives, and what a layer
/// returns.
///
/// A layer that answers by itself returns one that it has made of a [`Value`], of an error
/// ([`Answer::refuse`]) or of a [`Promise`].
#[must_use = "it is what the caller gets; return it"]
pub struct Answer(pub(super) Comes);

pub(super) enum Comes {
    /// What the call itself came to.
    Now(Own),
    /// That comes later; those who look at it then.
    Later(Watchers),
    /// Something else in its place,
    Instead(Result<Value>),
    /// or later.
    Promised(Promise<Value>, Watchers),
}

/// Reads an answer that is encoded.
type Reader = Box<dyn Fn(&[u8]) -> Value + Send>;

/// What a call itself came to.
pub(super) enum Own {
    /// It is done, and wants no answer.
    Done,
    /// Its answer, encoded, and how that is read.
    Encoded(Vec<u8>, Reader),
    Failed(Error),
}

impl Answer {
    pub(super) fn own(own: Own) -> Self {
        Answer(Comes::Now(own))
    }

    /// The call fails with this: it is refused, or what it came to is not told.
    pub fn refuse(error: impl Into<BoxError>) -> Self {
        Answer(Comes::Instead(Err(Error::from_boxed(error.into()))))
    }

    /// Whether it is not known yet: the answer of a peer, or of a handler that answers later.
    pub fn is_later(&self) -> bool {
        matches!(self.0, Comes::Later(_) | Comes::Promised(..))
    }

    /// Runs something when it is known what comes of the call: at once if it is, else on the thread
    /// that finds out, before anybody else is told.
    ///
    /// Later that may be a thread that reads what peers send, so that it should do little, and wait
    /// for nothing. A panic in it is caught and logged.
    pub fn then(self, watcher: impl FnOnce(&mut Outcome<'_>) + Send + 'static) -> Self {
        let watcher: Watcher = Box::new(watcher);
        Answer(match self.0 {
            Comes::Later(mut watchers) => {
                watchers.0.push(watcher);
                Comes::Later(watchers)
            }
            Comes::Promised(promise, mut watchers) => {
                watchers.0.push(watcher);
                Comes::Promised(promise, watchers)
            }
            Comes::Now(own) => {
                let one = Watchers(vec![watcher]);
                let instead = match &own {
                    Own::Done => one.tell(Seen::Value(Value::Null), 0),
                    Own::Encoded(out, read) => {
                        let read = || read(out);
                        one.tell(Seen::Encoded(&read), out.len())
                    }
                    Own::Failed(error) => one.tell(Seen::Failed(error.clone()), 0),
                };
                instead.map_or(Comes::Now(own), Comes::Instead)
            }
            Comes::Instead(result) => {
                let one = Watchers(vec![watcher]);
                let instead = one.tell(result.clone().into(), 0);
                Comes::Instead(instead.unwrap_or(result))
            }
        })
    }
}

impl From<Value> for Answer {
    fn from(value: Value) -> Self {
        Answer(Comes::Instead(Ok(value)))
    }
}

impl From<Promise<Value>> for Answer {
    fn from(promise: Promise<Value>) -> Self {
        Answer(Comes::Promised(promise, Watchers::default()))
    }
}

impl<E: Into<BoxError>> From<Result<Value, E>> for Answer {
    fn from(result: Result<Value, E>) -> Self {
        match result {
            Ok(value) => value.into(),
            Err(error) => Answer::refuse(error),
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Comes::Now(Own::Failed(_)) | Comes::Instead(Err(_)) => "Answer(failed)",
            Comes::Now(_) | Comes::Instead(Ok(_)) => "Answer(ready)",
            Comes::Later(_) | Comes::Promised(..) => "Answer(later)",
        })
    }
}

/// What a call has come to.
pub struct Outcome<'a> {
    seen: Seen<'a>,
    value: OnceCell<Value>,
    replaced: bool,
    size: usize,
}

pub(super) enum Seen<'a> {
    /// An answer that can be read.
    Encoded(&'a dyn Fn() -> Value),
    Value(Value),
    Failed(Error),
}

impl From<Result<Value>> for Seen<'_> {
    fn from(result: Result<Value>) -> Self {
        match result {
            Ok(value) => Seen::Value(value),
            Err(error) => Seen::Failed(error),
        }
    }
}

impl Outcome<'_> {
    /// The result; null of a notification that was handled or sent; `None` if the call has failed. It
    /// is read when it is asked for.
    pub fn value(&self) -> Option<&Value> {
        match &self.seen {
            Seen::Encoded(read) => Some(self.value.get_or_init(read)),
            Seen::Value(value) => Some(value),
            Seen::Failed(_) => None,
        }
    }

    /// What the call has failed with. [`Error::Call`] of an incoming call is what its caller is told,
    /// and of an outgoing one what the other side has answered.
    pub fn error(&self) -> Option<&Error> {
        match &self.seen {
            Seen::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// Has the caller told this instead.
    pub fn replace<E: Into<BoxError>>(&mut self, result: Result<Value, E>) {
        let result = result.map_err(|error| Error::from_boxed(error.into()));
        self.seen = result.into();
        self.replaced = true;
    }

    /// How many bytes the answer has, as its codec writes it; 0 where there is none, and for errors.
    pub fn size(&self) -> usize {
        self.size
    }
}

impl fmt::Debug for Outcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.error() {
            Some(error) => write!(f, "Outcome({error})"),
            None => f.write_str("Outcome(..)"),
        }
    }
}
