//! A connection over TLS: a socket, and what encrypts.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rustls::{Connection, ProtocolVersion};

use crate::base::foreign;
use crate::base::log::Shown;
use crate::base::often::Origin;
use crate::base::security::SecInfo;
use crate::base::sync::lock;

use super::super::stream::Room;
use super::super::sys::{self, TcpStream, Wait};
use super::explain::{self, Side};
use super::subject;

/// So much is encrypted at once: a few records (RFC 8446, section 5.1), which is also what
/// is kept at the most while the socket takes nothing.
const CHUNK: usize = 64 << 10;
/// So often a socket is read for what is nothing to read, before others have their turn.
const TURN: usize = 8;

/// How far a handshake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hands {
    Apart,
    /// We are done, and the other side may not like our certificate yet.
    Held,
    Shaken,
}

/// A connection over TLS.
pub(crate) struct Tls {
    socket: TcpStream,
    /// A leaf in the lock order, held while bytes are encrypted or decrypted, and never
    /// while somebody waits.
    session: Mutex<Session>,
}

struct Session {
    connection: Connection,
    /// Bytes that are decrypted, and not read yet.
    unread: usize,
    /// The other side has ended, in one way or the other.
    ended: bool,
    /// We have ended. What comes is thrown away as it is: rustls answers a record that is wrong
    /// by an alert, which must not follow the farewell, and which it asserts.
    said_end: bool,
    /// Why nothing can be read any more, once it is so. Nothing is said behind the alert that
    /// told the other side.
    failed: Option<String>,
    /// The state machine has panicked, and means nothing any more.
    broken: bool,
    /// So many bytes at the front of what is to be written are encrypted already, and have
    /// not left.
    encrypted: usize,
    /// The other side wants to see our certificate.
    asked: Arc<AtomicBool>,
    /// What the other side's certificate says.
    other: Option<SecInfo>,
}

impl Tls {
    pub(super) fn new(socket: TcpStream, connection: Connection, asked: Arc<AtomicBool>) -> Self {
        Tls {
            socket,
            session: Mutex::new(Session {
                connection,
                unread: 0,
                ended: false,
                said_end: false,
                failed: None,
                broken: false,
                encrypted: 0,
                asked,
                other: None,
            }),
        }
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Whatever enters the state machine does so here. A panic in it costs this connection, and
    /// it is not entered again.
    fn within<R>(&self, enter: impl FnOnce(&mut Session) -> io::Result<R>) -> io::Result<R> {
        let mut session = lock(&self.session);
        if session.broken {
            return Err(io::Error::other("TLS has panicked before"));
        }
        foreign::attempt(|| enter(&mut session)).unwrap_or_else(|text| {
            session.broken = true;
            // The reason for which the connection ends; a log is not written under locks.
            Err(io::Error::other(format!("TLS panicked: {text}")))
        })
    }

    /// Reads what is decrypted, or can be.
    pub(crate) fn read(&self, room: impl Room) -> io::Result<usize> {
        self.within(|session| {
            if session.said_end {
                return throw_away(&self.socket);
            }
            session.decrypt(&self.socket)?;
            match room.copy(session.connection.reader()) {
                Ok(count) => {
                    session.unread = session.unread.saturating_sub(count);
                    Ok(count)
                }
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    Err(explain::cut_off())
                }
                Err(error) => Err(error),
            }
        })
    }

    /// The same, and waits until then, as far as the limit of the socket allows for it.
    pub(crate) fn read_waiting(
        &self,
        room: impl Room,
        until: Option<Instant>,
    ) -> io::Result<usize> {
        loop {
            let decrypted = self.within(|session| match session.said_end {
                true => throw_away(&self.socket).map(drop),
                false => session.decrypt(&self.socket),
            });
            match decrypted {
                Ok(()) => return self.read(room),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            // Whoever writes needs the session meanwhile.
            sys::wait_for_input(sys::socket(&self.socket), until)?;
        }
    }

    /// Whether something can be read without the socket, its end included.
    pub(crate) fn has_unread(&self) -> bool {
        let session = lock(&self.session);
        session.unread > 0 || session.ended
    }

    /// Encrypts some of the bytes, and writes what the socket takes. Bytes count as written
    /// when nothing of them is left here, so that the caller keeps track of what has not
    /// left; it has to come with the same bytes again.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.within(|session| session.write(&self.socket, bytes))
    }

