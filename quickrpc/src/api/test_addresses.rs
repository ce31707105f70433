//! Names with several addresses, and names that are looked up for long. The names are made up,
//! so that nothing depends on the resolver of the machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::api::dynamic::Api;
use crate::base::sync::lock;
use crate::carrier::names::fakes;
use crate::{Error, Result, TransportState};

/// Only a defect takes longer.
const SOON: Duration = Duration::from_secs(20);
/// An address that no machine has (RFC 5737).
const NOBODYS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn local(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))
}

fn name(name: &str, addresses: impl Into<Vec<IpAddr>>) {
    let addresses = addresses.into();
    fakes::add(name, move || Ok(addresses.clone()));
}

fn api(transport: &str) -> Api {
    Api::bind("terse", transport).unwrap()
}

/// Starts on another thread, so that a start that takes too long fails the test.
fn start(api: &Api) -> Result<()> {
    within("a start", api, |api| api.start())
}

fn within<T: Send + 'static>(
    what: &str,
    api: &Api,
    act: impl FnOnce(&Api) -> T + Send + 'static,
) -> T {
    let (tell, told) = mpsc::channel();
    let api = api.clone();
    std::thread::spawn(move || tell.send(act(&api)));
    let done = told.recv_timeout(SOON);
    done.unwrap_or_else(|_| panic!("{what}: not within {SOON:?}"))
}

/// An address that takes packets and never answers: its queue of connections is full.
struct Silent {
    _listener: Socket,
    _waiting: Vec<TcpStream>,
}

impl Silent {
    fn at(address: SocketAddr) -> Self {
        let listener = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        listener.bind(&address.into()).unwrap();
        listener.listen(0).unwrap();
        let mut waiting = Vec::new();
        for _ in 0..100 {
            match TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
                Ok(stream) => waiting.push(stream),
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
                    break;
                }
            }
        }
        Silent {
            _listener: listener,
            _waiting: waiting,
        }
    }
}

/// Names whose look-up takes until this is dropped.
#[derive(Clone, Default)]
struct Slow {
    /// How often one was begun, and whether they end.
    state: Arc<(AtomicUsize, Mutex<bool>, Condvar)>,
}

impl Slow {
    fn name(name: &str) -> Self {
        let slow = Slow::default();
        let state = Arc::clone(&slow.state);
        fakes::add(name, move || {
            let (begun, ends, changed) = &*state;
            begun.fetch_add(1, Ordering::SeqCst);
            let ends = changed.wait_while(lock(ends), |ends| !*ends);
            drop(ends);
            Ok(vec![local(1)])
        });
        slow
    }

    fn begun(&self) -> usize {
        self.state.0.load(Ordering::SeqCst)
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        *lock(&self.state.1) = true;
        self.state.2.notify_all();
    }
}

#[test]
fn a_silent_address_does_not_take_the_time_of_the_others() {
    let server = TcpListener::bind((local(1), 0)).unwrap();
    let port = server.local_addr().unwrap().port();
    let _silent = Silent::at(SocketAddr::new(local(2), port));
    name("one-is-silent.test", [local(2), local(1)]);
    let api = api(&format!("tcp:one-is-silent.test:{port}?connect=600"));
    start(&api).unwrap();
    let (_peer, address) = server.accept().unwrap();
    assert_eq!(address.ip(), local(1));
    assert_eq!(api.peers().len(), 1);
}

#[test]
fn an_address_that_refuses_is_followed_by_the_next_at_once() {
    let server = TcpListener::bind((local(1), 0)).unwrap();
    let port = server.local_addr().unwrap().port();
    let addresses: Vec<IpAddr> = (10..30).chain([1]).map(local).collect();
    name("one-accepts.test", addresses);
    let api = api(&format!("tcp:one-accepts.test:{port}?connect=600"));
    start(&api).unwrap();
}

