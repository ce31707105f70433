//! What a handler of a property has to say: to who reads it, or writes it.

use std::sync::Arc;

use crate::base::error::CallError;
use crate::base::foreign::{inside, told};
use crate::base::log;
use crate::base::sender::Sender;
use crate::call::asynchronous::{Saying, run_alone};
use crate::call::dispatch::{Invocation, Outcome};
use crate::call::promise::{Promise, wish};
use crate::call::reply::Reply;

use super::owner::Core;
use super::table::Read;

/// What a handler has to say, or a future that will say it.
pub(super) enum Says<T> {
    Now(Reply<T>),
    Soon(Saying<T>),
}

impl<T: Send + 'static> Core<T> {
    /// Answers a read.
    pub(super) fn read_by(self: &Arc<Self>, call: &mut Invocation<'_>) -> Outcome {
        if let Err(outcome) = (self.form.nothing)(call) {
            return outcome;
        }
        let reply = match self.on_read.last().map(|handler| handler(call.sender())) {
            None => Reply::NotMine,
            Some(Says::Now(reply)) => reply,
            Some(Says::Soon(future)) => {
                let core = Arc::clone(self);
                call.promised(Box::pin(async move {
                    match future.await {
                        Reply::NotMine => core.was_set(),
                        reply => reply,
                    }
                }))
            }
        };
        match reply {
            Reply::NotMine => match self.owned.newest() {
                Some(value) => (self.form.answer)(call, &*value),
                None => Outcome::failed(self.no_value()),
            },
            reply => (self.form.reply)(call, reply),
        }
    }

    fn was_set(&self) -> Reply<T> {
        let newest = self.owned.newest();
        match newest.and_then(|value| (self.form.load)(&*value)) {
            Some(value) => Reply::Value(value),
            None => Reply::Failed(self.no_value().into()),
        }
    }

    fn no_value(&self) -> CallError {
        let text = format!("`{}` has no value yet", self.owned.names.property);
        CallError::new(CallError::HANDLER_ERROR, text)
    }

    /// What a peer is told first.
    pub(super) fn read_first(&self, peer: &Sender) -> Read {
        let Some(handler) = self.on_read.last() else {
            return Read::Set;
        };
        let name = &self.owned.names.property;
        let store = self.form.store;
        let future = match inside(|| handler(peer)) {
            Ok(Says::Now(Reply::Value(value))) => return Read::Value(store(value)),
            Ok(Says::Now(Reply::Later(promise))) => return Read::Later(promise.map(store)),
            Ok(Says::Now(Reply::NotMine | Reply::Failed(_))) => return Read::Set,
            Ok(Says::Soon(future)) => future,
            Err(panic) => {
                let text = told(panic);
                log::error!(peer = %peer, "the handler of reads of `{name}` panicked: {text}");
                return Read::Set;
            }
        };
        let calls = self.calls.upgrade();
        let executor = calls.as_ref().and_then(|calls| calls.executor.get());
        match run_alone(executor, future, name) {
            Ok(promise) => Read::Later(promise.map(store)),
            Err(error) => {
                log::error!(peer = %peer, "not told of `{name}`: {}", error.message);
                Read::Set
            }
        }
    }

    /// Answers a write.
    pub(super) fn written_by(self: &Arc<Self>, call: &mut Invocation<'_>) -> Outcome {
        let value = match (self.form.argument)(call) {
            Ok(value) => value,
            Err(outcome) => return outcome,
        };
        let reply = match self.on_write.last() {
            None => self.accept(value),
            Some(handler) => match handler(call.sender(), &value) {
                Says::Now(reply) => self.decided(value, reply),
                Says::Soon(future) => {
                    let core = Arc::clone(self);
                    call.promised(Box::pin(async move {
                        let reply = future.await;
                        core.decided(value, reply)
                    }))
                }
            },
        };
        call.answer::<(), ()>(reply)
    }

    /// What comes of a value about which a handler has said this.
    fn decided(self: &Arc<Self>, value: T, reply: Reply<()>) -> Reply<()> {
        match reply {
            Reply::Value(()) => self.accept(value),
            Reply::Later(promise) => Reply::Later(self.accept_later(value, promise)),
            Reply::Failed(error) => Reply::Failed(error),
            // There is nobody else.
            Reply::NotMine => {
                let text = format!("`{}` was not taken", self.owned.names.property);
                Reply::Failed(text.into())
            }
        }
    }

    fn accept(&self, value: T) -> Reply<()> {
        match self.set(value) {
            Ok(()) => Reply::Value(()),
            Err(error) => Reply::Failed(error.into()),
        }
    }

    /// Takes the value when the program has accepted it.
    fn accept_later(self: &Arc<Self>, value: T, accepted: Promise<()>) -> Promise<()> {
        let (promise, resolver) = Promise::pair();
        let unwanted = accepted.unwanted();
        resolver.on_cancel(move || {
            if let Some(unwanted) = unwanted.upgrade() {
                wish::run(unwanted.unwanted());
            }
        });
        let core = Arc::downgrade(self);
        accepted.on_settled(move |result| {
            let set = |()| core.upgrade().map_or(Ok(()), |core| core.set(value));
            let done = match result.and_then(set) {
                Ok(()) => resolver.set_result(()),
                Err(error) => resolver.set_error(error),
            };
            // Nobody else has the resolver.
            drop(done);
        });
        promise
    }
}
