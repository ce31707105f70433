//! Sending until the other side takes no more.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

/// Sends until nothing has been taken for so long, or all is sent. Gives how much was taken, which
/// on Windows nobody would know after a write that timed out.
///
/// # Panics
///
/// If the connection breaks.
#[track_caller]
pub fn press(mut stream: &TcpStream, bytes: &[u8], patience: Duration) -> usize {
    stream.set_nonblocking(true).expect("a mode");
    let mut sent = 0;
    let mut until = Instant::now() + patience;
    while sent < bytes.len() && Instant::now() < until {
        match stream.write(&bytes[sent..]) {
            Ok(count) => {
                sent += count;
                until = Instant::now() + patience;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                thread::park_timeout(Duration::from_millis(2));
            }
            Err(error) => panic!("after {sent} bytes: {error}"),
        }
    }
    stream.set_nonblocking(false).expect("a mode");
    sent
}
