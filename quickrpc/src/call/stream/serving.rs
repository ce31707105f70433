//! From what a handler returns to a stream that is fed.

use std::marker::PhantomData;
use std::sync::{Arc, Weak};

use serde::Serialize;

use super::feed::{Entry, Wanted, feed};
use super::foreign::serving::{self as subscriptions, Subscription};
use super::{Either, Stream};
use crate::base::foreign;
use crate::base::value::Value;
use crate::call::answer::LateAnswer;
use crate::call::dispatch::{Invocation, Later, Outcome};
use crate::call::promise::wish::Unwanted;
use crate::call::promise::{Promise, Resolver};
use crate::call::reply::{Reply, Returns, Via};
use crate::format::description::CallDescription;

impl Invocation<'_> {
    /// Answers with the stream that a handler returned.
    pub fn stream<T, W, R, V, U, K>(&mut self, returned: U) -> Outcome
    where
        T: Via<W> + Send + 'static,
        W: Serialize + 'static,
        R: Via<V> + Send + 'static,
        V: Serialize + 'static,
        U: Returns<Stream<T, R>, K>,
    {
        match returned.__say() {
            Reply::Value(stream) => {
                Streamed::<T, W, R, V>::outcome(Promise::ready(stream), self.declared())
            }
            Reply::NotMine => Outcome::not_mine(),
            Reply::Failed(error) => Outcome::failed(self.call_error(error)),
            Reply::Later(stream) => Streamed::<T, W, R, V>::outcome(stream, self.declared()),
        }
    }

    /// Answers with what was passed on, which need not be a stream: without the room for one, its
    /// result alone is the answer.
    pub(crate) fn either(&mut self, either: Either) -> Outcome {
        match either {
            Either::Promise(promise) => self.reply::<Value, Value, _, _>(promise),
            Either::Stream(stream) => {
                let stream = Promise::ready(stream);
                Outcome::later(Box::new(Streamed::<Value, Value, Value, Value> {
                    result_alone: true,
                    ..Streamed::new(stream)
                }))
            }
        }
    }

    /// The same for a handler that answers with a stream later.
    pub fn stream_resolver<T, W, R, V>(&mut self) -> (Resolver<Stream<T, R>>, Outcome)
    where
        T: Via<W> + Send + 'static,
        W: Serialize + 'static,
        R: Via<V> + Send + 'static,
        V: Serialize + 'static,
    {
        let (promise, resolver) = Promise::pair();
        let outcome = Streamed::<T, W, R, V>::outcome(promise, self.declared());
        (resolver, outcome)
    }
}

/// A stream that will be the answer.
struct Streamed<T, W, R, V> {
    stream: Promise<Stream<T, R>>,
    wanted: Arc<Wanted>,
    /// Where there can be no stream, its result is the answer.
    result_alone: bool,
    /// It is in the convention of others.
    subscription: Option<Subscription>,
    wire: PhantomData<fn() -> (W, V)>,
}

impl<T, W, R, V> Streamed<T, W, R, V>
where
    T: Via<W> + Send + 'static,
    W: Serialize + 'static,
    R: Via<V> + Send + 'static,
    V: Serialize + 'static,
{
    fn new(stream: Promise<Stream<T, R>>) -> Self {
        Streamed {
            wanted: Wanted::new(stream.unwanted()),
            stream,
            result_alone: false,
            subscription: None,
            wire: PhantomData,
        }
    }

    fn outcome(
        stream: Promise<Stream<T, R>>,
        declared: Option<&'static CallDescription>,
    ) -> Outcome {
        Outcome::later(Box::new(Streamed {
            subscription: Subscription::of(declared),
            ..Self::new(stream)
        }))
    }
}

impl<T, W, R, V> Later for Streamed<T, W, R, V>
where
    T: Via<W> + Send + 'static,
    W: Serialize + 'static,
    R: Via<V> + Send + 'static,
    V: Serialize + 'static,
{
    fn unwanted(&self) -> Weak<dyn Unwanted> {
        let unwanted: Arc<dyn Unwanted> = Arc::clone(&self.wanted) as _;
        Arc::downgrade(&unwanted)
    }

    fn begin(self: Box<Self>, answer: LateAnswer) {
        let Streamed {
            stream,
            wanted,
            result_alone,
            subscription,
            ..
        } = *self;
        if let Some(subscription) = subscription {
            return stream.on_settled(move |stream| {
                subscriptions::begin::<T, W, R, V>(answer, stream, &wanted, subscription);
            });
        }
        // In the turn of the call, so that credit that comes behind it finds it.
        let entry = Entry::of(&answer);
        stream.on_settled(move |stream| match (stream, entry) {
            (Ok(stream), Ok(entry)) => feed::<T, W, R, V>(answer, stream, wanted, entry),
            (Ok(stream), Err(Some(_))) if result_alone => {
                let result = stream.each(drop);
                result.on_settled(move |result| answer.settle(result.map(Via::into_wire)));
            }
            (Ok(stream), Err(refused)) => {
                foreign::catch("dropping a stream", || drop(stream));
                answer.settle(refused.map_or(Ok(()), Err));
            }
            (Err(error), _) => answer.settle::<()>(Err(error)),
        });
    }
}
