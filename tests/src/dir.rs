//! Directories that no other test uses.

use std::io::ErrorKind;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

/// An empty directory of a test's own, removed at its end.
#[derive(Debug)]
pub struct OwnDir(PathBuf);

impl OwnDir {
    /// Makes one, with a short name: the path of a socket can have only 107 bytes.
    ///
    /// # Panics
    ///
    /// If the system's directory for temporary files cannot be written.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = env::temp_dir().join(format!("qrpc-{}-{number}", process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return OwnDir(path),
                // Of a process that had the same number, and was killed.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => panic!("a directory for temporary files: {error}"),
            }
        }
    }

    /// A path in it, which can stand in an expression.
    pub fn path(&self, name: &str) -> PathBuf {
        let path = self.0.join(name).display().to_string();
        path.replace(MAIN_SEPARATOR, "/").into()
    }

    /// What is in it.
    ///
    /// # Panics
    ///
    /// If it is gone.
    pub fn names(&self) -> Vec<String> {
        let listing = fs::read_dir(&self.0).expect("the directory is there");
        let names = listing.flatten().map(|entry| entry.file_name());
        names
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
    }
}

impl Default for OwnDir {
    fn default() -> Self {
        OwnDir::new()
    }
}

impl AsRef<Path> for OwnDir {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for OwnDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
