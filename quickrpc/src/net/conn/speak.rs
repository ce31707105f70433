//! What leaves for a peer: framed, and sealed where its security provider wants it so.

use std::sync::Arc;
use std::time::Instant;

use super::Conn;
use super::doubt::Doubt;
use crate::base::error::Error;
use crate::base::security::SecInfo;
use crate::base::sender::Sender;
use crate::base::sync::lock;
use crate::wire::met::Met;
use crate::wire::security::{Guarded, SecuritySession, refused};
use crate::wire::session::{About, Due, Say, Speaking};

/// Nobody needs a larger message for a greeting; so many bytes a stranger may send at once.
const GREETING: usize = 64 << 10;

/// How messages to a peer and from it are made.
pub(crate) enum Speech {
    /// By the codec and the provider alone, so that they are the same for all peers of the wire.
    Plain,
    /// By the codec alone, and framed in another way for each peer, of which this is known.
    Framed(Met),
    /// With what the security provider keeps for the peer.
    Sealed(Guarded),
    /// By the codec and the provider, to where the network says: it depends on what is said.
    Addressed,
    /// By nobody: it is the connection to a broker, and no peer.
    Line,
    /// By the session of its protocol, whose speaking half is in the sending half.
    Spoken(Box<Doubt>),
}

impl Speech {
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self, Speech::Plain | Speech::Addressed)
    }

    /// The session of its security provider.
    pub(crate) fn seal(&self) -> Option<&dyn SecuritySession> {
        match self {
            Speech::Sealed(session) => Some(session),
            Speech::Plain
            | Speech::Addressed
            | Speech::Line
            | Speech::Framed(_)
            | Speech::Spoken(_) => None,
        }
    }

    /// Whether its security provider has panicked, so that nobody is at the other end any more.
    pub(super) fn is_broken(&self) -> bool {
        matches!(self, Speech::Sealed(session) if session.is_broken())
    }

    /// Whether a peer does not count before its session says so.
    pub(super) fn greets(&self) -> bool {
        match self {
            Speech::Plain | Speech::Addressed | Speech::Line | Speech::Framed(_) => false,
            Speech::Sealed(session) => session.greets(),
            Speech::Spoken(_) => true,
        }
    }
}

/// What is given to a peer for sending.
#[derive(Clone, Copy)]
pub(crate) enum Content<'a> {
    /// Complete, the delimiter included.
    Framed(&'a [u8]),
    /// To be sealed by the session of the peer.
    Payload(About<'a>, &'a [u8]),
    /// To be put into the envelope of the peer's protocol, or into its frames.
    Said(About<'a>, &'a [u8]),
    /// Nothing, in the words of who posts.
    Nothing,
    /// To be framed only.
    Plain(Option<&'a SecInfo>, &'a [u8]),
}

impl Conn {
    /// Who the peer is, as far as it has said so.
    pub(crate) fn peer(&self) -> &Sender {
        self.identified.get().map_or(&self.peer, |named| named)
    }

    /// The peer, with what is known of it for certain.
    pub(crate) fn sender(&self) -> Sender {
        let peer = self.peer();
        let known = match (self.known.get(), &self.guest) {
            (None, Some(guest)) => guest.info().ok(),
            (known, _) => known.cloned(),
        };
        Sender {
            secinfo: known.or_else(|| peer.secinfo.clone()),
            ..peer.clone()
        }
    }

    /// What a security provider knows, with what the peer's certificate says, of whom nobody
    /// can say to be another.
    pub(crate) fn certified(&self, info: Arc<SecInfo>) -> Arc<SecInfo> {
        let now = self.guest.as_ref().and_then(|guest| guest.info().ok());
        match now.as_ref().or(self.peer.secinfo.as_ref()) {
            None => info,
            Some(certificate) => {
                let mut both = Arc::unwrap_or_clone(info);
                both.extend(SecInfo::clone(certificate));
                Arc::new(both)
            }
        }
    }

    /// Whether the peer has proved who it is, where it has to.
    pub(crate) fn is_greeted(&self) -> bool {
        self.end.is_greeted()
    }

    /// The largest message that is read.
    pub(crate) fn input_limit(&self) -> usize {
        let limit = self.wire.limits.message_size;
        match self.speech.is_plain() || self.is_greeted() {
            true => limit,
            false => limit.min(GREETING),
        }
    }

