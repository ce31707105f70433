//! `quickrpc bridge`: two wires as one.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use clap::Args;
use crossbeam_channel::{Sender, bounded};
use quickrpc::DisconnectReason;
use quickrpc::dynamic::{Api, Call};
use quickrpc::expr::read_timeout;

use super::failure::{Failure, Kind};
use super::listen::Heard;
use super::wire::{Bound, How, bound};
use super::{Done, output};

/// Joins two wires: what is called on one of them is passed on to the other, in both directions.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Bridge {
    /// Where callers come from, such as wsserv:127.0.0.1:8080, or @NAME
    front: String,

    /// The service, such as tcp:localhost:8888, or @NAME
    back: String,

    /// How it is spoken at the front: jrpc (the default), terse, ..
    #[arg(long, value_name = "EXPRESSION")]
    front_codec: Option<String>,

    /// How it is spoken to the service
    #[arg(long, value_name = "EXPRESSION")]
    back_codec: Option<String>,

    /// Who we are at the front, and who may come
    #[arg(long, value_name = "EXPRESSION")]
    front_security: Option<String>,

    /// Who we are for the service
    #[arg(long, value_name = "EXPRESSION")]
    back_security: Option<String>,

    /// The file with the wires that @NAME means
    #[arg(long, value_name = "FILE")]
    config: Option<std::path::PathBuf>,

    /// How long to wait for the service, and for each answer [default: 10s]
    #[arg(long, short, value_name = "TIME", value_parser = read_timeout)]
    timeout: Option<Duration>,

    /// Show all that is passed on
    #[arg(long, short)]
    verbose: bool,
}

const EXAMPLES: &str = "\
Calls, notifications, answers, errors, results and arguments that come bit by bit, and who gives up go
through. Nothing is known of the calls, so that `quickrpc describe` of one side tells of the other.

Examples:
  quickrpc bridge 'wsserv:127.0.0.1:8080?inspect=on' restart:1:tcp:localhost:8888 --back-codec terse
      Browsers, and a page that shows the service, for one that speaks terse
  quickrpc bridge tcpserv:127.0.0.1:8888 @lab --front-codec terse
      A telnet for any service: telnet localhost 8888
  quickrpc bridge stdio: tls:hub:9000 --back-security hmac:ann?keys=keys.toml
      For a program that speaks on its standard output";

impl Bridge {
    pub fn run(self) -> Done {
        let side = |wire: &str, codec: &Option<String>, security: &Option<String>| {
            let how = How {
                codec: codec.clone(),
                security: security.clone(),
                config: self.config.clone(),
                timeout: self.timeout,
            };
            bound(wire, &how)
        };
        let back = side(&self.back, &self.back_codec, &self.back_security)?;
        let front = side(&self.front, &self.front_codec, &self.front_security)?;
        let (ended, end) = bounded(2);
        let (front_api, back_api) = (front.build()?, back.build()?);
        self.pass_on(&front_api, &back_api, "->");
        self.pass_on(&back_api, &front_api, "<-");
        // The service first, so that nobody comes for nothing.
        for (bound, api) in [(&back, &back_api), (&front, &front_api)] {
            start(bound, api, &ended)?;
        }
        for address in front_api
            .local_addrs()
            .iter()
            .chain(&back_api.local_addrs())
        {
            output::say(format!("listening on {address}"));
        }
        let last = end.recv().unwrap_or_default();
        // What is on its way is let go.
        front_api.stop()?;
        back_api.stop()?;
        match last {
            Last { text: Some(text) } => Err(Failure::new(Kind::Connection, text)),
            Last { text: None } => Ok(()),
        }
    }

    fn pass_on(&self, from: &Api, to: &Api, arrow: &'static str) {
        let (to, verbose) = (to.all(), self.verbose);
        from.on_any(move |call: Call| {
            if verbose {
                let heard = Heard {
                    peer: call.sender().to_string(),
                    method: call.method().to_owned(),
                    args: call.args().clone(),
                };
                output::say(format!("{arrow} {heard}"));
            }
            to.forward(call)
        });
    }
}

/// How a side has ended: with what was wrong, if something was.
#[derive(Default)]
struct Last {
    text: Option<String>,
}

/// Starts a side, and tells of its end.
fn start(bound: &Bound, api: &Api, ended: &Sender<Last>) -> Done {
    let reason = Arc::new(Mutex::new(None));
    let newest = Arc::clone(&reason);
    api.on_disconnect(move |peer, why| {
        let text = match why {
            DisconnectReason::Stopped | DisconnectReason::EndOfInput => None,
            why => Some(format!("{peer} is gone: {why}")),
        };
        if let Ok(mut newest) = newest.lock() {
            *newest = Some(text);
        }
    });
    api.start().map_err(|error| bound.cannot_start(error))?;
    let (api, ended) = (api.clone(), ended.clone());
    let transport = bound.transport.to_string();
    thread::spawn(move || {
        let failed = api.wait().err().map(|error| error.to_string());
        let last = reason
            .lock()
            .ok()
            .and_then(|mut last| last.take())
            .flatten();
        let is_input = transport.starts_with("stdio:");
        let over = (!is_input).then(|| format!("`{transport}` has ended"));
        let text = failed.or(last).or(over);
        // The first of them is heard.
        ended.try_send(Last { text }).ok();
    });
    Ok(())
}
