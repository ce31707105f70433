//! Windows: files have neither inodes that can be asked for, nor permissions in a few bits.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::windows::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

/// What differs when a file was changed, or replaced by another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    created: u64,
    modified: u64,
    size: u64,
}

impl Stamp {
    pub(crate) fn of(file: &Metadata) -> Self {
        Stamp {
            created: file.creation_time(),
            modified: file.last_write_time(),
            size: file.file_size(),
        }
    }
}

/// Whether anybody on this machine may read or change it. Lists of access are not looked at: a
/// file in a user's folder is that user's.
pub(crate) fn is_open_to_others(_file: &Metadata) -> bool {
    false
}

/// Opens a file for reading that is no symlink.
pub(crate) fn open_plain(path: &Path) -> io::Result<File> {
    /// `FILE_FLAG_OPEN_REPARSE_POINT`: of a symlink, the link itself, which is no file.
    const NO_FOLLOW: u32 = 0x0020_0000;
    File::options()
        .read(true)
        .custom_flags(NO_FOLLOW)
        .open(path)
}

/// Opens a file for reading.
pub(crate) fn open_soon(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Whether it is a pipe: they have no place among files here.
pub(crate) fn is_pipe(_file: &Metadata) -> bool {
    false
}

/// Reads a pipe, of which there are none, up to so many bytes.
pub(crate) fn read_pipe(pipe: File, most: usize, _patience: Duration) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.take(most as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether a name within a folder means a file of that name, and nothing else: a colon leads to
/// a stream within a file.
pub(crate) fn is_plain_name(name: &str) -> bool {
    !name.contains(':')
}

/// Whether a backslash separates names in a path, and is no escape in a command line.
pub(crate) const PATHS_HAVE_BACKSLASHES: bool = true;

/// What this machine calls itself.
pub(crate) fn host_name() -> Option<String> {
    std::env::var("COMPUTERNAME").ok()
}
