//! `quickrpc call` and `quickrpc notify`.

use clap::Args;
use quickrpc::expr::TransportKind;
use quickrpc::{CallError, Error, Value};

use super::Done;
use super::failure::{Failure, Kind, NO_ANSWER};
use super::interface::Interface;
use super::wire::{Connected, Wire};
use super::{items, output, probe, values};

/// Calls a method, and prints the result as JSON.
#[derive(Debug, Args)]
#[command(after_help = CALL)]
pub struct Call {
    #[command(flatten)]
    wire: Wire,

    /// The method's name on the wire
    method: String,

    /// Arguments: name=value .., one JSON object or array, or - for JSON from stdin
    arguments: Vec<String>,

    /// Only this peer
    #[arg(long, value_name = "PEER")]
    to: Option<String>,

    /// Give the lines of stdin as the argument of this name, a stream; each is JSON, or else the text
    #[arg(long, value_name = "ARGUMENT", conflicts_with = "each")]
    stream: Option<String>,

    /// Call each peer that is connected, and print who has answered what
    #[arg(long, conflicts_with = "to")]
    each: bool,

    /// Print a text without quotes
    #[arg(long, short)]
    raw: bool,

    /// Print a result over several lines
    #[arg(long, short)]
    pretty: bool,
}

const CALL: &str = "\
A value is JSON if it reads as JSON, and otherwise the text as it is: a=2 is a number, text=hello a
text, text='\"2\"' the text 2.

Examples:
  quickrpc call tcp:localhost:8888 add a=2 b=3
  quickrpc call --codec terse tcp:localhost:8888 say text='hello, all'
  echo '{\"a\": 2, \"b\": 3}' | quickrpc call @lab add -
  quickrpc call ws://localhost:8080/ws add '[2, 3]'
      Arguments by position
  quickrpc call --timeout 500ms @lab measure channel=7
  quickrpc call @lab count to=3
      What comes bit by bit is a line each, and then the result. Progress before a result is shown
      beside it where there is a terminal
  seq 5 | quickrpc call @lab record name=test --stream samples
      An argument that comes bit by bit: an item a line
  quickrpc call tcpserv::8888 add a=2 b=3
      As a server: waits for somebody to connect, and calls him";

/// Sends a notification: a call that nobody answers.
#[derive(Debug, Args)]
#[command(after_help = NOTIFY)]
pub struct Notify {
    #[command(flatten)]
    wire: Wire,

    /// The method's name on the wire
    method: String,

    /// Arguments: name=value .., one JSON object or array, or - for JSON from stdin
    arguments: Vec<String>,

    /// Only this peer
    #[arg(long, value_name = "PEER")]
    to: Option<String>,
}

const NOTIFY: &str = "\
Examples:
  quickrpc notify tcp:localhost:8888 say text=hello
  quickrpc notify --codec terse 'udp:8888' seek filter=lab";

impl Call {
    pub fn run(self) -> Done {
        if self.stream.is_some() && self.arguments == ["-"] {
            let failure = Failure::usage("stdin is the stream, and cannot be the arguments, too");
            return Err(failure.hint("arguments beside it are `a=2`, or one JSON object"));
        }
        let arguments = values::arguments(&self.arguments)?;
        let connected = self.wire.connect()?;
        if self.each {
            return self.call_each(&connected, &arguments);
        }
        let service = connected.service();
        let target = match &self.to {
            Some(peer) => {
                connected.meet();
                connected.api.to(peer.as_str())
            }
            None => service.clone(),
        };
        let shown = |value: &Value| match self.pretty {
            true => values::pretty(value),
            false => values::shown(value, self.raw),
        };
        if let Some(argument) = &self.stream {
            let given = target.giving(argument, values::lines());
            let value = given.call(&self.method, &arguments).result();
            let value = value.map_err(|error| explain(&connected, &self.method, error))?;
            return output::line(shown(&value));
        }
        let answer = target.call_or_stream(&self.method, &arguments);
        let value = items::follow(answer, &service, &self.method, shown)?
            .map_err(|error| explain(&connected, &self.method, error))?;
        match value {
            Some(value) => output::line(shown(&value)),
            None => Ok(()),
        }
    }
}

