//! A client that posts its messages over HTTP: what is written to its peer is cut into telegrams,
//! each of which is a request, and the answers are what is read.
//!
//! Requests run side by side, on up to [`MOST`] threads, each with a connection that it keeps. What
//! cannot be answered by the server is answered here: a call always has an answer, if only one that
//! says what went wrong.

mod agent;
mod answers;
mod exchange;
mod room;
mod telegram;
mod work;

use std::fmt;
use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::base::error::{BoxError, Error};
use crate::base::limits::Limits;
use crate::expr::{Hidden, TransportExpr, TransportKind};
use crate::wire::Wire;
use crate::wire::codec::AnyCodec;

use super::pipe::{Pipe, Wakers};
use super::tcp;
use super::transport::{Entry, Transport};
use agent::Agents;
use answers::{Answers, Told};
use room::Rooms;
use telegram::NUL;
use work::Work;

/// A server is asked so much at once.
const MOST: usize = 16;

/// What an `http:` or `https:` posts to.
pub(crate) struct Client {
    expression: String,
    name: String,
    target: Arc<Target>,
}

/// Where it posts to, and how.
pub(super) struct Target {
    /// With its query.
    url: Hidden,
    /// Without, for people.
    shown: String,
    is_tls: bool,
    /// No server of names is asked where it is.
    is_at_hand: bool,
    user: Option<String>,
    password_file: Option<String>,
    token_env: Option<String>,
    agents: Agents,
    codec: AnyCodec,
    limits: Limits,
    /// How long a notification may take.
    patience: Duration,
    /// What responses take.
    rooms: Rooms,
}

/// The client that an expression describes, if it is one.
///
/// # Errors
///
/// When its certificates cannot be read.
pub(crate) fn bind(expr: &TransportExpr, wire: &Wire) -> Result<Option<Arc<dyn Transport>>, Error> {
    let TransportKind::Http {
        host,
        port,
        tls,
        path,
        query,
        user,
        password_file,
        token_env,
    } = expr.kind()
    else {
        return Ok(None);
    };
    let wrong = |why: String| Error::Config(format!("`{expr}`: {why}").into());
    let scheme = if tls.is_some() { "https" } else { "http" };
    let usual = if tls.is_some() { 443 } else { 80 };
    let authority = match *port {
        port if port == usual => tcp::host_name(host),
        port => tcp::client_name(host, port),
    };
    let shown = format!("{scheme}://{authority}{path}");
    let url = match query {
        Some(query) => format!("{shown}?{}", query.reveal()),
        None => shown.clone(),
    };
    let limits = &wire.limits;
    let agents = Agents::new(tls.as_ref(), limits.connect).map_err(wrong)?;
    let client = Client {
        expression: expr.to_string(),
        name: match path.as_str() {
            "/" => authority,
            path => authority + path,
        },
        target: Arc::new(Target {
            url: Hidden::new(url),
            shown,
            is_tls: tls.is_some(),
            is_at_hand: host == "localhost" || host.parse::<IpAddr>().is_ok(),
            user: user.clone(),
            password_file: password_file.clone(),
            token_env: token_env.clone(),
            agents,
            codec: wire.codec.clone(),
            limits: limits.clone(),
            patience: wire.call_timeout,
            rooms: Rooms::new(limits.buffered_total),
        }),
    };
    Ok(Some(Arc::new(client)))
}

impl Transport for Client {
    fn expression(&self) -> String {
        self.expression.clone()
    }

    fn open(&self, entry: Entry) -> Result<(), BoxError> {
        let authorization = self.target.authorization()?;
        let told = Arc::new(Told::default());
        let (target, answers) = (Arc::clone(&self.target), Answers::new(Arc::clone(&told)));
        let work = Arc::new(Work::new(target, authorization, Arc::clone(&told)));
        let (giving_up, watched) = (Arc::clone(&work), Arc::clone(&work));
        let (posting, posted) = (Arc::clone(&work), Arc::clone(&work));
        let pipe = Pipe {
            reader: Box::new(answers),
            writer: Box::new(Calls {
                work,
                partial: Vec::new(),
            }),
            at_once: Some(Box::new(move |bytes| {
                let telegram = bytes.strip_suffix(&[NUL]);
                let telegram = telegram.filter(|one| memchr::memchr(NUL, one).is_none());
                telegram.is_some_and(|telegram| posting.add(telegram, false).is_ok())
            })),
            wakers: Arc::new(Wakers {
                end_reading: Box::new(move || told.end()),
                end_writing: Box::new(move || giving_up.give_up()),
            }),
            end_of_input: Box::new(|| None),
            watcher: Some(("http", Box::new(move || watched.watch()))),
            outcome: Some(Box::new(move |deadline| posted.await_outcome(deadline))),
        };
        entry.connect_pipe(&self.name, pipe)?;
        Ok(())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.expression)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Telegrams that are to be posted.
struct Calls {
    work: Arc<Work>,
    /// The beginning of one.
    partial: Vec<u8>,
}

impl Write for Calls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(NUL, rest) {
            let (telegram, behind) = rest.split_at(end);
            rest = behind.get(1..).unwrap_or_default();
            self.partial.extend_from_slice(telegram);
            self.work.add(&std::mem::take(&mut self.partial), true)?;
        }
        self.partial.extend_from_slice(rest);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.work.no_more();
    }
}
