//! `quickrpc get` and `quickrpc set`: properties, whatever they are on the wire.

use clap::Args;

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
    value: String,
}

const SET: &str = "\
Examples:
  quickrpc set @lab voltage 6
  quickrpc set @lab name 'the red one'";

impl Get {
    pub fn run(self) -> Done {
        let connected = self.wire.connect()?;
        let read = connected.api.all().read(&self.property).result();
        let value = read.map_err(|error| explain(&connected, &self.property, error))?;
        output::line(values::shown(&value, self.raw))
    }
}

impl Set {
    pub fn run(self) -> Done {
        let connected = self.wire.connect()?;
        let value = values::value_of(&self.value);
        let written = connected.api.all().write(&self.property, value).result();
        written.map_err(|error| explain(&connected, &self.property, error))
    }
}
