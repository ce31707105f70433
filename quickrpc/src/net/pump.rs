//! From received bytes to messages: cut, unsealed, decoded where they lie, and handed up.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::base::error::Error;
use crate::base::foreign;
use crate::base::mark::unmarked;
use crate::base::reason::DisconnectReason;
use crate::base::scratch::with_scratch;
use crate::base::sender::Sender;
use crate::base::spare;
use crate::base::sync::lock;
use crate::base::utf8;
use crate::carrier::stream::Place;
use crate::wire::codec::{Envelope, Script};
use crate::wire::cut::{Broken, Cut};
use crate::wire::framing::{Progress, Unframed};
use crate::wire::hearing::{Hearing, Message, Sense, Unsealed};
use crate::wire::http::Caller;
use crate::wire::met::Met;
use crate::wire::session::{Heard, Role, Say};

use super::above::{Above, Feed, Hears};
use super::addresses::Around;
use super::collect::{self, Batch};
use super::conn::{Conn, Content, Rx, Speech, Wait};
use super::net::Net;

/// A connection gets so many messages at once, so that a flood starves nobody.
const ROUND: usize = 64;
/// Who types or prints a message line by line sends no longer ones.
const LINE: usize = 4096;

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

/// Bytes that are read at once.
pub(crate) const CHUNK: usize = 64 << 10;

/// What came of reading once.
#[derive(Debug)]
pub(crate) enum Pumped {
    /// So many bytes, and how it goes on.
    Read(usize, Flow),
    /// Nothing is there for now.
    Nothing,
    /// Nothing more will come.
    End,
}

/// The messages of one round of one peer.
struct Round<'a> {
    net: &'a Net,
    above: &'a dyn Above,
    conn: &'a Arc<Conn>,
    hears: &'a mut dyn Hears,
}

impl Net {
    /// Reads a peer once, and handles what has come. Whoever reads comes through here: the poll
    /// thread, a thread that waits for an answer, one that reads a pipe; `read` is how. `rx` is the
    /// peer's own, taken out for the time, and what was left in it is handled already.
    #[inline]
    pub(crate) fn pump(
        &self,
        above: &dyn Above,
        conn: &Arc<Conn>,
        rx: &mut Rx,
        buffer: &mut [u8],
        read: impl FnOnce(Place<'_>, &mut Option<Duration>) -> io::Result<usize>,
    ) -> Pumped {
        let Rx { buf, timeout, .. } = &mut *rx;
        // The rest of a large message goes where its beginning is.
        let large = buf.len() >= spare::LARGE / 2;
        let count = match large {
            true => {
                buf.reserve(CHUNK);
                read(Place::Behind(buf), timeout)
            }
            false => read(Place::Slice(buffer), timeout),
        };
        match count {
            Ok(0) => Pumped::End,
            Ok(count) => {
                let chunk = match large {
                    true => &[],
                    false => buffer.get(..count).unwrap_or_default(),
                };
                Pumped::Read(count, self.receive(above, conn, rx, chunk))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Pumped::Nothing,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Pumped::Read(0, Flow::Read),
            Err(error)
                if error.kind() == io::ErrorKind::UnexpectedEof && conn.misses_nothing(rx) =>
            {
                Pumped::End
            }
            Err(error) => {
                conn.close(DisconnectReason::Lost(Arc::new(error)));
                Pumped::Read(0, Flow::Closed)
            }
        }
    }

    /// Takes what was read from a peer, and handles every complete message in it, up to a
    /// round. On a thread that reads; `rx` is the peer's own, taken out for the time. A panic in
    /// codecs, sessions and what else takes part costs this peer.
    pub(crate) fn receive(
        &self,
        above: &dyn Above,
        conn: &Arc<Conn>,
        rx: &mut Rx,
        chunk: &[u8],
    ) -> Flow {
        let read = foreign::attempt(|| self.rounds(above, conn, rx, chunk));
        let flow = read.unwrap_or_else(|text| {
            foreign::report("reading a peer", &text);
            let error = io::Error::other(format!("reading it panicked: {text}"));
            conn.close(DisconnectReason::Lost(Arc::new(error)));
            Flow::Closed
        });
        // What waits behind the answers that were read need not wait any longer.
        if conn.holds.load(Ordering::Relaxed) {
            self.send_held();
        }
        match self.holds_input(conn, rx.held()) {
            true => flow,
            false => Flow::Closed,
        }
    }

    fn rounds(&self, above: &dyn Above, conn: &Arc<Conn>, rx: &mut Rx, chunk: &[u8]) -> Flow {
        let _batch = Batch::begin();
        if rx.buf.is_empty() {
            let (consumed, flow) = self.round(above, conn, &mut rx.hearing, chunk);
            let rest = chunk.get(consumed..).unwrap_or_default();
            if rest.len() >= spare::LARGE / 2 {
                rx.buf = spare::take();
            }
            rx.buf.extend_from_slice(rest);
            return flow;
        }
        let mut buf = std::mem::take(&mut rx.buf);
        buf.extend_from_slice(chunk);
        let (consumed, flow) = self.round(above, conn, &mut rx.hearing, &buf);
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
        foreign::catch("reading a datagram", || {
            let _batch = Batch::begin();
            above.round(conn, &mut |hears| {
                let round = Round {
                    net: self,
                    above,
                    conn,
                    hears,
                };
                // Of a header, nothing is left for the next datagram.
                round.datagram(&mut Sense::default(), bytes);
            });
        });
    }

    fn round(
        &self,
        above: &dyn Above,
        conn: &Arc<Conn>,
        hearing: &mut Hearing,
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
            read = round.stream(hearing, bytes);
        });
        hearing.cutter.rest();
        read
    }
}

