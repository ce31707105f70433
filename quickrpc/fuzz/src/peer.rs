//! A server, and a peer that sends anything.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use quickrpc::__fuzz::{Framed, Piece, Said, decode, encode_call};
use quickrpc::Value;
use quickrpc::codec::{AnyCodec, IntoCodec};
use quickrpc::dynamic::Api;

use crate::data::{Cuts, Data};

/// The first byte says which codec, the next ones where the stream is cut.
///
/// A server answers a call behind whatever was sent, or disconnects; and it goes on to serve
/// others.
pub fn peer(data: &[u8]) {
    static SERVERS: OnceLock<[Server; 3]> = OnceLock::new();
    let servers = SERVERS.get_or_init(|| ["jrpc", "terse", "jrpc:content-length"].map(Server::new));
    let mut data = Data(data);
    let number = usize::from(data.byte()) % servers.len();
    let server = &servers[number];
    let cuts = Cuts::take(&mut data);
    let mut hostile = server.connect();
    let mut whole = cuts
        .pieces(data.0)
        .iter()
        .all(|piece| hostile.write_all(piece).is_ok());
    // Whatever was sent before is over with a delimiter; without one, nobody knows.
    if number < 2 {
        let end = if number == 0 { b"\0" } else { b"\n" };
        let call = server.call(LAST);
        whole &= hostile.write_all(end).is_ok() && hostile.write_all(&call).is_ok();
        if whole {
            server.wait_for(&mut hostile, LAST);
        }
    } else {
        drop(hostile.shutdown(std::net::Shutdown::Write));
        read_to_end(&mut hostile);
    }
    drop(hostile);
    server.is_alive();
}

/// The id of the call behind what was sent.
const LAST: u64 = 9_182_736_455;
/// How long an answer may take, on a busy machine.
const LONG: Duration = Duration::from_secs(20);

struct Server {
    codec: AnyCodec,
    path: String,
    _api: Api,
    /// A peer that keeps to the rules, and the id of its last call.
    good: Mutex<(UnixStream, u64)>,
}

impl Server {
    fn new(expr: &str) -> Self {
        let name = format!(
            "quickrpc-fuzz-{}-{}",
            std::process::id(),
            expr.replace(':', "-")
        );
        let path = std::env::temp_dir().join(name).display().to_string();
        drop(std::fs::remove_file(&path));
        let api = Api::bind(expr, format!("unixserv:{path}")).expect("the expressions are right");
        api.on("echo", |_sender, args| args);
        api.on("nothing", |_sender, _args| ());
        api.start().expect("the server starts");
        let good = connect(&path);
        Server {
            codec: expr.into_codec().expect("the expression is right"),
            path,
            _api: api,
            good: Mutex::new((good, 0)),
        }
    }

    fn connect(&self) -> UnixStream {
        connect(&self.path)
    }

    fn framed(&self) -> Framed {
        Framed::new(&self.codec, None, 16 << 20)
    }

    fn call(&self, id: u64) -> Vec<u8> {
        let args = Value::from_iter([("number", id)]);
        let call = encode_call(&self.codec, "echo", &args, Some(id));
        let call = call.expect("a call can be written");
        self.framed().frame(&call).expect("a call has no delimiter")
    }

    /// Another peer is served as ever.
    fn is_alive(&self) {
        let mut good = self.good.lock().expect("nothing has failed before");
        let (stream, id) = &mut *good;
        *id += 1;
        stream.write_all(&self.call(*id)).expect("the server reads");
        assert!(
            self.wait_for(stream, *id),
            "the server has disconnected a good peer"
        );
    }

    /// Waits for an answer. Gives false if the server disconnects.
    fn wait_for(&self, stream: &mut UnixStream, id: u64) -> bool {
        let mut input = Vec::new();
        let mut chunk = [0; 16 << 10];
        loop {
            match stream.read(&mut chunk) {
                Ok(0) => return false,
                Ok(count) => input.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    panic!("no answer: {error}; {}", input.escape_ascii());
                }
            }
            // Only a whole answer is looked at.
            if !input.ends_with(b"\0") && !input.ends_with(b"\n") && !input.ends_with(b"}") {
                continue;
            }
            let (answers, _) = self.framed().cut(&[&input]);
            let ours = answers.iter().any(|answer| {
                match answer {
                Piece::Message(message) => match decode(&self.codec, message) {
                    Ok(said) => said.iter().any(|said| {
                        matches!(said, Said::Reply(Some(one), Ok(Value::Map(_))) if *one == id)
                    }),
                    Err(why) => panic!("a wrong answer: {why:?}, {}", message.escape_ascii()),
                },
                other => panic!("a wrong answer: {other:?}"),
            }
            });
            if ours {
                return true;
            }
        }
    }
}

fn connect(path: &str) -> UnixStream {
    let stream = UnixStream::connect(path).expect("the server accepts");
    let long = Some(LONG);
    stream
        .set_read_timeout(long)
        .expect("a socket has a timeout");
    stream
        .set_write_timeout(long)
        .expect("a socket has a timeout");
    stream
}

fn read_to_end(stream: &mut UnixStream) {
    let mut chunk = [0; 16 << 10];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => panic!("the server does not disconnect: {error}"),
        }
    }
}
