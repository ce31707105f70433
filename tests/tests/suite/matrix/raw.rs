//! Peers without the library, which send one byte at a time.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::thread;

use quickrpc_tests::{Authority, LabInverse, TlsStream, bounded, frame, inbox, read_frame};
use serde_json::{Value, json};

use super::wire::{Carrier, Wire};
use crate::settled;

/// A codec, and what it writes.
pub(super) struct Codec {
    pub(super) name: &'static str,
    pub(super) expression: &'static str,
    /// The security provider, which raw peers do not have.
    pub(super) security: Option<&'static str>,
    end: End,
    call: fn(&str, (&str, Value), i64) -> String,
    reply: fn(i64, Value) -> String,
}

/// Where a message ends.
#[derive(Clone, Copy)]
enum End {
    /// Before this byte.
    Delimiter(u8),
    /// Where a header says it.
    Header,
    /// Where a value of MessagePack ends, which is what JSON with the same meaning becomes.
    Packed,
}

/// `jrpc` with a provider.
const fn secured(name: &'static str) -> Codec {
    Codec {
        name,
        expression: "jrpc",
        security: Some(name),
        end: End::Delimiter(0),
        call: jrpc_call,
        reply: jrpc_reply,
    }
}

pub(super) static CODECS: [Codec; 8] = [
    secured("hmac"),
    secured("seal"),
    Codec {
        name: "jrpc",
        expression: "jrpc",
        security: None,
        end: End::Delimiter(0),
        call: jrpc_call,
        reply: jrpc_reply,
    },
    Codec {
        name: "jrpc_lines",
        expression: "jrpc:\\n",
        security: None,
        end: End::Delimiter(b'\n'),
        call: jrpc_call,
        reply: jrpc_reply,
    },
    Codec {
        name: "jrpc_headers",
        expression: "jrpc:content-length",
        security: None,
        end: End::Header,
        call: jrpc_call,
        reply: jrpc_reply,
    },
    Codec {
        name: "terse",
        expression: "terse",
        security: None,
        end: End::Delimiter(b'\n'),
        call: |method, (name, value), id| format!("{method}[{id}] {name}:{value}"),
        reply: |id, result| format!("[{id}]:{result}"),
    },
    Codec {
        name: "lists",
        expression: "lists",
        security: None,
        end: End::Delimiter(b'\n'),
        call: |method, (name, value), id| json!(["call", method, {name: value}, id]).to_string(),
        reply: |id, result| json!(["reply", id, result]).to_string(),
    },
    Codec {
        name: "msgpack",
        expression: "msgpack",
        security: None,
        end: End::Packed,
        call: |method, (_name, value), id| json!([0, id, method, [value]]).to_string(),
        reply: |id, result| json!([1, id, null, result]).to_string(),
    },
];

fn jrpc_call(method: &str, (name, value): (&str, Value), id: i64) -> String {
    let params = json!({ name: value });
    json!({"jsonrpc": "2.0", "method": method, "params": params, "id": id}).to_string()
}

fn jrpc_reply(id: i64, result: Value) -> String {
    json!({"jsonrpc": "2.0", "result": result, "id": id}).to_string()
}

impl Codec {
    /// What is sent for this text.
    fn message(&self, text: &str) -> Vec<u8> {
        match self.end {
            End::Packed => rmp_serde::to_vec(&meaning(text)).unwrap(),
            End::Delimiter(_) | End::Header => text.into(),
        }
    }

    /// How a frame of a WebSocket begins: as a binary message, or one of text.
    fn first_of_frame(&self) -> u8 {
        match self.end {
            End::Packed => 0x82,
            End::Delimiter(_) | End::Header => 0x81,
        }
    }
}

/// What it says, whatever the order of its members.
fn meaning(telegram: &str) -> Value {
    serde_json::from_str(telegram).unwrap_or_else(|_| telegram.into())
}

/// One end of a connection. The other end is in the library.
struct Raw {
    input: BufReader<Box<dyn Read + Send>>,
    output: Box<dyn Write + Send>,
    codec: &'static Codec,
    websocket: Option<Mask>,
}

/// How it masks its frames.
type Mask = Option<[u8; 4]>;

impl Raw {
    fn new(
        codec: &'static Codec,
        input: impl Read + Send + 'static,
        output: impl Write + Send + 'static,
    ) -> Self {
        Raw {
            input: BufReader::new(Box::new(input)),
            output: Box::new(output),
            codec,
            websocket: None,
        }
    }

    /// A guest, which does what comes before messages.
    fn guest(self, carrier: Carrier) -> Self {
        match carrier {
            Carrier::Ws | Carrier::Wss => self.upgraded(|stream| {
                tungstenite::client("ws://localhost/lab", stream).expect("a handshake");
                Some([1, 2, 3, 4])
            }),
            _ => self,
        }
    }