impl Around for Net {
    fn enter(&self, peer: &Arc<Conn>) -> bool {
        lock(&self.peers).insert(Arc::clone(peer))
    }

    fn leave(&self, above: &dyn Above, peer: &Arc<Conn>, reason: DisconnectReason) {
        let was_in = {
            let mut peers = lock(&self.peers);
            peers.remove(peer) && peers.left(peer)
        };
        peer.close(reason);
        // Or somebody else has closed it meanwhile, and sees to that.
        if was_in {
            self.farewell(above, peer);
        }
    }

    fn send(&self, by: &Arc<Conn>, bytes: &[u8]) {
        // If it has ended, that is seen to elsewhere.
        self.put(by, Content::Framed(bytes), Wait::Answer).ok();
    }

    fn deliver(
        &self,
        above: &dyn Above,
        round: &mut dyn Hears,
        conn: &Arc<Conn>,
        bytes: &[u8],
        check: &mut dyn FnMut(&mut dyn Hears, Feed<'_>),
    ) {
        foreign::catch("reading a message of a broker", || {
            round.behind(conn, &mut |hears| {
                check(hears, &mut |hears| {
                    let mut round = Round {
                        net: self,
                        above,
                        conn,
                        hears,
                    };
                    match conn.wire.security.is_null() {
                        // Nothing is kept apart where each message travels alone.
                        true if bytes.len() <= conn.wire.limits.message_size => {
                            round.message(&mut Sense::default(), conn.wire.bare(bytes));
                        }
                        _ => round.datagram(&mut Sense::default(), bytes),
                    }
                });
            });
        });
    }
}

impl Round<'_> {
    fn stream(mut self, hearing: &mut Hearing, bytes: &[u8]) -> (usize, Flow) {
        let conn = self.conn;
        let Hearing { cutter, sense } = hearing;
        let mut position = 0;
        // What is behind the connection; looked for once.
        let mut broker = None;
        for _ in 0..ROUND {
            let limit = conn.input_limit();
            if self.must_stall() {
                return (position, Flow::Stalled);
            }
            let rest = bytes.get(position..).unwrap_or_default();
            let message = match cutter.cut(&conn.wire, rest, limit) {
                Ok((taken, cut)) => {
                    position += taken;
                    match cut {
                        Cut::Incomplete => {
                            if rest.ends_with(b"\n") {
                                self.line(rest);
                            }
                            return (position, Flow::Read);
                        }
                        Cut::Nothing => continue,
                        Cut::Busy => {
                            // Answers that were collected are what is waited for.
                            collect::flush();
                            match conn.flow.stall(|| conn.is_answering()) {
                                true => return (position, Flow::Stalled),
                                false => continue,
                            }
                        }
                        Cut::Message(message) => message,
                        Cut::Parts(parts) => {
                            self.spoken(sense, Message::Parts(parts));
                            if conn.is_closed() {
                                return (bytes.len(), Flow::Closed);
                            }
                            continue;
                        }
                        Cut::Broker(said) => {
                            let find = || lock(&self.net.peers).wire_at(conn.link).cloned();
                            if let Some(broker) = broker.get_or_insert_with(find) {
                                broker.hear(self.above, self.hears, said);
                            }
                            if conn.is_closed() {
                                return (bytes.len(), Flow::Closed);
                            }
                            continue;
                        }
                        Cut::Strange(why) => {
                            self.hears.unreadable(conn.peer(), why, &[]);
                            continue;
                        }
                        Cut::Say(bytes) => {
                            // Like an answer, lest a peer fill its queue with what it does not
                            // read.
                            let content = Content::Framed(&bytes);
                            self.net.put(conn, content, Wait::Answer).ok();
                            continue;
                        }
                        Cut::End(reason) => {
                            self.net.end_of_input(self.above, conn, reason);
                            return (bytes.len(), Flow::Read);
                        }
                    }
                }
                Err(broken) => {
                    self.end(broken);
                    return (bytes.len(), Flow::Closed);
                }
            };
            self.message(sense, message);
            if conn.is_closed() {
                return (bytes.len(), Flow::Closed);
            }
        }
        (position, Flow::Again)
    }

