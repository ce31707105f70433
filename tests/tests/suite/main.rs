//! The library as a downstream user sees it: one module per topic.

mod absent;
mod announcer;
mod answers;
mod arguments;
mod around;
mod asynchronous;
mod authorization;
mod batches;
mod between;
mod both_ways;
#[cfg(unix)] // its signal is one of Unix
mod broken_pipes;
mod byte_order_mark;
mod cancelling;
mod children;
mod codec_terse;
mod concurrent;
mod config;
mod conformance;
mod content_length;
mod counted;
mod deadlocks;
mod discover;
mod dynamic;
mod endings;
mod gateway;
mod hmac;
mod hmac_attacks;
mod hold;
mod hololinked;
mod hostile;
mod http;
mod io_threads;
mod joins;
mod juggler;
#[cfg(unix)] // there are no pipes with a place among files elsewhere
mod key_files;
mod last_words;
mod lifecycle;
mod limits_memory;
mod limits_messages;
mod limits_queues;
mod limits_reading;
mod limits_servers;
mod loops;
mod matrix;
mod msgpack;
mod nodes;
mod null_results;
mod pairs;
mod panics;
mod peers;
mod plugins;
#[cfg(unix)] // its children are shells
mod process;
mod processing;
mod promises;
mod properties;
mod replies;
mod review_flow;
mod review_order;
mod seal;
mod seal_attacks;
mod security;
mod seldom;
mod serving;
mod shutdown;
mod slots;
#[cfg(unix)] // it has terminals and descriptors
mod stdio;
mod strangers;
mod streams;
mod targets;
mod tls;
mod transports;
mod typed_errors;
mod udp;
#[cfg(unix)] // there are no Unix sockets elsewhere
mod unix;
mod waiting;
mod websocket;
mod whole;
mod zmq;
mod zonis;

use quickrpc::{CallError, Error};

/// What the other side answered; anything else fails the test.
#[track_caller]
fn call_error<T>(result: quickrpc::Result<T>) -> CallError {
    match result {
        Err(Error::Call(error)) => error,
        Err(other) => panic!("another error: {other:?}"),
        Ok(_) => panic!("a result in place of an error"),
    }
}

/// A promise's result, or a failed test if it is never settled.
#[track_caller]
fn settled<T: Send + 'static>(promise: quickrpc::Promise<T>) -> quickrpc::Result<T> {
    quickrpc_tests::bounded("the promise", move || promise.result())
}
