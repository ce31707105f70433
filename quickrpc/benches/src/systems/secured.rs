//! Ways to keep messages from others, with the keys that they need.

use std::fs::{self, DirBuilder};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::Result;

/// What protects the messages of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Secured {
    way: Way,
    /// The keys of both sides, when they are needed.
    keys: Arc<Mutex<Option<Arc<Keys>>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Tls,
    Hmac,
    Seal,
}

/// A transport, and a security provider if there is one.
pub(super) type Wire = (String, Option<String>);

impl Secured {
    pub(crate) fn new(way: Way) -> Self {
        let keys = Arc::default();
        Secured { way, keys }
    }

    pub(super) fn name(&self) -> &'static str {
        match self.way {
            Way::Tls => "TLS",
            Way::Hmac => "hmac",
            Way::Seal => "seal",
        }
    }

    /// Of the server.
    pub(super) fn listens(&self) -> Result<Wire> {
        let keys = self.keys()?;
        Ok(match self.way {
            Way::Tls => {
                let (cert, key) = (keys.path("cert.pem"), keys.path("key.pem"));
                (format!("tlsserv:127.0.0.1:0?cert={cert}&key={key}"), None)
            }
            Way::Hmac | Way::Seal => {
                let security = format!("{}:server?keys={}", self.name(), keys.path("keys.toml"));
                ("tcpserv:127.0.0.1:0".to_owned(), Some(security))
            }
        })
    }

    /// Of the client.
    pub(super) fn connects(&self, port: u16) -> Result<Wire> {
        let keys = self.keys()?;
        Ok(match self.way {
            Way::Tls => (
                format!("tls:127.0.0.1:{port}?ca={}", keys.path("cert.pem")),
                None,
            ),
            Way::Hmac | Way::Seal => {
                let (name, path) = (self.name(), keys.path("keys.toml"));
                let security = format!("{name}:client?keys={path}&to=server");
                (format!("tcp:127.0.0.1:{port}"), Some(security))
            }
        })
    }

    fn keys(&self) -> Result<Arc<Keys>> {
        let mut keys = self.keys.lock().map_err(|_| "making keys panicked")?;
        if let Some(keys) = &*keys {
            return Ok(Arc::clone(keys));
        }
        let made = Arc::new(Keys::new()?);
        *keys = Some(Arc::clone(&made));
        Ok(made)
    }
}

/// A directory that nobody else reads, and that is removed at the end.
#[derive(Debug)]
struct Keys(PathBuf);

/// The key of both users, as the base64 of 32 bytes.
const KEY: &str = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=";

impl Keys {
    fn new() -> Result<Self> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("quickrpc-bench-{}-{number}", process::id()));
        DirBuilder::new().mode(0o700).create(&dir)?;
        let keys = Keys(dir);
        let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
        keys.write("cert.pem", &certified.cert.pem())?;
        keys.write("key.pem", &certified.signing_key.serialize_pem())?;
        let user = |name| format!("[users.{name}]\nkeys = [\"{KEY}\"]\n");
        keys.write("keys.toml", &(user("server") + &user("client")))?;
        Ok(keys)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> Result {
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.0.join(name))?;
        Ok(file.write_all(text.as_bytes())?)
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}
