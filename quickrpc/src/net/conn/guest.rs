//! Who has shown a key when it connected: whether that is one still is looked at with each message.

use std::sync::Arc;

use crate::base::error::Error;
use crate::base::reason::DisconnectReason;
use crate::base::security::{SecInfo, SecurityError};
use crate::base::sender::Sender;
use crate::wire::met::{Met, Vouched};

use super::{Conn, Outlet};

/// A peer that may be sent away.
pub(crate) struct Guest {
    by: Arc<dyn Vouched>,
    certificate: Option<Arc<SecInfo>>,
}

impl Guest {
    pub(super) fn new(met: Option<&Met>, outlet: &Outlet) -> Option<Self> {
        let Some(Met::Known(by)) = met else {
            return None;
        };
        Some(Guest {
            by: Arc::clone(by),
            certificate: outlet.secinfo(),
        })
    }

    /// What is known of it now.
    pub(super) fn info(&self) -> Result<Arc<SecInfo>, SecurityError> {
        let info = self.by.info()?;
        let Some(certificate) = &self.certificate else {
            return Ok(info);
        };
        // Nobody can say to be another one than the owner of his certificate.
        let mut both = SecInfo::clone(&info);
        both.extend(SecInfo::clone(certificate));
        Ok(Arc::new(both))
    }
}

impl Conn {
    /// A guest as it is known now. One that may not be here any more goes.
    pub(crate) fn welcome(&self, guest: &Guest) -> Result<Sender, SecurityError> {
        let info = guest.info();
        let info = info.inspect_err(|reason| {
            self.close(DisconnectReason::Refused(reason.clone()));
        })?;
        Ok(Sender {
            secinfo: Some(info),
            ..self.peer().clone()
        })
    }

    /// Whether it may be sent something: whoever is not welcome any more goes, and is told nothing.
    ///
    /// # Errors
    ///
    /// That it has gone.
    pub(super) fn check_guest(&self) -> Result<(), Error> {
        let Some(Err(reason)) = self.guest.as_ref().map(|guest| guest.by.info()) else {
            return Ok(());
        };
        let reason = DisconnectReason::Refused(reason);
        let error = self.gone(&reason);
        self.close(reason);
        Err(error)
    }
}
