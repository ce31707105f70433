//! `quickrpc`: tries, watches and scripts services without a program of one's own.
//!
//! One file for each thing that it does; what they share is in `wire`, `interface`, `values` and
//! `failure`. It is written against the public interface of the library, on `dynamic::Api`.

#![allow(unreachable_pub, reason = "a program exports nothing")]

mod bench;
mod bridge;
mod call;
mod check;
mod codegen;
mod complete;
mod describe;
mod failure;
mod interface;
mod items;
mod listen;
mod output;
mod probe;
mod property;
mod relay;
mod repl;
mod replay;
mod seek;
mod serve;
mod tap;
mod telegrams;
mod types;
mod values;
mod wire;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Failure;

/// Tries, watches and scripts services that speak QuickRPC, JSON-RPC and the like.
///
/// A WIRE is a transport expression such as tcp:localhost:8888, or @NAME for the wire of that name in
/// a TOML file (--config, $QUICKRPC_CONFIG, quickrpc.toml, or quickrpc.toml in the user's
/// configuration folder).
#[derive(Debug, Parser)]
#[command(name = "quickrpc", version, after_help = EXAMPLES)]
#[command(after_long_help = format!("{WIRES}\n\n{EXAMPLES}"))]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const WIRES: &str = "\
Wires:
  tcp:HOST:PORT  tls:HOST:PORT  unix:PATH
  ws://HOST:PORT/PATH  wss://HOST/PATH             WebSocket
  http://HOST:PORT/PATH  https://HOST/PATH         JSON-RPC, posted
  process:(COMMAND)  stdio:                        a program's input and output; our own
  zmq:HOST:PORT                                    ZeroMQ
  nats:HOST:PORT/NAMESPACE  mqtt:HOST:PORT/NAMESPACE
                                                   those who meet behind a broker
  udp:PORT                                         datagrams to everybody
  tcpserv:[ADDRESS]:PORT, tlsserv:, unixserv:, wsserv:, wssserv:, zmqserv:
                                                   for those who connect to us
  restart:SECONDS:WIRE                             one that comes again when it has ended

Codecs (--codec):
  jrpc (the default)  'jrpc:\\n'  jrpc:content-length
                                                   JSON-RPC; a line each; as language servers have it
  terse                                            for people, as over telnet
  msgpack                                          MessagePack-RPC, such as Neovim's
  zonis:NAME  juggler:0.7  hololinked:SERVER/THING
                                                   those of these Python packages";

const EXAMPLES: &str = "\
Examples:
  quickrpc describe tcp:localhost:8888
      What can be called there
  quickrpc call tcp:localhost:8888 add a=2 b=3
  quickrpc call --codec terse tcp:localhost:8888 add '{\"a\": 2, \"b\": 3}'
  quickrpc call @lab measure channel=7
      The wire `lab` of quickrpc.toml

Exit codes:
  0  it worked
  1  the other side answered with an error, or what was checked is not so
  2  the command line, an expression or a file is wrong
  3  no connection, it broke, or there was no answer in time";

#[derive(Debug, Subcommand)]
enum Command {
    Call(call::Call),
    Notify(call::Notify),
    Get(property::Get),
    Set(property::Set),
    Listen(listen::Listen),
    Repl(repl::Repl),
    Describe(describe::Describe),
    Serve(serve::Serve),
    Check(check::Check),
    Codegen(codegen::Codegen),
    Bridge(bridge::Bridge),
    Tap(Box<tap::Tap>),
    Replay(replay::Replay),
    Bench(bench::Bench),
    Seek(Box<seek::Seek>),
    Completions(complete::Completions),
    Man(complete::Man),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Call(command) => command.run(),
        Command::Notify(command) => command.run(),
        Command::Get(command) => command.run(),
        Command::Set(command) => command.run(),
        Command::Listen(command) => command.run(),
        Command::Repl(command) => command.run(),
        Command::Describe(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Codegen(command) => command.run(),
        Command::Bridge(command) => command.run(),
        Command::Tap(command) => command.run(),
        Command::Replay(command) => command.run(),
        Command::Bench(command) => command.run(),
        Command::Seek(command) => command.run(),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}

type Done = Result<(), Failure>;
