//! Peers with a security session: sealing as they send, and the greeting before they count
//! as connected.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::error::Error;
use crate::base::security::SecInfo;
use crate::base::sender::Sender;
use crate::base::sync::{after, lock};
use crate::wire::hearing::Sense;
use crate::wire::security::Telegram;
use crate::wire::session::{About, Claim, Due, Heard, Say, Verdict};

use super::above::Above;
use super::conn::{Conn, Content, Said, Wait};
use super::link::Link;
use super::peers::PeerTable;
use super::poll::{Loop, Timer};
use super::reactor::Command;
use crate::base::reason::DisconnectReason;
use crate::net::net::Net;

/// The session of a peer that is not read is asked again after so long.
const STALLED: Duration = Duration::from_secs(1);

impl Net {
    /// Begins the greeting with a peer that is there now.
    pub(crate) fn greet(&self, conn: &Arc<Conn>) {
        self.ask(Command::Greeting(Arc::clone(conn)));
        if let Some(session) = conn.speech.seal() {
            self.send_telegrams(conn, session.greeting());
        }
        let mut say = Say::default();
        conn.reading.with_rest(|rx| {
            if let Some(protocol) = rx.hearing.sense.protocol() {
                protocol.open(&mut say);
            }
        });
        self.say(conn, &mut say);
    }

    /// Sends what the session of a protocol says by itself.
    pub(crate) fn say(&self, conn: &Arc<Conn>, say: &mut Say) {
        for message in say.0.drain(..) {
            // A peer that is gone hears nothing, which is no trouble.
            let content = Content::Plain(None, &message);
            self.put(conn, content, Wait::Answer).ok();
        }
    }

    /// Has the session of a peer say what it has kept, if that is due. Without room it is asked
    /// again when there is some.
    pub(crate) fn say_kept(&self, conn: &Arc<Conn>) {
        if conn.wire.has_properties() && !conn.is_closed() {
            not_kept(conn, self.offer(conn, &[], About::Kept { last: false }));
        }
    }

    /// Has the session of a peer say all that it has kept: we are about to end the connection.
    pub(crate) fn say_last(&self, conn: &Arc<Conn>) {
        if conn.wire.has_properties() && !conn.is_closed() && conn.is_greeted() {
            not_kept(
                conn,
                self.transmit(conn, &[], About::Kept { last: true }, Wait::Never),
            );
        }
    }

    /// A peer has said something that concerns the network: who it is, or that it is ready.
    pub(crate) fn greets(
        &self,
        above: &dyn Above,
        conn: &Arc<Conn>,
        sense: &mut Sense,
        mut heard: Heard,
    ) {
        let mut say = Say::default();
        // A verdict has a consequence, and that has none.
        for _ in 0..2 {
            match heard {
                Heard::Nothing | Heard::Message(_) | Heard::Put(..) | Heard::Changes(_) => return,
                Heard::Open => return self.greeted(above, conn, None),
                Heard::End(reason) => {
                    conn.close(reason);
                    return;
                }
                Heard::Claim(claim) => {
                    let verdict = self.claim(conn, claim);
                    let Some(protocol) = sense.protocol() else {
                        return;
                    };
                    heard = protocol.verdict(verdict, &mut say);
                    self.say(conn, &mut say);
                }
            }
        }
    }

    /// Gives a peer the name that it claims, if it may have it.
    fn claim(&self, conn: &Arc<Conn>, claim: Claim) -> Verdict {
        let replaced = {
            let mut peers = lock(&self.peers);
            if conn.is_closed() {
                return Verdict::Taken;
            }
            let Some(others) = give_name(&mut peers, conn, claim) else {
                return Verdict::Taken;
            };
            peers.make_known(conn);
            others
        };
        // One that has ended already is closed for the reason of that, when it is owed nothing.
        for other in replaced.iter().filter(|other| !other.end.has_ended()) {
            other.close(DisconnectReason::Replaced);
        }
        Verdict::Accepted
    }

    /// Sends what a session says by itself.
    pub(crate) fn send_telegrams(&self, conn: &Arc<Conn>, telegrams: Vec<Telegram>) {
        for telegram in &telegrams {
            let content = match telegram {
                Telegram::Plain(header, payload) => Content::Plain(header.as_ref(), payload),
                Telegram::Sealed(payload) => Content::Payload(About::Kept { last: true }, payload),
            };
            if let Err(error) = self.put(conn, content, Wait::Answer) {
                if !matches!(error, Error::Disconnected { .. } | Error::Stopped) {
                    self.refuse(conn, &error);
                    self.trouble(conn.peer(), error);
                }
                return;
            }
        }
    }

    /// The first message of a peer was opened: from now on it counts as connected.
    pub(crate) fn greeted(&self, above: &dyn Above, conn: &Arc<Conn>, info: Option<&Arc<SecInfo>>) {
        if conn.is_greeted() {
            return;
        }
        if let Some(info) = info {
            // Only one thread reads a peer, so that nobody else has set it.
            let _ = conn.known.set(Arc::clone(info));
        }
        if !conn.end.greet() {
            return;
        }
        lock(&self.peers).make_known(conn);
        crate::base::log::debug!(peer = %conn.peer(), wire = %conn.wire.name, "greeted");
        self.announce(above, conn);
        self.ask(Command::Greeted(Arc::clone(conn)));
    }

