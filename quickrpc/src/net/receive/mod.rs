//! From received bytes to messages: cut, checked, decoded where they lie.

mod websocket;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::base::error::{CallError, Error};
use crate::base::security::SecInfo;
use crate::base::sender::Sender;
use crate::wire::codec::Envelope;
use crate::wire::framing::{Progress, Unframed};
use crate::wire::security::{Opened, refused};

use super::batch::{self, Batch};
use super::conn::{Conn, Rx};
use super::core::Core;
use super::datagrams::Admitted;
use crate::base::reason::DisconnectReason;
use crate::base::spare;
use crate::call::answer;
use crate::call::answer::{Answers, BatchAnswer, Route};
use crate::call::dispatch::{Call, CallParts};
use crate::call::gate::TooFast;
use crate::call::mailbox::{Item, Turn};

/// A connection gets so many messages at once, so that a flood starves nobody.
const ROUND: usize = 64;

/// What something answers that was no call.
const NO_CALL: Answers<'_> = Answers {
    method: "",
    id: None,
};
/// A peer on which one of our promises depends may have so many times its share of the
/// mailbox: its answer may come behind calls.
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
    core: &'a Core,
    conn: &'a Arc<Conn>,
    /// Held from the first call that is handled in place to the end of the round.
    turn: Option<Turn<'a>>,
    stalled: bool,
}

/// A telegram as it lies in the input, copied at most once however many calls of it wait.
struct Telegram<'a> {
    text: &'a str,
    shared: Option<Arc<str>>,
}

impl Telegram<'_> {
    fn shared(&mut self) -> Arc<str> {
        Arc::clone(self.shared.get_or_insert_with(|| self.text.into()))
    }
}

impl Core {
    /// Takes what was read from a peer, and handles every complete message in it, up to a
    /// round. On a thread of the API; `rx` is the peer's own, taken out for the time.
    pub(crate) fn receive(&self, conn: &Arc<Conn>, rx: &mut Rx, chunk: &[u8]) -> Flow {
        let flow = self.rounds(conn, rx, chunk);
        match self.holds_input(conn, rx.held()) {
            true => flow,
            false => Flow::Closed,
        }
    }

    fn rounds(&self, conn: &Arc<Conn>, rx: &mut Rx, chunk: &[u8]) -> Flow {
        let _batch = Batch::begin();
        if rx.buf.is_empty() {
            let (consumed, flow) = self.round(conn, rx, chunk);
            let rest = chunk.get(consumed..).unwrap_or_default();
            if rest.len() >= spare::LARGE / 2 {
                rx.buf = spare::take();
            }
            rx.buf.extend_from_slice(rest);
            return flow;
        }
        let mut buf = std::mem::take(&mut rx.buf);
        buf.extend_from_slice(chunk);
        let (consumed, flow) = self.round(conn, rx, &buf);
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
    pub(crate) fn receive_datagram(&self, conn: &Arc<Conn>, bytes: &[u8]) {
        let _batch = Batch::begin();
        let mut round = Round {
            core: self,
            conn,
            turn: None,
            stalled: false,
        };
        let wire = &conn.wire;
        let (size, limit) = (bytes.len(), wire.limits.message_size);
        if size > limit {
            return round.trouble(&conn.peer, Error::MessageTooLarge { size, limit });
        }
        let mut header = None;
        let Some(framing) = wire.codec.framing() else {
            return round.telegram(bytes, &mut header);
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            let text = match framing.next_frame(rest, &mut Progress::default(), limit) {
                Ok(Some(frame)) => {
                    round.telegram(rest.get(frame.telegram).unwrap_or_default(), &mut header);
                    rest = rest.get(frame.consumed..).unwrap_or_default();
                    continue;
                }
                Err(Unframed::Garbled(text)) => text,
                Ok(None) | Err(Unframed::TooLarge) => {
                    format!("a datagram ended within a message; {}", framing.rule())
                }
            };
            return round.trouble(&conn.peer, Error::Decode(text.into()));
        }
    }

    fn round(&self, conn: &Arc<Conn>, rx: &mut Rx, bytes: &[u8]) -> (usize, Flow) {
        if let Some(reader) = &mut rx.websocket {
            let read = self.websocket_round(conn, reader, &mut rx.header, bytes);
            reader.rest();
            return read;
        }
        let mut round = Round {
            core: self,
            conn,
            turn: None,
            stalled: false,
        };
        let mut position = 0;
        for _ in 0..ROUND {
            let limit = conn.input_limit();
            if round.must_stall() {
                return (position, Flow::Stalled);
            }
            let rest = bytes.get(position..).unwrap_or_default();
            let codec = &conn.wire.codec;
            let frame = match codec.next_frame(rest, &mut rx.progress, limit) {
                Ok(Some(frame)) => frame,
                Ok(None) => return (position, Flow::Read),
                Err(unframed) => {
                    round.end(unframed);
                    return (bytes.len(), Flow::Closed);
                }
            };
            let telegram = rest.get(frame.telegram).unwrap_or_default();
            round.telegram(telegram, &mut rx.header);
            position += frame.consumed;
            if conn.is_closed() {
                return (bytes.len(), Flow::Closed);
            }
        }
        (position, Flow::Again)
    }
}

impl<'a> Round<'a> {
    /// Whether too much of this peer waits to read on; then it will be resumed.
    fn must_stall(&mut self) -> bool {
        if !self.full() {
            return false;
        }
        batch::flush();
        self.conn.stall();
        // Room may have come just before the flag was seen.
        if self.full() {
            return true;
        }
        self.conn.stalled.store(false, Ordering::Release);
        false
    }

