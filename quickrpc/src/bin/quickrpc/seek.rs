//! `quickrpc seek`.

use std::time::Duration;

use clap::Args;
use quickrpc::TransportExpr;
use quickrpc::announcer::Seeker;
use quickrpc::expr::{TransportKind, read_timeout};

use super::failure::{Failure, Kind};
use super::{Done, output, values};

/// Finds services that announce themselves on the network.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Seek {
    /// Which services; what that means is up to them
    #[arg(default_value = "")]
    filter: String,

    /// Where to seek
    #[arg(long, default_value = "udp:8888", value_name = "EXPRESSION")]
    transport: TransportExpr,

    /// How long to wait for answers
    #[arg(long, short, default_value = "1s", value_name = "TIME", value_parser = read_timeout)]
    timeout: Duration,

    /// The first one will do
    #[arg(long)]
    first: bool,

    /// A JSON object for each
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  quickrpc seek
  quickrpc seek --first --timeout 10 lab
      Ends as soon as one has answered
  quickrpc seek --transport 'udp:8888?bind=127.0.0.2&broadcast=127.255.255.255'
      Only on this machine";

impl Seek {
    pub fn run(self) -> Done {
        if !is_udp(&self.transport) {
            let text = format!(
                "services are sought by `udp:`, and `{}` is none",
                self.transport
            );
            return Err(Failure::usage(text)
                .hint("what a service at a known place has is told by `quickrpc describe`"));
        }
        let mut seeker = Seeker::new().transport(self.transport);
        if self.first {
            seeker = seeker.limit(1);
        }
        let services = seeker.seek(&self.filter, self.timeout)?;
        if services.is_empty() {
            let text = format!("no service has answered within {:?}", self.timeout);
            return Err(Failure::new(Kind::Connection, text));
        }
        for service in services {
            let (address, description) = (service.address, service.description);
            match self.json {
                true => {
                    let value = [("address", address), ("description", description)];
                    output::line(values::shown(&value.into_iter().collect(), false))?;
                }
                false => {
                    let (address, description) =
                        (output::plain(&address), output::plain(&description));
                    output::line(format!("{}  {description}", output::bold(&address)))?;
                }
            }
        }
        Ok(())
    }
}

fn is_udp(transport: &TransportExpr) -> bool {
    match transport.kind() {
        TransportKind::Udp { .. } => true,
        TransportKind::Restart { inner, .. } => is_udp(inner),
        TransportKind::Mux(all) => all.iter().all(is_udp),
        _ => false,
    }
}
