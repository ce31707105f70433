//! APIs that start and stop with another one, such as an announcer of a service.

use std::sync::Arc;

use crate::base::error::Error;
use crate::base::sync::lock;

use super::handle::Api;
use crate::net::core::Core;
use crate::net::poll::Loop;
use crate::net::reactor::Command;

impl Core {
    /// From the next start on, these start when all transports are open, and stop with
    /// this API.
    pub(crate) fn accompany(&self, companions: Vec<Api>) {
        *lock(&self.companions) = companions;
    }

    fn companions(&self) -> Vec<Arc<Core>> {
        let companions = lock(&self.companions);
        companions
            .iter()
            .map(|api| Arc::clone(api.core()))
            .collect()
    }

    /// They are asked to stop, without waiting for it.
    pub(crate) fn dismiss_companions(&self) {
        for companion in self.companions() {
            companion.request_stop();
        }
    }

    /// Waits until they have stopped.
    pub(crate) fn await_companions(&self) {
        for companion in self.companions() {
            if let Err(error) = companion.stop() {
                tracing::error!("{error}");
            }
        }
    }
}

impl Loop {
    /// All transports are open. Gives whether all companions have started too; if not,
    /// commands will tell.
    pub(crate) fn is_accompanied(&mut self) -> bool {
        if self.companions_left.is_none() {
            let companions = self.core.companions();
            self.companions_left = Some(companions.len());
            for companion in companions {
                let (done, failed) = (Arc::clone(&self.reactor), Arc::clone(&self.reactor));
                companion.start().then(
                    move |()| done.ask(Command::Accompanied(Ok(()))),
                    move |error| failed.ask(Command::Accompanied(Err(error))),
                );
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
                self.core.request_stop();
            }
        }
    }
}
