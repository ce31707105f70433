//! Systems with inodes and permissions.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

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