    /// A hub, likewise.
    fn hub(self, carrier: Carrier) -> Self {
        match carrier {
            Carrier::Ws | Carrier::Wss => self.upgraded(|stream| {
                tungstenite::accept(stream).expect("a handshake");
                None
            }),
            _ => self,
        }
    }

    fn upgraded(mut self, upgrade: impl FnOnce(&mut Raw) -> Mask) -> Self {
        let mask = upgrade(&mut self);
        self.websocket = Some(mask);
        self
    }

    fn tcp(codec: &'static Codec, stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Raw::new(codec, stream.try_clone().unwrap(), stream)
    }

    fn tls(codec: &'static Codec, stream: TlsStream) -> Self {
        Raw::new(codec, stream.clone(), stream)
    }

    #[cfg(unix)]
    fn unix(codec: &'static Codec, stream: UnixStream) -> Self {
        Raw::new(codec, stream.try_clone().unwrap(), stream)
    }

    fn write(&mut self, bytes: &[u8]) {
        self.output.write_all(bytes).expect("the other side reads");
        self.output.flush().expect("the other side reads");
    }

    fn telegram(&self, text: &str) -> Vec<u8> {
        let message = self.codec.message(text);
        if let Some(mask) = self.websocket {
            return frame(self.codec.first_of_frame(), &message, mask);
        }
        match self.codec.end {
            End::Delimiter(delimiter) => [&message[..], &[delimiter]].concat(),
            End::Header => {
                let header = format!("Content-Length: {}\r\n\r\n", message.len());
                [header.as_bytes(), &message].concat()
            }
            End::Packed => message,
        }
    }

    fn say(&mut self, text: &str) {
        for byte in self.telegram(text) {
            self.write(&[byte]);
        }
    }

    #[track_caller]
    fn hears(&mut self, expected: &str) {
        let telegram = match self.codec.end {
            _ if self.websocket.is_some() => {
                let (first, telegram) = read_frame(&mut self.input).unwrap();
                assert_eq!(first, self.codec.first_of_frame(), "a message");
                telegram
            }
            End::Delimiter(delimiter) => self.until(delimiter),
            End::Header => self.announced(),
            End::Packed => {
                let message: Value = rmp_serde::from_read(&mut self.input).unwrap();
                assert_eq!(message, meaning(expected));
                return;
            }
        };
        let telegram = match self.codec.end {
            End::Packed => rmp_serde::from_slice::<Value>(&telegram)
                .unwrap()
                .to_string(),
            _ => String::from_utf8(telegram).unwrap(),
        };
        assert_eq!(meaning(&telegram), meaning(expected));
    }

    #[track_caller]
    fn until(&mut self, delimiter: u8) -> Vec<u8> {
        let mut telegram = Vec::new();
        self.input.read_until(delimiter, &mut telegram).unwrap();
        assert_eq!(telegram.pop(), Some(delimiter), "the other side has closed");
        telegram
    }

    #[track_caller]
    fn announced(&mut self) -> Vec<u8> {
        let header = self.until(b'\n');
        let length = header.strip_prefix(b"Content-Length: ").expect("a header");
        let length = str::from_utf8(length).unwrap().trim_end();
        assert_eq!(self.until(b'\n'), b"\r");
        let mut telegram = vec![0; length.parse().unwrap()];
        self.input.read_exact(&mut telegram).unwrap();
        telegram
    }

    /// What a guest may say to a hub.
    fn be_a_guest(&mut self) {
        let (call, reply) = (self.codec.call, self.codec.reply);
        let texts = ["", "ä\u{1f600}\"\\\n", "[1]:2"];
        for (id, text) in (1..).zip(texts) {
            self.say(&call("echo", ("text", text.into()), id));
            self.hears(&reply(id, text.into()));
        }
        // One and a half.
        let calls = [7, 8].map(|id| self.telegram(&call("echo", ("text", "ä".into()), id)));
        let bytes = calls.concat();
        let (now, later) = bytes.split_at(calls[0].len() + calls[1].len() / 2);
        self.write(now);
        self.hears(&reply(7, "ä".into()));
        self.write(later);
        self.hears(&reply(8, "ä".into()));
    }

    /// A question of a hub.
    fn be_a_hub(&mut self) {
        let (call, reply) = (self.codec.call, self.codec.reply);
        self.say(&call("question", ("text", "äbc\n".into()), 7));
        self.hears(&reply(7, "\ncbä".into()));
    }
}

/// For handshakes, which read no more than what belongs to them.
impl Read for Raw {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer)
    }
}

