//! Streams in pieces: the same as in one.

use std::sync::OnceLock;

use quickrpc::__fuzz::{End, Framed, Handshake, Piece, accept_key};
use quickrpc::TransportExpr;
use quickrpc::codec::IntoCodec;

use crate::data::{Cuts, Data};

/// Messages are not larger.
const LIMIT: usize = 300;

/// The first byte says which framing, the next ones where the stream is cut.
pub fn framing(data: &[u8]) {
    const CODECS: [&str; 7] = [
        "jrpc",
        r"jrpc:\n",
        r"jrpc:\r\n",
        "jrpc:abab",
        "jrpc:content-length",
        "terse",
        "msgpack",
    ];
    let mut data = Data(data);
    let choice = CODECS[usize::from(data.byte()) % CODECS.len()];
    let codec = choice.into_codec().expect("the expression is right");
    cut(&Framed::new(&codec, None, LIMIT), &mut data);
}

/// The first byte says which end reads, the next ones where the stream is cut.
pub fn ws_frames(data: &[u8]) {
    let mut data = Data(data);
    let ends = [End::Client, End::Server];
    let end = ends[usize::from(data.byte() & 1)];
    let codec = "jrpc".into_codec().expect("the expression is right");
    let bytes = data.0;
    cut(&Framed::new(&codec, Some(end), LIMIT), &mut data);
    // What one end writes the other reads.
    let other = match end {
        End::Client => End::Server,
        End::Server => End::Client,
    };
    // A codec that is text writes nothing else.
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LIMIT / 3)]);
    let message = text.as_bytes();
    let written = Framed::new(&codec, Some(other), LIMIT).frame(message);
    let written = written.expect("any message has a frame");
    let (read, _) = Framed::new(&codec, Some(end), LIMIT).cut(&[&written]);
    let message = message.strip_suffix(&[0]).unwrap_or(message);
    assert_eq!(read, [Piece::Message(message.to_vec())]);
}

/// One who posts over HTTP. The first bytes say where the stream is cut.
pub fn http(data: &[u8]) {
    let mut data = Data(data);
    let cuts = Cuts::take(&mut data);
    // Who has sent his body is not told to send it.
    let told = |piece: &Piece| match piece {
        Piece::Answer(text) => !text.starts_with(b"HTTP/1.1 100 "),
        _ => true,
    };
    let (mut found, most) = Framed::posts(LIMIT).cut(&cuts.pieces(data.0));
    // A message in chunks, in a vector that grows, and a head.
    assert!(most <= 2 * LIMIT + (64 << 10), "{most} bytes are held");
    found.retain(told);
    let (mut again, _) = Framed::posts(LIMIT).cut(&[data.0]);
    again.retain(told);
    assert_eq!(found, again);
    for piece in &found {
        if let Piece::Message(message) = piece {
            assert!(message.len() <= LIMIT, "{} bytes", message.len());
        }
    }
}

/// A peer of ZeroMQ, from its greeting on. The first byte says what we are, the next ones where the
/// stream is cut.
pub fn zmtp(data: &[u8]) {
    const TYPES: [&str; 8] = [
        "dealer", "router", "req", "rep", "pub", "sub", "push", "pull",
    ];
    let mut data = Data(data);
    let choice = data.byte();
    let kind = TYPES[usize::from(choice) % TYPES.len()];
    let in_parts = choice & 0x80 != 0;
    let expr: TransportExpr = format!("zmq:h:1?type={kind}")
        .parse()
        .expect("an expression");
    let cuts = Cuts::take(&mut data);
    let pieces = cuts.pieces(data.0);
    let meet = |pieces: &[&[u8]]| Framed::met(&expr, in_parts, pieces, LIMIT);
    let ((in_pieces, rest), (at_once, same)) = match (meet(&pieces), meet(&[data.0])) {
        (Ok(one), Ok(other)) => (one, other),
        (one, other) => {
            let (one, other) = (one.map(|_| ()), other.map(|_| ()));
            return assert_eq!(one, other);
        }
    };
    assert_eq!(rest, same);
    let (found, most) = in_pieces.cut(&cuts.pieces(&rest));
    // A message, a header and a command, and what it subscribes to.
    assert!(
        most <= LIMIT + 9 + (8 << 10) + (256 << 10),
        "{most} bytes are held"
    );
    let (again, _) = at_once.cut(&[&rest]);
    assert_eq!(found, again);
    for piece in &found {
        let size = match piece {
            Piece::Message(message) => message.len(),
            Piece::Parts(parts) => parts.iter().map(Vec::len).sum(),
            _ => 0,
        };
        assert!(size <= LIMIT, "{size} bytes");
    }
}

/// What a broker of NATS says, in pieces and as one.
pub fn nats(data: &[u8]) {
    let mut data = Data(data);
    let cuts = Cuts::take(&mut data);
    let broker = Framed::nats(LIMIT);
    let (found, most) = broker.cut(&cuts.pieces(data.0));
    // A message with its headers, or what a broker says of itself.
    assert!(most <= LIMIT + (160 << 10), "{most} bytes are held");
    let (again, _) = broker.cut(&[data.0]);
    assert_eq!(found, again);
}

/// What a broker of MQTT says, in pieces and as one, and what its packets mean.
pub fn mqtt(data: &[u8]) {
    let mut data = Data(data);
    let cuts = Cuts::take(&mut data);
    let broker = Framed::mqtt(LIMIT);
    let (found, most) = broker.cut(&cuts.pieces(data.0));
    // A message with its topic and properties.
    assert!(most <= LIMIT + (65 << 10), "{most} bytes are held");
    let (again, _) = broker.cut(&[data.0]);
    assert_eq!(found, again);
}

