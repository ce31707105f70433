//! The options of transports over TLS.

use super::options::{OptionText, Scope, take};
use super::parse::Parsed;
use crate::base::expr_error::Wrong;

/// What a client over TLS has; see [the details](crate::transport#tls).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ClientTls {
    /// The file with the certificates of the authorities that servers are believed by; those
    /// of the system without.
    pub ca: Option<String>,
    /// Who we are, if the server wants to know.
    pub identity: Option<Identity>,
    /// The name that the server's certificate must have, where it is not the host.
    pub name: Option<String>,
}

/// What a server over TLS has; see [the details](crate::transport#tls).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerTls {
    /// Who we are.
    pub identity: Identity,
    /// The file with the certificates of the authorities that clients must have a
    /// certificate of; without, clients need none.
    pub client_ca: Option<String>,
}

/// The files of a certificate of one's own, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The certificate, followed by those between it and the authority.
    pub cert: String,
    /// Its key; may be the same file.
    pub key: String,
}

/// The names of a client's options.
pub(super) const CLIENT: [&str; 4] = ["ca", "cert", "key", "name"];
/// The names of a server's options.
pub(super) const SERVER: [&str; 3] = ["cert", "key", "client_ca"];

impl ClientTls {
    pub(super) fn take(scope: &Scope<'_, '_>) -> Parsed<Self> {
        Ok(ClientTls {
            ca: take(scope, "ca", file)?,
            identity: Identity::take(scope)?,
            name: take(scope, "name", OptionText::host)?,
        })
    }

    /// Where `name` is something else.
    pub(super) fn take_beside_name(scope: &Scope<'_, '_>) -> Parsed<Self> {
        Ok(ClientTls {
            ca: take(scope, "ca", file)?,
            identity: Identity::take(scope)?,
            name: take(scope, "server_name", OptionText::host)?,
        })
    }
}

impl ServerTls {
    /// `at` is where its certificate is missing, if it is.
    pub(super) fn take(scope: &Scope<'_, '_>, at: usize, shorthand: &str) -> Parsed<Self> {
        let identity = Identity::take(scope)?.ok_or_else(|| {
            let message = format!(
                "`{shorthand}:` needs a certificate and its key, in PEM: \
                 `?cert=server.crt&key=server.key`"
            );
            Wrong::new(at, message)
        })?;
        let client_ca = take(scope, "client_ca", file)?;
        Ok(ServerTls {
            identity,
            client_ca,
        })
    }
}

impl Identity {
    fn take(scope: &Scope<'_, '_>) -> Parsed<Option<Self>> {
        let Some(cert) = take(scope, "cert", file)? else {
            return match scope.take("key") {
                Some(key) => Err(key.wrong("a key needs its certificate: `?cert=..&key=..`")),
                None => Ok(None),
            };
        };
        let key = take(scope, "key", file)?.unwrap_or_else(|| cert.clone());
        Ok(Some(Identity { cert, key }))
    }
}

fn file(option: &OptionText<'_>) -> Parsed<String> {
    option.path("the name of a file")
}
