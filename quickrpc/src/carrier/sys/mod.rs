//! What differs between operating systems, for what moves bytes. The names that are exported
//! here are all that the rest of the library uses of a system. Those of [`system`] are in one file
//! for each; what systems with descriptors have in common is in `posix`. What is asked of files is
//! in `base/sys`, and nowhere else is a `cfg` of a system.

mod wait;

#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod system;

#[cfg(any(
    target_vendor = "apple",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd"
))]
#[path = "bsd.rs"]
mod system;

#[cfg(unix)]
mod posix;

pub(crate) use wait::Wait;

#[cfg(windows)]
#[path = "windows/mod.rs"]
mod system;

#[cfg(unix)]
#[cfg_attr(not(feature = "tls"), allow(unused_imports, reason = "TLS uses more"))]
pub(crate) use {
    posix::fd::survive_broken_pipes,
    posix::sockets::{
        Bell, HEARS_BROADCASTS, LocalStream, READS_TO_THE_END, Rung, SHARES_LISTENING_PORTS,
        Socket, TcpStream, UdpSocket, WAITERS_READ, connected, datagrams, deregister,
        deregister_datagrams, end_listening, is_here, is_lacking, is_out_of_descriptors, pair,
        register, register_datagrams, reregister, send_groups_from, share_port, socket,
        wait_for_events, wait_for_room, wait_for_room_of_datagrams, waits_for_room, with_options,
    },
    posix::{process, stdio, unix},
    system::{
        adopt, cut_when_silent, is_bound_twice, limit_waits, receive, receive_behind, send_now,
        send_parts_now, wait_for_input,
    },
};

#[cfg(windows)]
#[cfg_attr(not(feature = "tls"), allow(unused_imports, reason = "TLS uses more"))]
pub(crate) use system::{
    process,
    sockets::{
        Bell, HEARS_BROADCASTS, LocalStream, READS_TO_THE_END, Rung, SHARES_LISTENING_PORTS,
        Socket, TcpStream, UdpSocket, WAITERS_READ, adopt, connected, cut_when_silent, datagrams,
        deregister, deregister_datagrams, end_listening, is_bound_twice, is_here, is_lacking,
        is_out_of_descriptors, limit_waits, pair, receive, receive_behind, register,
        register_datagrams, reregister, send_groups_from, send_now, send_parts_now, share_port,
        socket, wait_for_events, wait_for_input, wait_for_room, wait_for_room_of_datagrams,
        waits_for_room, with_options,
    },
    stdio, survive_broken_pipes, unix,
};
