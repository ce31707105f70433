//! What carries connections to a broker, and can cut them or let them wait.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use crate::parts::Server;

pub(crate) struct Relay {
    addr: SocketAddr,
    open: Arc<Mutex<Vec<TcpStream>>>,
    gate: Arc<Gate>,
}

/// Whether what comes has to wait.
#[derive(Default)]
struct Gate {
    is_closed: Mutex<bool>,
    opens: Condvar,
}

impl Relay {
    pub(crate) fn to(server: &impl Server) -> Self {
        let server = server.addr();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (open, gate): (Arc<Mutex<Vec<TcpStream>>>, Arc<Gate>) = Default::default();
        let (links, all) = (Arc::clone(&open), Arc::clone(&gate));
        // It goes on until the test program ends.
        std::thread::spawn(move || {
            for from in listener.incoming().map_while(Result::ok) {
                let Ok(to) = TcpStream::connect(server) else {
                    continue;
                };
                let both = [from.try_clone().unwrap(), to.try_clone().unwrap()];
                links.lock().unwrap().extend(both);
                let back = (to.try_clone().unwrap(), from.try_clone().unwrap());
                for (from, to) in [(from, to), back] {
                    let gate = Arc::clone(&all);
                    std::thread::spawn(move || carry(from, to, &gate));
                }
            }
        });
        Relay { addr, open, gate }
    }

    /// What a namespace there is bound as by this way, with options.
    pub(crate) fn bound(&self, server: &impl Server, namespace: &str, options: &str) -> String {
        let direct = server.bound(namespace, options);
        direct.replace(&server.addr().to_string(), &self.addr.to_string())
    }

    pub(crate) fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            // It may have ended by itself.
            stream.shutdown(Shutdown::Both).ok();
        }
    }

    /// Nothing is carried from now on, in both directions.
    pub(crate) fn hold(&self) {
        *self.gate.is_closed.lock().unwrap() = true;
    }

    /// What has waited is carried, and what comes then.
    pub(crate) fn go_on(&self) {
        *self.gate.is_closed.lock().unwrap() = false;
        self.gate.opens.notify_all();
    }
}

/// Carries what comes by one side to the other, until one of them ends.
fn carry(mut from: TcpStream, mut to: TcpStream, gate: &Gate) {
    let mut room = vec![0; 64 << 10];
    while let Ok(size @ 1..) = from.read(&mut room) {
        let is_closed = gate.is_closed.lock().unwrap();
        drop(gate.opens.wait_while(is_closed, |is_closed| *is_closed));
        if to.write_all(&room[..size]).is_err() {
            break;
        }
    }
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}
