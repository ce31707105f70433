//! The wire of a command: from the command line to an API that is connected.

use std::env;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Args;
use crossbeam_channel::bounded;
use quickrpc::config::{self, Config};
use quickrpc::dynamic::Api;
use quickrpc::expr::read_timeout;
use quickrpc::{CodecExpr, Error, SecurityExpr, TransportExpr};

use super::failure::{Failure, Kind};

/// What a command is connected to.
#[derive(Debug, Clone, Args)]
pub struct Wire {
    /// A transport expression such as tcp:localhost:8888, or @NAME of a wire in the configuration
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
        let mut builder = Api::builder().call_timeout(self.timeout).discover(false);
        builder = match &self.security {
            Some(security) => builder.bind_secured(&self.codec, security, self.transport.clone()),
            None => builder.bind(&self.codec, self.transport.clone()),
        };
        Ok(builder.build_dynamic()?)
    }

    /// Connects, and waits for a peer, which a server may have none of yet.
    pub fn connect(self, prepare: impl FnOnce(&Api)) -> Result<Connected, Failure> {
        let api = self.build()?;
        let (come, peer) = bounded(1);
        api.on_connect(move |_peer| {
            come.try_send(()).ok();
        });
        let trouble = Arc::new(Mutex::new(Vec::new()));
        let troubles = Arc::clone(&trouble);
        api.on_error(move |_peer, error, _call| {
            if let Ok(mut troubles) = troubles.lock()
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
        let is_datagrams = self.transport.to_string().starts_with("udp:");
        if !is_datagrams && api.peers().is_empty() {
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
        })
    }

    pub fn cannot_start(&self, error: Error) -> Failure {
        let refused = matches!(
            &error,
            Error::Start { kind: Some(kind), .. } if *kind == std::io::ErrorKind::ConnectionRefused
        );
        let failure = Failure::from(error);
        match refused {
            true => failure.hint(
                "does the server run there? `quickrpc seek` finds those that announce themselves",
            ),
            false => failure,
        }
    }
}

impl Connected {
    /// What went wrong beside calls.
    pub fn trouble(&self) -> Vec<String> {
        match self.trouble.lock() {
            Ok(trouble) => trouble.clone(),
            Err(_) => Vec::new(),
        }
    }
}
