//! Starting, stopping, waiting.

use std::sync::atomic::Ordering;

use crate::base::error::Error;
use crate::base::sync::{after, lock};
use crate::call::promise::{Promise, Resolver};

use super::core::Core;
use super::poll::Loop;
use super::reactor::Command;
use super::status::TransportState;

/// How far an API is.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) phase: Phase,
    /// Who started it waits for this.
    pub(crate) starting: Option<Resolver<()>>,
    /// Transports that run, or will be started again.
    pub(crate) alive: usize,
    /// While it exists, handlers that wait for room in a subscription wait.
    pub(crate) stop_signal: Option<(
        crossbeam_channel::Sender<()>,
        crossbeam_channel::Receiver<()>,
    )>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Never started, or stopped.
    #[default]
    Idle,
    Starting,
    Running,
    Stopping,
}

impl Core {
    /// Starts, and returns when everything is open. After a failure, nothing is left of it.
    pub(crate) fn start_and_wait(&self) -> Result<(), Error> {
        let started = self.start().result();
        if started.is_err() && lock(&self.run).phase == Phase::Idle {
            self.threads.join(after(self.stop_limit()));
        }
        started
    }

    pub(crate) fn start(&self) -> Promise<()> {
        let (promise, resolver) = Promise::pair();
        if let Err(error) = self.begin(resolver) {
            return Promise::failed(error);
        }
        promise
    }

    fn begin(&self, resolver: Resolver<()>) -> Result<(), Error> {
        let mut run = lock(&self.run);
        if run.phase != Phase::Idle {
            let resolved = "it is started already; call `stop()` before starting again";
            // The resolver's promise was never given away.
            drop(run);
            drop(resolver);
            return Err(Error::Running(resolved.into()));
        }
        let links = lock(&self.links).clone();
        let count = links.len();
        if count == 0 {
            return Err(Error::Config(
                "there is no transport to start; give one with `.transport(..)` or `.bind(..)`"
                    .into(),
            ));
        }
        let Some(core) = self.me.upgrade() else {
            return Err(Error::Stopped);
        };
        // Threads of an earlier run that was stopped on one of them.
        self.threads.join(after(self.stop_limit()));
        let (reactor, poll_thread) = Loop::new(core, links)
            .map_err(|error| Error::io("cannot set up the poll thread", error))?;
        self.mailbox.open();
        lock(&self.peers).open();
        lock(&self.pending).open();
        *lock(&self.reactor) = Some(reactor);
        self.alarm.reset(None);
        run.phase = Phase::Starting;
        run.alive = count;
        run.starting = Some(resolver);
        run.stop_signal = Some(crossbeam_channel::bounded(0));
        self.running.store(true, Ordering::Release);
        self.was_started.store(true, Ordering::Release);
        let spawned = self.threads.spawn("io", move || poll_thread.run());
        if let Err(error) = spawned {
            *lock(&self.reactor) = None;
            *run = Run::default();
            self.running.store(false, Ordering::Release);
            return Err(Error::io("cannot spawn the poll thread", error));
        }
        Ok(())
    }

    /// The poll thread has opened everything.
    pub(crate) fn started(&self) {
        let mut run = lock(&self.run);
        if run.phase != Phase::Starting {
            // It stops already; whoever started it hears of that.
            return;
        }
        run.phase = Phase::Running;
        let resolver = run.starting.take();
        drop(run);
        if let Some(resolver) = resolver {
            // Fails only if the API was stopped meanwhile, which settled it.
            resolver.set_result(()).ok();
        }
    }

    /// One transport has ended and will not be started again.
    pub(crate) fn link_ended(&self) {
        let mut run = lock(&self.run);
        run.alive = run.alive.saturating_sub(1);
        self.run_changed.notify_all();
    }

    /// Asks the poll thread to end everything.
    pub(crate) fn request_stop(&self) {
        let mut run = lock(&self.run);
        if matches!(run.phase, Phase::Starting | Phase::Running) {
            run.phase = Phase::Stopping;
            run.stop_signal = None;
            drop(run);
            self.ask(Command::Stop);
        }
    }

    /// The poll thread has ended everything.
    pub(crate) fn stopped(&self, failure: Option<Error>) {
        self.running.store(false, Ordering::Release);
        *lock(&self.reactor) = None;
        lock(&self.addresses).clear();
        for link in lock(&self.links).iter() {
            *lock(&link.state) = TransportState::Stopped;
        }
        let mut run = lock(&self.run);
        run.phase = Phase::Idle;
        run.alive = 0;
        run.stop_signal = None;
        let resolver = run.starting.take();
        self.run_changed.notify_all();
        drop(run);
        if let Some(resolver) = resolver {
            resolver.set_error(failure.unwrap_or(Error::Stopped)).ok();
        }
    }

    /// Stops, and returns when all threads have ended; on one of them it only asks for it.
    pub(crate) fn stop(&self) -> Result<(), Error> {
        self.request_stop();
        if self.is_waited_for_here() {
            return Ok(());
        }
        let deadline = after(self.stop_limit());
        let remaining = self.threads.join(deadline);
        if remaining.is_empty() {
            return Ok(());
        }
        Err(Error::Config(
            format!(
                "not stopped within {:?}: still running: {} (a handler that does not return?)",
                self.stop_limit(),
                remaining.join(", ")
            )
            .into(),
        ))
    }

    /// Waits until the API is stopped, or every transport has ended.
    pub(crate) fn wait(&self) -> Result<(), Error> {
        if self.is_waited_for_here() {
            return Err(Error::Deadlock(
                "`wait()` on a thread that delivers for this API".into(),
            ));
        }
        let mut run = lock(&self.run);
        while run.phase != Phase::Idle && (run.alive > 0 || run.phase != Phase::Running) {
            run = self
                .run_changed
                .wait(run)
                .unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        let ended = run.phase != Phase::Idle;
        drop(run);
        if ended {
            // Everything has ended by itself: what was handled is answered, then it stops.
            return self.stop();
        }
        self.threads.join(after(self.stop_limit()));
        Ok(())
    }

    /// Whether a stop waits for the calling thread: one that delivers, or opens a plug-in.
    fn is_waited_for_here(&self) -> bool {
        self.delivers_here() || self.threads.includes_this()
    }

    /// Something that disconnects when the API stops.
    pub(crate) fn stop_signal(&self) -> crossbeam_channel::Receiver<()> {
        match &lock(&self.run).stop_signal {
            Some((_, receiver)) => receiver.clone(),
            None => crossbeam_channel::bounded(0).1,
        }
    }
}
