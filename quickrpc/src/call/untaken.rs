//! Calls that no slot takes, or whose slot has nobody for them.

use crate::base::error::Error;

use super::answer::{self, internal, unknown};
use super::calls::Calls;
use super::dispatch::{Call, Failed, Later};
use super::slot::SlotInner;

impl Calls {
    /// Offers a call to whoever hears what nobody else takes. `None`: there is nobody, either.
    #[cold]
    #[inline(never)]
    pub(super) fn offer_to_any(
        &self,
        call: &Call<'_>,
        method: &str,
        id: Option<&str>,
        out: &mut Vec<u8>,
    ) -> Option<Result<Option<Box<dyn Later>>, Failed>> {
        let any = self.slots.find_any(method)?;
        Some(self.run_paced::<true>(&any, &any.handlers(), call, id, out))
    }

    /// A call without a slot.
    #[cold]
    pub(super) fn untaken(
        &self,
        call: &Call<'_>,
        method: &str,
        id: Option<&str>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Box<dyn Later>>, Failed> {
        if let Some(answered) = self.of_subscriptions(call, method, id, out) {
            return answered;
        }
        if self.discovers(call, method) || self.slots.find_any(method).is_none() {
            let answered = self.undeclared(call, method, id, out);
            return answered.map(|()| None).map_err(Failed::With);
        }
        if let Some(error) = self.forbids(call.sender, None, method) {
            if id.is_some() {
                // Of a notification it is told as of others.
                self.trouble(call.sender, Error::Call(error.clone()), Some(method));
            }
            return Err(Failed::With(error));
        }
        let taken = self.offer_to_any(call, method, id, out);
        taken.unwrap_or_else(|| Err(Failed::With(unknown(method))))
    }

    /// Nobody of a slot answered: perhaps somebody else does; else it is `null` where that is a value
    /// of the result, or an error.
    #[cold]
    pub(super) fn untaken_by_slot(
        &self,
        slot: &SlotInner,
        call: &Call<'_>,
        id: Option<&str>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Box<dyn Later>>, Failed> {
        if let Some(taken) = self.offer_to_any(call, &slot.name, id, out) {
            return taken;
        }
        let Some(id) = id else {
            crate::base::log::debug!(peer = %call.sender, "nobody handles `{}`", slot.name);
            return Ok(None);
        };
        if slot.accepts_null() {
            let encoded = answer::encode_result(call.conn, out, id, &());
            return encoded.map(|()| None).map_err(Failed::With);
        }
        let who = if slot.handlers().is_empty() {
            "nobody is connected to"
        } else {
            "no handler answered"
        };
        Err(Failed::With(internal(format!("{who} `{}`", slot.name))))
    }
}