#[test]
fn when_all_addresses_fail_each_is_told_of() {
    let free = TcpListener::bind((local(1), 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    name("none-accepts.test", [local(3), local(4)]);
    let api = api(&format!("tcp:none-accepts.test:{port}"));
    let error = start(&api).unwrap_err();
    let text = error.to_string();
    for address in [local(3), local(4)] {
        assert!(text.contains(&format!("{address}:{port}: ")), "{text}");
    }
    assert!(text.contains("start the server first"), "{text}");
    let Error::Start { kind, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(kind, Some(io::ErrorKind::ConnectionRefused));
}

#[test]
fn a_slow_look_up_holds_up_neither_the_start_nor_the_stop() {
    for (transport, host) in [
        ("tcp:slow-client.test:1", "slow-client.test"),
        ("tcpserv:slow-server.test:0", "slow-server.test"),
    ] {
        let slow = Slow::name(host);
        // A start that fails stops what it has begun, which may take the limit for a stop.
        let api = api(&format!("{transport}?connect=0.1&stop=30"));
        let error = start(&api).unwrap_err();
        assert!(error.to_string().contains("not found in time"), "{error}");
        assert_eq!(slow.begun(), 1);
        drop(slow);
    }
}

#[test]
fn a_slow_look_up_is_given_up_by_a_stop() {
    let slow = Slow::name("slow-stop.test");
    let api = api("tcp:slow-stop.test:1?connect=600&stop=30");
    let starting = api.clone();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || tell.send(starting.start()));
    let end = Instant::now() + SOON;
    while slow.begun() == 0 {
        assert!(Instant::now() < end, "it is looked up");
        std::thread::yield_now();
    }
    within("a stop", &api, |api| api.stop()).unwrap();
    assert!(matches!(
        told.recv_timeout(SOON).unwrap(),
        Err(Error::Stopped)
    ));
    drop(slow);
}

#[test]
fn trying_again_waits_for_the_look_up_that_runs() {
    let server = TcpListener::bind((local(1), 0)).unwrap();
    let port = server.local_addr().unwrap().port();
    let slow = Slow::name("slow-retry.test");
    let transport = format!("restart:0.01:tcp:slow-retry.test:{port}?connect=0.01&stop=30");
    let api = api(&transport);
    let (tell, told) = mpsc::channel();
    api.on_status(move |status| {
        if matches!(status.state, TransportState::Down { .. }) {
            tell.send(()).ok();
        }
    });
    start(&api).unwrap();
    for _ in 0..10 {
        told.recv_timeout(SOON).unwrap();
    }
    assert_eq!(slow.begun(), 1);
    // What it finds in the end is of use.
    drop(slow);
    server.set_nonblocking(true).unwrap();
    let end = Instant::now() + SOON;
    while server.accept().is_err() {
        assert!(Instant::now() < end, "it connects");
        std::thread::yield_now();
    }
    within("a stop", &api, |api| api.stop()).unwrap();
}

#[test]
fn a_server_listens_at_all_addresses_of_a_name() {
    name("two.test", [local(1), local(2)]);
    let api = api("tcpserv:two.test:0");
    start(&api).unwrap();
    let addresses = api.local_addrs();
    let ips: Vec<IpAddr> = addresses.iter().map(SocketAddr::ip).collect();
    assert_eq!(ips, [local(1), local(2)]);
    assert_eq!(addresses[0].port(), addresses[1].port());
    let _both: Vec<TcpStream> = addresses
        .iter()
        .map(|address| TcpStream::connect(address).unwrap())
        .collect();
    let end = Instant::now() + SOON;
    while api.peers().len() < 2 {
        assert!(Instant::now() < end, "both are accepted");
        std::thread::yield_now();
    }
}

#[test]
fn an_address_that_the_machine_lacks_is_no_failure_if_it_has_another() {
    name("one-is-ours.test", [NOBODYS, local(1), local(1)]);
    let ours = api("tcpserv:one-is-ours.test:0");
    start(&ours).unwrap();
    let ips: Vec<IpAddr> = ours.local_addrs().iter().map(SocketAddr::ip).collect();
    assert_eq!(ips, [local(1)]);
    name("none-is-ours.test", [NOBODYS]);
    let error = start(&api("tcpserv:none-is-ours.test:0")).unwrap_err();
    assert!(error.to_string().contains("no such address"), "{error}");
}

#[test]
fn an_address_that_is_taken_is_a_failure() {
    let other = TcpListener::bind((local(2), 0)).unwrap();
    let port = other.local_addr().unwrap().port();
    name("one-is-taken.test", [local(1), local(2)]);
    let error = start(&api(&format!("tcpserv:one-is-taken.test:{port}"))).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&format!("{}:{port}", local(2))), "{text}");
    assert!(text.contains("another program listens there"), "{text}");
}