fn cut(framed: &Framed, data: &mut Data<'_>) {
    let cuts = Cuts::take(data);
    let pieces = cuts.pieces(data.0);
    let (found, most) = framed.cut(&pieces);
    // A message, a header, and a delimiter or a control frame.
    assert!(most <= LIMIT + HEADER, "{most} bytes are held");
    let (at_once, _) = framed.cut(&[data.0]);
    // An answer of a client has a mask that nobody can foresee; and what is said of a stream
    // that is none of ours depends on how much is there of it.
    let comparable = |pieces: &[Piece]| -> Vec<Piece> {
        let unmasked = |piece: &Piece| match piece {
            Piece::Answer(bytes) => Piece::Answer(bytes.get(..2).unwrap_or_default().to_vec()),
            Piece::Broken(why) if why.starts_with("Garbled") => {
                Piece::Broken(String::from("Garbled"))
            }
            piece => piece.clone(),
        };
        pieces.iter().map(unmasked).collect()
    };
    assert_eq!(comparable(&found), comparable(&at_once));
    for piece in &found {
        let Piece::Message(message) = piece else {
            continue;
        };
        assert!(message.len() <= LIMIT, "{} bytes", message.len());
    }
}

/// Headers of `content-length` have at most so many bytes.
const HEADER: usize = (4 << 10) + 200;

/// A client's request in pieces. The first byte says what the server has.
pub fn ws_request(data: &[u8]) {
    let mut data = Data(data);
    let choice = data.byte();
    let expr = server(choice & 1 == 1, choice & 2 == 2);
    let cuts = Cuts::take(&mut data);
    let (how, said) = request(&expr, &cuts.pieces(data.0));
    let (how_at_once, said_at_once) = request(&expr, &[data.0]);
    assert_eq!(how.is_some(), how_at_once.is_some());
    assert_eq!(
        how.map(|how| how.is_ok()),
        how_at_once.map(|how| how.is_ok())
    );
    assert_eq!(
        said.escape_ascii().to_string(),
        said_at_once.escape_ascii().to_string()
    );
    if said.is_empty() {
        return;
    }
    assert!(said.starts_with(b"HTTP/1.1 "), "{}", said.escape_ascii());
    let outside = said
        .windows(SECRET.len())
        .any(|part| part == SECRET.as_bytes());
    assert!(!outside, "a file outside of the folder was sent");
}

const SECRET: &str = "not-for-the-web";

type Ended = Option<Result<(), String>>;

fn request(expr: &TransportExpr, pieces: &[&[u8]]) -> (Ended, Vec<u8>) {
    let mut handshake = Handshake::new(expr).expect("it is a server");
    let mut how = None;
    for piece in pieces {
        how = handshake.advance(piece);
        if how.is_some() {
            break;
        }
    }
    let how = how.or_else(|| handshake.hang_up());
    (how, std::mem::take(&mut handshake.said))
}

fn server(files: bool, subprotocol: bool) -> TransportExpr {
    static FOLDER: OnceLock<String> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("quickrpc-fuzz-{}", std::process::id()));
        let web = folder.join("web");
        std::fs::create_dir_all(web.join("sub")).expect("a folder can be made");
        let write = |path: &str, text: &str| {
            std::fs::write(folder.join(path), text).expect("a file can be written");
        };
        write("secret", SECRET);
        write("web/.secret", SECRET);
        write("web/index.html", "<p>hello</p>");
        write("web/sub/a b.js", "hello()");
        drop(std::os::unix::fs::symlink("../secret", web.join("link")));
        web.display().to_string()
    });
    let mut expr = String::from("wsserv:127.0.0.1:80/wire");
    let mut mark = '?';
    if files {
        expr += &format!("{mark}files={folder}");
        mark = '&';
    }
    if subprotocol {
        expr += &format!("{mark}subprotocol=rpc");
    }
    expr.parse().expect("the expression is right")
}

/// A server's answer in pieces. The first byte says for what the client asks; `ACCEPT` stands
/// for the right answer to its key.
pub fn ws_response(data: &[u8]) {
    let mut data = Data(data);
    let expr = match data.byte() & 1 {
        0 => "ws:localhost:80/wire",
        _ => "ws:localhost:80/wire?subprotocol=rpc",
    };
    let expr: TransportExpr = expr.parse().expect("the expression is right");
    let cuts = Cuts::take(&mut data);
    let in_pieces = response(&expr, data.0, &cuts);
    let at_once = response(&expr, data.0, &Cuts::none());
    // What a server says to people is repeated as far as it is there.
    let comparable = |how: Ended| how.map(|how| how.is_ok());
    assert_eq!(comparable(in_pieces), comparable(at_once));
}

fn response(expr: &TransportExpr, answer: &[u8], cuts: &Cuts) -> Ended {
    const PLACE: &[u8] = b"ACCEPT";
    let mut handshake = Handshake::new(expr).expect("it is a client");
    let said = String::from_utf8(handshake.said.clone()).expect("it is text");
    let key = said
        .split("\r\n")
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))
        .map(|(_, key)| key);
    let key = accept_key(key.unwrap_or_else(|| panic!("no key: {said}")));
    let mut answer = answer.to_vec();
    let place = answer.windows(PLACE.len()).position(|part| part == PLACE);
    if let Some(at) = place {
        answer.splice(at..at + PLACE.len(), key.bytes());
    }
    for piece in cuts.pieces(&answer) {
        let how = handshake.advance(piece);
        if how.is_some() {
            return how;
        }
    }
    handshake.hang_up()
}
