//! Providers of others, and what they are made of, may panic: that costs one message, and where a
//! session has panicked, which then means nothing any more, the peer.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use super::header::Header;
use super::session::{Opened, Outgoing, Sealed, SecuritySession, Telegram};
use crate::base::error::BoxError;
use crate::base::foreign;
use crate::base::security::SecInfo;

/// Runs something of a provider.
pub(super) fn guarded<R>(run: impl FnOnce() -> Result<R, BoxError>) -> Result<R, BoxError> {
    foreign::attempt(run).unwrap_or_else(|text| Err(panicked(&text)))
}

fn panicked(text: &str) -> BoxError {
    format!("the security provider panicked: {text}").into()
}

/// The session of a peer, unless the provider has none.
pub(super) fn session(make: impl FnOnce() -> Option<Box<dyn SecuritySession>>) -> Option<Guarded> {
    let made = foreign::attempt(make);
    // Without its session the peer must not become one.
    let session = made.map_or_else(|_| Some(None), |session| session.map(Some))?;
    Some(Guarded {
        broken: AtomicBool::new(session.is_none()),
        session,
    })
}

/// A session that is not used any more when it has panicked.
#[derive(Debug)]
pub(crate) struct Guarded {
    /// `None` if it panicked while it was made.
    session: Option<Box<dyn SecuritySession>>,
    broken: AtomicBool,
}

impl Guarded {
    /// Whether it has panicked, so that nothing can be said to the peer or heard of it any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    fn enter<'a, R>(
        &'a self,
        run: impl FnOnce(&'a dyn SecuritySession) -> R,
    ) -> Result<R, BoxError> {
        match &self.session {
            Some(session) if !self.is_broken() => {
                foreign::attempt(|| run(&**session)).map_err(|text| {
                    self.broken.store(true, Ordering::Release);
                    panicked(&text)
                })
            }
            _ => Err("the security provider has panicked before".into()),
        }
    }
}

impl SecuritySession for Guarded {
    fn greets(&self) -> bool {
        self.enter(|session| session.greets()).unwrap_or(true)
    }

    fn greeting(&self) -> Vec<Telegram> {
        let greeting = self.enter(|session| session.greeting());
        greeting.unwrap_or_default()
    }

    fn ends_with_refusal(&self) -> bool {
        let ends = self.enter(|session| session.ends_with_refusal());
        ends.unwrap_or(true)
    }

    fn seal<'a>(&self, payload: &'a [u8]) -> Result<Sealed<'a>, BoxError> {
        self.enter(|session| session.seal(payload))?
    }

    fn open<'a>(
        &self,
        payload: Cow<'a, [u8]>,
        header: Option<&SecInfo>,
    ) -> Result<Opened<'a>, BoxError> {
        self.enter(|session| session.open(payload, header))?
    }

    fn seal_to(&self, payload: &[u8], out: &mut dyn Outgoing) -> Result<(), BoxError> {
        self.enter(|session| session.seal_to(payload, out))?
    }

    fn open_in<'a>(
        &self,
        payload: &'a [u8],
        header: Option<&Header>,
        room: &'a mut Vec<u8>,
    ) -> Result<Opened<'a>, BoxError> {
        self.enter(|session| session.open_in(payload, header, room))?
    }
}
