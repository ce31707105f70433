//! Nobody outside can fill a disk by being wrong often: what happens again and again is in the log
//! once, and then counted. A program of its own, since the log is one for the whole process.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::panic;
use std::sync::Mutex;

use quickrpc::Error;
use quickrpc_tests::{
    Authority, KeyFile, Lab, OwnDir, Telnet, eventually, serve, server, server_on,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

static ENTRIES: Mutex<Vec<(Level, String)>> = Mutex::new(Vec::new());

/// Keeps all entries of the library.
struct Log;

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("quickrpc")
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let entry = (*event.metadata().level(), text.0);
        ENTRIES.lock().unwrap().push(entry);
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

/// The entries with this in them.
fn with(part: &str) -> Vec<(Level, String)> {
    let entries = ENTRIES.lock().unwrap();
    let with = entries.iter().filter(|entry| entry.1.contains(part));
    with.cloned().collect()
}

/// So often something happens.
const TIMES: usize = 20;

/// It is in the log as often as it happened: once at its level, and then at debug.
#[track_caller]
fn once(part: &str, level: Level) -> String {
    let came = panic::catch_unwind(|| eventually(part, || with(part).len() >= TIMES));
    assert!(came.is_ok(), "{part}: {:#?}", with(""));
    let entries = with(part);
    let loud: Vec<_> = entries.iter().filter(|one| one.0 != Level::DEBUG).collect();
    assert_eq!(loud.len(), 1, "{loud:?}");
    assert_eq!((loud[0].0, &loud[0].1), (level, &entries[0].1));
    entries[0].1.clone()
}

/// Its count is told.
#[track_caller]
fn counted(kind: &str, from: &str, level: Level) {
    let text = format!("{kind}: {} more within 60s ", TIMES - 1);
    let mut entries = with(&text);
    entries.retain(|entry| entry.1.contains(&format!("from={from} ")));
    assert_eq!(
        entries.len(),
        1,
        "{kind} from {from}: {:#?}",
        with("more within")
    );
    assert_eq!(entries[0].0, level);
}

fn many_times(addr: SocketAddr, bytes: &[u8]) {
    for _ in 0..TIMES {
        let mut wire = Telnet::connect(addr);
        wire.try_send(bytes);
        wire.expect_closed();
    }
}

#[test]
fn what_strangers_do_again_and_again_is_in_the_log_once() {
    tracing::subscriber::set_global_default(Log).unwrap();

    // Telegrams that are none, on one connection and on several.
    let (lab, addr, _served) = server("terse?answers=off");
    for _ in 0..TIMES / 2 {
        let mut wire = Telnet::connect(addr);
        wire.send("add[\nadd[\n\u{1b}\n\u{1b}\nadd[1] a:1 b:2\n");
        assert_eq!(wire.line(), "[1]:3");
    }
    once("undecodable message", Level::WARN);
    let text = once("unknown method", Level::WARN);
    assert!(!text.contains('\u{1b}'), "{text:?}");
    assert!(with("more within").is_empty());
    lab.stop().unwrap();
    // Nothing may follow with which it would be told.
    counted("messages that cannot be read", "127.0.0.1", Level::WARN);
    counted("calls that failed", "127.0.0.1", Level::WARN);

    // Another address is somebody else.
    let (lab, _addr, _served) = server_on("terse", "udp:0?bind=127.0.0.9");
    let stranger = UdpSocket::bind("127.0.0.7:0").unwrap();
    for _ in 0..TIMES {
        stranger
            .send_to(b"?? what\n", lab.local_addrs()[0])
            .unwrap();
    }
    once("peer=127.0.0.7", Level::WARN);
    lab.stop().unwrap();
    counted("messages that cannot be read", "127.0.0.7", Level::WARN);

    // Those who are not let in.
    let keys = KeyFile::of(&["alice"]);
    let lab = Lab::builder()
        .security(keys.hmac("hub"))
        .transport("tcpserv:127.0.0.1:0")
        .build()
        .unwrap();
    lab.start().unwrap();
    let unsigned = br#"{"jsonrpc":"2.0","method":"notify","params":{"text":"x"}}"#;
    many_times(lab.local_addrs()[0], &[&unsigned[..], b"\0"].concat());
    once("security: ", Level::WARN);
    lab.stop().unwrap();
    counted("messages that were refused", "127.0.0.1", Level::WARN);

    let authority = Authority::new("lab");
    let identity = authority.server().options();
    let (lab, addr, _served) = server_on("terse", &format!("tlsserv:127.0.0.1:0?{identity}"));
    many_times(addr, b"hello, is anybody there?\n");
    once("no handshake of TLS", Level::INFO);
    lab.stop().unwrap();
    counted("handshakes of TLS that failed", "127.0.0.1", Level::INFO);

    // Pages.
    let dir = OwnDir::new();
    std::fs::write(dir.path("index.html"), "hello").unwrap();
    let files = dir.path("");
    let transport = format!("wsserv:127.0.0.1:0?files={}", files.display());
    let (lab, addr, _served) = server_on("jrpc", &transport);
    many_times(addr, b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    once("is not known as `evil.example`", Level::WARN);
    lab.stop().unwrap();
    counted("pages that were refused", "127.0.0.1", Level::WARN);

    // More of them than there is room for.
    let (lab, addr, _served) = server_on("terse", "tcpserv:127.0.0.1:0?connections=1");
    let mut first = Telnet::connect(addr);
    first.send("add[1] a:1 b:2\n");
    assert_eq!(first.line(), "[1]:3");
    many_times(addr, b"");
    once("closed at once", Level::WARN);
    lab.stop().unwrap();
    counted("too many connections", "127.0.0.1", Level::WARN);

    // Without an address it is the transport, however often somebody comes anew.
    let path = dir.path("socket");
    let transport = format!("unixserv:{}", path.display());
    let lab = Lab::bind("terse", transport.as_str()).unwrap();
    let _served = serve(&lab);
    lab.start().unwrap();
    for _ in 0..TIMES {
        let mut wire = std::os::unix::net::UnixStream::connect(&path).unwrap();
        wire.write_all(b"add[\n").unwrap();
    }
    once("(at byte 4), in `add[` peer=unix:", Level::WARN);
    lab.stop().unwrap();
    counted("messages that cannot be read", &transport, Level::WARN);

    // Handlers that panic, with words that somebody else has chosen.
    let lab = Lab::bind("terse", "tcpserv:127.0.0.1:0").unwrap();
    lab.echo
        .connect(|_sender, text| -> String { panic!("{text}") });
    lab.add
        .connect(|_sender, _a, _b| -> Result<i64, Error> { panic!("another") });
    lab.start().unwrap();
    let mut wire = Telnet::over(TcpStream::connect(lab.local_addrs()[0]).unwrap());
    let long = "x".repeat(100_000);
    for id in 0..TIMES {
        wire.send(format!("echo[{id}] text:\"{long}\"\n"));
        wire.line();
    }
    let text = once("the handler of `echo` panicked", Level::ERROR);
    assert!(text.len() < 2000, "{} bytes", text.len());
    wire.send("add[1] a:1 b:2\n");
    wire.line();
    let [(level, _)] = with("the handler of `add` panicked")[..] else {
        panic!("another handler is something else");
    };
    assert_eq!(level, Level::ERROR);
    lab.stop().unwrap();
    counted("a handler panicked", "echo", Level::ERROR);

    // A server that is not there.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let transport = format!("restart:0.001:tcp:{free}");
    let lab = Lab::bind("terse", transport.as_str()).unwrap();
    lab.start().unwrap();
    once("trying again", Level::WARN);
    lab.stop().unwrap();
}
