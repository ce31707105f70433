//! A client without the library: bytes in, bytes out, every wait bounded.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::str;

use socket2::{Domain, Socket, Type};

use crate::wait::SOON;

/// A plain TCP connection, as made by `telnet` or `nc`.
#[derive(Debug)]
pub struct Telnet {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Telnet {
    /// Connects to a server.
    ///
    /// # Panics
    ///
    /// If the server does not accept.
    #[track_caller]
    pub fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&addr, SOON).expect("the server accepts");
        Telnet::over(stream)
    }

    /// Connects with hardly any room for what the server sends: a peer that does not read.
    ///
    /// # Panics
    ///
    /// If the server does not accept.
    #[track_caller]
    pub fn narrow(addr: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None).expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        socket
            .connect_timeout(&addr.into(), SOON)
            .expect("the server accepts");
        Telnet::over(socket.into())
    }

    /// Reads so many bytes at the most, whatever they are; gives how many.
    ///
    /// # Panics
    ///
    /// If nothing comes, or the end.
    #[track_caller]
    pub fn read_some(&mut self, most: usize) -> usize {
        let mut bytes = vec![0; most];
        match self.stream.read(&mut bytes) {
            Ok(0) => panic!("the end of the connection"),
            Ok(count) => count,
            Err(error) => panic!("nothing to read: {error}"),
        }
    }

    /// Takes over a connection that exists.
    ///
    /// # Panics
    ///
    /// If the system refuses to set a time limit on it.
    pub fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("an open connection");
        stream.set_read_timeout(Some(SOON)).expect("a time limit");
        stream.set_write_timeout(Some(SOON)).expect("a time limit");
        Telnet {
            stream,
            unread: Vec::new(),
        }
    }

    /// The name under which the server knows this client.
    ///
    /// # Panics
    ///
    /// If the connection is gone.
    pub fn name(&self) -> String {
        let addr = self.stream.local_addr().expect("an open connection");
        addr.to_string()
    }

    /// Sends bytes.
    ///
    /// # Panics
    ///
    /// If the server does not take them.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.stream.write_all(bytes).expect("the server reads");
    }

    /// Sends bytes to a server that may have closed the connection by then.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Sends every byte in a segment of its own.
    ///
    /// # Panics
    ///
    /// If the server does not take them.
    #[track_caller]
    pub fn send_bytewise(&mut self, bytes: impl AsRef<[u8]>) {
        for byte in bytes.as_ref() {
            self.send([*byte]);
        }
    }

    /// What the server sends up to a delimiter, which is taken off.
    ///
    /// # Panics
    ///
    /// If the delimiter does not come within [`SOON`].
    #[track_caller]
    pub fn until(&mut self, delimiter: u8) -> Vec<u8> {
        let mut searched = 0;
        loop {
            if let Some(found) = self.unread[searched..].iter().position(|b| *b == delimiter) {
                let rest = self.unread.split_off(searched + found + 1);
                let mut telegram = std::mem::replace(&mut self.unread, rest);
                telegram.pop();
                return telegram;
            }
            searched = self.unread.len();
            let got = self.read_more().expect("the server answers");
            assert!(got > 0, "the server closed after {:?}", self.shown());
        }
    }

    /// The next line.
    ///
    /// # Panics
    ///
    /// If none comes within [`SOON`], or it is not text.
    #[track_caller]
    pub fn line(&mut self) -> String {
        String::from_utf8(self.until(b'\n')).expect("text")
    }

    /// The next telegram of `jrpc`.
    ///
    /// # Panics
    ///
    /// If none comes within [`SOON`], or it is not JSON.
    #[track_caller]
    pub fn json(&mut self) -> serde_json::Value {
        let telegram = self.until(0);
        serde_json::from_slice(&telegram).expect("JSON")
    }

    /// The next message of `jrpc:content-length`.
    ///
    /// # Panics
    ///
    /// If none comes within [`SOON`], or it is not text behind one header.
    #[track_caller]
    pub fn announced(&mut self) -> String {
        let header = self.line();
        let length = header.strip_prefix("Content-Length: ").expect("a header");
        let length = length.trim_end().parse().expect("a length");
        assert_eq!(self.line(), "\r");
        while self.unread.len() < length {
            let got = self.read_more().expect("the server answers");
            assert!(got > 0, "the server closed after {:?}", self.shown());
        }
        let rest = self.unread.split_off(length);
        let message = std::mem::replace(&mut self.unread, rest);
        String::from_utf8(message).expect("text")
    }

    /// Says that nothing more will be sent, and goes on reading (`nc -N`).
    ///
    /// # Panics
    ///
    /// If the connection is gone.
    #[track_caller]
    pub fn close_write(&mut self) {
        let closed = self.stream.shutdown(Shutdown::Write);
        closed.expect("an open connection");
    }

    /// Everything up to the orderly end of the connection.
    ///
    /// # Panics
    ///
    /// If the server does not close within [`SOON`], or resets the connection.
    #[track_caller]
    pub fn rest(&mut self) -> String {
        while self.read_more().expect("an orderly end") > 0 {}
        String::from_utf8(std::mem::take(&mut self.unread)).expect("text")
    }

    /// Waits until the server has closed the connection, in whichever way.
    ///
    /// # Panics
    ///
    /// If it does not within [`SOON`].
    #[track_caller]
    pub fn expect_closed(&mut self) {
        loop {
            match self.read_more() {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    let open = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                    assert!(!open, "the server keeps the connection open");
                    return;
                }
            }
        }
    }

    /// Throws away what the server has sent, after waiting for some of it. False at the end.
    pub fn try_read(&mut self) -> bool {
        let more = self.read_more().is_ok_and(|count| count > 0);
        self.unread.clear();
        more
    }

    fn read_more(&mut self) -> std::io::Result<usize> {
        let mut chunk = [0; 16 * 1024];
        let got = self.stream.read(&mut chunk)?;
        self.unread.extend_from_slice(&chunk[..got]);
        Ok(got)
    }

    fn shown(&self) -> &str {
        str::from_utf8(&self.unread).unwrap_or("something that is not text")
    }
}
