//! Systems with inodes and permissions.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

/// What differs when a file was changed, or replaced by another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    inode: (u64, u64),
    modified: (i64, i64),
    changed: (i64, i64),
    size: u64,
}

impl Stamp {
    pub(crate) fn of(file: &Metadata) -> Self {
        Stamp {
            inode: (file.dev(), file.ino()),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
            size: file.size(),
        }
    }
}

/// Whether anybody on this machine may read or change it.
pub(crate) fn is_open_to_others(file: &Metadata) -> bool {
    file.mode() & 0o007 != 0
}

/// Opens a file for reading that is no symlink, and does not wait for the other end of a pipe.
pub(crate) fn open_plain(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(|_| io::ErrorKind::InvalidInput)?;
    File::options().read(true).custom_flags(flags).open(path)
}

/// Opens a file for reading, and does not wait for the other end of a pipe.
pub(crate) fn open_soon(path: &Path) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).map_err(|_| io::ErrorKind::InvalidInput)?;
    File::options().read(true).custom_flags(flags).open(path)
}

/// Whether it is a pipe, such as that of `<(..)` in a shell.
pub(crate) fn is_pipe(file: &Metadata) -> bool {
    file.file_type().is_fifo()
}

/// Reads a pipe that was opened so to its end, or up to so many bytes.
///
/// # Blocking
///
/// At most so long.
pub(crate) fn read_pipe(mut pipe: File, most: usize, patience: Duration) -> io::Result<Vec<u8>> {
    let end = Instant::now() + patience;
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    while bytes.len() < most {
        match pipe.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(chunk.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                let left = Timespec::try_from(left).map_err(|_| io::ErrorKind::InvalidInput)?;
                match poll(&mut [PollFd::new(&pipe, PollFlags::IN)], Some(&left)) {
                    Ok(_) | Err(rustix::io::Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

/// Whether a name within a folder means a file of that name, and nothing else.
pub(crate) fn is_plain_name(_name: &str) -> bool {
    true
}

/// Whether a backslash separates names in a path, and is no escape in a command line.
pub(crate) const PATHS_HAVE_BACKSLASHES: bool = false;

/// What this machine calls itself.
pub(crate) fn host_name() -> Option<String> {
    let uname = rustix::system::uname();
    uname.nodename().to_str().ok().map(str::to_owned)
}
