//! Static files: what a page needs, from one folder.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::base::sys;

use super::super::greeter::{Output, Step};
use super::super::stream::Stream;

/// A folder whose files are served.
#[derive(Debug)]
pub(super) struct Folder {
    /// Without symlinks and `..`.
    root: PathBuf,
    /// Files that are never served, wherever they are.
    secrets: Vec<PathBuf>,
}

/// A file that is served.
pub(super) struct Found {
    pub(super) content_type: &'static str,
    pub(super) length: u64,
    pub(super) body: Body,
}

/// What is behind the head of an answer.
pub(super) enum Body {
    Text(Cow<'static, [u8]>),
    /// So many bytes of a file.
    File(File, u64),
}

/// Files that are served wherever a folder is, unless it has its own: path and content.
const BUILT_IN: &[(&str, &str)] = &[("/quickrpc.js", include_str!("../../../web/quickrpc.js"))];

/// Bytes of a file that are in memory at once, for each connection.
const PIECE: u64 = 16 << 10;
/// Bytes of a file that leave before others get their turn.
const TURN: usize = 256 << 10;

impl Folder {
    /// The folder of this name, but for the files with secrets that the wire itself has.
    ///
    /// # Errors
    ///
    /// If it is none, in words.
    pub(super) fn open(name: &str, secrets: Vec<PathBuf>) -> Result<Self, String> {
        let root = Path::new(name).canonicalize().map_err(|error| {
            let here = std::env::current_dir().unwrap_or_default();
            format!(
                "the folder `{name}` of `files` cannot be used: {error} (looked for in {})",
                here.display()
            )
        })?;
        match root.is_dir() {
            true => Ok(Folder { root, secrets }),
            false => Err(format!("`{name}` of `files` is no folder")),
        }
    }

    /// The file of a request's path; `index.html` where that is a folder.
    pub(super) fn find(&self, path: &str) -> Option<Found> {
        let name = decoded(path)?;
        let built_in = || {
            let (_, text) = BUILT_IN.iter().find(|(one, _)| *one == name)?;
            Some(Found {
                content_type: content_type(Path::new(&name)),
                length: text.len() as u64,
                body: Body::Text(text.as_bytes().into()),
            })
        };
        self.find_file(&name).or_else(built_in)
    }

    fn find_file(&self, name: &str) -> Option<Found> {
        let mut path = self.root.clone();
        for part in name.split('/').skip(1) {
            path.push(part);
        }
        if name.ends_with('/') {
            path.push("index.html");
        }
        // Symlinks within the folder are fine.
        let path = path.canonicalize().ok()?;
        let inside = path.strip_prefix(&self.root).ok()?;
        if inside
            .components()
            .any(|part| is_hidden(&part.as_os_str().to_string_lossy()))
        {
            return None;
        }
        // Looked up each time, since they may be replaced, also as symlinks.
        let is_secret = |secret: &PathBuf| secret.canonicalize().is_ok_and(|one| one == path);
        if self.secrets.iter().any(is_secret) {
            return None;
        }
        // It is no symlink any more, and a pipe must not hold us up.
        let file = sys::open_plain(&path).ok()?;
        let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        Some(Found {
            content_type: content_type(&path),
            length: metadata.len(),
            body: Body::File(file, metadata.len()),
        })
    }
}

/// The path of a request as the name of a file: percent signs decoded, and nothing in it that
/// leads elsewhere.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                let byte = u8::try_from(high << 4 | low).ok()?;
                // It would be another path for those who decode later.
                if matches!(byte, b'/' | b'\\') {
                    return None;
                }
                byte
            }
            byte => byte,
        };
        bytes.push(byte);
    }
    let name = String::from_utf8(bytes).ok()?;
    let parts = name.strip_prefix('/')?.split('/');
    let last = parts.clone().count() - 1;
    let mut parts = parts.enumerate();
    let good = |(at, part): (usize, &str)| {
        let empty = part.is_empty() && at != last;
        !(empty || is_hidden(part) || part.contains(['\\', '\0'])) && sys::is_plain_name(part)
    };
    parts.all(good).then_some(name)
}

