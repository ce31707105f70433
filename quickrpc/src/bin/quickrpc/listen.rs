//! `quickrpc listen`: what the other side sends.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use crossbeam_channel::{bounded, unbounded};
use quickrpc::dynamic::{Api, Call};
use quickrpc::expr::read_timeout;
use quickrpc::{CallError, Promise, Value};

use super::failure::{Failure, Kind};
use super::interface::Interface;
use super::wire::Wire;
use super::{Done, output};

/// Shows what the other side sends: notifications, and changes of properties.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Listen {
    #[command(flatten)]
    wire: Wire,

    /// Only these methods
    #[arg(long, short, value_name = "METHOD")]
    method: Vec<String>,

    /// A JSON object a line
    #[arg(long)]
    json: bool,

    /// End after so many
    #[arg(long, short = 'n', value_name = "COUNT")]
    count: Option<usize>,

    /// End after this time
    #[arg(long, value_name = "TIME", value_parser = read_timeout)]
    r#for: Option<Duration>,
}

const EXAMPLES: &str = "\
Examples:
  quickrpc listen tcp:localhost:8888
  quickrpc listen --json @lab | jq .args
  quickrpc listen --method voltage_changed --count 1 @lab
  quickrpc listen --codec terse --method seek --method advertise udp:8888
      Who seeks, and who announces himself";

/// Something that was heard.
pub struct Heard {
    pub peer: String,
    pub method: String,
    pub args: Value,
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.peer, self.method)?;
        match &self.args {
            Value::Null => Ok(()),
            Value::Map(args) => args
                .iter()
                .try_for_each(|(name, value)| write!(f, " {name}={value}")),
            args => write!(f, " {args}"),
        }
    }
}

impl Listen {
    pub fn run(self) -> Done {
        let (heard, lines) = unbounded();
        let (ended, end) = bounded(1);
        let bound = self.wire.bound()?;
        let tell: Tell = Arc::new(move |one| heard.send(one).is_ok());
        let connected = bound.connect(|api| {
            match self.method.is_empty() {
                true => hear_all(api, &tell),
                false => hear(api, &self.method, &tell),
            }
            api.on_disconnect(move |peer, reason| {
                ended.try_send(format!("{peer} is gone: {reason}")).ok();
            });
        })?;
        if self.method.is_empty()
            && let Ok(interface) = Interface::ask(&connected.api.all())
        {
            hear(&connected.api, &with_streams(&interface), &tell);
        }
        // Those who tell it are the handlers.
        drop(tell);
        let until = self
            .r#for
            .map_or_else(crossbeam_channel::never, crossbeam_channel::after);
        let mut count = 0;
        while self.count != Some(count) {
            crossbeam_channel::select! {
                recv(lines) -> one => match one {
                    Ok(one) => {
                        output::line(self.shown(&one))?;
                        count += 1;
                    }
                    Err(_) => break,
                },
                recv(until) -> _ => break,
                recv(end) -> reason => {
                    for one in lines.try_iter() {
                        output::line(self.shown(&one))?;
                    }
                    // A server and a wire that comes again go on.
                    let text = connected.bound.transport.to_string();
                    if !text.contains("restart:") && !text.contains("serv") {
                        return Err(Failure::new(Kind::Connection, reason.unwrap_or_default()));
                    }
                }
            }
        }
        Ok(())
    }

    fn shown(&self, heard: &Heard) -> String {
        match self.json {
            true => {
                let value = [
                    ("peer", Value::from(heard.peer.as_str())),
                    ("method", heard.method.as_str().into()),
                    ("args", heard.args.clone()),
                ];
                value.into_iter().collect::<Value>().to_string()
            }
            false => heard.to_string(),
        }
    }
}

/// Is told what is heard.
pub type Tell = Arc<dyn Fn(Heard) -> bool + Send + Sync>;

/// Tells of all that nothing else hears.
pub fn hear_all(api: &Api, tell: &Tell) {
    let tell = Arc::clone(tell);
    api.on_any(move |call: Call| -> Option<()> {
        tell(Heard {
            peer: call.sender().to_string(),
            method: call.method().to_owned(),
            args: call.into_args(),
        });
        None
    });
}

/// Tells of these methods, and of the items of streams among their arguments.
pub fn hear(api: &Api, methods: &[String], tell: &Tell) {
    for name in methods {
        let (tell, method) = (Arc::clone(tell), name.clone());
        api.on_streams(name, move |sender, args, streams| {
            let peer = sender.to_string();
            tell(Heard {
                peer: peer.clone(),
                method: method.clone(),
                args: args.clone(),
            });
            let items = stream_names(&args).filter_map(|name| {
                let (tell, peer) = (Arc::clone(&tell), peer.clone());
                let method = format!("{method}.{name}");
                let items = streams.take(name).ok()?;
                Some(items.each(move |args| {
                    let (peer, method) = (peer.clone(), method.clone());
                    tell(Heard { peer, method, args });
                }))
            });
            let items: Vec<_> = items.collect();
            match items.is_empty() {
                true => {
                    let text = format!("`{method}` is only heard here, and not answered");
                    Err(CallError::new(CallError::METHOD_NOT_FOUND, text))
                }
                // Who gives a stream waits until it was taken.
                false => Ok(Promise::join(items).map(|_ends| Value::Null)),
            }
        });
    }
}

/// The arguments that are streams.
fn stream_names(args: &Value) -> impl Iterator<Item = &str> {
    let args = args.as_map().into_iter().flatten();
    args.filter(|(_, value)| value.get("__stream").is_some())
        .map(|(name, _)| name.as_str())
}

/// The methods that a service sends with streams among their arguments.
pub fn with_streams(interface: &Interface) -> Vec<String> {
    let sent = interface.methods.iter().filter(|method| !method.incoming);
    let with = sent.filter(|method| {
        let mut titles = method.params.iter().map(|param| &param.schema["title"]);
        titles.any(|title| {
            title
                .as_str()
                .is_some_and(|title| title.starts_with("Stream<"))
        })
    });
    with.map(|method| method.name.clone()).collect()
}