    /// What a peer sent was refused. One that has not proved who it is goes at once.
    pub(crate) fn refuse(&self, conn: &Conn, error: &Error) {
        let session = conn.speech.seal();
        let ends = session.is_some_and(|session| session.ends_with_refusal());
        if (ends || !conn.is_greeted())
            && let Error::Security(reason) = error
        {
            conn.close(DisconnectReason::Refused(reason.clone()));
        }
    }
}

/// The peer has gone meanwhile; what cannot be said is not kept.
fn not_kept<T>(conn: &Conn, said: Result<T, Error>) {
    if let Err(error) = said {
        crate::base::log::debug!(peer = %conn.peer(), "what was kept is not said: {error}");
    }
}

/// Gives a peer a name, if it may have it: one that has ended its side only waits for answers that
/// it is owed. Gives those whose name it was, who have none now.
pub(super) fn give_name(
    peers: &mut PeerTable,
    conn: &Conn,
    claim: Claim,
) -> Option<Vec<Arc<Conn>>> {
    let others = peers.named(&claim.name);
    let is_there = others.iter().any(|other| !other.end.is_over());
    if is_there && !claim.replaces {
        return None;
    }
    let named = Sender {
        name: claim.name,
        ..conn.peer.clone()
    };
    // Only one thread reads a peer, so that nobody else sets it.
    if conn.identified.set(Box::new(named)).is_err() {
        return Some(Vec::new());
    }
    for other in &others {
        peers.forget_name(other);
    }
    Some(others)
}

impl Loop {
    /// A client is connected. It is open when it is greeted too.
    pub(crate) fn opened_with(&mut self, index: usize, conn: &Conn) {
        if conn.is_greeted() {
            return self.opened(index);
        }
        if let Some(state) = self.states.get_mut(index) {
            state.greeting = true;
        }
    }

    /// The greeting with a peer has begun.
    pub(crate) fn greeting(&mut self, conn: &Arc<Conn>) {
        let at = after(conn.wire.limits.greeting);
        self.after(at, Timer::Greeting(Arc::downgrade(conn)));
    }

    /// The greeting with a peer is over.
    pub(crate) fn greeted(&mut self, conn: &Conn) {
        let index = conn.link;
        let waits = |state: &mut super::poll::LinkState| std::mem::take(&mut state.greeting);
        if self.states.get_mut(index).is_some_and(waits) {
            self.opened(index);
        }
    }

    /// The time for the greeting with a peer is over.
    pub(crate) fn greeting_timeout(&mut self, conn: &Conn) {
        if !conn.is_greeted() {
            let after = conn.wire.limits.greeting;
            conn.close(DisconnectReason::NotGreeted { after });
        }
    }

    /// A peer has not answered in time: it is asked something that it can answer at once.
    pub(crate) fn doubt(&mut self, conn: &Arc<Conn>) {
        let Some(method) = conn.wire.probe() else {
            return;
        };
        let about = About::Call { method, id: None };
        let said = conn.said();
        if self.net.transmit(conn, b"{}", about, Wait::Never).is_err() {
            // It is gone, which is no silence.
            return conn.trust();
        }
        let at = after(conn.wire.limits.greeting);
        self.after(at, Timer::Silence(Arc::downgrade(conn), said));
    }

    /// The time is over in which a peer that was asked could have said something.
    pub(crate) fn silence(&mut self, conn: &Arc<Conn>, before: Said) {
        conn.trust();
        if conn.said() != before {
            return;
        }
        if conn.flow.is_stalled() {
            // It is we who do not listen.
            return conn.missed_answer();
        }
        let after = conn.wire.limits.greeting;
        conn.close(DisconnectReason::Silent { after });
    }

    /// Asks the session of a peer what is due.
    pub(crate) fn look_at_session(&mut self, conn: &Arc<Conn>) {
        if conn.is_closed() {
            return;
        }
        let now = Instant::now();
        if conn.flow.is_stalled() {
            // It is we who do not listen, so that nobody can say how the peer is.
            return self.after(now + STALLED, Timer::Session(Arc::downgrade(conn)));
        }
        let mut say = Say::default();
        let due = conn.due(now, &mut say);
        self.net.say(conn, &mut say);
        match due {
            Due::Never => {}
            Due::At(at) => self.after(at, Timer::Session(Arc::downgrade(conn))),
            Due::End(reason) => {
                conn.close(reason);
            }
        }
    }

    /// The error of a client that ended before it was greeted; `None` for others.
    pub(crate) fn greeting_failed(
        &mut self,
        index: usize,
        link: &Link,
        reason: Option<&Error>,
    ) -> Option<Error> {
        let state = self.states.get_mut(index)?;
        if !std::mem::take(&mut state.greeting) {
            return None;
        }
        let why = reason.map_or_else(|| "it ended".to_owned(), Error::to_string);
        let wire = &link.wire;
        let reason = match wire.codec.protocol() {
            Some(protocol) => format!("no greeting by `{}`: {why}", protocol.expression()),
            None => format!(
                "no greeting by security `{}`: {why}; do both sides have the same provider, and \
                 keys that fit?",
                wire.security.expression()
            ),
        };
        Some(Error::Start {
            transport: Arc::clone(&link.wire.name),
            reason: reason.into(),
            kind: None,
        })
    }
}
