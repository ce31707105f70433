//! Against the real Python original, in both roles.

mod announcer;
mod child;
mod garbage;
mod hmac;
mod python_client;
mod python_server;
mod terse;
mod udp;

use quickrpc_tests::Python;

/// The installation of the original, or `None` where this machine can have none.
fn python() -> Option<&'static Python> {
    Python::find(env!("CARGO_TARGET_TMPDIR"))
}

/// A promise's result, or a failed test if it is never settled.
#[track_caller]
fn settled<T: Send + 'static>(promise: quickrpc::Promise<T>) -> quickrpc::Result<T> {
    quickrpc_tests::bounded("the promise", move || promise.result())
}
