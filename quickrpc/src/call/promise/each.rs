//! One promise for each of several peers.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;
use std::vec;

use crossbeam_channel::{Receiver, RecvTimeoutError, unbounded};

use super::Promise;
use super::shared::{Shared, earlier};
use crate::base::error::{Error, Result};
use crate::base::sender::Sender;

/// The promises of a call that was sent to several peers, one for each.
///
/// ```no_run
/// use quickrpc::Promises;
///
/// fn show(sums: Promises<i64>) {
///     for (peer, sum) in sums.results() {
///         match sum {
///             Ok(sum) => println!("{peer} says {sum}"),
///             Err(error) => println!("{peer}: {error}"),
///         }
///     }
/// }
/// ```
#[must_use = "the calls were sent and run, but nobody will see their results or their errors; \
              call `.results()`, or `drop(..)` them if you do not mind"]
pub struct Promises<T> {
    promises: Vec<(Sender, Promise<T>)>,
}

impl<T> Promises<T> {
    pub(crate) fn new(promises: Vec<(Sender, Promise<T>)>) -> Self {
        Promises { promises }
    }

    /// How many peers were asked.
    pub fn len(&self) -> usize {
        self.promises.len()
    }

    /// Gives all of them up; see [`Promise::cancel`].
    pub fn cancel(&self)
    where
        T: Send + 'static,
    {
        for (_, promise) in &self.promises {
            promise.cancel();
        }
    }

    /// Whether nobody was asked.
    pub fn is_empty(&self) -> bool {
        self.promises.is_empty()
    }
}

impl<T: Send + 'static> Promises<T> {
    /// The results, each with the peer that gave it, in the order in which they arrive.
    ///
    /// # Blocking
    ///
    /// The iterator waits for the next result, for each at most until its deadline. Where
    /// waiting could never end, the results are [`Error::Deadlock`].
    pub fn results(self) -> Results<T> {
        let (arrived, arrivals) = unbounded();
        let mut deadline = None;
        let mut asked = Vec::with_capacity(self.promises.len());
        for (place, (peer, promise)) in self.promises.into_iter().enumerate() {
            let shared = promise.shared.clone();
            deadline = earlier(deadline, shared.own_deadline());
            asked.push(Some((peer, shared)));
            let arrived = arrived.clone();
            // That nobody waits for the results any more is no concern of the sender.
            promise.on_settled(move |result| drop(arrived.send((place, result))));
        }
        Results {
            left: asked.len(),
            asked,
            first: 0,
            deadline,
            arrivals,
        }
    }
}

impl<T> IntoIterator for Promises<T> {
    type Item = (Sender, Promise<T>);
    type IntoIter = vec::IntoIter<(Sender, Promise<T>)>;

    fn into_iter(self) -> Self::IntoIter {
        self.promises.into_iter()
    }
}

impl<T> fmt::Debug for Promises<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.promises.iter().map(|(peer, promise)| (peer, promise));
        f.debug_map().entries(entries).finish()
    }
}

/// The results of a call that was sent to several peers; see [`Promises::results`].
pub struct Results<T> {
    /// Who was asked; `None` once the result has been given.
    asked: Vec<Option<(Sender, Arc<Shared<T>>)>>,
    /// Before this place all have been given.
    first: usize,
    left: usize,
    /// No result outstanding has an earlier one; perhaps all have later ones.
    deadline: Option<Instant>,
    arrivals: Receiver<(usize, Result<T>)>,
}

impl<T> Results<T> {
    fn give(&mut self, place: usize, result: Result<T>) -> Option<(Sender, Result<T>)> {
        let (peer, _) = self.asked.get_mut(place)?.take()?;
        self.left -= 1;
        Some((peer, result))
    }

    /// The place of some result outstanding.
    fn some_outstanding(&mut self) -> Option<usize> {
        while self.asked.get(self.first)?.is_none() {
            self.first += 1;
        }
        Some(self.first)
    }

    /// Lets those fail whose deadline has passed, and finds the next deadline.
    fn expire(&mut self) {
        self.deadline = None;
        for (_, shared) in self.asked.iter().flatten() {
            self.deadline = earlier(self.deadline, shared.expire());
        }
    }

    fn wait(&mut self, place: usize) -> Result<(usize, Result<T>)> {
        if let Ok(arrival) = self.arrivals.try_recv() {
            return Ok(arrival);
        }
        if let Some(Some((_, shared))) = self.asked.get(place) {
            // Nobody can read several peers by himself, so the API does.
            shared.before_wait()?;
        }
        loop {
            let Some(deadline) = self.deadline else {
                return self.arrivals.recv().map_err(|_| Error::Abandoned);
            };
            match self.arrivals.recv_deadline(deadline) {
                Ok(arrival) => return Ok(arrival),
                Err(RecvTimeoutError::Timeout) => self.expire(),
                Err(RecvTimeoutError::Disconnected) => return Err(Error::Abandoned),
            }
        }
    }
}

impl<T> Iterator for Results<T> {
    type Item = (Sender, Result<T>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let place = self.some_outstanding()?;
            let (place, result) = match self.wait(place) {
                Ok(arrival) => arrival,
                Err(error) => (place, Err(error)),
            };
            // What was given up before (`Deadlock`) may arrive all the same.
            if let Some(item) = self.give(place, result) {
                return Some(item);
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for Results<T> {}

impl<T> fmt::Debug for Results<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Results({} outstanding)", self.left)
    }
}
