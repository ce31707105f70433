//! The one place that spawns threads, and the group that joins them.

use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread::{Builder, JoinHandle, ThreadId};
use std::time::Instant;

use crate::base::foreign;
use crate::base::sync::lock;

/// Spawns a named thread. Whoever spawns keeps the handle and joins it; but for look-ups of
/// names, which nothing can end.
pub(crate) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name(format!("quickrpc-{name}")).spawn(run)
}

/// The threads of one API: `join` returns when the last one has ended.
#[derive(Default)]
pub(crate) struct ThreadGroup {
    /// Guards the list of threads; taken last, never while user code runs.
    members: Arc<(Mutex<Vec<Member>>, Condvar)>,
    watcher: OnceLock<Watcher>,
}

/// Hears the name of a thread that has panicked, and the words, on that thread.
pub(crate) type Watcher = Arc<dyn Fn(&str, &str) + Send + Sync>;

#[derive(Debug)]
struct Member {
    name: String,
    handle: JoinHandle<()>,
    done: bool,
}

impl ThreadGroup {
    /// Tells this of threads that panic, which none should. Once, before the first is spawned.
    pub(crate) fn watch(&self, watcher: Watcher) {
        self.watcher.set(watcher).ok();
    }

    /// Spawns a thread that belongs to the group.
    pub(crate) fn spawn(&self, name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let members = Arc::clone(&self.members);
        let (watcher, own_name) = (self.watcher.get().cloned(), name.to_owned());
        // Held while spawning, so that a thread that ends at once finds its entry.
        let mut list = lock(&self.members.0);
        reap(&mut list);
        let handle = spawn(name, move || {
            let _leave = Leave(members);
            let ended = foreign::attempt(run);
            if let (Err(text), Some(watcher)) = (ended, watcher) {
                watcher(&own_name, &text);
            }
        })?;
        list.push(Member {
            name: name.to_owned(),
            handle,
            done: false,
        });
        Ok(())
    }

    /// Whether the calling thread belongs to the group.
    pub(crate) fn includes_this(&self) -> bool {
        let me = std::thread::current().id();
        let members = lock(&self.members.0);
        members
            .iter()
            .any(|member| member.handle.thread().id() == me)
    }

    /// Waits until all threads but the calling one have ended, and joins them. Gives the
    /// names of those that have not ended by the deadline.
    pub(crate) fn join(&self, deadline: Instant) -> Vec<String> {
        let me = std::thread::current().id();
        let (list, ended) = &*self.members;
        let mut list = lock(list);
        while list.iter().any(|member| alive(member, me)) {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                break;
            };
            list = ended
                .wait_timeout(list, left)
                .unwrap_or_else(|poisoned| poisoned.into_inner())
                .0;
        }
        reap(&mut list);
        list.iter()
            .filter(|member| alive(member, me))
            .map(|member| member.name.clone())
            .collect()
    }
}

impl fmt::Debug for ThreadGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ThreadGroup").field(&self.members.0).finish()
    }
}

fn alive(member: &Member, me: ThreadId) -> bool {
    !member.done && member.handle.thread().id() != me
}

/// Joins what has ended; the ends are so near that this does not block.
fn reap(list: &mut Vec<Member>) {
    let (done, left) = std::mem::take(list)
        .into_iter()
        .partition(|member| member.done);
    *list = left;
    for member in Vec::<Member>::from_iter::<Vec<Member>>(done) {
        // A panic was told to the watcher.
        member.handle.join().ok();
    }
}

/// Marks the thread as ended when it ends, however it ends.
struct Leave(Arc<(Mutex<Vec<Member>>, Condvar)>);

impl Drop for Leave {
    fn drop(&mut self) {
        let me = std::thread::current().id();
        for member in lock(&self.0.0).iter_mut() {
            if member.handle.thread().id() == me {
                member.done = true;
            }
        }
        self.0.1.notify_all();
    }
}
