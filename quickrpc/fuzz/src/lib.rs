//! The bodies of the fuzz targets, as plain functions: the fuzzer calls them, and so does the
//! test that replays the corpus.
//!
//! Each panics if something does not hold that has to hold for any input.

mod codecs;
mod data;
mod expressions;
mod items;
mod peer;
mod sessions;
mod streams;
mod text;
mod things;

pub use codecs::{jrpc, juggler, msgpack, terse, zonis};
pub use expressions::expressions;
pub use items::items;
pub use peer::peer;
pub use sessions::{hmac, seal};
pub use streams::{framing, http, mqtt, nats, ws_frames, ws_request, ws_response, zmtp};
pub use text::text;
pub use things::hololinked;

/// A target: what is called with the input.
pub type Target = fn(&[u8]);

/// All targets by name; the folders in `corpus/` are called the same.
pub const TARGETS: [(&str, Target); 20] = [
    ("expressions", expressions),
    ("hololinked", hololinked),
    ("jrpc", jrpc),
    ("juggler", juggler),
    ("mqtt", mqtt),
    ("msgpack", msgpack),
    ("nats", nats),
    ("terse", terse),
    ("zonis", zonis),
    ("text", text),
    ("framing", framing),
    ("ws_frames", ws_frames),
    ("http", http),
    ("ws_request", ws_request),
    ("ws_response", ws_response),
    ("zmtp", zmtp),
    ("hmac", hmac),
    ("seal", seal),
    ("peer", peer),
    ("items", items),
];
