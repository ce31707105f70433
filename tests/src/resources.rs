//! What this process holds: threads, descriptors and children.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{self, Command};
use std::time::Duration;

use crate::wait::eventually;

/// Counts of what a process must give back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resources {
    /// Threads of the process.
    pub threads: usize,
    /// Open file descriptors of the process.
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

    /// The counts of another process now.
    ///
    /// # Panics
    ///
    /// Where there is no `/proc`, or no such process.
    pub fn of(id: u32) -> Self {
        Resources {
            threads: entries(&format!("/proc/{id}/task")),
            descriptors: entries(&format!("/proc/{id}/fd")),
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

/// The children of this process, zombies included.
///
/// # Panics
///
/// Where there is no `/proc`.
pub fn children() -> Vec<u32> {
    let listing = fs::read_dir("/proc").expect("a system with /proc");
    let names = listing.flatten().map(|entry| entry.file_name());
    let numbers = names.filter_map(|name| name.to_str()?.parse().ok());
    numbers
        .filter(|pid| parent(*pid) == Some(process::id()))
        .collect()
}

fn parent(pid: u32) -> Option<u32> {
    // It may have ended meanwhile.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may contain anything.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// Writes the number of this process into a file, for [`read_pid`] and [`runs`]. As long as this is
/// kept, on Windows nobody can remove it.
///
/// # Panics
///
/// If the file cannot be written.
pub fn sign(file: &Path) -> File {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(windows)]
    {
        use std::os::windows::fs::OpenOptionsExt;
        const FILE_SHARE_READ: u32 = 1;
        options.share_mode(FILE_SHARE_READ);
    }
    let mut signed = options.open(file).expect("a file");
    // With its end, so that nobody reads half of it.
    writeln!(signed, "{}", process::id()).expect("a file");
    signed
}

/// Whose number is in such a file, once it is there.
///
/// # Panics
///
/// If there is none in time.
#[track_caller]
pub fn read_pid(file: &Path) -> String {
    let whole = || fs::read_to_string(file).is_ok_and(|text| text.ends_with('\n'));
    eventually("the number of a process", whole);
    let text = fs::read_to_string(file).expect("a file");
    text.trim().to_owned()
}

/// Whether a process is there that has signed, or is a zombie.
#[cfg(unix)]
pub fn runs(file: &Path) -> bool {
    Path::new("/proc").join(read_pid(file)).exists()
}

/// Whether a process is there that has signed; if not, the file is gone.
#[cfg(not(unix))]
pub fn runs(file: &Path) -> bool {
    fs::remove_file(file).is_err()
}

/// Ends a process at once.
///
/// # Panics
///
/// If there is no such process.
pub fn kill(pid: &str) {
    let killed = match cfg!(windows) {
        true => Command::new("taskkill").args(["/F", "/PID", pid]).output(),
        false => Command::new("sh")
            .args(["-c", &format!("kill -9 {pid}")])
            .output(),
    };
    assert!(killed.is_ok_and(|killed| killed.status.success()), "{pid}");
}

/// How much time `/proc/<whose>` has had on a processor: `self`, or `thread-self`.
///
/// # Panics
///
/// Where there is no `/proc`.
pub fn busy(whose: &str) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{whose}/stat")).expect("a system with /proc");
    // The name may hold anything; then the state, and the times as fields 14 and 15.
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let times = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = times.map(|ticks| ticks.parse::<u64>().unwrap_or(0)).sum();
    // A hundred ticks a second on every Linux.
    Duration::from_millis(ticks * 10)
}

fn entries(directory: &str) -> usize {
    let listing = fs::read_dir(directory).expect("a system with /proc");
    listing.flatten().count()
}
