//! One run of an API, from its start to its stop.

use crate::base::error::Error;

use super::above::Done;

/// How far an API is.
#[derive(Default)]
pub(crate) struct Run {
    pub(crate) phase: Phase,
    /// Who started it waits for this.
    pub(crate) starting: Option<Done>,
    /// Those who want to know of the end.
    pub(crate) ending: Vec<Done>,
    /// Why the last run has ended, where nobody has asked for it.
    pub(crate) failure: Option<Error>,
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
