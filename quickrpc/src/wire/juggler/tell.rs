//! What is told of our properties: as changes of the state that a peer is shown.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::log;
use crate::base::sync::after;

use super::state::{Changed, Common, Document};

/// What a peer was shown, and what it has not been shown yet.
pub(super) struct Teller {
    common: Arc<Common>,
    shown: Document,
    kept: Changed,
    /// When what is kept is to be shown.
    due: Option<Instant>,
    /// Whoever asks is still to be told of that time.
    new: bool,
    /// No message may be larger.
    largest: usize,
}

impl Teller {
    pub(super) fn new(common: Arc<Common>, largest: usize) -> Self {
        Teller {
            common,
            shown: Document::new(),
            kept: Changed::default(),
            due: None,
            new: false,
            largest,
        }
    }

    /// A property has this value now. It is shown after so long, counted from the first one that
    /// waits.
    ///
    /// # Errors
    ///
    /// When others could not read it.
    pub(super) fn note(
        &mut self,
        property: &str,
        value: &[u8],
        delay: Duration,
    ) -> Result<(), String> {
        let value = self.common.read(property, value)?;
        self.kept.note(property, value);
        if self.due.is_none() {
            (self.due, self.new) = (Some(after(delay)), true);
        }
        Ok(())
    }

    /// When there is something to show, if nobody was told yet.
    pub(super) fn later(&mut self) -> Option<Instant> {
        let due = self.due?;
        std::mem::take(&mut self.new).then_some(due)
    }

    /// Appends what is to be shown by this time, as `write` puts it around a patch.
    pub(super) fn show(
        &mut self,
        out: &mut Vec<u8>,
        by: Instant,
        write: impl Fn(&mut Vec<u8>, &[u8]),
    ) {
        if self.due.is_none_or(|due| by < due) {
            return;
        }
        (self.due, self.new) = (None, false);
        let all = std::mem::take(&mut self.kept);
        if self.show_all(out, &all, &write) {
            return;
        }
        // Each alone, and the rest in the next message.
        self.kept = all;
        while let Some((name, first)) = self.kept.pop() {
            if self.show_all(out, &first, &write) {
                if !out.is_empty() {
                    break;
                }
            } else {
                log::error!("a change of the property `{name}` is too large to be told");
            }
        }
        if !self.kept.is_empty() {
            (self.due, self.new) = (Some(by), true);
        }
    }

    /// Gives false if that is too large.
    fn show_all(
        &mut self,
        out: &mut Vec<u8>,
        changed: &Changed,
        write: &impl Fn(&mut Vec<u8>, &[u8]),
    ) -> bool {
        let (shown, patch) = self.common.step(&self.shown, changed);
        if let Some(patch) = patch {
            write(out, patch.as_bytes());
            if out.len() > self.largest {
                out.clear();
                return false;
            }
        }
        self.shown = shown;
        true
    }
}
