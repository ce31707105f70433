//! Expressions: codecs, security providers and transports as strings.
//!
//! `shorthand:parameters`, and options of ours as `?key=value&key=value` behind it. An
//! expression is parsed to a typed value before anything is opened, and prints itself
//! such that it parses to the same value, but for the secrets of URLs, which are shown as `***`;
//! it can live in a config file, through serde, with them.
//!
//! ```
//! use quickrpc::TransportExpr;
//!
//! let expr: TransportExpr = "mux:[tcpserv::8888]<restart::tcp:hub.local:9000>".parse()?;
//! assert_eq!(
//!     expr.to_string(),
//!     "mux:(tcpserv::8888)(restart:10:tcp:hub.local:9000)"
//! );
//! # Ok::<(), quickrpc::ExprError>(())
//! ```
//!
//! # Options
//!
//! They follow the last `?` outside parentheses that is followed by `key=`. Each goes to
//! the innermost part that knows it: in `restart:5:tcp:hub:9000?keepalive=10&backoff=60`,
//! `keepalive` is the client's, and `backoff` the restarting's. Behind a `mux:` they go to
//! every part that knows them and does not have its own. An option that nobody knows is
//! an error. But what follows the `?` of a URL (`ws://host/path?token=..`) is its query, unless
//! there are options among it; see [WebSocket](crate::transport#websocket).
//!
//! | option | of | value |
//! |---|---|---|
//! | `guard` | `stdio` | `on` or `off` |
//! | `nodelay` | `tcp`, `tcpserv`, `ws`, `wsserv`, those with TLS, `zmq`, `zmqserv` | `on` or `off` |
//! | `bind`, `broadcast`, `multicast` | `udp` | an IP address |
//! | `echo` | `udp` | `on` or `off` |
//! | `files` | `wsserv` | the folder whose files are served beside the wire |
//! | `origins` | `wsserv` | pages that may connect: `https://a.example,https://b.example`, or `*` |
//! | `inspect` | `wsserv` | `on` or `off`: whether a page that shows the API is served, too |
//! | `keys` | `wsserv` | the file with the keys of those who may connect, by HTTP's `Authorization` |
//! | `subprotocol` | `ws`, `wsserv` | the name of a protocol within WebSocket |
//! | `user`, `password_file` | `http`, `https` | who we say we are, and the file with the password |
//! | `token_env` | `http`, `https` | the environment variable with a token, which is said in the place of these |
//! | `header_file` | `ws`, `wss` | a file with more headers of the request, `Name: value` in each line |
//! | `type` | `zmq`, `zmqserv`, and both with `+unix` | what sort of socket it is: `dealer`, `router`, `req`, `rep`, `pub`, `sub`, `push` or `pull` |
//! | `id` | the same | what it says to peers that it is called |
//! | `subscribe` | the same, with `type=sub` | the beginnings of the messages that it wants, with commas between them; all of them without it |
//! | `mode` | `unixserv`, `zmqserv+unix` | permissions in octal, such as `0660` |
//! | `ca` | `tls`, `wss` | a file with the certificates of the authorities that servers are believed by; those of the system without it |
//! | `cert`, `key` | `tls`, `wss`, `tlsserv`, `wssserv` | files with one's own certificate and its key, in PEM; without `key`, it is in the file of `cert` |
//! | `name` | `tls`, `wss` | the name that the server's certificate must have, where it is not the host |
//! | `client_ca` | `tlsserv`, `wssserv` | a file with the certificates of the authorities that clients must have a certificate of |
//! | `backoff` | `restart` | a duration, or `off` |
//! | `keepalive` | all streams | a duration, or `off` |
//! | `spin` | all streams | a duration, or `off`: who waits for input looks for it so long before sleeping |
//! | `hold` | all streams | a duration, or `off`: how long a call may wait for others behind it, where answers of that peer are awaited already, so that several leave with one write; 100 µs without it |
//! | each field of [`Limits`](crate::Limits), by its name | all but `mux`, `restart` | a number, a size, or a duration |
//! | `strict` | `jrpc` | `on` or `off` |
//! | `named` | `msgpack` | `on` or `off`: arguments are sent by name, and not by position |
//!
//! With `strict`, also what has no id that could be read, or the id null, is answered, as JSON-RPC
//! wants it; such an answer stops a Python peer.
//!
//! With `keepalive`, something harmless is sent in a connection that was silent for so long,
//! and a link that was cut is noticed within twice the time (over TCP; on Windows, as soon as the
//! system gives up sending). It needs a
//! codec with something harmless to send, which is `jrpc` with a delimiter; others are refused
//! when the API is built. Over WebSocket, it is a ping, with any codec. With `backoff`, the pause before another attempt doubles with each failure up to
//! this, less up to a fifth, so that many clients do not come back at once.
//!
//! `udp` hears all addresses of the machine, or the one given by `bind`, and sends to everybody
//! at 255.255.255.255, at `broadcast`, or at the group `multicast`, which it joins. All peers
//! have the same port; those of one machine need an address each, such as
//! `udp:1234?bind=127.0.0.2&broadcast=127.255.255.255`. What a peer broadcasts comes back to
//! it, and is skipped unless there is `echo=on`.
//!
//! Durations are seconds, or `50us`, `10ms`, `1.5s`, `2m`, `1h`; sizes are bytes, or
//! `64k`, `16M`; `on` and `off` may be `true` and `false`, or `1` and `0`. In text values,
//! `\n`, `\r`, `\t`, `\0`, `\xNN` and `\\` are escapes. A parameter that cannot stand for
//! itself is written as an option: `unix:?path=/odd\x29path`, and likewise `path` of `ws` and
//! `wsserv`, `command` of
//! `process`, `bus` and `name` of `internal`, `user` of `blindly_believe_everything`, and
//! `params` of plug-ins.
//!
//! On Windows, a path is written with `/` or with `\\`, since a backslash begins an escape: `files=C:/www`
//! or `files=C:\\www`. The command line of `process` is split as programs split theirs on the system at
//! hand; within its parentheses, a backslash means itself.
//!
//! # Plug-ins
//!
//! With [`register_codec`](crate::register_codec), [`register_transport`](crate::register_transport)
//! and [`register_security`](crate::register_security), a shorthand of your own works in
//! every expression that is parsed afterwards. Its constructor gets [`Params`].

