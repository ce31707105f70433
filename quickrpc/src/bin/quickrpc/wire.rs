//! The wire of a command: from the command line to an API that is connected.

use std::env;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Args;
use crossbeam_channel::{Receiver, bounded};
use quickrpc::config::{self, Config};
use quickrpc::dynamic::{Api, Outgoing};
use quickrpc::expr::{TransportKind, read_timeout};
use quickrpc::{Builder, CallError, CodecExpr, Error, Limits, SecurityExpr, TransportExpr};

use super::failure::{Failure, Kind};

/// What a command is connected to.
#[derive(Debug, Clone, Args)]
pub struct Wire {
    /// Such as tcp:localhost:8888 or ws://host/path (all: `quickrpc --help`), or @NAME of the configuration
    pub wire: String,

    #[command(flatten)]
    pub how: How,
}

/// How it is spoken there.
#[derive(Debug, Clone, Args)]
pub struct How {
    /// jrpc (the default), terse, msgpack, zonis:NAME, .. ; over what @NAME says
    #[arg(long, short, value_name = "EXPRESSION")]
    pub codec: Option<String>,

    /// Who we are: null (the default), hmac:USER?keys=FILE, ..
    #[arg(long, value_name = "EXPRESSION")]
    pub security: Option<String>,

    /// The file with the wires that @NAME means
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// How long to wait for the connection and for each answer: 5, 500ms, 2m [default: 10s]
    #[arg(long, short, value_name = "TIME", value_parser = read_timeout)]
    pub timeout: Option<Duration>,
}

/// What is known of a wire before it is opened.
#[derive(Debug, Clone)]
pub struct Bound {
    pub codec: CodecExpr,
    pub security: Option<SecurityExpr>,
    pub transport: TransportExpr,
    pub timeout: Duration,
}

/// A connection, and what went wrong on it.
pub struct Connected {
    pub api: Api,
    pub bound: Bound,
    trouble: Arc<Mutex<Vec<String>>>,
    /// Is told when a peer has come.
    peer: Receiver<()>,
    /// Is told why the first of them has gone.
    gone: Receiver<Error>,
}

impl Wire {
    pub fn bound(&self) -> Result<Bound, Failure> {
        bound(&self.wire, &self.how)
    }

    /// Connects, and waits for a peer.
    pub fn connect(&self) -> Result<Connected, Failure> {
        self.bound()?.connect(|_api| ())
    }
}

/// Reads the expressions of a wire.
pub fn bound(wire: &str, how: &How) -> Result<Bound, Failure> {
    let named = match wire.strip_prefix('@') {
        Some(name) => Some(configuration(how)?.wire(name)?.clone()),
        None => None,
    };
    let expression = |error: quickrpc::ExprError| Failure::from(Error::from(error));
    let given = |text: &Option<String>| -> Result<Option<CodecExpr>, Failure> {
        text.as_deref()
            .map(str::parse)
            .transpose()
            .map_err(expression)
    };
    let security: Option<SecurityExpr> = how
        .security
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(expression)?;
    let codec = given(&how.codec)?;
    let config::Wire {
        codec: usual,
        security: known,
        transport,
        timeout,
        ..
    } = match named {
        Some(named) => named,
        None => config::Wire::new(wire.parse().map_err(|error: quickrpc::ExprError| {
            let failure = expression(error);
            match wire.contains(':') {
                true => failure,
                false => failure.hint(format!("a wire of that name in a file is `@{wire}`")),
            }
        })?),
    };
    Ok(Bound {
        codec: codec.unwrap_or(usual),
        security: security.or(known),
        transport,
        timeout: how.timeout.or(timeout).unwrap_or(Duration::from_secs(10)),
    })
}

fn configuration(how: &How) -> Result<Config, Failure> {
    if let Some(file) = &how.config {
        return Ok(Config::read(file)?);
    }
    if let Some(file) = env::var_os("QUICKRPC_CONFIG") {
        return Ok(Config::read(PathBuf::from(file))?);
    }
    let folder = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".config")));
    let mut places = vec![PathBuf::from(FILE)];
    places.extend(folder.map(|folder| folder.join(FILE)));
    match places.iter().find(|place| place.exists()) {
        Some(place) => Ok(Config::read(place)?),
        None => {
            let places: Vec<_> = places
                .iter()
                .map(|place| place.display().to_string())
                .collect();
            let text = format!(
                "there is no file with wires: neither {}",
                places.join(" nor ")
            );
            Err(Failure::usage(text).hint("name one by --config or in $QUICKRPC_CONFIG"))
        }
    }
}

const FILE: &str = "quickrpc.toml";

impl Bound {
    /// The API, not started yet. It says nothing of itself: it is no service.
    pub fn build(&self) -> Result<Api, Failure> {
        let mut builder = self.patient(Api::builder()).discover(false);
        builder = match &self.security {
            Some(security) => builder.bind_secured(&self.codec, security, self.transport.clone()),
            None => builder.bind(&self.codec, self.transport.clone()),
        };
        Ok(builder.build_dynamic()?)
    }

    /// With the time that connecting, greeting and each answer may take.
    pub fn patient<A>(&self, builder: Builder<A>) -> Builder<A> {
        let limits = Limits {
            connect: self.timeout,
            greeting: self.timeout,
            ..Limits::default()
        };
        builder.call_timeout(self.timeout).limits(limits)
    }

