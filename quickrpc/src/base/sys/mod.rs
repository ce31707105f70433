//! What differs between operating systems, for files and names: each has one file with the same
//! names in it. What moves bytes is in `carrier/sys`; nowhere else is a `cfg` of a system.

#[cfg(unix)]
#[path = "unix.rs"]
mod system;

#[cfg(windows)]
#[path = "windows.rs"]
mod system;

#[cfg(not(any(
    windows,
    target_os = "linux",
    target_vendor = "apple",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd"
)))]
compile_error!("quickrpc runs on Linux, macOS, the BSDs and Windows, and not on this system");

pub(crate) use system::{
    PATHS_HAVE_BACKSLASHES, Stamp, host_name, is_open_to_others, is_pipe, is_plain_name,
    open_plain, open_soon, read_pipe,
};
