//! Makes keys for the security providers `hmac:` and `seal:`.
//!
//! ```text
//! cargo run --example keygen -- alice --out keys.toml
//! cargo run --example echo -- --codec jrpc --security 'hmac:hub?keys=keys.toml'
//! cargo run --example echo_client -- --codec jrpc --security 'hmac:alice?keys=keys.toml&to=hub' hello
//! ```

#![allow(clippy::print_stdout, reason = "keys are the program's output")]

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use quickrpc::BoxError;
use quickrpc::security::{generate_key_pair, generate_secret};

/// Makes keys: a secret that two sides share, or a pair for one side.
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Options {
    /// The users that the keys are for
    #[arg(required = true, value_parser = user)]
    users: Vec<String>,

    /// A private and a public key (only for `seal:`), in place of a secret that is shared
    #[arg(long)]
    pair: bool,

    /// What the users may do, for `#[require(role = "..")]`
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,

    /// Writes the secret part to a new file that only you can read; to stdout otherwise
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  cargo run --example keygen -- alice bob --role admin --out keys.toml
      A keys file for a server; the table of a user is the keys file of that user.
      Then: --security 'hmac:hub?keys=keys.toml' or 'seal:hub?keys=keys.toml' for the server,
      and 'hmac:alice?keys=alice.toml&to=hub' for a client
  cargo run --example keygen -- --pair hub --out hub.toml
      The private key of the hub in a file, and on stdout what goes into the files of those
      who talk to it";

fn main() -> ExitCode {
    let options = Options::parse();
    quickrpc_examples::run(|| generate(&options))
}

fn generate(options: &Options) -> Result<(), BoxError> {
    let roles = match options.roles.as_slice() {
        [] => String::new(),
        roles => format!("roles = {roles:?}\n"),
    };
    let mut secret = String::new();
    let mut public = String::new();
    for user in &options.users {
        if options.pair {
            let pair = generate_key_pair()?;
            writeln!(secret, "# The private key of {user}")?;
            writeln!(secret, "private = {:?}", pair.private)?;
            writeln!(public, "[users.{user}]\npublic = {:?}", pair.public)?;
            public += &roles;
        } else {
            let key = generate_secret()?;
            writeln!(secret, "[users.{user}]\nkeys = [{key:?}]")?;
            secret += &roles;
        }
    }
    if options.pair && options.users.len() != 1 {
        return Err("a pair is for one user: its private key has a file of its own".into());
    }
    match &options.out {
        Some(path) => write(path, &secret)?,
        None => print!("{secret}"),
    }
    if !public.is_empty() {
        print!("{public}");
    }
    Ok(())
}

/// Writes a new file that is its owner's alone.
fn write(path: &Path, text: &str) -> Result<(), BoxError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // Elsewhere, a file in one's own folder is one's own.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path);
    let mut file = file.map_err(|error| format!("cannot make {}: {error}", path.display()))?;
    file.write_all(text.as_bytes())?;
    Ok(())
}

/// A name that can stand in a TOML file without quotes.
fn user(text: &str) -> Result<String, String> {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match !text.is_empty() && text.chars().all(bare) {
        true => Ok(text.to_owned()),
        false => Err("expected letters, digits, `-` and `_`".into()),
    }
}
