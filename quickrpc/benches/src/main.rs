//! `cargo run --release --manifest-path quickrpc/benches/Cargo.toml -- --help`

use std::process::ExitCode;

fn main() -> ExitCode {
    quickrpc_bench::run(None)
}
