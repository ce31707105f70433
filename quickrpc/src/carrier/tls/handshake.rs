//! The handshake, as a greeter.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::server::{StoresServerSessions, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection,
    SignatureScheme,
};

use crate::expr::{ClientTls, Identity, ServerTls};
use crate::wire::met::Met;

use super::super::greeter::{Greeter, Greeting, Step};
use super::super::stream::Stream;
use super::files::{self, Reloaded};
use super::session::{Hands, Tls};

/// A server that wants a certificate of ours tells by a ticket that it accepts it, and by an
/// alert that it does not; one that gives no tickets has so long for the alert.
const VERDICT: Duration = Duration::from_secs(1);

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
        let files = client_files(&tls);
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

/// What a client reads.
pub(super) fn client_files(tls: &ClientTls) -> Vec<PathBuf> {
    let mut files = identity_files(tls.identity.as_ref());
    files.extend(tls.ca.as_ref().map(PathBuf::from));
    files
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn client_config(tls: &ClientTls, protocols: &[Vec<u8>]) -> Result<ClientConfig, String> {
    let roots = match &tls.ca {
        Some(ca) => files::authorities(ca.as_ref(), "ca")?,
        None => files::system_authorities()?,
    };
    let mut config = configured(roots, tls.identity.as_ref())?;
    config.alpn_protocols = protocols.to_vec();
    // Whoever may connect is decided each time anew.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// What a client says of itself, and whom it believes.
pub(super) fn configured(
    roots: RootCertStore,
    identity: Option<&Identity>,
) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    match identity {
        Some(identity) => {
            let (chain, key) = files::own(identity)?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| files::unfit(identity, &error))
        }
        None => Ok(builder.with_no_client_auth()),
    }
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
    // having read them, and lose what it has said. So there is one only where the client
    // waits for it, to hear that its certificate is right.
    config.session_storage = Arc::new(Forgetful);
    config.send_tls13_tickets = usize::from(tls.client_ca.is_some());
    config.max_tls13_tickets = config.send_tls13_tickets;
    Ok(config)
}

/// Accepts sessions and keeps none: a ticket then says that the handshake is over, and is
/// good for nothing else.
#[derive(Debug)]
struct Forgetful;

impl StoresServerSessions for Forgetful {
    fn put(&self, _key: Vec<u8>, _value: Vec<u8>) -> bool {
        true
    }

    fn get(&self, _key: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn take(&self, _key: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn can_cache(&self) -> bool {
        true
    }
}

/// A certificate of ours for one connection, and whether it was asked for.
#[derive(Debug)]
struct Asked {
    certificate: Arc<dyn ResolvesClientCert>,
    asked: Arc<AtomicBool>,
}

impl ResolvesClientCert for Asked {
    fn resolve(&self, hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.certificate.resolve(hints, schemes)
    }

    fn only_raw_public_keys(&self) -> bool {
        self.certificate.only_raw_public_keys()
    }

    fn has_certs(&self) -> bool {
        self.certificate.has_certs()
    }
}

/// A stream that will be encrypted.
fn wrap(
    stream: Stream,
    connection: Result<impl Into<Connection>, rustls::Error>,
    asked: Arc<AtomicBool>,
) -> io::Result<Stream> {
    let Stream::Tcp(socket) = stream else {
        return Err(io::Error::other("TLS is over TCP alone"));
    };
    let connection = connection.map_err(io::Error::other)?.into();
    Ok(Stream::Tls(Box::new(Tls::new(socket, connection, asked))))
}

fn greeter(within: Option<&Arc<dyn Greeting>>) -> Box<dyn Greeter> {
    Box::new(Handshake {
        begun: within.is_none(),
        done: false,
        within: within.map(|greeting| greeting.greeter()),
    })
}

impl Greeting for Client {
    fn wrap(&self, stream: Stream) -> io::Result<Stream> {
        let mut config = ClientConfig::clone(&self.config.get());
        let asked = Arc::<AtomicBool>::default();
        config.client_auth_cert_resolver = Arc::new(Asked {
            certificate: config.client_auth_cert_resolver,
            asked: Arc::clone(&asked),
        });
        let connection = ClientConnection::new(Arc::new(config), self.name.clone());
        wrap(stream, connection, asked)
    }

    fn greeter(&self) -> Box<dyn Greeter> {
        greeter(self.within.as_ref())
    }
}

impl Greeting for Server {
    fn wrap(&self, stream: Stream) -> io::Result<Stream> {
        wrap(
            stream,
            ServerConnection::new(self.config.get()),
            Arc::default(),
        )
    }

    fn greeter(&self) -> Box<dyn Greeter> {
        greeter(self.within.as_ref())
    }
}

/// The handshake of one connection.
struct Handshake {
    /// What comes before has come.
    begun: bool,
    done: bool,
    /// What follows.
    within: Option<Box<dyn Greeter>>,
}

impl Greeter for Handshake {
    fn advance(&mut self, stream: &Stream, input: &mut Vec<u8>) -> Step {
        if let (false, Some(within)) = (self.begun, &mut self.within) {
            match within.before_tls(stream, input) {
                Step::Done => self.begun = true,
                step => return step,
            }
        }
        if !self.done {
            let Stream::Tls(tls) = stream else {
                return Step::Failed(io::Error::other("TLS is over TCP alone"));
            };
            match tls.shake_hands() {
                Ok(Hands::Apart) => return Step::Wait,
                // With something that follows, its answer is the verdict.
                Ok(Hands::Held) if self.within.is_none() => return Step::Unless(VERDICT),
                Ok(Hands::Held | Hands::Shaken) => self.done = true,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    tls.log(&error);
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

    fn met(&mut self) -> Option<Met> {
        self.within.as_mut()?.met()
    }
}
