//! Promises whose values are made of those of others.

use std::sync::{Arc, Mutex, Weak};

use super::call::Context;
use super::shared::{Shared, Turn};
use super::wish::{self, Unwanted};
use super::{Promise, Resolver};
use crate::base::error::{Error, Result};
use crate::base::foreign::running;
use crate::base::sync::lock;

impl<T: Send + 'static> Promise<T> {
    /// A promise of what a function makes of the value. Errors stay as they are.
    ///
    /// The function runs where the answer is read, as deserialising does, and should be as short;
    /// for more there is [`then`](Promise::then). If it panics, the promise fails as a call does whose
    /// handler panics ([`CallError::INTERNAL_ERROR`](crate::CallError::INTERNAL_ERROR)). Cancelling the
    /// new promise cancels this one.
    ///
    /// ```
    /// use quickrpc::{Promise, remote_api};
    ///
    /// #[remote_api]
    /// trait Lab {
    ///     #[incoming]
    ///     fn celsius(&self) -> f64;
    ///     #[incoming]
    ///     fn fahrenheit(&self) -> f64;
    /// }
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// # let (sensor, lab) = Lab::pair();
    /// # sensor.celsius.connect(|_sender| 20.0);
    /// let (gateway, client) = Lab::pair();
    /// let hub = lab.all();
    /// // Answered later, and holds up nobody.
    /// gateway.fahrenheit.connect(move |_sender| hub.celsius().map(|celsius| celsius * 1.8 + 32.0));
    /// assert_eq!(client.all().fahrenheit().result()?, 68.0);
    /// # Ok(()) }
    /// ```
    pub fn map<U: Send + 'static>(self, map: impl FnOnce(T) -> U + Send + 'static) -> Promise<U> {
        let (promise, resolver) = made_of([&self].into_iter());
        self.shared.on_settled(move |result, turn| {
            let made = result.and_then(|value| {
                let made = running("the function given to `map`", || map(value));
                made.map_err(Error::Call)
            });
            resolver.shared.settle(made, turn);
        });
        promise
    }

    /// A promise of the values of several, in the order in which they are given. The first that
    /// fails is what it fails with, and the others are given up then. Cancelling it cancels all.
    ///
    /// ```
    /// use quickrpc::Promise;
    /// # use quickrpc::remote_api;
    /// # #[remote_api]
    /// # trait Lab { #[incoming] fn measure(&self, channel: u8) -> f64; }
    /// # fn main() -> quickrpc::Result<()> {
    /// # let (lab, client) = Lab::pair();
    /// # lab.measure.connect(|_sender, channel| f64::from(channel));
    /// let hub = client.all();
    /// let all = Promise::join((0..3).map(|channel| hub.measure(channel)));
    /// assert_eq!(all.result()?, [0.0, 1.0, 2.0]); // or `all.await`
    /// # Ok(()) }
    /// ```
    pub fn join(promises: impl IntoIterator<Item = Promise<T>>) -> Promise<Vec<T>> {
        let promises: Vec<_> = promises.into_iter().collect();
        if promises.is_empty() {
            return Promise::ready(Vec::new());
        }
        let (promise, resolver) = made_of(promises.iter());
        let joined = Arc::new(Joined {
            values: Mutex::new((promises.len(), promises.iter().map(|_| None).collect())),
            asked: promises.iter().map(Promise::unwanted).collect(),
            resolver,
        });
        for (place, promise) in promises.into_iter().enumerate() {
            let joined = Arc::clone(&joined);
            promise
                .shared
                .on_settled(move |result, turn| joined.settle(place, result, turn));
        }
        promise
    }
}

/// A promise of what an API brings.
pub(crate) fn behind<T>(context: Option<Arc<dyn Context>>) -> (Promise<T>, Resolver<T>) {
    let shared = Arc::new(Shared::behind(context));
    let promise = Promise {
        shared: Arc::clone(&shared),
    };
    (promise, Resolver { shared })
}

/// What is made of these: whoever waits for it waits for them, and gives them up with it.
fn made_of<'a, T, U>(
    promises: impl Iterator<Item = &'a Promise<T>> + Clone,
) -> (Promise<U>, Resolver<U>)
where
    T: Send + 'static,
    U: Send + 'static,
{
    let context = promises
        .clone()
        .find_map(|one| one.shared.context().cloned());
    let (promise, resolver) = behind(context);
    let asked: Vec<_> = promises.map(Promise::unwanted).collect();
    resolver.on_cancel(move || give_up(&asked));
    (promise, resolver)
}

fn give_up(asked: &[Weak<dyn Unwanted>]) {
    for one in asked.iter().filter_map(Weak::upgrade) {
        wish::run(one.unwanted());
    }
}

struct Joined<T> {
    /// How many are missing, and what is there.
    values: Mutex<(usize, Vec<Option<T>>)>,
    asked: Vec<Weak<dyn Unwanted>>,
    resolver: Resolver<Vec<T>>,
}

impl<T: Send + 'static> Joined<T> {
    fn settle(&self, place: usize, result: Result<T>, turn: Turn) {
        let value = match result {
            Ok(value) => value,
            Err(error) => {
                if self.resolver.shared.settle(Err(error), turn) {
                    give_up(&self.asked);
                }
                return;
            }
        };
        let all = {
            let (missing, values) = &mut *lock(&self.values);
            if let Some(slot) = values.get_mut(place) {
                *slot = Some(value);
            }
            *missing -= 1;
            (*missing == 0).then(|| std::mem::take(values))
        };
        if let Some(all) = all {
            let all = all.into_iter().flatten().collect();
            self.resolver.shared.settle(Ok(all), turn);
        }
    }
}
