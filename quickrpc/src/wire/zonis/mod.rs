//! Zonis 2.1: named clients of one server, requests in both directions, JSON in the text messages
//! of a WebSocket.
//!
//! The format is that of the Python package `zonis` 2.1.0, as it was observed. Every request is
//! answered exactly once, and no answer is sent that nobody waits for: either ends service at a
//! Python peer.

mod listen;
mod packet;
mod speak;

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::base::error::{CallError, Error, Result};
use crate::base::mark::text_of_file;
use crate::expr::{SecretSource, ZonisExpr};
use crate::format::text::{self, Json};

use super::session::{Listening, Protocol, Role, Speaking};

/// What clients are called that do not say, in the original.
const DEFAULT: &str = "DEFAULT";
/// What a server calls itself in its answers.
const SERVER: &str = "SERVER";

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
            let read = source.as_ref().map(read).transpose();
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
        SecretSource::File(path) => {
            let read = std::fs::read(path).map_err(|error| error.to_string());
            read.and_then(|bytes| {
                Ok(text_of_file(&bytes)?
                    .trim_end_matches(['\r', '\n'])
                    .to_owned())
            })
            .map_err(|why| format!("the secret in the file `{path}` cannot be read: {why}"))
        }
        // Without the error's text, which may show the value.
        SecretSource::Environment(name) => std::env::var(name).map_err(|error| {
            let why = match error {
                std::env::VarError::NotPresent => "is not set",
                std::env::VarError::NotUnicode(_) => "is not UTF-8",
            };
            format!("the secret in the variable `{name}` {why}")
        }),
    }
}

impl Protocol for Zonis {
    fn expression(&self) -> String {
        self.expr.to_string()
    }

    fn session(&self, role: Role) -> (Box<dyn Listening>, Box<dyn Speaking>) {
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
}

/// For logs: nothing of its secrets.
impl fmt::Debug for Zonis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zonis({})", self.expr)
    }
}

#[cfg(test)]
mod tests;