    /// The bytes that leave, which are made in `out` where they are not there yet. With the sending
    /// half locked, so that the counters of a session and the bytes keep the same order.
    pub(crate) fn finish<'a>(
        &self,
        content: Content<'a>,
        speaking: Option<&mut (dyn Speaking + 'static)>,
        out: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], Error> {
        let framed = |reason: String| Error::Encode {
            method: "".into(),
            reason: reason.into(),
        };
        out.clear();
        match (content, self.speech.seal()) {
            (Content::Framed(bytes), _) => return Ok(bytes),
            (Content::Nothing, _) => {
                if let Speech::Framed(Met::Posts(caller)) = &self.speech {
                    caller.say_nothing(out);
                }
                return Ok(out);
            }
            (Content::Payload(_, payload), Some(session)) => {
                let mut wrapping = self.wire.wrapping(out);
                session.seal_to(payload, &mut wrapping).map_err(refused)?;
                wrapping.close().map_err(framed)?;
            }
            (Content::Payload(_, payload), None) => {
                self.wire.wrap(out, None, payload).map_err(framed)?;
            }
            (Content::Said(about, body), _) => {
                if let Speech::Addressed = &self.speech {
                    // It is framed already; where it goes to is seen to later.
                    return Ok(body);
                }
                if let Speech::Framed(met) = &self.speech {
                    met.enclose(out, about, body)?;
                    return Ok(out);
                }
                if let Some(speaking) = speaking {
                    speaking.can_say(about, body)?;
                    about.tell(speaking, out, body)?;
                    if out.is_empty() {
                        // It was kept.
                        return Ok(out);
                    }
                    self.wire.check_size(out)?;
                    if let Some(pieces) = self.pieces(speaking, out) {
                        *out = pieces.map_err(framed)?;
                        return Ok(out);
                    }
                }
                self.wire.frame_out(out, 0).map_err(framed)?;
            }
            (Content::Plain(header, payload), _) => {
                if let Some(pieces) = speaking.and_then(|one| self.pieces(one, payload)) {
                    *out = pieces.map_err(framed)?;
                    return Ok(out);
                }
                self.wire.wrap(out, header, payload).map_err(framed)?;
            }
        }
        if self.wire.datagrams {
            self.wire.check_size(out)?;
        }
        Ok(out)
    }

    /// A message in the pieces that its session makes of it, if it does.
    fn pieces(&self, speaking: &dyn Speaking, message: &[u8]) -> Option<Result<Vec<u8>, String>> {
        let (mut out, mut framed) = (Vec::new(), Ok(()));
        let cut = speaking.cut(message, &mut |before, piece| {
            let start = out.len();
            out.extend_from_slice(before);
            out.extend_from_slice(piece);
            if framed.is_ok() {
                framed = self.wire.frame_out(&mut out, start);
            }
        });
        cut.then(|| framed.map(|()| out))
    }

    /// The value of a property of the peer, in JSON, where it is known without asking.
    pub(crate) fn seen(&self, property: &str) -> Option<String> {
        match self.wire.has_properties() {
            true => lock(&self.tx).speaking.as_ref()?.seen(property),
            false => None,
        }
    }

    /// What is due to its session at this time.
    pub(crate) fn due(&self, now: Instant, say: &mut Say) -> Due {
        if let Speech::Framed(Met::Posts(caller)) = &self.speech {
            return caller.due(now, self.wire.limits.greeting);
        }
        let speaking = &mut lock(&self.tx).speaking;
        let speaking = speaking.as_mut();
        speaking.map_or(Due::Never, |speaking| speaking.due(now, say))
    }

    /// Makes an encoded payload ready for [`Net::transmit`](crate::net::net::Net::transmit): security header, delimiter. A
    /// session adds both later.
    pub(crate) fn frame(&self, payload: &mut Vec<u8>, method: &str) -> Result<(), Error> {
        match self.speech {
            Speech::Plain | Speech::Addressed => self.wire.frame(payload, method),
            Speech::Sealed(_) => self.wire.check_sealed(payload.len()),
            // Its protocol or its frames do it, with what they put around it.
            Speech::Spoken(_) | Speech::Framed(_) | Speech::Line => self.wire.check_size(payload),
        }
    }
}
