//! Starting and stopping the companions of an API, with it.

use std::sync::Arc;

use crate::base::error::Error;
use crate::base::sync::lock;

use super::companion::Companion;
use super::net::Net;
use super::poll::Loop;
use super::reactor::Command;

impl Net {
    /// From the next start on, these start when all transports are open, and stop with
    /// this API.
    pub(crate) fn accompany(&self, companions: Vec<Arc<dyn Companion>>) {
        *lock(&self.companions) = companions;
    }

    fn companions(&self) -> Vec<Arc<dyn Companion>> {
        lock(&self.companions).clone()
    }

    /// They are asked to stop, without waiting for it.
    pub(crate) fn dismiss_companions(&self) {
        for companion in self.companions() {
            companion.dismiss();
        }
    }

    /// Waits until they have stopped.
    pub(crate) fn await_companions(&self) {
        for companion in self.companions() {
            companion.join();
        }
    }
}

impl Loop {
    /// All transports are open. Gives whether all companions have started too; if not,
    /// commands will tell.
    pub(crate) fn is_accompanied(&mut self) -> bool {
        if self.companions_left.is_none() {
            let companions = self.net.companions();
            self.companions_left = Some(companions.len());
            for companion in companions {
                let reactor = Arc::clone(&self.reactor);
                let done = move |started| reactor.ask(Command::Accompanied(started));
                companion.start(Box::new(done));
            }
        }
        self.companions_left == Some(0)
    }

    /// A companion has started, or could not: then nothing starts.
    pub(crate) fn accompanied(&mut self, started: Result<(), Error>) {
        match started {
            Ok(()) => {
                self.companions_left = self.companions_left.map(|left| left.saturating_sub(1));
                self.check_started();
            }
            Err(error) => {
                self.failure.get_or_insert(error);
                self.net.request_stop();
            }
        }
    }
}
