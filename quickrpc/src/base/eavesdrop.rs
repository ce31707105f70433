//! What a thread logs for a while, beside where it goes.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::marker::PhantomData;
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Level, Metadata, Subscriber, dispatcher};

/// An entry of the log.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) level: &'static str,
    pub(crate) at: SystemTime,
    pub(crate) message: String,
}

/// So many entries are kept, the first of them.
const MOST: usize = 1_000;
/// So many bytes an entry may have.
const LONGEST: usize = 4 << 10;

thread_local! {
    static HEARD: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
}

/// As long as it lives, what its thread logs is kept as well.
#[must_use = "nothing is kept when it is dropped"]
pub(crate) struct Eavesdropping {
    _default: dispatcher::DefaultGuard,
    /// It belongs to its thread.
    _here: PhantomData<*const ()>,
}

impl Eavesdropping {
    pub(crate) fn begin() -> Self {
        HEARD.take();
        let outer = dispatcher::get_default(Clone::clone);
        Eavesdropping {
            _default: dispatcher::set_default(&Dispatch::new(Ear(outer))),
            _here: PhantomData,
        }
    }
}

impl Drop for Eavesdropping {
    fn drop(&mut self) {
        HEARD.take();
    }
}

/// What this thread has logged since that was asked, or since the listening began.
pub(crate) fn heard() -> Vec<Entry> {
    HEARD.take()
}

/// Hears, and hands on.
struct Ear(Dispatch);

impl Subscriber for Ear {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // What others do not want may be wanted here, for a while.
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        wanted(metadata) || self.0.enabled(metadata)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.0.new_span(span)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.0.record(span, values);
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.0.record_follows_from(span, follows);
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        if wanted(metadata) {
            let mut told = Told(String::new());
            event.record(&mut told);
            let entry = Entry {
                level: metadata.level().as_str(),
                at: SystemTime::now(),
                message: told.0,
            };
            HEARD.with_borrow_mut(|heard| {
                if heard.len() < MOST {
                    heard.push(entry);
                }
            });
        }
        if self.0.enabled(metadata) {
            self.0.event(event);
        }
    }

    fn enter(&self, span: &Id) {
        self.0.enter(span);
    }

    fn exit(&self, span: &Id) {
        self.0.exit(span);
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.0.clone_span(id)
    }

    fn try_close(&self, id: Id) -> bool {
        self.0.try_close(id)
    }
}

/// What programs log, and not what this library does to do it.
fn wanted(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let ours = target == "quickrpc" || target.starts_with("quickrpc::");
    metadata.is_event() && !ours && *metadata.level() <= Level::INFO
}

/// The message of an entry, and its fields behind it.
struct Told(String);

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.0.len() > LONGEST {
            return;
        }
        // Writing to a string does not fail; what is of others may say that it does.
        let _ = match field.name() {
            "message" if self.0.is_empty() => write!(self.0, "{value:?}"),
            "message" => {
                let fields = std::mem::take(&mut self.0);
                write!(self.0, "{value:?}{fields}")
            }
            name => write!(self.0, " {name}={value:?}"),
        };
        if let Some((end, _)) = self.0.char_indices().find(|(at, _)| *at > LONGEST) {
            self.0.truncate(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_logged_meanwhile_is_kept() {
        tracing::info!(target: "a_program", "before");
        {
            let _listening = Eavesdropping::begin();
            tracing::info!(target: "a_program", n = 1, "first");
            tracing::debug!(target: "a_program", "too little");
            tracing::warn!(target: "quickrpc::net", "ours");
            tracing::error!(target: "a_program", "second");
            let heard = heard();
            let told: Vec<_> = heard.iter().map(|one| (one.level, &*one.message)).collect();
            assert_eq!(told, [("INFO", "first n=1"), ("ERROR", "second")]);
        }
        tracing::info!(target: "a_program", "after");
        assert!(heard().is_empty());
    }
}
