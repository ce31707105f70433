//! Starting, stopping and waiting, as programs do it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::base::error::{Error, Result};
use crate::base::sync::{after, lock};
use crate::call::calls::Calls;
use crate::call::promise::Promise;
use crate::net::above::Done;
use crate::net::link::Link;
use crate::net::net::Net;
use crate::net::run::Phase;
use crate::net::status::TransportId;

/// A promise, and what settles it.
fn promised() -> (Promise<()>, Done) {
    let (promise, resolver) = Promise::pair();
    let done = move |result| match result {
        // Fails only if nobody waits any more.
        Ok(()) => drop(resolver.set_result(())),
        Err(error) => drop(resolver.set_error(error)),
    };
    (promise, Box::new(done))
}

/// Starts, and returns when everything is open. After a failure, nothing is left of it.
pub(crate) fn start_and_wait(net: &Net) -> Result<()> {
    let started = start(net).result();
    if started.is_err() && lock(&net.run).phase == Phase::Idle {
        net.threads.join(after(net.stop_limit()));
    }
    started
}

pub(crate) fn start(net: &Net) -> Promise<()> {
    let (promise, done) = promised();
    net.start(done);
    promise
}

/// Stops, and returns when all threads have ended; on one of them it only asks for it.
pub(crate) fn stop(net: &Net) -> Result<()> {
    net.request_stop();
    if net.is_waited_for_here() {
        return Ok(());
    }
    let remaining = net.threads.join(after(net.stop_limit()));
    if remaining.is_empty() {
        return Ok(());
    }
    Err(Error::NotStopped {
        after: net.stop_limit(),
        running: remaining.into(),
    })
}

/// Answers what was begun, and then stops.
pub(crate) fn shutdown(calls: &Calls, limit: Duration) -> Result<()> {
    let net = &calls.net;
    if net.is_waited_for_here() {
        return Err(Error::Deadlock(
            "`shutdown()` on a thread that delivers for this API; let another thread call it"
                .into(),
        ));
    }
    calls.mailbox.refuse();
    let left = match lock(&net.run).phase {
        Phase::Running => None,
        Phase::Idle | Phase::Starting | Phase::Stopping => Some(0),
    };
    let left = left.unwrap_or_else(|| calls.mailbox.wait_settled(after(limit)));
    stop(net)?;
    match left {
        0 => Ok(()),
        calls => Err(Error::Unanswered {
            after: limit,
            calls,
        }),
    }
}

/// Waits until the API is stopped, or every transport has ended.
pub(crate) fn wait(net: &Net) -> Result<()> {
    if net.is_waited_for_here() {
        return Err(Error::Deadlock(
            "`wait()` on a thread that delivers for this API".into(),
        ));
    }
    if !net.was_started.load(Ordering::Acquire) {
        crate::base::log::warn!(
            "`wait()` has nothing to wait for: the API was never started; call `start()` first"
        );
    }
    if net.wait_for_end() {
        // Everything has ended by itself: what was handled is answered, then it stops.
        return stop(net);
    }
    net.threads.join(after(net.stop_limit()));
    net.failure().map_or(Ok(()), Err)
}

/// A promise that is settled when the API is stopped, or every transport has ended.
pub(crate) fn stopped(net: &Net) -> Promise<()> {
    let (promise, done) = promised();
    net.on_stopped(done);
    promise
}

/// Changes the links of an API that is stopped.
pub(crate) fn replace_links(net: &Net, links: Vec<Arc<Link>>) -> Result<()> {
    let run = lock(&net.run);
    if run.phase != Phase::Idle {
        return Err(Error::Running(
            "stop it before changing its transport".into(),
        ));
    }
    let before = std::mem::replace(&mut *lock(&net.links), links);
    net.share_limits();
    drop(run);
    // Transports may be of the program, and look at the API as they end.
    drop(before);
    Ok(())
}

/// Adds links, and waits until they are open; on a thread that delivers, it does not wait.
pub(crate) fn add_links(net: &Net, links: Vec<Arc<Link>>) -> Result<()> {
    let (opened, done) = promised();
    net.add_links(links, done);
    match net.delivers_here() {
        true => Ok(()),
        false => opened.result(),
    }
}

/// Closes what a transport expression bound, and forgets it; on a thread that delivers, it does
/// not wait for that.
pub(crate) fn remove_transport(net: &Net, id: TransportId) -> Result<()> {
    let (removed, done) = promised();
    net.remove_transport(id, done);
    match removed.try_result() {
        Some(result) => result,
        None if net.delivers_here() => Ok(()),
        None => removed.result(),
    }
}
