//! What the tests share: an API to test with, bounded waits, a raw client, counters of
//! threads and descriptors, and programs of others as counterparts.
//!
//! Nothing here sleeps in order to give something time to happen. A test waits for an
//! event, with a bound that only a defect exceeds, and it shows that something does *not*
//! happen by what comes next in its place.

mod bot;
mod brokers;
mod certificates;
mod datagrams;
mod dice;
mod dir;
mod frames;
mod installed;
mod jsonrpsee;
mod lab;
mod lists;
mod nats_server;
mod neovim;
mod node;
mod numbers;
mod openssl;
mod pair;
mod peer;
mod ports;
mod press;
mod python;
mod resources;
mod secrets;
mod signer;
mod snapcast;
mod telnet;
mod tls;
mod tool;
mod wait;

pub use bot::{
    Bot, BotIncoming, BotInverse, BotInverseIncoming, BotInverseOutgoing, BotInverseOutgoingEach,
    BotOutgoing, BotOutgoingEach, every_kind, serve_bot,
};
pub use brokers::Mosquitto;
pub use certificates::{Authority, Identity, names};
pub use datagrams::{BROADCAST, DatagramPort, RawPeer};
pub use dice::Dice;
pub use dir::OwnDir;
pub use frames::{frame, read_frame};
pub use jsonrpsee::Jsonrpsee;
pub use lab::{
    Lab, LabIncoming, LabInverse, LabInverseIncoming, LabInverseOutgoing, LabInverseOutgoingEach,
    LabOutgoing, LabOutgoingEach, Served, client, serve, server, server_on, value,
};
pub use lists::{Lists, register_lists};
pub use nats_server::{NatsServer, Release};
pub use neovim::Neovim;
pub use node::Node;
pub use numbers::{
    Numbers, NumbersIncoming, NumbersInverse, NumbersInverseIncoming, NumbersInverseOutgoing,
    NumbersInverseOutgoingEach, NumbersOutgoing, NumbersOutgoingEach,
};
pub use openssl::Openssl;
pub use pair::{PairStream, stream_pair};
pub use peer::{Event, Peer};
pub use ports::{OwnHost, OwnPort, RefusingPort, own_bus};
pub use press::press;
pub use python::Python;
pub use resources::{Resources, busy, children, kill, read_pid, runs, sign, thread_names};
pub use secrets::{KeyFile, secret};
pub use signer::Signer;
pub use snapcast::{Snapclient, Snapserver};
pub use telnet::Telnet;
pub use tls::TlsStream;
pub use tool::{Ran, Running, Tool};
pub use wait::{Inbox, SOON, bounded, eventually, inbox};
