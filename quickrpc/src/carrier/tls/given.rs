//! What a client is given that speaks TLS by means of its own, and what it says then.

use std::io;
use std::path::PathBuf;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use crate::expr::ClientTls;

use super::explain::{self, Side};
use super::files::{self, Own};
use super::handshake;

/// Authorities, and a certificate of one's own with its key; of whatever files there are, these fit.
pub(crate) struct Given {
    pub(crate) authorities: Vec<CertificateDer<'static>>,
    pub(crate) own: Option<Own>,
}

impl Given {
    /// # Errors
    ///
    /// As where we do the rest, too.
    pub(crate) fn read(tls: &ClientTls) -> Result<Self, String> {
        let authorities = match &tls.ca {
            Some(ca) => files::authority_certificates(ca.as_ref(), "ca")?,
            None => files::system_certificates()?,
        };
        let own = match &tls.identity {
            Some(identity) => {
                handshake::configured(RootCertStore::empty(), Some(identity))?;
                Some(files::own(identity)?)
            }
            None => None,
        };
        Ok(Given { authorities, own })
    }

    /// Where it comes from.
    pub(crate) fn files(tls: &ClientTls) -> Vec<PathBuf> {
        handshake::client_files(tls)
    }
}

/// What is wrong, in words, if it is TLS.
pub(crate) fn explained(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(explain::trouble(Side::Client, true, error).to_string())
}