    /// Says to the other side that nothing more will come (close_notify: RFC 8446, section
    /// 6.1), if the socket takes it.
    pub(crate) fn say_end(&self) {
        let said = self.within(|session| {
            if session.failed.is_none() && !session.said_end {
                session.said_end = true;
                session.connection.send_close_notify();
            }
            session.flush(&self.socket)
        });
        // An error means that nobody is there to be told.
        said.ok();
    }

    /// What the other side's certificate says, if it has shown one.
    pub(crate) fn secinfo(&self) -> Option<SecInfo> {
        lock(&self.session).other.clone()
    }

    /// Says in the log why a client was not let in. (A client's own start fails instead.)
    pub(super) fn log(&self, why: &io::Error) {
        if let Connection::Server(_) = lock(&self.session).connection
            && let Ok(address) = self.socket.peer_addr()
        {
            let address = SocketAddr::new(address.ip().to_canonical(), address.port());
            crate::base::log::info_often!(
                "handshakes of TLS that failed", &Origin::Address(address.ip()), &Shown(why);
                peer = %address, "no handshake of TLS: {}", Shown(why)
            );
        }
    }

    /// Goes on with the handshake as far as the socket allows.
    ///
    /// # Errors
    ///
    /// Of kind [`InvalidData`](io::ErrorKind::InvalidData) where the two sides do not agree.
    pub(super) fn shake_hands(&self) -> io::Result<Hands> {
        self.within(|session| session.shake_hands(&self.socket))
    }
}

impl Session {
    fn side(&self) -> Side {
        match self.connection {
            Connection::Client(_) => Side::Client,
            Connection::Server(_) => Side::Server,
        }
    }

    fn is_server(&self) -> bool {
        matches!(self.side(), Side::Server)
    }

    fn hands(&self) -> Hands {
        if self.connection.is_handshaking() {
            return Hands::Apart;
        }
        let new = self.connection.protocol_version() == Some(ProtocolVersion::TLSv1_3);
        match &self.connection {
            // Its last words come after our certificate only since TLS 1.3.
            Connection::Client(client)
                if new
                    && self.asked.load(Ordering::Relaxed)
                    && self.unread == 0
                    && client.tls13_tickets_received() == 0 =>
            {
                Hands::Held
            }
            _ => Hands::Shaken,
        }
    }

