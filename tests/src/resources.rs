//! What this process holds: threads and descriptors.

use std::fs;

/// Counts of what a process must give back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resources {
    /// Threads of this process.
    pub threads: usize,
    /// Open file descriptors of this process.
    pub descriptors: usize,
}

impl Resources {
    /// The counts now.
    ///
    /// # Panics
    ///
    /// Where there is no `/proc`.
    pub fn now() -> Self {
        Resources {
            threads: entries("/proc/self/task"),
            // The listing itself holds one.
            descriptors: entries("/proc/self/fd") - 1,
        }
    }
}

/// The names of the threads of this process, for messages.
pub fn thread_names() -> Vec<String> {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else {
        return Vec::new();
    };
    tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("comm")).ok())
        .map(|name| name.trim_end().to_owned())
        .collect()
}

fn entries(directory: &str) -> usize {
    let listing = fs::read_dir(directory).expect("a system with /proc");
    listing.flatten().count()
}
