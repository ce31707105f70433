//! `quickrpc get` and `quickrpc set`: properties, whatever they are on the wire.

use std::time::Duration;

use clap::Args;
use crossbeam_channel::bounded;
use quickrpc::expr::CodecKind;

use super::call::explain;
use super::wire::Wire;
use super::{Done, output, values};

/// Reads a property, and prints its value as JSON.
#[derive(Debug, Args)]
#[command(after_help = GET)]
pub struct Get {
    #[command(flatten)]
    wire: Wire,

    /// Its name
    property: String,

    /// Print a text without quotes
    #[arg(long, short)]
    raw: bool,
}

const GET: &str = "\
What a property is differs: calls such as get_voltage, a part of the state of Juggler, or what a Thing of
hololinked has under that name.

Examples:
  quickrpc get @lab voltage
  quickrpc get --codec hololinked:scope/scope zmq:localhost:5555 channel
  quickrpc get --codec juggler:0.7 ws://localhost:8080/ws ''
      The whole state";

/// Writes a property.
#[derive(Debug, Args)]
#[command(after_help = SET)]
pub struct Set {
    #[command(flatten)]
    wire: Wire,

    /// Its name
    property: String,

    /// JSON, or else the text as it is
    #[arg(allow_negative_numbers = true)]
    value: String,
}

const SET: &str = "\
Examples:
  quickrpc set @lab voltage -6
  quickrpc set @lab name 'the red one'";

/// How long a state that is shown to all who connect may take.
const SHOWN: Duration = Duration::from_secs(1);

impl Get {
    pub fn run(self) -> Done {
        let bound = self.wire.bound()?;
        let has_state = matches!(bound.codec.kind(), CodecKind::Juggler(_));
        let patience = bound.timeout.min(SHOWN);
        let (shown, state) = bounded(1);
        let connected = bound.connect(|api| {
            if has_state {
                api.remote_property("").connect(move |_peer, _state| {
                    shown.try_send(()).ok();
                });
            }
        })?;
        if has_state {
            // Who shows nothing may answer all the same.
            state.recv_timeout(patience).ok();
        }
        let read = connected.service().read(&self.property).result();
        let value = read.map_err(|error| {
            let failure = explain(&connected, &self.property, error);
            match has_state && !self.property.is_empty() {
                true => failure.hint("all that the other side shows is the property ''"),
                false => failure,
            }
        })?;
        output::line(values::shown(&value, self.raw))
    }
}

impl Set {
    pub fn run(self) -> Done {
        let value = values::value_of(&self.value)?;
        let connected = self.wire.connect()?;
        let written = connected.service().write(&self.property, value).result();
        written.map_err(|error| explain(&connected, &self.property, error))
    }
}
