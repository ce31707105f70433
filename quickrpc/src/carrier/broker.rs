//! The beginning of a connection to a broker: a greeter, so that the connection is used only
//! behind it. What is said is in `wire/nats` and `wire/mqtt`.

use std::fs;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::base::error::Error;
use crate::base::subject::{OF_USER, Style};
use crate::base::sync::lock;
use crate::expr::{MqttExpr, NatsExpr, TransportExpr, TransportKind};
use crate::wire::broker::subjects::Subjects;
use crate::wire::broker::{Opening, Step as Said, Tongue};
use crate::wire::frames::Frames;
use crate::wire::nats::{self, Info};

use super::greeter::{Greeter, Greeting, Output, Step, read_plain, read_some};
use super::stream::Stream;

/// What is bound: where a broker is, and who we are there.
#[derive(Debug)]
pub(crate) struct Settings {
    kind: Kind,
    subjects: Subjects,
    group: String,
    probe: Duration,
    /// Where the expression says that it is.
    place: (String, u16),
    /// The servers of the cluster, the one first that is tried next. A leaf in the lock order.
    servers: Mutex<Vec<(String, u16)>>,
    /// So many of them were tried since one was reached.
    tried: AtomicUsize,
    /// What came of the last beginning. A leaf in the lock order.
    begun: Mutex<Option<Box<Tongue>>>,
}

#[derive(Debug)]
enum Kind {
    Nats(NatsExpr),
    Mqtt(MqttExpr),
}

/// What a transport needs for a broker, if it needs one.
///
/// # Errors
///
/// If a file with what the broker is to know us by is not there, or not right.
pub(crate) fn bind(expr: &TransportExpr) -> Result<Option<Arc<Settings>>, Error> {
    let kind = match expr.kind() {
        TransportKind::Nats(nats) => Kind::Nats(NatsExpr::clone(nats)),
        TransportKind::Mqtt(mqtt) => Kind::Mqtt(MqttExpr::clone(mqtt)),
        _ => return Ok(None),
    };
    let (style, namespace, name, group, probe, place) = match &kind {
        Kind::Nats(it) => (
            Style::Dots,
            &it.namespace,
            &it.name,
            &it.group,
            it.probe,
            (it.host.clone(), it.port),
        ),
        Kind::Mqtt(it) => (
            Style::Slashes,
            &it.namespace,
            &it.name,
            &it.group,
            it.probe,
            (it.host.clone(), it.port),
        ),
    };
    let user = match &kind {
        Kind::Nats(nats) if nats.vouched => nats.user.as_deref(),
        _ => None,
    };
    let token = random_token();
    let name = match name {
        Some(name) => name.clone(),
        None => {
            let some = token.get(..8).unwrap_or_default();
            match user {
                Some(user) => format!("{user}{OF_USER}{some}"),
                None => format!("peer-{some}"),
            }
        }
    };
    let subjects = Subjects::new(style, namespace, &name, &token);
    let settings = Settings {
        subjects: match user {
            Some(user) => subjects.vouched(user),
            None => subjects,
        },
        group: group.clone(),
        probe,
        place,
        kind,
        servers: Mutex::default(),
        tried: AtomicUsize::new(0),
        begun: Mutex::default(),
    };
    // Each connection reads it again: what is in the files may change.
    match settings.opening() {
        Ok(_) => Ok(Some(Arc::new(settings))),
        Err(why) => Err(Error::Config(format!("`{expr}`: {why}").into())),
    }
}

/// 128 bits that nobody can guess, as the system's hash tables are made safe with.
fn random_token() -> String {
    let random = || {
        let state = std::hash::RandomState::new();
        std::hash::BuildHasher::hash_one(&state, "broker")
    };
    format!("{:016x}{:016x}", random(), random())
}

/// The first line of a file.
fn secret(path: &str) -> Result<String, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("`{path}`: {error}"))?;
    let line = text.lines().next().unwrap_or_default().trim().to_owned();
    match line.is_empty() {
        true => Err(format!("`{path}`: its first line is empty")),
        false => Ok(line),
    }
}

impl Settings {
    /// Which subjects mean what on a new connection. A server of NATS tells nobody that a connection has ended, so
    /// that each one has a token of its own there: with it others see that we have come again. A broker of MQTT
    /// tells it, by the will that belongs to the token.
    pub(crate) fn subjects(&self) -> Subjects {
        match &self.kind {
            Kind::Nats(_) => self.subjects.renewed(&random_token()),
            Kind::Mqtt(_) => self.subjects.clone(),
        }
    }

