//! The handshake, as a greeter.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};

use crate::expr::{ClientTls, Identity, ServerTls};

use super::super::greeter::{Greeter, Greeting, Step};
use super::super::stream::Stream;
use super::files::{self, Reloaded};
use super::session::Tls;

/// The client's side.
#[derive(Debug)]
pub(super) struct Client {
    config: Reloaded<ClientConfig>,
    name: ServerName<'static>,
    within: Option<Arc<dyn Greeting>>,
}

/// The server's side.
#[derive(Debug)]
pub(super) struct Server {
    config: Reloaded<ServerConfig>,
    within: Option<Arc<dyn Greeting>>,
}

impl Client {
    pub(super) fn new(
        host: &str,
        tls: &ClientTls,
        protocols: &[&[u8]],
        within: Option<Arc<dyn Greeting>>,
    ) -> Result<Self, String> {
        let name = tls.name.as_deref().unwrap_or(host);
        // A zone is known on this machine only, and in no certificate.
        let plain = name.split('%').next().unwrap_or_default();
        let name = ServerName::try_from(plain.to_owned()).map_err(|_| {
            format!(
                "no certificate can be for the name `{name}`; say which one it is for: `?name=..`"
            )
        })?;
        let (tls, protocols) = (tls.clone(), owned(protocols));
        let mut files = identity_files(tls.identity.as_ref());
        files.extend(tls.ca.as_ref().map(PathBuf::from));
        let make = move || client_config(&tls, &protocols);
        Ok(Client {
            config: Reloaded::new(files, make)?,
            name,
            within,
        })
    }
}

impl Server {
    pub(super) fn new(
        tls: &ServerTls,
        protocols: &[&[u8]],
        within: Option<Arc<dyn Greeting>>,
    ) -> Result<Self, String> {
        let (tls, protocols) = (tls.clone(), owned(protocols));
        let mut files = identity_files(Some(&tls.identity));
        files.extend(tls.client_ca.as_ref().map(PathBuf::from));
        let make = move || server_config(&tls, &protocols);
        let config = Reloaded::new(files, make)?;
        Ok(Server { config, within })
    }
}

fn owned(protocols: &[&[u8]]) -> Vec<Vec<u8>> {
    protocols.iter().map(|one| one.to_vec()).collect()
}

fn identity_files(identity: Option<&Identity>) -> Vec<PathBuf> {
    let both = identity.map(|one| [PathBuf::from(&one.cert), PathBuf::from(&one.key)]);
    both.into_iter().flatten().collect()
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn client_config(tls: &ClientTls, protocols: &[Vec<u8>]) -> Result<ClientConfig, String> {
    let roots = match &tls.ca {
        Some(ca) => files::authorities(ca.as_ref(), "ca")?,
        None => files::system_authorities()?,
    };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    let mut config = match &tls.identity {
        Some(identity) => {
            let (chain, key) = files::own(identity)?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| files::unfit(identity, &error))?
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = protocols.to_vec();
    // Whoever may connect is decided each time anew.
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn server_config(tls: &ServerTls, protocols: &[Vec<u8>]) -> Result<ServerConfig, String> {
    let provider = provider();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match &tls.client_ca {
        Some(ca) => {
            let roots = Arc::new(files::authorities(ca.as_ref(), "client_ca")?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider)
                .build()
                .map_err(|error| format!("the file of `client_ca`, `{ca}`: {error}"))?;
            builder.with_client_cert_verifier(verifier)
        }
        None => builder.with_no_client_auth(),
    };
    let (chain, key) = files::own(&tls.identity)?;
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| files::unfit(&tls.identity, &error))?;
    config.alpn_protocols = protocols.to_vec();
    // Whoever may connect is decided each time anew. And tickets, which are sent after the
    // handshake, would make the system reset the connection of a client that closes without
    // having read them, and lose what it has said.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// A stream that will be encrypted.
fn wrap(
    stream: Stream,
    connect: impl FnOnce() -> Result<Connection, rustls::Error>,
) -> io::Result<Stream> {
    let Stream::Tcp(socket) = stream else {
        return Err(io::Error::other("TLS is over TCP alone"));
    };
    let connection = connect().map_err(io::Error::other)?;
    Ok(Stream::Tls(Box::new(Tls::new(socket, connection))))
}

fn greeter(within: Option<&Arc<dyn Greeting>>) -> Box<dyn Greeter> {
    Box::new(Handshake {
        done: false,
        within: within.map(|greeting| greeting.greeter()),
    })
}

impl Greeting for Client {
    fn wrap(&self, stream: Stream) -> io::Result<Stream> {
        let (config, name) = (self.config.get(), self.name.clone());
        wrap(stream, || {
            ClientConnection::new(config, name).map(Connection::Client)
        })
    }

    fn greeter(&self) -> Box<dyn Greeter> {
        greeter(self.within.as_ref())
    }
}

impl Greeting for Server {
    fn wrap(&self, stream: Stream) -> io::Result<Stream> {
        let config = self.config.get();
        wrap(stream, || {
            ServerConnection::new(config).map(Connection::Server)
        })
    }

    fn greeter(&self) -> Box<dyn Greeter> {
        greeter(self.within.as_ref())
    }
}

/// The handshake of one connection.
struct Handshake {
    done: bool,
    /// What follows.
    within: Option<Box<dyn Greeter>>,
}

impl Greeter for Handshake {
    fn advance(&mut self, stream: &Stream, input: &mut Vec<u8>) -> Step {
        if !self.done {
            let Stream::Tls(tls) = stream else {
                return Step::Failed(io::Error::other("TLS is over TCP alone"));
            };
            match tls.shake_hands() {
                Ok(true) => self.done = true,
                Ok(false) => return Step::Wait,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    return Step::Refused(error.to_string());
                }
                Err(error) => return Step::Failed(error),
            }
        }
        match &mut self.within {
            Some(within) => within.advance(stream, input),
            None => Step::Done,
        }
    }
}
