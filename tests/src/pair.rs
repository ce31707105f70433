//! Two ends of a stream within this machine, in blocking mode, with little room between them.

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

/// In each direction, and at each end.
#[cfg(not(unix))]
const ROOM: usize = 64 << 10;

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
    for end in [&near, &far] {
        let options = socket2::SockRef::from(end);
        options.set_send_buffer_size(ROOM).expect("an option");
        options.set_recv_buffer_size(ROOM).expect("an option");
    }
    (near, far)
}
