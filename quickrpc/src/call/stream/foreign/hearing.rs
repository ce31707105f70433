//! Items of subscriptions, as peers send them.

use std::sync::Arc;

use super::table::{Notified, Takers};
use super::telegrams;
use crate::base::error::Error;
use crate::call::calls::Calls;
use crate::call::promise::{ItemOutcome, PendingCall};
use crate::call::stream::telegrams::End;
use crate::net::conn::Conn;
use crate::wire::codec::{Payload, Script};

impl Calls {
    /// A peer has sent an item of a subscription. Gives false if there is none that it belongs to.
    ///
    /// # Errors
    ///
    /// Why it is no item.
    pub(crate) fn notified(
        &self,
        conn: &Arc<Conn>,
        notified: Notified,
        telegram: &Script<'_>,
        params: &Payload,
    ) -> Result<bool, String> {
        let limits = &conn.wire.limits;
        let id = match notified.is_event {
            true => None,
            false => {
                let codec = &conn.wire.codec;
                let which = telegrams::which(codec, telegram, params, limits.nesting_depth)?;
                Some(which.subscription)
            }
        };
        let keep = || (telegram.share(), params.clone());
        let key = (notified.name, id);
        match self.foreign.takers(conn, key, telegram.len(), keep) {
            Takers::These(takers) => {
                for call in takers {
                    self.take_notified(&*call, conn, notified.is_event, telegram, params);
                }
                Ok(true)
            }
            Takers::Early(more) => {
                if more {
                    self.net.relieve();
                }
                Ok(true)
            }
            Takers::Nobody => {
                let name = notified.name;
                crate::base::log::debug!(peer = %conn.peer(), "`{name}` for nobody");
                Ok(false)
            }
        }
    }

    /// Hands an item to one of those that take it, or the end.
    pub(super) fn take_notified(
        &self,
        call: &dyn PendingCall,
        conn: &Arc<Conn>,
        is_event: bool,
        telegram: &Script<'_>,
        params: &Payload,
    ) {
        let (codec, depth) = (&conn.wire.codec, conn.wire.limits.nesting_depth);
        if !is_event
            && let Ok(which) = telegrams::which(codec, telegram, params, depth)
            && let Some(error) = which.error
        {
            let error = Error::Call(telegrams::failure(error));
            return call.fail(error, conn.id());
        }
        match call.item(conn, codec, telegram, params, depth) {
            ItemOutcome::TakenMore => self.net.relieve(),
            ItemOutcome::Bad(error) => call.fail(error, conn.id()),
            ItemOutcome::Taken | ItemOutcome::NoStream => {}
        }
    }

    /// A peer of this library says that no more comes of a subscription, which others have no
    /// words for.
    pub(in crate::call::stream) fn subscription_done(&self, conn: &Conn, end: &End) -> bool {
        let over = self.foreign.named(conn.id(), &end.id);
        let found = !over.is_empty();
        for call in over {
            let error = match &end.error {
                Some(error) => Error::Call(error.clone().into()),
                None => Error::Done,
            };
            call.fail(error, conn.id());
        }
        found
    }
}