    /// Those who share work with us.
    pub(crate) fn group(&self) -> &str {
        &self.group
    }

    /// Whoever owes an answer is asked so often whether he works on it.
    pub(crate) fn probe(&self) -> Duration {
        self.probe
    }

    /// The server that is tried next: the one of the expression first, and then those that the
    /// broker has named, in turns.
    pub(crate) fn next_server(&self) -> (String, u16) {
        self.tried.fetch_add(1, Ordering::Relaxed);
        let mut servers = lock(&self.servers);
        if servers.is_empty() {
            servers.push(self.place.clone());
        }
        servers.rotate_left(1);
        let last = servers.len() - 1;
        servers.get(last).cloned().unwrap_or_default()
    }

    /// The server that was tried last.
    pub(crate) fn server(&self) -> (String, u16) {
        lock(&self.servers).last().cloned().unwrap_or_default()
    }

    /// Whether there is another server than the one that was reached last.
    pub(crate) fn has_others(&self) -> bool {
        lock(&self.servers).len() > 1
    }

    /// Whether one of the others was not tried since a server was reached last.
    pub(crate) fn has_untried(&self) -> bool {
        let others = lock(&self.servers).len().saturating_sub(1);
        self.tried.load(Ordering::Relaxed) < others
    }

    /// The broker has said something of itself: which servers its cluster has by now.
    pub(crate) fn heard(&self, info: &Info) {
        let named = info.servers();
        let mut servers = lock(&self.servers);
        let Some(current) = servers.last().cloned().filter(|_| !named.is_empty()) else {
            return;
        };
        servers.retain(|one| *one == self.place || *one == current || named.contains(one));
        for server in named {
            if server != self.place && !servers.contains(&server) && servers.len() < SERVERS {
                // In an order of our own, so that not all go on at the same one; the last is ours.
                let random = std::hash::RandomState::new();
                let random = std::hash::BuildHasher::hash_one(&random, &server);
                let at = random % servers.len().max(1) as u64;
                servers.insert(usize::try_from(at).unwrap_or(0), server);
            }
        }
    }

    /// How the broker is spoken to that was reached last.
    pub(crate) fn begun(&self) -> Option<Box<Tongue>> {
        lock(&self.begun).take()
    }

    /// How a connection is cut.
    pub(crate) fn frames(&self) -> Frames {
        match self.kind {
            Kind::Nats(_) => Frames::Nats,
            Kind::Mqtt(_) => Frames::Mqtt,
        }
    }

    fn opening(&self) -> Result<Opening, String> {
        match &self.kind {
            Kind::Nats(expr) => {
                let login = nats_login(expr)?;
                let tls = match expr.tls {
                    None => nats::Tls::Never,
                    Some(_) if expr.handshake_first => nats::Tls::Begun,
                    Some(_) => nats::Tls::BehindInfo,
                };
                let handshake = nats::Handshake::new(login, tls, self.subjects.name());
                Ok(Opening::Nats(handshake))
            }
            Kind::Mqtt(expr) => self.open_mqtt(expr),
        }
    }

    #[cfg(feature = "mqtt")]
    fn open_mqtt(&self, expr: &MqttExpr) -> Result<Opening, String> {
        use crate::wire::mqtt;

        let password = expr.password_file.as_deref().map(secret).transpose()?;
        let login = mqtt::Login {
            user: expr.user.clone(),
            password: password.map(String::into_bytes),
        };
        // Fresh for each start: two clients of one name throw each other out for ever. All brokers
        // take 23 characters. It is the same when a connection comes again, so that the broker
        // ends the one before it first.
        let token = self.subjects.token();
        let client = format!("q{}", token.get(..22).unwrap_or(token));
        let will = self.subjects.here(self.subjects.me());
        let handshake = mqtt::Handshake::new(&login, &client, expr.keepalive, &will);
        Ok(Opening::Mqtt(handshake))
    }

    #[cfg(not(feature = "mqtt"))]
    #[allow(clippy::unused_self, reason = "as with the feature")]
    fn open_mqtt(&self, expr: &MqttExpr) -> Result<Opening, String> {
        Err(format!("there is no MQTT for {}", expr.host))
    }
}