    fn full(&mut self) -> bool {
        let conn = self.conn;
        let awaited = conn.is_awaited();
        let shares = if awaited { AWAITED } else { 1 };
        if (!awaited && conn.is_congested()) || conn.is_owed_too_much(shares) {
            return true;
        }
        // Looked at only after a push: what was handled in place waits nowhere.
        self.stalled && {
            self.stalled = self.core.crowded(conn, shares);
            self.stalled
        }
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
            Err(error) => return self.undecodable(sender, &error.to_string()),
        };
        if let Envelope::Header(_) = decoded {
            let text = "the peer sends a security header, but this wire has no security \
                        provider; give one with `.security(..)`";
            return self.trouble(sender, Error::Security(text.into()));
        }
        let mut telegram = Telegram { text, shared: None };
        self.envelope(decoded, sender, &mut telegram, &Route::Alone);
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
                    self.trouble(&conn.peer, error);
                    None
                }
            };
        };
        match session.open(payload, header) {
            Ok(Opened::Message(payload, info)) => {
                let info = conn.certified(info);
                self.core.greeted(conn, &info);
                (!payload.is_empty()).then_some((payload, info))
            }
            Ok(Opened::Greeting(answers)) => {
                self.core.send_telegrams(conn, answers);
                None
            }
            Err(error) => {
                let error = refused(error);
                self.core.refuse(conn, &error);
                self.trouble(&conn.peer, error);
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

    fn undecodable(&mut self, sender: &Sender, text: &str) {
        self.trouble(sender, Error::Decode(text.into()));
        if self.conn.wire.codec.strict() {
            let error = CallError::new(CallError::PARSE_ERROR, text);
            self.answer_error("null", &error, &Route::Alone);
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
                self.undecodable(&conn.peer, &text);
                DisconnectReason::Garbled(text.into())
            }
        };
        conn.close(reason);
    }

    fn answer_error(&self, id: &str, error: &CallError, route: &Route) {
        answer::with_scratch(|out| {
            answer::encode_error(self.conn, out, id, error);
            answer::deliver(self.core, self.conn, route, out, NO_CALL);
        });
    }

    fn envelope(
        &mut self,
        envelope: Envelope,
        sender: &Sender,
        telegram: &mut Telegram<'_>,
        route: &Route,
    ) {
        let (core, conn) = (self.core, self.conn);
        match envelope {
            Envelope::Call { method, params, id } => {
                let parts = CallParts { method, params, id };
                self.call(parts, sender, telegram, route);
            }
            Envelope::Reply { id, result } => {
                core.settle(conn, id, telegram.text, &result);
                self.no_answer(route);
            }
            Envelope::Failure { id, error } => {
                match id {
                    Some(id) => core.settle_failure(conn, id, error),
                    // JSON-RPC's answer to what could not be read (its section 5).
                    None => self.trouble(&conn.peer, Error::Call(error)),
                }
                self.no_answer(route);
            }
            Envelope::Several { parts, together } => {
                let route = match together {
                    true => {
                        Route::Together(Arc::new(BatchAnswer::new(parts.len(), &conn.wire.limits)))
                    }
                    false => Route::Alone,
                };
                for part in parts {
                    self.envelope(part, sender, telegram, &route);
                }
            }
            Envelope::Invalid { id, error } => match id {
                Some(id) => self.answer_error(id.of(telegram.text), &error, route),
                None if conn.wire.codec.strict() => self.answer_error("null", &error, route),
                None => {
                    self.trouble(sender, Error::Decode(error.to_string().into()));
                    self.no_answer(route);
                }
            },
            Envelope::Header(_) | Envelope::Empty => self.no_answer(route),
        }
    }

    /// An entry of a batch has no answer; the others may wait for it.
    fn no_answer(&self, route: &Route) {
        if let Route::Together(_) = route {
            answer::deliver(self.core, self.conn, route, &mut Vec::new(), NO_CALL);
        }
    }

    fn call(
        &mut self,
        parts: CallParts,
        sender: &Sender,
        telegram: &mut Telegram<'_>,
        route: &Route,
    ) {
        if !self.conn.has_called.load(Ordering::Relaxed) {
            self.conn.has_called.store(true, Ordering::Relaxed);
        }
        if let Some(rate) = &self.conn.rate
            && let Some(too_fast) = rate.exceeded()
        {
            return self.too_fast(&parts, sender, telegram.text, route, too_fast);
        }
        // A thread of the program that reads for itself runs no handlers.
        if self.turn.is_none() && self.core.delivers_here() {
            self.turn = self.core.mailbox.enter();
        }
        if self.turn.is_some() {
            return self.core.handle(&Call {
                conn: self.conn,
                sender,
                telegram: telegram.text,
                parts: &parts,
                route,
            });
        }
        let Some(core) = self.core.me.upgrade() else {
            return;
        };
        // The calls of a batch share their telegram.
        let bytes = match &telegram.shared {
            Some(_) => 0,
            None => telegram.text.len(),
        };
        let (conn, sender, route) = (Arc::clone(self.conn), sender.clone(), route.clone());
        let telegram = telegram.shared();
        let item = move || {
            core.handle(&Call {
                conn: &conn,
                sender: &sender,
                telegram: &telegram,
                parts: &parts,
                route: &route,
            });
            core.make_room(&conn);
        };
        self.wait_turn(Box::new(item), bytes);
    }

    #[cold]
    fn too_fast(
        &mut self,
        parts: &CallParts,
        sender: &Sender,
        telegram: &str,
        route: &Route,
        too_fast: TooFast,
    ) {
        match &parts.id {
            Some(id) => self.answer_error(id.of(telegram), &too_fast.error, route),
            None => self.no_answer(route),
        }
        if let Some(report) = too_fast.report {
            self.trouble(sender, Error::Call(report));
        }
    }

    /// Tells of trouble with what the peer sent, in its turn. It counts like a call, lest
    /// a peer fill the memory with what cannot be read.
    fn trouble(&mut self, sender: &Sender, error: Error) {
        if self.core.mailbox.may_run_here() {
            return self.core.observers.trouble(sender, &error, None);
        }
        let Some(core) = self.core.me.upgrade() else {
            return;
        };
        let (conn, sender) = (Arc::clone(self.conn), sender.clone());
        let item = move || {
            core.observers.trouble(&sender, &error, None);
            core.make_room(&conn);
        };
        self.wait_turn(Box::new(item), 0);
    }

    fn wait_turn(&mut self, item: Item, bytes: usize) {
        let item: Item = match self.core.may_wait(self.conn, bytes) {
            Admitted::Stream => item,
            Admitted::Datagram(room) => Box::new(move || {
                item();
                drop(room);
            }),
            // Nobody is asked to wait with datagrams; they may get lost anyway.
            Admitted::Dropped => return,
        };
        self.stalled = true;
        self.core.post(self.conn.id(), item, bytes);
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

impl Core {
    /// Decodes a telegram in full that seemed to be a call with valid arguments, and goes on
    /// with what it really is. In the turn of the call.
    pub(crate) fn decode_fully(&self, call: &Call<'_>) {
        let (conn, sender, route) = (call.conn, call.sender, call.route);
        let mut round = Round {
            core: self,
            conn,
            turn: None,
            stalled: false,
        };
        let wire = &conn.wire;
        match wire.codec.decode(call.telegram, &wire.limits) {
            Ok(Envelope::Call { method, params, id }) => self.handle(&Call {
                parts: &CallParts { method, params, id },
                ..*call
            }),
            Ok(envelope) => {
                let mut telegram = Telegram {
                    text: call.telegram,
                    shared: None,
                };
                round.envelope(envelope, sender, &mut telegram, route);
            }
            Err(error) => round.undecodable(sender, &error.to_string()),
        }
    }

    /// A message of a peer waits no longer.
    pub(crate) fn make_room(&self, conn: &Conn) {
        if conn.stalled.load(Ordering::Acquire) && self.has_room(conn) {
            conn.resume();
        }
    }

    /// Whether so many shares of the mailbox are used up by a peer.
    pub(crate) fn crowded(&self, conn: &Conn, shares: usize) -> bool {
        let share = self.mailbox.share(conn.id());
        let limits = &conn.wire.limits;
        share.messages >= limits.waiting_messages.saturating_mul(shares)
            || share.bytes >= limits.waiting_bytes.saturating_mul(shares)
    }

    /// Whether at least half of a peer's share of the mailbox is free again.
    fn has_room(&self, conn: &Conn) -> bool {
        let share = self.mailbox.share(conn.id());
        let limits = &conn.wire.limits;
        share.messages <= limits.waiting_messages / 2
            && share.bytes <= limits.waiting_bytes / 2
            && !conn.is_congested()
            && !conn.is_owed_too_much(1)
    }
}
