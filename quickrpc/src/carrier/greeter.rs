//! What happens on a connection before it is a peer: handshakes of any kind.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::time::Duration;

use super::stream::Stream;
use crate::wire::met::Met;

/// So often what comes may be nothing to read, such as tickets of TLS, before it is too much of it.
const INTERRUPTIONS: usize = 16;

/// The handshake of one connection. It never waits: the poll thread calls it when the
/// stream can be read or written, and gives up when it takes too long.
pub(crate) trait Greeter: Send {
    /// Goes on as far as the stream allows. `input` is what was read and not used yet; what
    /// is left in it at the end belongs to the peer.
    fn advance(&mut self, stream: &Stream, input: &mut Vec<u8>) -> Step;

    /// What the other side says before TLS begins, where that is how it is; `stream` is to be read
    /// [as it is](Stream::read_plain). With [`Step::Done`] TLS begins.
    #[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "there is none"))]
    fn before_tls(&mut self, _stream: &Stream, _input: &mut Vec<u8>) -> Step {
        Step::Done
    }

    /// What it has found out of the peer, when it is done.
    fn met(&mut self) -> Option<Met> {
        None
    }
}

/// How far a handshake is.
#[derive(Debug)]
pub(crate) enum Step {
    /// The other side has to do something.
    Wait,
    /// Part of a long answer has left, so that the time counts anew. With `more`, it goes on
    /// at once, after others had their turn; otherwise when the stream has room.
    #[cfg_attr(
        not(feature = "websocket"),
        allow(dead_code, reason = "nothing says so much")
    )]
    Moved { more: bool },
    /// It goes on at once, after others had their turn; its time does not count anew.
    #[cfg_attr(
        not(any(feature = "mqtt", feature = "nats")),
        allow(dead_code, reason = "nobody else has so much to say")
    )]
    More,
    /// The connection is a peer, unless the other side objects within so long.
    #[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "nothing says so"))]
    Unless(Duration),
    /// The connection is a peer.
    Done,
    /// It will not be a peer, for this reason. The other side was told what it needs to know,
    /// and reads that to the end.
    Refused(String),
    /// The connection is of no use any more.
    Failed(io::Error),
}

/// Makes the greeters of a link.
pub(crate) trait Greeting: fmt::Debug + Send + Sync {
    /// What the connection is from now on, if it is changed.
    fn wrap(&self, stream: Stream) -> io::Result<Stream> {
        Ok(stream)
    }

    /// The handshake of one more connection.
    fn greeter(&self) -> Box<dyn Greeter>;
}

/// Bytes that leave as the stream takes them.
#[derive(Debug)]
pub(crate) struct Output {
    bytes: Cow<'static, [u8]>,
    sent: usize,
}

impl Output {
    pub(crate) fn new(bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        let bytes = bytes.into();
        Output { bytes, sent: 0 }
    }

    /// Writes what the stream takes. Gives the number of bytes, and whether all have left.
    pub(crate) fn write(&mut self, stream: &Stream) -> io::Result<(usize, bool)> {
        let before = self.sent;
        loop {
            let rest = self.bytes.get(self.sent..).unwrap_or_default();
            if rest.is_empty() {
                return Ok((self.sent - before, true));
            }
            match stream.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok((self.sent - before, false));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Reads what is there, until the input has so many bytes. Gives false where nothing more
/// comes for now.
///
/// # Errors
///
/// Also at the end of the stream.
pub(crate) fn read_some(stream: &Stream, input: &mut Vec<u8>, most: usize) -> io::Result<bool> {
    read_by(|chunk| stream.read(chunk), input, most)
}

/// The same, of what is not encrypted on a stream that will be.
///
/// # Errors
///
/// Likewise.
#[cfg_attr(
    not(any(feature = "mqtt", feature = "nats")),
    allow(dead_code, reason = "only brokers greet before TLS")
)]
pub(crate) fn read_plain(stream: &Stream, input: &mut Vec<u8>, most: usize) -> io::Result<bool> {
    read_by(|chunk| stream.read_plain(chunk), input, most)
}

fn read_by(
    read: impl Fn(&mut [u8]) -> io::Result<usize>,
    input: &mut Vec<u8>,
    most: usize,
) -> io::Result<bool> {
    let mut chunk = [0; 2048];
    let room = most.saturating_sub(input.len()).min(chunk.len());
    let Some(chunk) = chunk.get_mut(..room).filter(|chunk| !chunk.is_empty()) else {
        return Ok(false);
    };
    for _ in 0..INTERRUPTIONS {
        match read(chunk) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                input.extend_from_slice(chunk.get(..count).unwrap_or_default());
                return Ok(true);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let text = "it sends much, and says nothing";
    Err(io::Error::new(io::ErrorKind::InvalidData, text))
}
