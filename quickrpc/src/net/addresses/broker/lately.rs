//! Who has spoken lately: most messages come from one of those, and his reply subjects all begin alike.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::super::super::conn::Conn;
use crate::base::subject::Style;
use crate::wire::broker::subjects::From;

/// So many are remembered.
const PLACES: usize = 256;

/// Those who have spoken lately. Each has a place, by his token, and whoever else has the same takes it over: so it
/// costs nobody else anything who makes up tokens.
#[derive(Default)]
pub(super) struct Lately(Vec<Option<Spoken>>);

/// One who has, and is there as long as he is not closed.
pub(super) struct Spoken {
    /// `lab.in.<name>.<token>.`
    pub(super) inbox: Box<str>,
    /// How many bytes these have.
    pub(super) name: usize,
    pub(super) token: usize,
    /// The user for whom the broker vouches.
    pub(super) user: Option<Box<str>>,
    pub(super) conn: Arc<Conn>,
    /// Questions that he has not answered.
    pub(super) silences: Arc<AtomicU32>,
}

impl Lately {
    /// Who has sent something with this reply subject, and is one of them. He is silent no more.
    pub(super) fn find<'a>(
        &self,
        style: Style,
        reply: &'a str,
        user: Option<&str>,
    ) -> Option<(From<'a>, Arc<Conn>)> {
        let (inbox, id) = style.cut_last(reply)?;
        let spoken = self.0.get(place(inbox))?.as_ref()?;
        let is_he = *spoken.inbox == *inbox && spoken.user.as_deref() == user;
        if !is_he || spoken.conn.is_closed() || style.check_word(id).is_err() {
            return None;
        }
        spoken.silences.store(0, Ordering::Relaxed);
        let token = inbox.len() - 1 - spoken.token;
        let name = token - 1 - spoken.name;
        let from = From {
            name: inbox.get(name..token - 1)?,
            token: inbox.get(token..inbox.len() - 1)?,
        };
        Some((from, Arc::clone(&spoken.conn)))
    }

    /// He is there no more.
    pub(super) fn forget(&mut self, conn: &Conn) {
        let is_he = |spoken: &Spoken| spoken.conn.id() == conn.id();
        for place in &mut self.0 {
            if place.as_ref().is_some_and(is_he) {
                *place = None;
            }
        }
    }

    /// Somebody has spoken.
    pub(super) fn note(&mut self, spoken: Spoken) {
        if self.0.is_empty() {
            self.0.resize_with(PLACES, || None);
        }
        if let Some(place) = self.0.get_mut(place(&spoken.inbox)) {
            *place = Some(spoken);
        }
    }
}

/// By the end of the token, which is hexadecimal digits as we make them.
fn place(inbox: &str) -> usize {
    let [.., high, low, _] = inbox.as_bytes() else {
        return 0;
    };
    usize::from(high & 15) << 4 | usize::from(low & 15)
}
