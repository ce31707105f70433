//! Starting, stopping, waiting.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::base::error::Error;
use crate::base::foreign;
use crate::base::reason::DisconnectReason;
use crate::base::sync::{after, lock};

use super::above::Done;
use super::poll::Loop;
use super::reactor::Command;
use super::run::Phase;
use super::status::TransportState;
use crate::net::net::Net;

/// The name of the thread without which nothing goes on.
pub(super) const POLL_THREAD: &str = "io";

impl Net {
    /// Starts; `started` is told when everything is open, or why not.
    pub(crate) fn start(&self, started: Done) {
        if let Err((error, started)) = self.begin(started) {
            started(Err(error));
        }
    }

    fn begin(&self, starting: Done) -> Result<(), (Error, Done)> {
        let mut run = lock(&self.run);
        if run.phase != Phase::Idle {
            let text = "it is started already; call `stop()` before starting again";
            return Err((Error::Running(text.into()), starting));
        }
        let links = lock(&self.links).clone();
        let count = links.len();
        if count == 0 {
            let text = "there is no transport to start; give one with `.transport(..)` or \
                        `.bind(..)`";
            return Err((Error::Config(text.into()), starting));
        }
        let (Some(net), Some(above)) = (self.me.upgrade(), self.above()) else {
            return Err((Error::Stopped, starting));
        };
        if let Err(error) = above.may_start() {
            return Err((error, starting));
        }
        // Threads of an earlier run that was stopped on one of them.
        self.threads.join(after(self.stop_limit()));
        let poll_threads = match Loop::all(&net, &above, links) {
            Ok(made) => made,
            Err(error) => {
                let error = Error::io("cannot set up the poll thread", error);
                return Err((error, starting));
            }
        };
        // Before the first call, which sets it.
        self.alarm.reset(None);
        above.starting();
        lock(&self.peers).open();
        let reactors = poll_threads.iter().map(|one| Arc::clone(&one.reactor));
        *lock(&self.reactors) = reactors.collect();
        run.phase = Phase::Starting;
        run.failure = None;
        run.alive = count;
        run.starting = Some(starting);
        run.stop_signal = Some(crossbeam_channel::bounded(0));
        self.running.store(true, Ordering::Release);
        self.was_started.store(true, Ordering::Release);
        // The first comes last: it begins when the others are there.
        let mut spawned = Ok(());
        for one in poll_threads.into_iter().rev() {
            let name = one.name();
            spawned = spawned.and_then(|()| self.threads.spawn(&name, move || one.run()));
        }
        if let Err(error) = spawned {
            self.forget_reactors();
            let starting = std::mem::take(&mut *run).starting;
            self.running.store(false, Ordering::Release);
            let error = Error::io("cannot spawn the poll thread", error);
            return match starting {
                Some(starting) => Err((error, starting)),
                None => Ok(()),
            };
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
        let starting = run.starting.take();
        drop(run);
        if let Some(started) = starting {
            started(Ok(()));
        }
    }

    /// One transport has ended and will not be started again.
    pub(crate) fn link_ended(&self) {
        let mut run = lock(&self.run);
        run.alive = run.alive.saturating_sub(1);
        self.run_changed.notify_all();
        let is_deserted = run.alive == 0 && run.phase == Phase::Running;
        let is_over = is_deserted && !run.ending.is_empty();
        drop(run);
        if is_over {
            self.request_stop();
        } else if is_deserted && let Some(above) = self.above() {
            above.deserted();
        }
    }

    /// Whether nobody can come any more, unless a transport is added: all of them have ended.
    pub(crate) fn is_deserted(&self) -> bool {
        let run = lock(&self.run);
        run.alive == 0 && run.phase == Phase::Running
    }

    /// Tells when it is stopped, by whomever, or all of its transports have ended, which stops it.
    pub(crate) fn on_stopped(&self, done: Done) {
        let mut run = lock(&self.run);
        if run.phase == Phase::Idle {
            let failure = run.failure.clone();
            drop(run);
            return done(failure.map_or(Ok(()), Err));
        }
        run.ending.push(done);
        let is_over = run.alive == 0 && run.phase == Phase::Running;
        drop(run);
        if is_over {
            self.request_stop();
        }
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
        self.forget_reactors();
        lock(&self.addresses).clear();
        let mut run = lock(&self.run);
        let failure = run.failure.take().or(failure);
        let starting = run.starting.take();
        // Who started it hears of it; otherwise it is for those who wait for the end.
        run.failure = failure.clone().filter(|_| starting.is_none());
        let state = match &run.failure {
            Some(_) => TransportState::Ended {
                reason: run.failure.clone(),
            },
            None => TransportState::Stopped,
        };
        for link in lock(&self.links).iter() {
            *lock(&link.state) = state.clone();
        }
        run.phase = Phase::Idle;
        run.alive = 0;
        run.stop_signal = None;
        let (ending, end) = (std::mem::take(&mut run.ending), run.failure.clone());
        self.run_changed.notify_all();
        drop(run);
        for done in ending {
            done(end.clone().map_or(Ok(()), Err));
        }
        if let Some(started) = starting {
            started(Err(failure.unwrap_or(Error::Stopped)));
        }
    }

    /// No poll thread is asked for anything any more; those that wait for their end, end.
    fn forget_reactors(&self) {
        let all = std::mem::take(&mut *lock(&self.reactors));
        all.iter().skip(1).for_each(|one| one.dismiss());
    }

    /// It stops, though nobody has asked for it.
    pub(super) fn end_for(&self, error: Error) {
        lock(&self.run).failure.get_or_insert(error);
        self.request_stop();
    }

    /// A thread of this API has panicked, which none should: nobody knows what it leaves
    /// undone, so that the API stops. On that thread.
    pub(crate) fn died(&self, thread: &str, reason: &str) {
        let error = Error::Panicked {
            thread: thread.into(),
            reason: reason.into(),
        };
        crate::base::log::error!("{error}; the API stops");
        lock(&self.run).failure.get_or_insert(error);
        match thread == POLL_THREAD {
            true => self.abandon(),
            false => self.request_stop(),
        }
    }

    /// Ends everything without the poll thread, which has not even been able to do that.
    fn abandon(&self) {
        self.running.store(false, Ordering::Release);
        let now = Instant::now();
        foreign::catch("ending what is left of an API", || {
            self.dismiss_companions();
            let peers = lock(&self.peers).close();
            for conn in peers {
                conn.close(DisconnectReason::Stopped);
                conn.drop_output();
            }
        });
        foreign::catch("failing the calls of an API", || {
            if let Some(above) = self.above() {
                above.stopping(now);
                above.stopped(now);
            }
        });
        self.stopped(None);
    }

    /// Why the last run has ended, where nobody has asked for it.
    pub(crate) fn failure(&self) -> Option<Error> {
        lock(&self.run).failure.clone()
    }

    /// Waits until the API is stopped, or every transport has ended. Gives whether it is the
    /// second.
    pub(crate) fn wait_for_end(&self) -> bool {
        let mut run = lock(&self.run);
        while run.phase != Phase::Idle && (run.alive > 0 || run.phase != Phase::Running) {
            run = self
                .run_changed
                .wait(run)
                .unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        run.phase != Phase::Idle
    }

    /// Whether a stop waits for the calling thread: one that delivers, or opens a plug-in.
    pub(crate) fn is_waited_for_here(&self) -> bool {
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