fn nats_login(expr: &NatsExpr) -> Result<nats::Login, String> {
    if let Some(path) = &expr.nkey_file {
        let key = nats::Key::of_seed(&secret(path)?);
        let key = key.map_err(|why| format!("`{path}`: {why}"))?;
        return Ok(nats::Login::Key(Box::new(key)));
    }
    if let Some(path) = &expr.creds_file {
        let text = fs::read_to_string(path).map_err(|error| format!("`{path}`: {error}"))?;
        let key = nats::Key::of_credentials(&text);
        let key = key.map_err(|why| format!("`{path}`: {why}"))?;
        return Ok(nats::Login::Key(Box::new(key)));
    }
    if let Some(path) = &expr.token_file {
        return Ok(nats::Login::Token(secret(path)?));
    }
    match (&expr.user, &expr.password_file) {
        (Some(user), Some(path)) => Ok(nats::Login::User {
            user: user.clone(),
            password: secret(path)?,
        }),
        (Some(user), None) => Ok(nats::Login::User {
            user: user.clone(),
            password: String::new(),
        }),
        (None, _) => Ok(nats::Login::None),
    }
}

/// No more servers of a cluster are remembered.
const SERVERS: usize = 64;

/// Begins the connections of a link.
#[derive(Debug)]
pub(crate) struct Begin(pub(crate) Arc<Settings>);

impl Greeting for Begin {
    fn greeter(&self) -> Box<dyn Greeter> {
        Box::new(Beginning {
            opening: self.0.opening(),
            settings: Arc::clone(&self.0),
            output: Output::new(Vec::new()),
            heard: 0,
        })
    }
}

/// The beginning of one connection.
struct Beginning {
    /// Or why we cannot say who we are.
    opening: Result<Opening, String>,
    settings: Arc<Settings>,
    output: Output,
    /// The broker has said so many bytes.
    heard: usize,
}

/// No part of what a broker says first is longer than this: NATS's list of a cluster's servers is all on one line.
const MOST: usize = 64 << 10;
/// Nor is all of it longer than this: a few such lines.
const ALL: usize = 4 * MOST;
/// Others have their turn when so much was read or said: a broker that never stops to talk keeps its own
/// connection busy, and no other one.
const TURN: usize = 16;

/// How more is read.
type ReadMore = fn(&Stream, &mut Vec<u8>, usize) -> io::Result<bool>;

impl Beginning {
    fn go_on(&mut self, stream: &Stream, input: &mut Vec<u8>, more: ReadMore) -> Step {
        let opening = match &mut self.opening {
            Ok(opening) => opening,
            Err(why) => return Step::Refused(format!("the login cannot be read: {why}")),
        };
        for _ in 0..TURN {
            match self.output.write(stream) {
                Ok((_, true)) => {}
                Ok((_, false)) => return Step::Wait,
                Err(error) => return Step::Failed(error),
            }
            match opening.advance(input) {
                Said::Say(bytes) => {
                    self.output = Output::new(bytes);
                    continue;
                }
                // It goes on behind the handshake of TLS.
                Said::Secure => return Step::Done,
                Said::Done(tongue) => {
                    if let Tongue::Nats(talk) = &*tongue {
                        self.settings.heard(talk.info());
                    }
                    *lock(&self.settings.begun) = Some(tongue);
                    self.settings.tried.store(0, Ordering::Relaxed);
                    return Step::Done;
                }
                Said::Refused(why) => return Step::Refused(why),
                Said::Wait => {}
            }
            let before = input.len();
            if before >= MOST || self.heard >= ALL {
                let (kind, most) = (opening.kind(), ALL >> 10);
                return Step::Refused(format!(
                    "it says more within the greeting than a broker has to (more than {most} KiB in all, or a \
                     part that has no end); is it {kind}?"
                ));
            }
            match more(stream, input, MOST) {
                Ok(true) => self.heard += input.len() - before,
                Ok(false) => return Step::Wait,
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
                    ) =>
                {
                    let kind = opening.kind();
                    let hint = match opening.is_plain_first() {
                        true => " (One that begins with TLS at once wants `handshake_first=on`.)",
                        false if matches!(stream, Stream::Tls(_)) => "",
                        false => " (One that wants TLS is reached by `nats+tls:` or `mqtts:`.)",
                    };
                    let text = format!(
                        "the other side closed the connection within the greeting; is it {kind}?{hint}"
                    );
                    return Step::Failed(io::Error::new(error.kind(), text));
                }
                Err(error) => return Step::Failed(error),
            }
        }
        Step::More
    }
}

impl Greeter for Beginning {
    fn advance(&mut self, stream: &Stream, input: &mut Vec<u8>) -> Step {
        self.go_on(stream, input, read_some)
    }

    fn before_tls(&mut self, stream: &Stream, input: &mut Vec<u8>) -> Step {
        match &self.opening {
            Ok(opening) if !opening.is_plain_first() => Step::Done,
            _ => self.go_on(stream, input, read_plain),
        }
    }
}
