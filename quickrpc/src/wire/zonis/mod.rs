//! Zonis 2.1: named clients of one server, requests in both directions, JSON in the text messages
//! of a WebSocket.
//!
//! The format is that of the Python package `zonis` 2.1.0, as it was observed. Every request is
//! answered exactly once, and no answer is sent that nobody waits for: either ends service at a
//! Python peer.

mod listen;
mod packet;
mod speak;

use std::env::VarError;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::sync::{Arc, OnceLock};

use crate::base::error::{CallError, Error, Result};
use crate::base::mark::text_of_file;
use crate::base::sys::is_open_to_others;
use crate::expr::{SecretSource, ZonisExpr};
use crate::format::text::{self, Json};

use super::session::{Listening, Meeting, Protocol, Role, Speaking};

/// What clients are called that do not say, in the original.
const DEFAULT: &str = "DEFAULT";
/// What a server calls itself in its answers.
const SERVER: &str = "SERVER";
/// Clients in Python close the connection at a larger message; servers take 16 MiB.
const LARGEST_FOR_CLIENTS: usize = 1 << 20;
/// A route that nobody has, so that whoever answers at all says so.
const PROBE: &str = "rpc.still_there";
/// A secret may have so many bytes.
const LARGEST_SECRET: u64 = 4096;

/// Zonis, as one wire speaks it.
pub(crate) struct Zonis {
    expr: ZonisExpr,
    keys: Arc<Keys>,
}

/// What both sides have to know, and how a client is called.
struct Keys {
    identifier: Arc<str>,
    secret: String,
    /// A server without one lets nobody take the place of another.
    override_key: Option<String>,
}

impl Zonis {
    /// # Errors
    ///
    /// When a secret cannot be read.
    pub(crate) fn new(expr: &ZonisExpr) -> Result<Self> {
        let secret = |source: &Option<SecretSource>| {
            let read = source.as_ref().map(|source| match read(source) {
                Ok(secret) if secret.is_empty() => Err(format!("{source} is empty")),
                Ok(secret) => Ok(secret),
                Err(why) => Err(format!("{source}: {why}")),
            });
            let read = read.transpose();
            read.map_err(|why| Error::Config(format!("`{expr}`: {why}").into()))
        };
        Ok(Zonis {
            expr: expr.clone(),
            keys: Arc::new(Keys {
                identifier: expr.identifier.as_deref().unwrap_or(DEFAULT).into(),
                secret: secret(&expr.secret)?.unwrap_or_default(),
                override_key: secret(&expr.override_key)?,
            }),
        })
    }
}

fn read(source: &SecretSource) -> Result<String, String> {
    match source {
        SecretSource::File(path) => read_file(path),
        // Without the error's own text, which may show the value.
        SecretSource::Environment(name) => std::env::var(name).map_err(|error| match error {
            VarError::NotPresent => String::from("it is not set"),
            VarError::NotUnicode(_) => String::from("it is not UTF-8"),
        }),
    }
}

fn read_file(path: &str) -> Result<String, String> {
    let text = |error: std::io::Error| error.to_string();
    let file = File::open(path).map_err(text)?;
    if is_open_to_others(&file.metadata().map_err(text)?) {
        crate::base::log::warn!(
            "other users of this machine may read or change the secret in `{path}`; \
             `chmod o= <file>` takes that away"
        );
    }
    let mut bytes = Vec::new();
    let read = file.take(LARGEST_SECRET + 1).read_to_end(&mut bytes);
    if read.map_err(text)? as u64 > LARGEST_SECRET {
        return Err(format!("it is larger than {LARGEST_SECRET} bytes"));
    }
    let secret = text_of_file(&bytes)?;
    Ok(secret.trim_end_matches(['\r', '\n']).to_owned())
}

impl Protocol for Zonis {
    fn expression(&self) -> String {
        self.expr.to_string()
    }

    fn session(&self, meeting: Meeting<'_>) -> (Box<dyn Listening>, Box<dyn Speaking>) {
        let role = meeting.role;
        // The hearing half of a server learns what the speaking half has to write.
        let peer = Arc::new(OnceLock::new());
        let listening: Box<dyn Listening> = match role {
            Role::Client => Box::new(listen::Client::new(Arc::clone(&self.keys))),
            Role::Server => Box::new(listen::Server::new(
                Arc::clone(&self.keys),
                Arc::clone(&peer),
            )),
        };
        if role == Role::Client {
            // Nobody else sets it.
            peer.set(Arc::clone(&self.keys.identifier)).ok();
        }
        (listening, Box::new(speak::Speaker::new(role, peer)))
    }

    fn write_failure(&self, out: &mut Vec<u8>, error: &CallError) {
        // A text, since the original cannot show anything else.
        text::write_str(out, Json, &error.message);
    }

    fn largest(&self, role: Role) -> Option<usize> {
        match role {
            Role::Server => Some(LARGEST_FOR_CLIENTS),
            Role::Client => None,
        }
    }

    /// A server in Python stops its service without a word, for instance when one of its handlers
    /// returned what is no JSON. A client there closes and comes again.
    fn probe(&self, role: Role) -> Option<&'static str> {
        match role {
            Role::Client => Some(PROBE),
            Role::Server => None,
        }
    }
}

/// For logs: nothing of its secrets.
impl fmt::Debug for Zonis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zonis({})", self.expr)
    }
}

#[cfg(test)]
mod tests;
