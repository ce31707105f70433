//! From received bytes to messages: cut, unsealed, decoded where they lie, and handed up.

use std::borrow::Cow;
use std::sync::Arc;

use crate::base::error::Error;
use crate::base::reason::DisconnectReason;
use crate::base::security::SecInfo;
use crate::base::sender::Sender;
use crate::base::spare;
use crate::wire::codec::Envelope;
use crate::wire::framing::{Progress, Unframed};
use crate::wire::security::{Opened, refused};
use crate::wire::websocket::{Event, Reader};

use super::above::{Above, Hears};
use super::collect::{self, Batch};
use super::conn::{Conn, Content, Rx, Wait};
use super::net::Net;

/// A connection gets so many messages at once, so that a flood starves nobody.
const ROUND: usize = 64;

/// A peer on which one of our promises depends may have so many times its share of what waits:
/// its answer may come behind calls.
const AWAITED: usize = 4;

/// How the reading of a peer goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// More input is needed.
    Read,
    /// Messages are left for the next round.
    Again,
    /// Too much of this peer waits; it is resumed when there is room.
    Stalled,
    /// The peer is disconnected.
    Closed,
}

/// The messages of one round of one peer.
struct Round<'a> {
    net: &'a Net,
    above: &'a dyn Above,
    conn: &'a Arc<Conn>,
    hears: &'a mut dyn Hears,
}

impl Net {
    /// Takes what was read from a peer, and handles every complete message in it, up to a
    /// round. On a thread that reads; `rx` is the peer's own, taken out for the time.
    pub(crate) fn receive(
        &self,
        above: &dyn Above,
        conn: &Arc<Conn>,
        rx: &mut Rx,
        chunk: &[u8],
    ) -> Flow {
        let flow = self.rounds(above, conn, rx, chunk);
        match self.holds_input(conn, rx.held()) {
            true => flow,
            false => Flow::Closed,
        }
    }

    fn rounds(&self, above: &dyn Above, conn: &Arc<Conn>, rx: &mut Rx, chunk: &[u8]) -> Flow {
        let _batch = Batch::begin();
        if rx.buf.is_empty() {
            let (consumed, flow) = self.round(above, conn, rx, chunk);
            let rest = chunk.get(consumed..).unwrap_or_default();
            if rest.len() >= spare::LARGE / 2 {
                rx.buf = spare::take();
            }
            rx.buf.extend_from_slice(rest);
            return flow;
        }
        let mut buf = std::mem::take(&mut rx.buf);
        buf.extend_from_slice(chunk);
        let (consumed, flow) = self.round(above, conn, rx, &buf);
        if consumed >= buf.len() {
            // Gives the memory back: an idle connection keeps no buffer.
            spare::give(buf);
            return flow;
        }
        if consumed > 0 {
            buf.drain(..consumed);
        }
        rx.buf = buf;
        flow
    }

    /// Handles one datagram. It stands alone: what is left of it belongs to nothing else.
    pub(crate) fn receive_datagram(&self, above: &dyn Above, conn: &Arc<Conn>, bytes: &[u8]) {
        let _batch = Batch::begin();
        above.round(conn, &mut |hears| {
            let round = Round {
                net: self,
                above,
                conn,
                hears,
            };
            round.datagram(bytes);
        });
    }

    fn round(
        &self,
        above: &dyn Above,
        conn: &Arc<Conn>,
        rx: &mut Rx,
        bytes: &[u8],
    ) -> (usize, Flow) {
        let mut read = (0, Flow::Read);
        above.round(conn, &mut |hears| {
            let round = Round {
                net: self,
                above,
                conn,
                hears,
            };
            read = match rx.websocket.take() {
                None => round.stream(rx, bytes),
                Some(mut reader) => {
                    let read = round.websocket(&mut reader, &mut rx.header, bytes);
                    reader.rest();
                    rx.websocket = Some(reader);
                    read
                }
            };
        });
        read
    }
}

