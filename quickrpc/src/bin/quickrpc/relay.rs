//! Telegrams as they are, over any wire of the library: what it is to say is up to whoever has them.

use quickrpc::codec::{Codec, Message};
use quickrpc::dynamic::{Api, Call};
use quickrpc::expr::{CodecKind, Framing, TransportKind};
use quickrpc::{BoxError, CodecExpr, Processing, Sender, TransportExpr, Value};

use super::Done;
use super::failure::Failure;
use super::wire::Bound;

/// A codec that leaves telegrams as they are: each is a notification with its bytes.
#[derive(Debug)]
struct AsItIs {
    name: String,
    delimiter: Vec<u8>,
}

const TELEGRAM: &str = "telegram";

/// Telegrams of so many clients may wait for their servers at once.
const CLIENTS: usize = 8;

impl Codec for AsItIs {
    fn expression(&self) -> String {
        self.name.clone()
    }

    fn delimiter(&self) -> &[u8] {
        &self.delimiter
    }

    fn encode(&self, message: &Message) -> Result<Vec<u8>, BoxError> {
        match message {
            Message::Call { params, .. } => bytes(params)
                .map(<[u8]>::to_vec)
                .ok_or_else(|| "no telegram".into()),
            _ => Err("only telegrams are passed on".into()),
        }
    }

    fn decode(&self, telegram: &[u8]) -> Result<Vec<Message>, BoxError> {
        Ok(vec![Message::Call {
            method: TELEGRAM.to_owned(),
            params: vec![Value::from(telegram)].into(),
            id: None,
        }])
    }
}

fn bytes(args: &Value) -> Option<&[u8]> {
    args.as_list()?.first()?.as_bytes()
}

/// One end, on which telegrams of this codec go. Not started yet.
///
/// # Errors
///
/// It cannot be looked into there.
pub fn open(codec: &CodecExpr, transport: &TransportExpr, like: &Bound) -> Result<Api, Failure> {
    let delimiter = match codec.kind() {
        CodecKind::Jrpc {
            framing: Framing::Delimiter(delimiter),
            ..
        } => delimiter.as_bytes(),
        CodecKind::Terse => b"\n".as_slice(),
        // Messages of a WebSocket, which are JSON.
        CodecKind::Zonis(_) | CodecKind::Juggler(_) if is_websocket(transport) => b"",
        CodecKind::Zonis(_) | CodecKind::Juggler(_) => {
            let text = format!("`{codec}` is spoken over WebSocket, and `{transport}` is none");
            return Err(Failure::usage(text));
        }
        CodecKind::Jrpc { .. } => {
            let text = format!("telegrams of `{codec}` are looked into on plain TCP only");
            return Err(Failure::usage(text).hint("both sides `tcpserv:` and `tcp:`"));
        }
        _ => return Err(not_text(codec)),
    };
    match transport.kind() {
        TransportKind::Tcp { .. }
        | TransportKind::TcpServer { .. }
        | TransportKind::Unix { .. }
        | TransportKind::UnixServer { .. }
        | TransportKind::WebSocket { .. }
        | TransportKind::WebSocketServer { .. }
        | TransportKind::Process { .. }
        | TransportKind::Stdio { .. } => {}
        kind => {
            let text = format!("what goes over `{transport}` are no connections to look into");
            let failure = Failure::usage(text);
            return Err(match kind {
                TransportKind::Nats(_) | TransportKind::Mqtt(_) | TransportKind::Udp { .. } => {
                    failure.hint("`quickrpc listen` shows what is told to all there")
                }
                _ => failure
                    .hint("`quickrpc bridge --verbose` shows the calls between any two wires"),
            });
        }
    }
    let codec = AsItIs {
        name: codec.to_string(),
        delimiter: delimiter.to_vec(),
    };
    let builder = like.patient(Api::builder()).discover(false);
    let builder = builder.processing(Processing::Pool(CLIENTS));
    Ok(builder.bind(codec, transport.clone()).build_dynamic()?)
}

/// What telegrams are looked into.
pub fn not_text(codec: &CodecExpr) -> Failure {
    Failure::usage(format!("telegrams of `{codec}` cannot be looked into")).hint(
        "it works with `jrpc` and `terse`, and over WebSocket with `zonis` and `juggler`; `quickrpc bridge \
         --verbose` shows the calls between any two wires",
    )
}

fn is_websocket(transport: &TransportExpr) -> bool {
    matches!(
        transport.kind(),
        TransportKind::WebSocket { .. } | TransportKind::WebSocketServer { .. }
    )
}

/// Tells of each telegram that comes.
pub fn hear(api: &Api, tell: impl Fn(&Sender, &[u8]) + Send + Sync + 'static) {
    api.on_any(move |call: Call| -> Option<()> {
        if let Some(telegram) = bytes(call.args()) {
            tell(call.sender(), telegram);
        }
        None
    });
}

/// Sends a telegram to whoever is at the other end, or to one of them.
pub fn say(api: &Api, to: Option<&Sender>, telegram: &[u8]) -> Done {
    let args = Value::from(vec![Value::from(telegram)]);
    let target = match to {
        Some(peer) => api.to(peer),
        None => api.all(),
    };
    Ok(target.notify(TELEGRAM, &args)?)
}