    /// See [`Tls::shake_hands`].
    fn shake_hands(&mut self, socket: &TcpStream) -> io::Result<Hands> {
        loop {
            let hands = self.hands();
            if hands != Hands::Apart && self.other.is_none() {
                let certificate = self.connection.peer_certificates();
                let certificate = certificate.and_then(|chain| chain.first());
                let read = certificate.map(|one| subject::secinfo(one)).transpose();
                self.other = match (read, self.side()) {
                    (Ok(info), _) => info,
                    // It was verified for the name that was called, which is what counts.
                    (Err(why), Side::Client) => {
                        crate::base::log::debug!("{why}");
                        None
                    }
                    // Before the last words leave, from which the client sees that it is let in.
                    (Err(why), Side::Server) => return Err(explain::invalid(why)),
                };
            }
            match self.flush(socket) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Hands::Apart),
                Err(error) => return Err(self.in_handshake(error)),
            }
            if hands == Hands::Shaken {
                return Ok(hands);
            }
            match self.take_some(socket) {
                // A client may have said all, and have ended, behind its last words.
                Ok(()) if self.ended && !(self.is_server() && self.hands() == Hands::Shaken) => {
                    let error = io::ErrorKind::UnexpectedEof.into();
                    return Err(self.in_handshake(error));
                }
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(hands),
                Err(error) => return Err(self.in_handshake(error)),
            }
        }
    }

    fn in_handshake(&self, error: io::Error) -> io::Error {
        let asked = self.asked.load(Ordering::Relaxed);
        explain::in_handshake(self.side(), asked, error)
    }

    /// Decrypts until there is something to read, or the end.
    ///
    /// # Errors
    ///
    /// Of kind [`Interrupted`](io::ErrorKind::Interrupted) where much has come that is nothing to
    /// read, such as tickets, and others should have their turn before it goes on.
    fn decrypt(&mut self, socket: &TcpStream) -> io::Result<()> {
        for _ in 0..TURN {
            if self.unread > 0 || self.ended {
                return Ok(());
            }
            self.take_some(socket)?;
        }
        match self.unread > 0 || self.ended {
            true => Ok(()),
            false => Err(io::ErrorKind::Interrupted.into()),
        }
    }

    /// Takes what the socket has, and decrypts it.
    fn take_some(&mut self, socket: &TcpStream) -> io::Result<()> {
        if let Some(why) = &self.failed {
            return Err(explain::invalid(why.clone()));
        }
        let count = loop {
            match self.connection.read_tls(&mut Socket(socket)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.ended |= count == 0;
        match self.connection.process_new_packets() {
            Ok(state) => {
                self.unread = state.plaintext_bytes_to_read();
                self.ended |= state.peer_has_closed();
                Ok(())
            }
            Err(error) => {
                // The other side hears what is wrong, if it can.
                self.flush(socket).ok();
                let handshaking = self.connection.is_handshaking();
                let trouble = explain::trouble(self.side(), handshaking, &error);
                self.failed = Some(trouble.to_string());
                Err(trouble)
            }
        }
    }

    /// See [`Tls::write`].
    fn write(&mut self, socket: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        if self.said_end || self.failed.is_some() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if self.encrypted == 0 {
            // What the protocol itself had to say.
            self.flush(socket)?;
            let chunk = bytes.get(..CHUNK).unwrap_or(bytes);
            self.encrypted = self.connection.writer().write(chunk)?;
        }
        let mut sent = 0;
        match self.flush_counted(socket, &mut sent) {
            Ok(()) => Ok(std::mem::take(&mut self.encrypted)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // Nobody has to wait for a whole chunk to see that it goes on. The last byte
                // stays until all has left; encrypted, they are more than in the clear.
                let taken = sent.min(self.encrypted.saturating_sub(1));
                self.encrypted -= taken;
                match taken {
                    0 => Err(error),
                    taken => Ok(taken),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Writes what is encrypted.
    fn flush(&mut self, socket: &TcpStream) -> io::Result<()> {
        self.flush_counted(socket, &mut 0)
    }

    /// The same, and counts the bytes that leave.
    fn flush_counted(&mut self, socket: &TcpStream, sent: &mut usize) -> io::Result<()> {
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut Socket(socket)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => *sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Neither the keys nor anything of the messages.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("socket", &self.socket).finish()
    }
}

/// Reads what has come, for nobody. Gives zero at the end.
///
/// # Errors
///
/// Of kind [`Interrupted`](io::ErrorKind::Interrupted) where others should have their turn
/// before it goes on.
fn throw_away(socket: &TcpStream) -> io::Result<usize> {
    let mut scratch = [0; 4096];
    for _ in 0..TURN {
        let count = sys::receive(sys::socket(socket), &mut scratch, Wait::Never)?;
        if count == 0 {
            return Ok(0);
        }
    }
    Err(io::ErrorKind::Interrupted.into())
}

/// A socket that never blocks, whatever its mode.
struct Socket<'a>(&'a TcpStream);

impl Read for Socket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        sys::receive(sys::socket(self.0), buffer, Wait::Never)
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        sys::send_now(sys::socket(self.0), bytes)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        sys::send_parts_now(sys::socket(self.0), parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use mio::net::TcpStream as Accepted;
    use rustls::crypto::ring;
    use rustls::pki_types::ServerName;
    use rustls::server::{ClientHello, ResolvesServerCert};
    use rustls::sign::CertifiedKey;
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

    use super::*;

    /// Panics in the middle of a handshake.
    #[derive(Debug)]
    struct Panics;

    impl ResolvesServerCert for Panics {
        fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
            panic!("no certificate")
        }
    }

    #[test]
    fn a_panic_within_costs_the_connection_and_is_not_entered_again() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut near = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let provider = || Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = ClientConnection::new(config.into(), name).unwrap();
        client.write_tls(&mut near).unwrap();
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Panics));
        let server = ServerConnection::new(config.into()).unwrap();
        let socket = Accepted::from_std(listener.accept().unwrap().0);
        let socket = sys::connected(socket).unwrap();
        let tls = Tls::new(socket, server.into(), Arc::default());
        let error = loop {
            match tls.shake_hands() {
                Ok(Hands::Apart) => std::thread::yield_now(),
                Ok(hands) => panic!("{hands:?}"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.to_string(), "TLS panicked: no certificate");
        let before = "TLS has panicked before";
        assert_eq!(tls.write(b"x").unwrap_err().to_string(), before);
        assert_eq!(tls.read(&mut [0; 9][..]).unwrap_err().to_string(), before);
        let waited = tls.read_waiting(&mut [0; 9][..], None);
        assert_eq!(waited.unwrap_err().to_string(), before);
        assert_eq!(tls.shake_hands().unwrap_err().to_string(), before);
        tls.say_end();
    }
}
