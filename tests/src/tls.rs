//! The other side of a TLS connection, without the library.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection,
};

use crate::certificates::Identity;
use crate::wait::SOON;

/// A blocking stream over TLS, on a connection that may be anything.
#[derive(Clone)]
pub struct TlsStream {
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    tls: Connection,
    stream: TcpStream,
}

impl TlsStream {
    /// Connects as a client that believes this authority.
    ///
    /// # Panics
    ///
    /// If the server does not accept. What comes of the handshake is told by the first read
    /// or write.
    #[track_caller]
    pub fn connect(addr: SocketAddr, authority: &Path) -> Self {
        TlsStream::client(addr, authority, None)
    }

    /// The same as somebody with a certificate.
    ///
    /// # Panics
    ///
    /// Likewise.
    #[track_caller]
    pub fn client(addr: SocketAddr, authority: &Path, identity: Option<&Identity>) -> Self {
        let stream = TcpStream::connect_timeout(&addr, SOON).expect("the server accepts");
        let config = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots(authority));
        let config = match identity {
            Some(identity) => {
                let (chain, key) = read(identity);
                config.with_client_auth_cert(chain, key).expect("a pair")
            }
            None => config.with_no_client_auth(),
        };
        let name = ServerName::try_from("localhost").expect("a name");
        let tls = ClientConnection::new(config.into(), name).expect("a client");
        TlsStream::over(Connection::Client(tls), stream)
    }

    /// Serves a connection that was accepted.
    ///
    /// # Panics
    ///
    /// If the files are not what they should be.
    #[track_caller]
    pub fn server(stream: TcpStream, identity: &Identity, authority: Option<&Path>) -> Self {
        Self::server_that_gives(2, stream, identity, authority)
    }

    /// The same, with so many tickets behind the handshake (RFC 8446, section 4.6.1).
    ///
    /// # Panics
    ///
    /// Likewise.
    #[track_caller]
    pub fn server_that_gives(
        tickets: usize,
        stream: TcpStream,
        identity: &Identity,
        authority: Option<&Path>,
    ) -> Self {
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("versions");
        let config = match authority {
            Some(authority) => {
                let roots = Arc::new(roots(authority));
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                config.with_client_cert_verifier(verifier.build().expect("roots"))
            }
            None => config.with_no_client_auth(),
        };
        let (chain, key) = read(identity);
        let mut config = config.with_single_cert(chain, key).expect("a pair");
        config.send_tls13_tickets = tickets;
        let tls = ServerConnection::new(config.into()).expect("a server");
        TlsStream::over(Connection::Server(tls), stream)
    }

    fn over(tls: Connection, stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("an open connection");
        stream.set_read_timeout(Some(SOON)).expect("a time limit");
        stream.set_write_timeout(Some(SOON)).expect("a time limit");
        let shared = Shared { tls, stream };
        TlsStream {
            shared: Arc::new(Mutex::new(shared)),
        }
    }

    /// Goes through the handshake.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub fn handshake(&mut self) -> io::Result<()> {
        let shared = &mut *self.lock();
        while shared.tls.is_handshaking() {
            shared.tls.complete_io(&mut shared.stream)?;
        }
        Ok(())
    }

    /// Says that nothing more will be written, and leaves the connection open.
    ///
    /// # Panics
    ///
    /// If the other side does not take it.
    pub fn close_notify(&mut self) {
        let shared = &mut *self.lock();
        shared.tls.send_close_notify();
        shared
            .tls
            .complete_io(&mut shared.stream)
            .expect("a reader");
    }

    /// Uses new keys from now on, and asks the other side to do so (RFC 8446, section 4.6.3).
    ///
    /// # Panics
    ///
    /// Before the handshake is over.
    pub fn update_keys(&mut self) {
        let shared = &mut *self.lock();
        shared.tls.refresh_traffic_keys().expect("a handshake");
    }

    /// The connection below, for what TLS would not do.
    ///
    /// # Panics
    ///
    /// If the system has no more descriptors.
    pub fn below(&self) -> TcpStream {
        self.lock().stream.try_clone().expect("a descriptor")
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().expect("nobody panicked")
    }
}

impl Shared {
    /// The handshake, and what is left of what was written.
    fn ready(&mut self) -> io::Result<()> {
        while self.tls.is_handshaking() || self.tls.wants_write() {
            self.tls.complete_io(&mut self.stream)?;
        }
        Ok(())
    }
}

impl Read for TlsStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let shared = &mut *self.lock();
        shared.ready()?;
        loop {
            match shared.tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            shared.tls.complete_io(&mut shared.stream)?;
        }
    }
}

impl Write for TlsStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let shared = &mut *self.lock();
        let count = shared.tls.writer().write(bytes)?;
        shared.ready()?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lock().ready()
    }
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsStream")
    }
}

fn read(identity: &Identity) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = CertificateDer::pem_file_iter(&identity.cert).expect("a file");
    let chain = chain.map(|one| one.expect("a certificate")).collect();
    let key = PrivateKeyDer::from_pem_file(&identity.key).expect("a key");
    (chain, key)
}

fn roots(authority: &Path) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for cert in CertificateDer::pem_file_iter(authority).expect("a file") {
        roots
            .add(cert.expect("a certificate"))
            .expect("an authority");
    }
    roots
}
