//! Keys for tests.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use quickrpc::security::{KeyPair, generate_key_pair};

use crate::dir::OwnDir;

/// A secret that is the same for the same name.
pub fn secret(name: &str) -> Vec<u8> {
    format!("the secret of {name:>20}").into_bytes()
}

fn new_pair() -> KeyPair {
    generate_key_pair().expect("random numbers")
}

/// A keys file, removed at the end of the test.
#[derive(Debug)]
pub struct KeyFile(OwnDir);

impl KeyFile {
    /// A file in which each of these users has the secret of its own name.
    pub fn of(users: &[&str]) -> Self {
        let tables = users.iter().map(|user| KeyFile::table(user, user, ""));
        KeyFile::with(&tables.collect::<String>())
    }

    /// The table of a user, with a secret, and more.
    pub fn table(user: &str, secret_of: &str, more: &str) -> String {
        let secret = KeyFile::written(secret_of);
        format!("[users.{user}]\nkeys = [\"{secret}\"]\n{more}\n")
    }

    /// A secret as it stands in a file.
    pub fn written(secret_of: &str) -> String {
        STANDARD.encode(secret(secret_of))
    }

    /// A file with this text.
    pub fn with(text: &str) -> Self {
        let file = KeyFile(OwnDir::new());
        file.write(text);
        file
    }

    /// Replaces what is in the file.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    pub fn write(&self, text: &str) {
        let (new, path) = (self.0.path("new"), self.0.path("keys.toml"));
        fs::write(&new, text).expect("a file");
        permit(&new, 0o600);
        fs::rename(new, path).expect("the same directory");
    }

    /// Lets others do this with the file.
    ///
    /// # Panics
    ///
    /// If it is gone.
    pub fn chmod(&self, mode: u32) {
        let path = self.0.path("keys.toml");
        permit(&path, mode);
    }

    /// Where it is.
    pub fn path(&self) -> String {
        self.0.path("keys.toml").display().to_string()
    }

    /// The expression of a user with the keys of this file.
    pub fn hmac(&self, user: &str) -> String {
        format!("hmac:{user}?keys={}", self.path())
    }

    /// The same for encrypted messages.
    pub fn seal(&self, user: &str) -> String {
        format!("seal:{user}?keys={}", self.path())
    }

    /// A file for each of two users, with pairs of keys: each knows the other.
    ///
    /// # Panics
    ///
    /// If there are no random numbers.
    pub fn pairs(one: &str, two: &str) -> (Self, Self) {
        let (ones, twos) = (new_pair(), new_pair());
        let file = |own: &KeyPair, other: &str, others: &KeyPair| {
            KeyFile::with(&format!(
                "private = \"{}\"\n[users.{other}]\npublic = \"{}\"\nroles = [\"{other}-role\"]\n",
                own.private, others.public
            ))
        };
        (file(&ones, two, &twos), file(&twos, one, &ones))
    }
}

/// Says who may do what with a file, where the system knows of that.
fn permit(path: &Path, mode: u32) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(path, permissions).expect("our own file");
    }
    #[cfg(not(unix))]
    let _ = (path, mode);
}