mod broker;
mod codec;
mod display;
mod hidden;
mod hololinked;
mod host;
mod http;
mod juggler;
mod mqtt;
mod nats;
mod options;
mod overrides;
mod parse;
pub(crate) mod registry;
#[cfg(test)]
mod round_trip;
mod security;
mod serde;
#[cfg(test)]
mod tests;
mod tls;
mod transport;
mod transport_parse;
mod values;
pub(crate) mod web;
mod zmq;
mod zonis;

pub use crate::base::expr_error::{ExprError, ExprKind};
pub use codec::{CodecExpr, CodecKind, Framing};
pub use hidden::Hidden;
#[cfg(feature = "hololinked")]
pub(crate) use hololinked::events_path;
pub use hololinked::{Events, HololinkedExpr};
pub use juggler::{JugglerExpr, JugglerGeneration};
pub use mqtt::MqttExpr;
pub use nats::NatsExpr;
pub use overrides::LimitOverrides;
pub use registry::{CustomExpr, Params};
pub use security::{KeySource, SecurityExpr, SecurityKind};
pub use tls::{ClientTls, Identity, ServerTls};
pub use transport::{TransportExpr, TransportKind, TransportOptions};
pub use zmq::{ZmqAddress, ZmqSocket, ZmqType};
pub use zonis::{SecretSource, ZonisExpr};

pub(crate) use registry::Registry;
#[cfg(feature = "config")]
pub use values::read_timeout;
#[allow(unused_imports, reason = "named only where a function takes one")]
pub(crate) use {
    registry::Constructor,
    transport::{Link, Retry},
};