impl Round<'_> {
    fn stream(mut self, rx: &mut Rx, bytes: &[u8]) -> (usize, Flow) {
        let conn = self.conn;
        let mut position = 0;
        for _ in 0..ROUND {
            let limit = conn.input_limit();
            if self.must_stall() {
                return (position, Flow::Stalled);
            }
            let rest = bytes.get(position..).unwrap_or_default();
            let codec = &conn.wire.codec;
            let frame = match codec.next_frame(rest, &mut rx.progress, limit) {
                Ok(Some(frame)) => frame,
                Ok(None) => return (position, Flow::Read),
                Err(unframed) => {
                    self.end(unframed);
                    return (bytes.len(), Flow::Closed);
                }
            };
            let telegram = rest.get(frame.telegram).unwrap_or_default();
            self.telegram(telegram, &mut rx.header);
            position += frame.consumed;
            if conn.is_closed() {
                return (bytes.len(), Flow::Closed);
            }
        }
        (position, Flow::Again)
    }

    /// A round in which messages are those of WebSocket.
    fn websocket(
        mut self,
        reader: &mut Reader,
        header: &mut Option<SecInfo>,
        bytes: &[u8],
    ) -> (usize, Flow) {
        let conn = self.conn;
        let mut position = 0;
        for _ in 0..ROUND {
            let limit = conn.input_limit();
            if self.must_stall() {
                return (position, Flow::Stalled);
            }
            let rest = bytes.get(position..).unwrap_or_default();
            let (consumed, event) = match reader.next(rest, limit) {
                Ok(read) => read,
                Err(violation) => {
                    conn.close(violation.reason(limit));
                    return (bytes.len(), Flow::Closed);
                }
            };
            position += consumed;
            match event {
                Event::Incomplete => return (position, Flow::Read),
                Event::Part => {}
                Event::Message(telegram) => self.telegram(conn.wire.bare(telegram), header),
                Event::Ping(pong) => {
                    // Like an answer, lest a peer fill its queue with what it does not read.
                    let pong = Content::Framed(&pong);
                    self.net.put(conn, pong, Wait::Answer).ok();
                }
                Event::Close { code, text } => {
                    let text = text.into();
                    let reason = DisconnectReason::Closed { code, text };
                    self.net.end_of_input(self.above, conn, reason);
                    return (bytes.len(), Flow::Read);
                }
            }
            if conn.is_closed() {
                return (bytes.len(), Flow::Closed);
            }
        }
        (position, Flow::Again)
    }

    fn datagram(mut self, bytes: &[u8]) {
        let conn = self.conn;
        let wire = &conn.wire;
        let (size, limit) = (bytes.len(), wire.limits.message_size);
        if size > limit {
            return self.trouble(Error::MessageTooLarge { size, limit });
        }
        let mut header = None;
        let Some(framing) = wire.codec.framing() else {
            return self.telegram(bytes, &mut header);
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            let text = match framing.next_frame(rest, &mut Progress::default(), limit) {
                Ok(Some(frame)) => {
                    self.telegram(rest.get(frame.telegram).unwrap_or_default(), &mut header);
                    rest = rest.get(frame.consumed..).unwrap_or_default();
                    continue;
                }
                Err(Unframed::Garbled(text)) => text,
                Ok(None) | Err(Unframed::TooLarge) => {
                    format!("a datagram ended within a message; {}", framing.rule())
                }
            };
            return self.trouble(Error::Decode(text.into()));
        }
    }

    /// Whether too much of this peer waits to read on; then it will be resumed.
    fn must_stall(&mut self) -> bool {
        if !self.full() {
            return false;
        }
        collect::flush();
        self.conn.stall();
        // Room may have come just before the flag was seen.
        if self.full() {
            return true;
        }
        self.conn.unstall();
        false
    }

    fn full(&mut self) -> bool {
        let conn = self.conn;
        let awaited = conn.is_awaited();
        let shares = if awaited { AWAITED } else { 1 };
        (!awaited && conn.is_congested())
            || conn.is_owed_too_much(shares)
            || self.hears.is_full(shares)
    }

    fn trouble(&mut self, error: Error) {
        self.hears.trouble(&self.conn.peer, error);
    }

    fn telegram(&mut self, bytes: &[u8], header: &mut Option<SecInfo>) {
        let conn = self.conn;
        if bytes.is_empty() {
            return;
        }
        // An address is no connection that could be ended, and anybody can forge one.
        if !conn.wire.datagrams && is_http_request(bytes) {
            let text = "it speaks HTTP; `wsserv` is for browsers";
            return self.end(Unframed::Garbled(text.into()));
        }
        let wire = &conn.wire;
        let mut secinfo = None;
        let mut payload = Cow::Borrowed(bytes);
        if !wire.security.is_null() {
            if let Some(info) = self.header(bytes) {
                *header = Some(info);
                return;
            }
            let Some((unsealed, info)) = self.unseal(payload, header.take().as_ref()) else {
                return;
            };
            payload = unsealed;
            secinfo = Some(info);
        }
        let with_secinfo;
        let sender = match secinfo {
            None => &conn.peer,
            Some(secinfo) => {
                with_secinfo = Sender {
                    secinfo: Some(secinfo),
                    ..conn.peer.clone()
                };
                &with_secinfo
            }
        };
        let (text, decoded) = match wire.codec.decode_bytes(&payload, &wire.limits) {
            Ok(decoded) => decoded,
            Err(error) => return self.hears.unreadable(sender, &error.to_string()),
        };
        if let Envelope::Header(_) = decoded {
            let text = "the peer sends a security header, but this wire has no security \
                        provider; give one with `.security(..)`";
            return self.hears.trouble(sender, Error::Security(text.into()));
        }
        self.hears.hear(decoded, sender, text);
    }

    /// The message that a telegram holds, if it is one and the security provider has nothing
    /// against it.
    fn unseal<'t>(
        &mut self,
        payload: Cow<'t, [u8]>,
        header: Option<&SecInfo>,
    ) -> Option<(Cow<'t, [u8]>, Arc<SecInfo>)> {
        let conn = self.conn;
        let Some(session) = &conn.session else {
            return match conn.wire.security.sec_in(payload, header) {
                Ok((payload, info)) => Some((payload, conn.certified(Arc::new(info)))),
                Err(error) => {
                    self.trouble(error);
                    None
                }
            };
        };
        match session.open(payload, header) {
            Ok(Opened::Message(payload, info)) => {
                let info = conn.certified(info);
                self.net.greeted(self.above, conn, &info);
                (!payload.is_empty()).then_some((payload, info))
            }
            Ok(Opened::Greeting(answers)) => {
                self.net.send_telegrams(conn, answers);
                None
            }
            Err(error) => {
                let error = refused(error);
                self.net.refuse(conn, &error);
                self.trouble(error);
                None
            }
        }
    }

    /// The security header that the telegram is, if it is one. A header is not sealed.
    fn header(&self, bytes: &[u8]) -> Option<SecInfo> {
        memchr::memmem::find(bytes, b"rpc.secinfo")?;
        let wire = &self.conn.wire;
        match wire.codec.decode_bytes(bytes, &wire.limits) {
            Ok((_, Envelope::Header(info))) => Some(info),
            _ => None,
        }
    }

    /// The stream of this peer cannot be read any further.
    fn end(&mut self, unframed: Unframed) {
        let conn = self.conn;
        let reason = match unframed {
            Unframed::TooLarge => DisconnectReason::MessageTooLarge {
                limit: conn.wire.limits.message_size,
            },
            Unframed::Garbled(text) => {
                self.hears.unreadable(&conn.peer, &text);
                DisconnectReason::Garbled(text.into())
            }
        };
        conn.close(reason);
    }
}

/// Whether a telegram begins as a request of HTTP does.
///
/// Any page that somebody looks at can make the browser send a request to any port, loopback
/// included, and choose what comes behind the headers; there must be no calls in it.
fn is_http_request(telegram: &[u8]) -> bool {
    const METHODS: [&[u8]; 9] = [
        b"GET ",
        b"HEAD ",
        b"POST ",
        b"PUT ",
        b"DELETE ",
        b"CONNECT ",
        b"OPTIONS ",
        b"TRACE ",
        b"PATCH ",
    ];
    // Of most telegrams the first byte is enough.
    if !telegram.first().is_some_and(u8::is_ascii_uppercase) {
        return false;
    }
    let line = telegram.split(|byte| *byte == b'\n').next();
    let line = line.unwrap_or_default().trim_ascii_end();
    let version = line.ends_with(b" HTTP/1.1") || line.ends_with(b" HTTP/1.0");
    version && METHODS.iter().any(|method| line.starts_with(method))
}
