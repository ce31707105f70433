//! The beginning of a connection to a NATS server: a greeter, so that the connection is used only
//! behind it. What is said is in `wire/nats`.

use std::fs;
use std::io;
use std::sync::{Arc, Mutex};

use crate::base::error::Error;
use crate::base::sync::lock;
use crate::expr::{NatsExpr, TransportExpr, TransportKind};
use crate::wire::nats::{Handshake, Info, Login, Step as Said};

use super::greeter::{Greeter, Greeting, Output, Step, read_some};
use super::stream::Stream;

/// What is bound: where a broker is, and who we are there.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) expr: NatsExpr,
    /// Our name in the namespace.
    pub(crate) name: String,
    /// Tells this run of the program from others.
    pub(crate) token: String,
    /// The servers of the cluster, the one first that is tried next. A leaf in the lock order.
    servers: Mutex<Vec<(String, u16)>>,
    /// What the broker has said of itself last. A leaf in the lock order.
    info: Mutex<Option<Box<Info>>>,
}

/// What a transport needs for NATS, if it needs it.
///
/// # Errors
///
/// Where the system gives no random numbers, or the feature is off.
pub(crate) fn bind(expr: &TransportExpr) -> Result<Option<Arc<Settings>>, Error> {
    let TransportKind::Nats(nats) = expr.kind() else {
        return Ok(None);
    };
    if cfg!(not(feature = "nats")) {
        let text = format!(
            "`{expr}` needs the cargo feature `nats` of quickrpc, which is off: \
             `cargo add quickrpc --features nats`"
        );
        return Err(Error::Config(text.into()));
    }
    let token = random_token();
    let name = match &nats.name {
        Some(name) => name.clone(),
        None => format!("peer-{}", token.get(..8).unwrap_or_default()),
    };
    Ok(Some(Arc::new(Settings {
        expr: NatsExpr::clone(nats),
        name,
        token,
        servers: Mutex::default(),
        info: Mutex::default(),
    })))
}

/// 128 bits that nobody can guess, as the system's hash tables are made safe with.
fn random_token() -> String {
    let random = || {
        let state = std::hash::RandomState::new();
        std::hash::BuildHasher::hash_one(&state, "nats")
    };
    format!("{:016x}{:016x}", random(), random())
}

impl Settings {
    /// The server that is tried next: the one of the expression first, and then those that the
    /// broker has named, in turns.
    pub(crate) fn next_server(&self) -> (String, u16) {
        let mut servers = lock(&self.servers);
        if servers.is_empty() {
            servers.push((self.expr.host.clone(), self.expr.port));
        }
        servers.rotate_left(1);
        let last = servers.len() - 1;
        servers.get(last).cloned().unwrap_or_default()
    }

    /// The server that was tried last.
    pub(crate) fn server(&self) -> (String, u16) {
        lock(&self.servers).last().cloned().unwrap_or_default()
    }

    /// The broker has said something of itself.
    pub(crate) fn heard(&self, info: &Info) {
        let mut servers = lock(&self.servers);
        let own = (self.expr.host.clone(), self.expr.port);
        for server in info.servers() {
            if server != own && !servers.contains(&server) && servers.len() < SERVERS {
                servers.push(server);
            }
        }
        *lock(&self.info) = Some(Box::new(info.clone()));
    }

    /// What the broker has said of itself last.
    pub(crate) fn info(&self) -> Info {
        lock(&self.info).as_deref().cloned().unwrap_or_default()
    }

    fn login(&self) -> Result<Login, String> {
        let secret = |path: &String| {
            let text = fs::read_to_string(path).map_err(|error| format!("`{path}`: {error}"))?;
            let line = text.lines().next().unwrap_or_default().trim().to_owned();
            match line.is_empty() {
                true => Err(format!("`{path}`: its first line is empty")),
                false => Ok(line),
            }
        };
        if let Some(path) = &self.expr.token_file {
            return Ok(Login::Token(secret(path)?));
        }
        match (&self.expr.user, &self.expr.password_file) {
            (Some(user), Some(path)) => Ok(Login::User {
                user: user.clone(),
                password: secret(path)?,
            }),
            (Some(user), None) => Ok(Login::User {
                user: user.clone(),
                password: String::new(),
            }),
            (None, _) => Ok(Login::None),
        }
    }
}

/// No more servers of a cluster are remembered.
const SERVERS: usize = 64;

/// Begins the connections of a link.
#[derive(Debug)]
pub(crate) struct Begin(pub(crate) Arc<Settings>);

impl Greeting for Begin {
    fn greeter(&self) -> Box<dyn Greeter> {
        let login = self.0.login();
        Box::new(Beginning {
            handshake: login.map(|login| Handshake::new(login, &self.0.name)),
            settings: Arc::clone(&self.0),
            output: Output::new(Vec::new()),
        })
    }
}

/// The beginning of one connection.
struct Beginning {
    /// Or why we cannot say who we are.
    handshake: Result<Handshake, String>,
    settings: Arc<Settings>,
    output: Output,
}

/// No beginning is longer than this.
const MOST: usize = 64 << 10;

impl Greeter for Beginning {
    fn advance(&mut self, stream: &Stream, input: &mut Vec<u8>) -> Step {
        let handshake = match &mut self.handshake {
            Ok(handshake) => handshake,
            Err(why) => return Step::Refused(format!("the login cannot be read: {why}")),
        };
        loop {
            match self.output.write(stream) {
                Ok((_, true)) => {}
                Ok((_, false)) => return Step::Wait,
                Err(error) => return Step::Failed(error),
            }
            match handshake.advance(input) {
                Said::Say(bytes) => {
                    self.output = Output::new(bytes);
                    continue;
                }
                Said::Done(info) => {
                    self.settings.heard(&info);
                    return Step::Done;
                }
                Said::Refused(why) => return Step::Refused(why),
                Said::Wait => {}
            }
            match read_some(stream, input, MOST) {
                Ok(true) => {}
                Ok(false) => return Step::Wait,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    let text = "the other side closed the connection within the greeting of NATS; \
                                is it a NATS server?";
                    return Step::Failed(io::Error::new(error.kind(), text));
                }
                Err(error) => return Step::Failed(error),
            }
        }
    }
}
