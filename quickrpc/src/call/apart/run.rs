//! Beginning a call that runs beside others, and its end.

use std::sync::{Arc, Mutex, Weak};

use crate::base::current::{CallKey, Mark};
use crate::base::often::Origin;
use crate::base::sync::lock;
use crate::call::calls::Calls;
use crate::call::late::Place;
use crate::call::mailbox::AfterPush;
use crate::call::processing::Processing;
use crate::call::promise::wish::{Callback, Unwanted};
use crate::call::stream::telegrams::CallId;
use crate::net::conn::Conn;

/// What is done for a call.
type Run = Box<dyn FnOnce(&Calls) + Send>;

/// One that runs. Its end is that of the call, however it ends.
struct Begun {
    calls: Arc<Calls>,
    conn: Arc<Conn>,
    number: u64,
    place: Option<Place>,
    /// What it may give a stream for.
    id: Option<CallId>,
    /// Hears that nobody wants it.
    _wish: Arc<Given>,
}

/// Whether a call is given up.
struct Given {
    key: Option<CallKey>,
    up: Mutex<Option<Mark>>,
}

impl Unwanted for Given {
    fn unwanted(&self) -> Vec<Callback> {
        let mark = self.key.map(Mark::new);
        let before = std::mem::replace(&mut *lock(&self.up), mark);
        drop(before);
        Vec::new()
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let calls = &self.calls;
        calls.answered_later(self.place);
        calls.apart.leave(self.number);
        if let Some(id) = self.id.take() {
            calls.feeds.expect_no_more(self.conn.id(), id);
        }
        calls.paid(&self.conn);
    }
}

impl Calls {
    /// Whether calls of a method run beside each other here.
    pub(crate) fn runs_apart(&self, method: &str) -> bool {
        let has_workers = matches!(self.mailbox.mode(), Processing::Queue | Processing::Pool(_));
        has_workers && self.slots.is_concurrent(method)
    }

    /// Runs a call beside others, if not too many do. In its turn in the lane of its peer.
    pub(crate) fn run_apart(&self, conn: &Arc<Conn>, id: Option<&str>, run: Run) {
        let key = id.map(|id| CallKey::new(conn.id(), id));
        let Some(calls) = self.me.upgrade() else {
            return;
        };
        let Some(number) = self.apart.enter(key) else {
            return run(self);
        };
        conn.flow.owe();
        let wish = Arc::new(Given {
            key,
            up: Mutex::default(),
        });
        let unwanted: Weak<dyn Unwanted> = Arc::downgrade(&wish) as _;
        let place = self.begins_apart(conn, key, unwanted);
        let id = id.map(CallId::of);
        if let Some(id) = &id {
            self.feeds.expect(conn.id(), id.clone());
        }
        let begun = Begun {
            calls,
            conn: Arc::clone(conn),
            number,
            place,
            id,
            _wish: wish,
        };
        let item = move || {
            run(&begun.calls);
            drop(begun);
        };
        match self.apart.workers.push(number, Box::new(item), 0) {
            AfterPush::Spawn => self.spawn_apart(),
            AfterPush::Wake => self.apart.workers.wake(),
            AfterPush::Nothing | AfterPush::Dropped | AfterPush::Drain | AfterPush::Tell => {}
        }
    }

    fn spawn_apart(&self) {
        let Some(calls) = self.me.upgrade() else {
            return self.apart.workers.not_spawned();
        };
        let work = move || calls.apart.workers.work();
        if let Err(error) = self.net.threads.spawn("concurrent", work) {
            self.apart.workers.not_spawned();
            crate::base::log::error_often!(
                "cannot spawn a worker", &Origin::Anybody;
                "cannot spawn a worker, a concurrent call takes its turn: {error}"
            );
            self.apart.workers.drain();
        }
    }
}
