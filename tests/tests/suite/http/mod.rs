//! JSON-RPC over HTTP: programs that post to a server of WebSockets.

mod client;
#[cfg(unix)] // its names of files need no care in an expression
mod keys;
mod patience;
mod posts;
mod secure;
mod strangers;
mod traces;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use quickrpc_tests::{Lab, SOON, Served, server_on};
use serde_json::{Value, json};

const SERVER: &str = "wsserv:127.0.0.1:0";

fn server() -> (Lab, SocketAddr, Served) {
    server_on("jrpc", SERVER)
}

/// A connection of somebody who posts, without the library.
struct Poster {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// A response.
#[derive(Debug)]
struct Response {
    status: u16,
    /// In small letters.
    head: String,
    body: String,
}

impl Response {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|why| panic!("{why}: {self:?}"))
    }
}

impl Poster {
    #[track_caller]
    fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).expect("the server accepts");
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.set_write_timeout(Some(SOON)).unwrap();
        let unread = Vec::new();
        Poster { stream, unread }
    }

    fn name(&self) -> String {
        self.stream.local_addr().unwrap().to_string()
    }

    #[track_caller]
    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("it is read");
    }

    #[track_caller]
    fn post(&mut self, body: impl ToString) -> Response {
        self.post_with("", body)
    }

    /// With more headers.
    #[track_caller]
    fn post_with(&mut self, headers: &str, body: impl ToString) -> Response {
        self.send(request(headers, &body.to_string()));
        self.response()
    }

    #[track_caller]
    fn response(&mut self) -> Response {
        let head = self.until(|unread| {
            let end = unread.windows(4).position(|four| four == b"\r\n\r\n");
            end.map(|end| end + 4)
        });
        let head = head.to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        let body = self.until(|unread| (unread.len() >= length).then_some(length));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Response { status, head, body }
    }

    #[track_caller]
    fn until(&mut self, end: impl Fn(&[u8]) -> Option<usize>) -> String {
        loop {
            if let Some(end) = end(&self.unread) {
                let rest = self.unread.split_off(end);
                let taken = std::mem::replace(&mut self.unread, rest);
                return String::from_utf8(taken).unwrap();
            }
            let mut chunk = [0; 4096];
            let count = self.stream.read(&mut chunk).expect("a response");
            assert!(count > 0, "the end instead of a response");
            self.unread.extend_from_slice(&chunk[..count]);
        }
    }

    /// Waits for the end of the connection, at which nothing more may come.
    #[track_caller]
    fn end(mut self) {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => assert_eq!(String::from_utf8_lossy(&rest), "", "before the end"),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }
}

fn request(headers: &str, body: &str) -> String {
    let length = body.len();
    format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}

fn add(a: i64, b: i64, id: impl Into<Value>) -> Value {
    json!({"jsonrpc": "2.0", "method": "add", "params": [a, b], "id": id.into()})
}

fn sum(result: i64, id: impl Into<Value>) -> Value {
    json!({"jsonrpc": "2.0", "result": result, "id": id.into()})
}