/// `.git` and the like, and `..` with them.
fn is_hidden(part: &str) -> bool {
    part.starts_with('.')
}

fn content_type(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|text| text.to_str());
    let extension = extension.unwrap_or_default().to_ascii_lowercase();
    let types = TYPES.iter().find(|(known, _)| *known == extension);
    types.map_or("application/octet-stream", |(_, kind)| kind)
}

const TYPES: [(&str, &str); 16] = [
    ("css", "text/css; charset=utf-8"),
    ("gif", "image/gif"),
    ("htm", "text/html; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/x-icon"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json; charset=utf-8"),
    ("map", "application/json; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("png", "image/png"),
    ("svg", "image/svg+xml; charset=utf-8"),
    ("ts", "text/plain; charset=utf-8"),
    ("txt", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("woff2", "font/woff2"),
];

/// An answer that leaves piece by piece.
pub(super) struct Sending {
    output: Output,
    /// What is left of the body.
    body: Option<Body>,
    /// Told when all has left.
    why: String,
}

impl Sending {
    pub(super) fn new(head: Vec<u8>, body: Option<Body>, why: String) -> Self {
        Sending {
            output: Output::new(head),
            body,
            why,
        }
    }

    /// Sends as much as the stream takes, up to a turn.
    pub(super) fn advance(&mut self, stream: &Stream) -> Step {
        let mut sent = 0;
        loop {
            let all = match self.output.write(stream) {
                Ok((count, all)) => {
                    sent += count;
                    all
                }
                Err(error) => return Step::Failed(error),
            };
            if !all {
                return match sent {
                    0 => Step::Wait,
                    _ => Step::Moved { more: false },
                };
            }
            if sent >= TURN {
                return Step::Moved { more: true };
            }
            match self.next_piece() {
                Ok(Some(piece)) => self.output = Output::new(piece),
                Ok(None) => return Step::Refused(std::mem::take(&mut self.why)),
                Err(error) => return Step::Failed(error),
            }
        }
    }

    /// The next piece of the body, if there is one.
    fn next_piece(&mut self) -> io::Result<Option<Cow<'static, [u8]>>> {
        let (mut file, left) = match self.body.take() {
            Some(Body::Text(text)) => return Ok(Some(text)),
            Some(Body::File(file, left)) if left > 0 => (file, left),
            _ => return Ok(None),
        };
        let most = left.min(PIECE);
        let mut piece = Vec::with_capacity(usize::try_from(most).unwrap_or_default());
        let count = Read::take(&mut file, most).read_to_end(&mut piece)?;
        if count == 0 {
            // Its length was promised, so the end of the connection has to tell.
            return Err(io::Error::other("the file became shorter meanwhile"));
        }
        self.body = Some(Body::File(file, left - count as u64));
        Ok(Some(piece.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_nowhere_else() {
        for (path, name) in [
            ("/", "/"),
            ("/index.html", "/index.html"),
            ("/a/b.js", "/a/b.js"),
            ("/sub/", "/sub/"),
            ("/a%20b", "/a b"),
            ("/%c3%a4", "/ä"),
            ("/a..b", "/a..b"),
        ] {
            assert_eq!(decoded(path).as_deref(), Some(name), "{path}");
        }
        for path in [
            "",
            "*",
            "a",
            "http://x/a",
            "//a",
            "/a//b",
            "/..",
            "/../a",
            "/a/../b",
            "/a/..",
            "/.git",
            "/a/.b/c",
            "/%2e%2e/a",
            "/%2E/a",
            "/a%2fb",
            "/a%5cb",
            "/a\\b",
            "/%00",
            "/a%",
            "/a%2",
            "/a%zz",
            "/%ff",
        ] {
            assert_eq!(decoded(path), None, "{path}");
        }
    }
}