    /// A line has ended, and the message has not: whoever sends lines waits for an answer that never
    /// comes.
    #[cold]
    fn line(&self, rest: &[u8]) {
        let (wire, peer) = (&self.conn.wire, self.conn.peer());
        if rest.len() > LINE || !wire.waits_behind_line(rest) {
            return;
        }
        crate::base::log::warn_often!(
            "a message that ended with a line", &peer.origin;
            peer = %peer, wire = %wire.name,
            "a whole message came with the end of a line behind it, and not with the delimiter of \
             this wire, so that it waits for its end: bind `jrpc:\\n` for peers that send lines"
        );
    }

    fn datagram(mut self, sense: &mut Sense, bytes: &[u8]) {
        let conn = self.conn;
        let wire = &conn.wire;
        let (size, limit) = (bytes.len(), wire.limits.message_size);
        if size > limit {
            return self.trouble(Error::MessageTooLarge { size, limit });
        }
        let Some(framing) = wire.codec.framing() else {
            return self.message(sense, bytes);
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            let text = match framing.next_frame(rest, &mut Progress::default(), limit) {
                Ok(Some(frame)) => {
                    let message = rest.get(frame.telegram).unwrap_or_default();
                    if !message.is_empty() {
                        self.message(sense, message);
                    }
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
        let conn = self.conn;
        // What is behind it are many, who do not wait for one.
        !conn.is_line() && conn.flow.stall(|| self.full())
    }

    fn full(&mut self) -> bool {
        let conn = self.conn;
        let awaited = conn.flow.is_awaited();
        let shares = if awaited { AWAITED } else { 1 };
        (!awaited && conn.is_congested())
            || conn.is_owed_too_much(shares)
            || self.hears.is_full(shares)
    }

    fn trouble(&mut self, error: Error) {
        self.hears.trouble(self.conn.peer(), error);
    }

    /// One message, whole.
    #[inline]
    fn message(&mut self, sense: &mut Sense, bytes: &[u8]) {
        let conn = self.conn;
        if let Some(guest) = &conn.guest {
            return match conn.welcome(guest) {
                Ok(sender) => self.of_guest(sense, &sender, bytes),
                Err(reason) => self.trouble(Error::Security(reason)),
            };
        }
        match conn.speech {
            Speech::Plain if conn.wire.security.is_null() => self.telegram(&conn.peer, bytes),
            Speech::Addressed if conn.wire.security.is_null() => self.telegram(&conn.peer, bytes),
            Speech::Plain | Speech::Addressed | Speech::Sealed(_) => self.sealed(sense, bytes),
            Speech::Line => {}
            Speech::Framed(Met::Posts(ref caller)) => self.posted(caller, bytes),
            Speech::Framed(_) => self.telegram(conn.peer(), bytes),
            Speech::Spoken(_) => self.spoken(sense, Message::Whole(bytes)),
        }
    }

    /// One of a peer that has shown a key, and is this one now.
    fn of_guest(&mut self, sense: &mut Sense, sender: &Sender, bytes: &[u8]) {
        match self.conn.speech {
            Speech::Plain if self.conn.wire.security.is_null() => self.telegram(sender, bytes),
            Speech::Spoken(_) => self.spoken(sense, Message::Whole(bytes)),
            _ => self.sealed(sense, bytes),
        }
    }

    /// One that went through the security provider.
    fn sealed(&mut self, sense: &mut Sense, bytes: &[u8]) {
        if !sense.takes_header(&self.conn.wire, bytes) {
            with_scratch(|room| self.unsealed(sense, bytes, room));
        }
    }

    fn unsealed(&mut self, sense: &mut Sense, bytes: &[u8], room: &mut Vec<u8>) {
        let conn = self.conn;
        let (payload, info) = match sense.unseal(&conn.wire, conn.speech.seal(), bytes, room) {
            Unsealed::Message(payload, info) => (payload, conn.certified(info)),
            Unsealed::Greeting(answers) => return self.net.send_telegrams(conn, answers),
            Unsealed::Refused(error) => {
                self.net.refuse(conn, &error);
                return self.trouble(error);
            }
        };
        if conn.speech.seal().is_some() {
            self.net.greeted(self.above, conn, Some(&info));
        }
        if payload.is_empty() {
            return;
        }
        let sender = sense.sender(&conn.peer, info);
        self.telegram(&sender, &payload);
        sense.keep(sender);
    }

    /// One of a codec that has no sessions.
    #[inline(always)]
    fn telegram(&mut self, sender: &Sender, bytes: &[u8]) {
        let wire = &self.conn.wire;
        match wire.codec.decode_bytes(bytes, &wire.limits) {
            Ok((_, Envelope::Header(_))) => {
                let text = "the peer sends a security header, but this wire has no security \
                            provider; give one with `.security(..)`";
                self.hears.trouble(sender, Error::Security(text.into()));
            }
            Ok((telegram, envelope)) => self.hears.hear(envelope, sender, &telegram),
            Err(error) => self.hears.unreadable(sender, &error.to_string(), bytes),
        }
    }

    /// One that was posted: its sender waits for the response, if only for one that says nothing.
    fn posted(&mut self, caller: &Caller, bytes: &[u8]) {
        let (conn, wire) = (self.conn, &self.conn.wire);
        let sender = match caller.who() {
            Some(who) => Sender {
                secinfo: Some(conn.certified(who)),
                ..conn.peer.clone()
            },
            None => conn.sender(),
        };
        let text = utf8::text(unmarked(bytes)).map_err(|_| "not UTF-8".to_owned());
        // In full, so that nobody finds out later that it is something else.
        let decoded = text.and_then(|text| {
            let decoded = wire.codec.decode(text, &wire.limits);
            Ok((text, decoded.map_err(|error| error.to_string())?))
        });
        let answered = match decoded {
            Ok((_, Envelope::Empty)) => {
                self.hears
                    .unreadable(&sender, "a message with nothing in it", bytes);
                true
            }
            Ok((text, mut envelope)) => {
                if let Some(trace) = caller.trace() {
                    envelope = envelope.in_trace(trace);
                }
                let answered = envelope.wants_answer();
                self.hears.hear(envelope, &sender, &Script::Text(text));
                answered
            }
            Err(text) => {
                self.hears.unreadable(&sender, &text, bytes);
                true
            }
        };
        if !answered {
            let mut response = Vec::new();
            caller.accept(&mut response);
            // A peer that is gone hears nothing, which is no trouble.
            self.net
                .put(conn, Content::Framed(&response), Wait::Answer)
                .ok();
            conn.responded();
        }
    }

    /// One that a session of the protocol understands.
    fn spoken(&mut self, sense: &mut Sense, message: Message<'_>) {
        let conn = self.conn;
        // What is heard beside a connection is heard of whom that is with.
        let main = match conn.is_beside() {
            true => lock(&self.net.peers)
                .one_of_link(conn.link.wrapping_sub(1))
                .cloned(),
            false => None,
        };
        let guest = conn.guest.is_some().then(|| conn.sender());
        let sender = match (&main, &guest) {
            (Some(main), _) => main.peer(),
            (None, Some(guest)) => guest,
            (None, None) => conn.peer(),
        };
        conn.speaks();
        let shown = match &message {
            Message::Whole(bytes) => bytes,
            Message::Parts(_) => &[][..],
        };
        let mut say = Say::default();
        let understood = sense.understand(&conn.wire.limits, message, &mut say);
        self.net.say(conn, &mut say);
        if conn.is_beside() && main.is_none() && conn.wire.role == Role::Client {
            return;
        }
        match understood {
            Ok((text, Heard::Message(envelope))) => {
                self.net.greeted(self.above, conn, None);
                self.hears.hear(envelope, sender, &Script::Text(text));
            }
            Ok((_, Heard::Put(text, envelope))) => {
                self.net.greeted(self.above, conn, None);
                self.hears.hear(envelope, sender, &Script::Text(&text));
            }
            Ok((_, Heard::Changes(changes))) => {
                self.net.greeted(self.above, conn, None);
                self.hears.changed(&*changes, sender);
            }
            Ok((_, other)) => self.net.greets(self.above, conn, sense, other),
            Err(error) => {
                if !conn.is_greeted() {
                    // Nobody knows what a stranger means by it.
                    let text = "what it sent first is no message".into();
                    conn.close(DisconnectReason::Rejected { code: 1008, text });
                }
                self.hears.unreadable(sender, &error.to_string(), shown);
            }
        }
    }

    /// The stream of this peer cannot be read any further.
    fn end(&mut self, broken: Broken) {
        let conn = self.conn;
        let reason = match broken {
            Broken::Rules(reason) => reason,
            Broken::Garbled(text) => {
                self.hears.unreadable(conn.peer(), &text, b"");
                DisconnectReason::Garbled(text.into())
            }
        };
        conn.close(reason);
    }
}
