//! Handlers that have their answers made by futures, which somebody else runs.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use crate::base::current::Current;
use crate::base::error::{CallError, Error, Result};
use crate::base::foreign;
use crate::base::sync::lock;
use crate::base::typed_error::IntoCallError;
use crate::call::answer::internal;
use crate::call::promise::{Promise, Resolver, wish};
use crate::call::reply::{Reply, Returns};

use super::dispatch::{Invocation, Outcome};
use super::processing::Executor;

/// A future that makes what a handler has to say.
pub(crate) type Saying<T> = Pin<Box<dyn Future<Output = Reply<T>> + Send>>;

/// What a future of a handler gives, in the words of all handlers.
pub(crate) fn saying<T, U, R, K>(future: U) -> Saying<T>
where
    U: Future<Output = R> + Send + 'static,
    R: Returns<T, K> + 'static,
    K: 'static,
{
    Box::pin(async move { future.await.__say() })
}

impl Invocation<'_> {
    /// Has a future run that makes the answer.
    pub fn run<T, U, R, K>(&mut self, future: U, resolver: Resolver<T>, outcome: Outcome) -> Outcome
    where
        T: Send + 'static,
        U: Future<Output = R> + Send + 'static,
        R: Returns<T, K> + 'static,
        K: 'static,
    {
        match self.begin(saying(future), resolver) {
            Ok(()) => outcome,
            Err(error) => Outcome::failed(error),
        }
    }

    /// The same for what has a promise to give in its place.
    pub(crate) fn promised<T: Send + 'static>(&mut self, future: Saying<T>) -> Reply<T> {
        let (promise, resolver) = Promise::pair();
        match self.begin(future, resolver) {
            Ok(()) => Reply::Later(promise),
            Err(error) => Reply::Failed(error.into()),
        }
    }

    fn begin<T: Send + 'static>(
        &mut self,
        future: Saying<T>,
        resolver: Resolver<T>,
    ) -> std::result::Result<(), CallError> {
        let executor = self.executor();
        let call = AsyncCall {
            errors: self.errors(),
            current: self.current(),
            ..AsyncCall::new(future, resolver, self.method())
        };
        call.run_by(executor)
    }
}

/// Has a future run that makes what a handler has to say to nobody's call; gives a promise of it.
///
/// # Errors
///
/// Nobody runs it.
pub(crate) fn run_alone<T: Send + 'static>(
    executor: Option<&Executor>,
    future: Saying<T>,
    method: &str,
) -> std::result::Result<Promise<T>, CallError> {
    let (promise, resolver) = Promise::pair();
    AsyncCall::new(future, resolver, method).run_by(executor)?;
    Ok(promise)
}

/// A future and its call. One that nobody waits for any more is dropped.
struct AsyncCall<T> {
    future: Option<Saying<T>>,
    resolver: Option<Resolver<T>>,
    errors: IntoCallError,
    /// The call, for whoever asks while the future is polled.
    current: Option<Current>,
    method: Box<str>,
    /// Who is woken when nobody wants it any more.
    waker: Arc<Mutex<Option<Waker>>>,
    /// Somebody wakes it then.
    is_heard: bool,
}

impl<T: Send + 'static> Future for AsyncCall<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let (Some(future), Some(resolver)) = (&mut this.future, &this.resolver) else {
            return Poll::Ready(());
        };
        let waker = cx.waker().clone();
        let before = lock(&this.waker).replace(waker);
        drop(before);
        if !std::mem::replace(&mut this.is_heard, true) {
            let waker = Arc::clone(&this.waker);
            resolver.on_cancel(move || {
                let waker = lock(&waker).take();
                if let Some(waker) = waker {
                    waker.wake();
                }
            });
        }
        if resolver.is_cancelled() {
            this.settle(Err(Error::Cancelled));
            return Poll::Ready(());
        }
        let handling = this.current.map(Current::begin);
        let polled = foreign::attempt(|| future.as_mut().poll(cx));
        drop(handling);
        match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(reply)) => this.reply(reply),
            Err(text) => {
                foreign::report("an async handler", &text);
                let text = format!("the handler of `{}` panicked", this.method);
                this.settle(Err(internal(text).into()));
            }
        }
        Poll::Ready(())
    }
}

impl<T: Send + 'static> AsyncCall<T> {
    fn new(future: Saying<T>, resolver: Resolver<T>, method: &str) -> Self {
        AsyncCall {
            future: Some(future),
            resolver: Some(resolver),
            errors: CallError::from_boxed,
            current: None,
            method: method.into(),
            waker: Arc::default(),
            is_heard: false,
        }
    }

    fn run_by(self, executor: Option<&Executor>) -> std::result::Result<(), CallError> {
        let Some(executor) = executor else {
            let text = format!(
                "nobody runs the async handler of `{}`: give the builder an `executor`",
                self.method
            );
            return Err(internal(text));
        };
        let method = self.method.clone();
        foreign::attempt(|| executor(Box::pin(self))).map_err(|text| {
            foreign::report("the executor", &text);
            internal(format!(
                "the executor of the handler of `{method}` panicked"
            ))
        })
    }

    fn reply(&mut self, reply: Reply<T>) {
        let errors = self.errors;
        match reply {
            Reply::Value(value) => self.settle(Ok(value)),
            Reply::Failed(error) => {
                let error = foreign::catch("an error of a handler", || errors(error));
                let error = error.unwrap_or_else(|| internal("its error panicked"));
                self.settle(Err(error.into()));
            }
            Reply::NotMine => {
                let text = format!("no handler answered `{}`", self.method);
                self.settle(Err(internal(text).into()));
            }
            Reply::Later(promise) => {
                let Some(resolver) = self.resolver.take() else {
                    return;
                };
                let unwanted = promise.unwanted();
                resolver.on_cancel(move || {
                    if let Some(unwanted) = unwanted.upgrade() {
                        wish::run(unwanted.unwanted());
                    }
                });
                promise.on_settled(move |result| resolver.settle_with(result));
                self.settle(Err(Error::Abandoned));
            }
        }
    }

    /// It is over: the future goes, and then the answer, if it is not on its way by itself.
    fn settle(&mut self, result: Result<T>) {
        let future = self.future.take();
        foreign::catch("dropping a future", || drop(future));
        if let Some(resolver) = self.resolver.take() {
            resolver.settle_with(result);
        }
    }
}
