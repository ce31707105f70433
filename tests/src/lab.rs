//! The API that most tests use, and both sides of it ready to run.

use std::net::SocketAddr;

use quickrpc::{BoxError, Value, remote_api};

use crate::wait::{Inbox, inbox};

/// Calls of every kind; the Python counterpart has the same, except for `ask`.
#[remote_api]
pub trait Lab {
    /// Gives the text back.
    #[incoming]
    fn echo(&self, #[default] text: &str) -> String;

    /// Adds two numbers.
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;

    /// Fails with the message.
    #[incoming]
    fn fail(&self, message: &str) -> Result<String, BoxError>;

    /// Gives the bytes back.
    #[incoming]
    fn blob(&self, data: &[u8]) -> Vec<u8>;

    /// Gives any value back.
    #[incoming]
    fn nested(&self, value: Value) -> Value;

    /// Gives what the caller itself answers to the question.
    #[incoming]
    fn ask(&self, text: &str) -> String;

    /// Passed on to everybody as `notified`.
    #[incoming]
    fn notify(&self, #[default] text: &str);

    /// What somebody notified.
    #[outgoing]
    fn notified(&self, text: &str);

    /// Asks a client.
    #[outgoing]
    fn question(&self, text: &str) -> String;

    /// A property of each client, whose changes it is told as `notified`.
    #[outgoing(property, writable)]
    fn zoom(&self) -> f64;

    /// Sets the zoom of the caller.
    #[incoming]
    fn magnify(&self, zoom: f64) -> ();
}

/// What the handlers of [`serve`] saw.
#[derive(Debug)]
pub struct Served {
    /// Names of the peers that called `notify`, and their texts.
    pub notes: Inbox<(String, String)>,
}

/// Connects a plain handler to every call.
pub fn serve(api: &Lab) -> Served {
    let (seen, notes) = inbox();
    let everybody = api.all();
    api.echo.connect(|_sender, text| text.to_owned());
    api.add.connect(|_sender, a, b| {
        let sum = a.checked_add(b);
        sum.ok_or("the sum is too large")
    });
    api.fail
        .connect(|_sender, message| Err::<String, BoxError>(message.into()));
    api.blob.connect(|_sender, data| data.to_vec());
    api.nested.connect(|_sender, value| value);
    let callers = api.all();
    api.ask
        .connect(move |sender, text| callers.to(sender).question(text));
    api.notify.connect(move |sender, text| {
        let _ = everybody.notified(text);
        let _ = seen.send((sender.to_string(), text.to_owned()));
    });
    let changes = api.all();
    api.zoom
        .connect(move |sender, zoom| changes.to(sender).notified(&format!("zoom {zoom}")));
    let magnified = api.all();
    api.magnify
        .connect(move |sender, zoom| magnified.to(sender).set_zoom(zoom));
    Served { notes }
}

/// A running TCP server with [`serve`]'s handlers.
///
/// # Panics
///
/// If it does not start.
#[track_caller]
pub fn server(codec: &str) -> (Lab, SocketAddr, Served) {
    server_on(codec, "tcpserv:127.0.0.1:0")
}

/// A running server on this transport, with [`serve`]'s handlers.
///
/// # Panics
///
/// If it does not start.
#[track_caller]
pub fn server_on(codec: &str, transport: &str) -> (Lab, SocketAddr, Served) {
    let api = Lab::bind(codec, transport).expect("right expressions");
    let served = serve(&api);
    api.start().expect("a free port");
    let addr = api.local_addrs()[0];
    (api, addr, served)
}

/// A running client of a server.
///
/// # Panics
///
/// If it does not connect.
#[track_caller]
pub fn client(codec: &str, addr: SocketAddr) -> LabInverse {
    let api = LabInverse::bind(codec, format!("tcp:{addr}").as_str()).expect("right expressions");
    api.start().expect("a server that accepts");
    api
}

/// A [`Value`] from JSON.
///
/// # Panics
///
/// Never for what `serde_json::json!` can write.
pub fn value(json: serde_json::Value) -> Value {
    serde_json::from_value(json).expect("a value holds all JSON")
}
