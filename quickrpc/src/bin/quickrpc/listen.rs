//! `quickrpc listen`: what the other side sends.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use crossbeam_channel::{bounded, unbounded};
use quickrpc::dynamic::Api;
use quickrpc::expr::read_timeout;
use quickrpc::{Sender, Value};

use super::failure::{Failure, Kind};
use super::interface::{Interface, not_described};
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
        // Those that are named are heard from the beginning.
        let named = heard.clone();
        let connected = bound.connect(|api| {
            if !self.method.is_empty() {
                hear(api, &Interface::default(), &self.method, move |one| {
                    named.send(one).is_ok()
                });
            }
            api.on_disconnect(move |peer, reason| {
                ended.try_send(format!("{peer} is gone: {reason}")).ok();
            });
        })?;
        if self.method.is_empty() {
            let interface = Interface::ask(&connected.api.all()).map_err(|error| {
                not_described(error).hint("say what is to be heard: --method NAME")
            })?;
            if hear(&connected.api, &interface, &[], move |one| {
                heard.send(one).is_ok()
            }) == 0
            {
                return Err(Failure::new(
                    Kind::Remote,
                    "the service sends nothing by itself",
                ));
            }
        }
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

/// Tells of what the service says that it sends, or of these methods, while `tell` says that it is
/// wanted.
pub fn hear(
    api: &Api,
    interface: &Interface,
    only: &[String],
    tell: impl Fn(Heard) -> bool + Send + Sync + 'static,
) -> usize {
    let tell = Arc::new(tell);
    let mut names: Vec<String> = only.to_vec();
    if names.is_empty() {
        let sent = interface.methods.iter().filter(|method| !method.incoming);
        names.extend(sent.map(|method| method.name.clone()));
    }
    for name in &names {
        let (tell, method) = (Arc::clone(&tell), name.clone());
        api.on(name, move |sender: &Sender, args| -> Option<()> {
            tell(Heard {
                peer: sender.to_string(),
                method: method.clone(),
                args,
            });
            None
        });
    }
    names.len()
}