    /// Connects, and waits for a peer, which a server may have none of yet.
    pub fn connect(self, prepare: impl FnOnce(&Api)) -> Result<Connected, Failure> {
        let api = self.build()?;
        let (come, peer) = bounded(1);
        api.on_connect(move |_peer| {
            come.try_send(()).ok();
        });
        let (went, gone) = bounded(1);
        api.on_disconnect(move |peer, reason| {
            let error = Error::Disconnected {
                peer: peer.to_string().into(),
                reason: reason.to_string().into(),
            };
            went.try_send(error).ok();
        });
        let trouble = Arc::new(Mutex::new(Vec::new()));
        let troubles = Arc::clone(&trouble);
        api.on_error(move |_peer, error, _call| {
            let is_unheard =
                matches!(error, Error::Call(error) if error.code == CallError::METHOD_NOT_FOUND);
            if !is_unheard
                && let Ok(mut troubles) = troubles.lock()
                && troubles.len() < 10
            {
                troubles.push(error.to_string());
            }
        });
        prepare(&api);
        let started = Instant::now();
        if let Err(error) = api.start() {
            return Err(self.cannot_start(error));
        }
        let needs_peer = !self.reaches_strangers();
        if needs_peer && api.peers().is_empty() {
            let left = self.timeout.saturating_sub(started.elapsed());
            if peer.recv_timeout(left).is_err() {
                let text = format!(
                    "nobody has connected to `{}` within {:?}",
                    self.transport, self.timeout
                );
                return Err(Failure::new(Kind::Connection, text));
            }
        }
        Ok(Connected {
            api,
            bound: self,
            trouble,
            peer,
            gone,
        })
    }

    /// Whether it reaches those who do not say that they are there.
    pub fn reaches_strangers(&self) -> bool {
        reaches_strangers(&self.transport)
    }

    /// Whether its peers are behind a broker.
    pub fn has_broker(&self) -> bool {
        has_broker(&self.transport)
    }

    /// Whether nothing can come any more when the other side has gone.
    pub fn ends_with_peer(&self) -> bool {
        !is_for_several(&self.transport)
    }

    pub fn cannot_start(&self, error: Error) -> Failure {
        let refused = matches!(
            &error,
            Error::Start { kind: Some(kind), .. } if *kind == std::io::ErrorKind::ConnectionRefused
        );
        let failure = Failure::from(error);
        match self.transport.kind() {
            _ if refused => failure.hint(
                "does the server run there? `quickrpc seek` finds those that announce themselves",
            ),
            TransportKind::WebSocket { .. } if failure.text().contains("the server answered 401") => {
                failure.hint(
                    "who may connect says who it is: `ws://<user>:<key>@..`, with `%2F` for a `/` in the key, \
                     or a line `Authorization: ..` in the file of `?header_file=`",
                )
            }
            TransportKind::WebSocket { .. } if failure.text().contains("the server answered") => {
                failure.hint(
                    "is it the path of a WebSocket? `http:` in the place of `ws:` posts to a server of HTTP",
                )
            }
            _ => failure,
        }
    }
}

/// Whether it reaches those who do not say that they are there.
fn reaches_strangers(transport: &TransportExpr) -> bool {
    matches!(transport.kind(), TransportKind::Udp { .. }) || has_broker(transport)
}

/// Whether others may come when one has gone.
fn is_for_several(transport: &TransportExpr) -> bool {
    match transport.kind() {
        TransportKind::TcpServer { .. }
        | TransportKind::WebSocketServer { .. }
        | TransportKind::UnixServer { .. }
        | TransportKind::ZmqServer { .. }
        | TransportKind::Restart { .. } => true,
        TransportKind::Mux(all) => all.iter().any(is_for_several),
        _ => reaches_strangers(transport),
    }
}

fn has_broker(transport: &TransportExpr) -> bool {
    match transport.kind() {
        TransportKind::Nats(_) | TransportKind::Mqtt(_) => true,
        TransportKind::Restart { inner, .. } => has_broker(inner),
        TransportKind::Mux(all) => all.iter().any(has_broker),
        _ => false,
    }
}

/// How long those behind a broker may take to say that they are there; how long after a peer's end it is told.
const GRACE: Duration = Duration::from_millis(500);

impl Connected {
    /// Who is called if nobody is named: the other side, and behind a broker one of those who serve the
    /// call, whoever that is.
    pub fn service(&self) -> Outgoing {
        match has_broker(&self.bound.transport) {
            true => self.api.any(),
            false => self.api.all(),
        }
    }

    /// Who is asked what there is. Behind a broker, the first who says that he is there.
    pub fn describer(&self) -> Outgoing {
        self.meet();
        match self.api.peers().first() {
            Some(peer) if has_broker(&self.bound.transport) => self.api.to(peer),
            _ => self.service(),
        }
    }

    /// Waits a while for those who say that they are there.
    pub fn meet(&self) {
        let end = Instant::now() + GRACE;
        if has_broker(&self.bound.transport) {
            while self.api.peers().is_empty() && self.peer.recv_deadline(end).is_ok() {}
        }
    }

    /// Why nobody is there any more, where there can be only one.
    pub fn gone(&self) -> Option<Error> {
        match self.bound.ends_with_peer() {
            true => self.gone.recv_timeout(GRACE).ok(),
            false => None,
        }
    }

    /// What went wrong beside calls.
    pub fn trouble(&self) -> Vec<String> {
        match self.trouble.lock() {
            Ok(trouble) => trouble.clone(),
            Err(_) => Vec::new(),
        }
    }
}
