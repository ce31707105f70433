//! Two ends of a stream within this machine, in blocking mode.

#[cfg(unix)]
pub use std::os::unix::net::UnixStream as PairStream;

/// There are no Unix sockets in the standard library of other systems.
#[cfg(not(unix))]
pub use std::net::TcpStream as PairStream;

/// Both ends.
///
/// # Panics
///
/// If the system gives none.
#[cfg(unix)]
pub fn stream_pair() -> (PairStream, PairStream) {
    PairStream::pair().expect("a pair of sockets")
}

/// Both ends.
///
/// # Panics
///
/// If the system gives none.
#[cfg(not(unix))]
pub fn stream_pair() -> (PairStream, PairStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let near = PairStream::connect(address).expect("a connection");
    let (far, from) = listener.accept().expect("its other end");
    assert_eq!(near.local_addr().expect("its address"), from);
    (near, far)
}