impl Call {
    /// All of them are asked before the first answer is waited for.
    fn call_each(&self, connected: &Connected, arguments: &Value) -> Done {
        connected.meet();
        let peers = connected.api.peers();
        if peers.is_empty() {
            let text = format!(
                "nobody on `{}` has said that he is there",
                connected.bound.transport
            );
            let failure = Failure::new(Kind::Connection, text);
            return Err(failure.hint(
                "--each is for those who say so, as ours do; without it one of those who serve a call is called",
            ));
        }
        let calls = peers
            .iter()
            .map(|peer| connected.api.to(peer).call(&self.method, arguments));
        let calls: Vec<_> = calls.collect();
        let mut failed = None;
        for (peer, call) in peers.iter().zip(calls) {
            match call.result() {
                Ok(value) => {
                    let peer = output::plain(peer.as_ref());
                    output::line(format!("{peer}: {}", values::shown(&value, self.raw)))?;
                }
                Err(error) => {
                    output::say(format!("{peer}: {error}"));
                    failed = Some(error);
                }
            }
        }
        match failed {
            Some(error) => Err(explain(connected, &self.method, error)),
            None => Ok(()),
        }
    }
}

impl Notify {
    pub fn run(self) -> Done {
        let arguments = values::arguments(&self.arguments)?;
        let connected = self.wire.connect()?;
        let all = connected.api.all();
        let target = match &self.to {
            Some(peer) => {
                connected.meet();
                all.to(peer.as_str())
            }
            None => all,
        };
        let said = target.notify(&self.method, &arguments);
        said.map_err(|error| match &error {
            Error::Unsupported { .. } => {
                Failure::from(error).hint("there it is a call: `quickrpc call`")
            }
            _ => Failure::from(error),
        })?;
        // What is queued leaves before the end.
        connected.api.stop()?;
        // Over HTTP, it is known then what has become of it.
        let is_posted = matches!(connected.bound.transport.kind(), TransportKind::Http { .. });
        match connected.trouble().into_iter().next() {
            Some(trouble) if is_posted => Err(Failure::new(Kind::Connection, trouble)),
            _ => Ok(()),
        }
    }
}

/// What to do about an error of a call.
pub fn explain(connected: &Connected, method: &str, error: Error) -> Failure {
    let Error::Call(call) = &error else {
        return probe::explain(connected, error);
    };
    let (code, data, message) = (call.code, call.data.clone(), call.message.clone());
    let status = data.as_ref().and_then(|data| data["status"].as_i64());
    let mut failure = Failure::from(error);
    if let Some(data) = data
        && let Some(data) = values::telling(&data, &message)
    {
        failure = failure.hint(format!("its data: {data}"));
    }
    let ask = || Interface::ask(&connected.describer()).ok();
    match code {
        CallError::METHOD_NOT_FOUND => match ask() {
            Some(interface) => match interface.nearest(method) {
                Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
                None => failure.hint(format!(
                    "`quickrpc describe {}` lists what there is",
                    connected.bound.transport
                )),
            },
            None => failure,
        },
        CallError::INVALID_PARAMS => match ask() {
            Some(interface) => match interface.method(method) {
                Some(method) => failure.hint(format!("it is {}", method.signature())),
                None => failure,
            },
            None => failure,
        },
        // Upgrade Required
        NO_ANSWER if status == Some(426) => {
            failure.hint("it is there for WebSockets: `ws:` in the place of `http:`")
        }
        CallError::FORBIDDEN if connected.bound.security.is_none() => {
            failure.hint("who you are is said by --security")
        }
        _ => failure,
    }
}