impl Write for Raw {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// What is sent byte by byte arrives as if it had been sent at once.
pub(super) fn split(wire: Wire) {
    let mut count = 0;
    for carrier in wire.carriers() {
        count += usize::from(hub_of_raw_guest(wire, carrier));
        count += usize::from(guest_of_raw_hub(wire, carrier));
    }
    assert!(count > 0, "nothing was tested");
}

/// Gives whether there can be such a guest.
fn hub_of_raw_guest(wire: Wire, carrier: Carrier) -> bool {
    let codec = wire.codec;
    // Keeps a hub of this process.
    let wired = wire.connect();
    let mut child = None;
    let raw = match carrier {
        Carrier::Tcp => Raw::tcp(codec, TcpStream::connect(wired.tcp()).unwrap()),
        Carrier::Ws => Raw::tcp(codec, TcpStream::connect(wired.ws()).unwrap()),
        Carrier::Tls => Raw::tls(codec, TlsStream::connect(wired.tls(), &wired.authority())),
        Carrier::Wss => Raw::tls(codec, TlsStream::connect(wired.wss(), &wired.authority())),
        #[cfg(not(unix))]
        Carrier::Unix => return false,
        #[cfg(unix)]
        Carrier::Unix => Raw::unix(codec, UnixStream::connect(wired.socket()).unwrap()),
        Carrier::Process => {
            let program = Command::new(env!("CARGO_BIN_EXE_lab_stdio"))
                .arg(codec.expression)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn();
            let program = child.insert(program.unwrap());
            let (input, output) = (program.stdout.take(), program.stdin.take());
            Raw::new(codec, input.unwrap(), output.unwrap())
        }
        Carrier::Internal | Carrier::Udp => return false,
    };
    bounded("the talk of a guest", move || {
        raw.guest(carrier).be_a_guest()
    });
    if let Some(mut child) = child {
        let ended = bounded("the child", move || child.wait()).unwrap();
        assert!(ended.success());
    }
    true
}

/// Gives whether there can be such a hub.
fn guest_of_raw_hub(wire: Wire, carrier: Carrier) -> bool {
    let codec = wire.codec;
    #[cfg(unix)]
    let dir = quickrpc_tests::OwnDir::new();
    let authority = Authority::new("raw");
    let listen = |shorthand: &str, options: &str| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        (listener, format!("{shorthand}:{addr}{options}"))
    };
    type Accept = Box<dyn FnMut() -> Raw + Send>;
    let (client, mut accept): (String, Accept) = match carrier {
        Carrier::Tcp | Carrier::Ws => {
            let shorthand = if carrier == Carrier::Ws { "ws" } else { "tcp" };
            let (listener, client) = listen(shorthand, "");
            let accept = move || Raw::tcp(codec, listener.accept().unwrap().0);
            (client, Box::new(accept))
        }
        Carrier::Tls | Carrier::Wss => {
            let shorthand = if carrier == Carrier::Wss {
                "wss"
            } else {
                "tls"
            };
            let options = format!("?ca={}", authority.file().display());
            let (listener, client) = listen(shorthand, &options);
            let identity = authority.server();
            let accept = move || {
                let mut stream = TlsStream::server(listener.accept().unwrap().0, &identity, None);
                stream.handshake().unwrap();
                Raw::tls(codec, stream)
            };
            (client, Box::new(accept))
        }
        #[cfg(not(unix))]
        Carrier::Unix => return false,
        #[cfg(unix)]
        Carrier::Unix => {
            let path = dir.path("hub");
            let listener = UnixListener::bind(&path).unwrap();
            let accept = move || Raw::unix(codec, listener.accept().unwrap().0);
            (format!("unix:{}", path.display()), Box::new(accept))
        }
        Carrier::Internal | Carrier::Udp | Carrier::Process => return false,
    };
    let restart = wire.transport.restart;
    // The start of a client waits for the handshake.
    let (send, hubs) = inbox();
    thread::spawn(move || {
        for _ in 0..if restart { 2 } else { 1 } {
            let _ = send.send(accept().hub(carrier));
        }
    });
    let guest = LabInverse::bind(codec.expression, wire.around(client)).unwrap();
    guest
        .question
        .connect(|_sender, text| text.chars().rev().collect::<String>());
    let (gone, ended) = inbox();
    guest.on_disconnect(move |_peer, _reason| {
        let _ = gone.send(());
    });
    guest.start().unwrap();
    let promise = guest.all().echo("ä");
    let talk = move || {
        let mut raw = hubs.next();
        raw.hears(&(codec.call)("echo", ("text", "ä".into()), 1));
        raw.say(&(codec.reply)(1, "ä".into()));
        raw.be_a_hub();
        // Half a message is the end of this connection, and no part of the next.
        let half = (codec.call)("question", ("text", "lost".into()), 1);
        let half = codec.message(&half);
        raw.write(&half[..half.len() / 2]);
        drop(raw);
        if restart {
            hubs.next().be_a_hub();
        }
    };
    bounded("the talk of a hub", talk);
    assert_eq!(settled(promise).unwrap(), "ä");
    ended.next();
    true
}
