//! `internal`: buses inside one process. Every two members are connected by a pair of
//! sockets, so that flow control, ends and backpressure are those of any other stream.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, Weak};

use crate::base::sync::lock;
use crate::net::conn::Outlet;
use crate::net::net::Net;
use crate::net::reactor::Command;
use crate::wire::Wire;

use crate::carrier::stream::Stream;
use crate::carrier::sys;

#[derive(Default)]
struct Bus {
    members: Vec<Member>,
    /// For default names; grows as long as the bus has members.
    count: u64,
}

struct Member {
    net: Weak<Net>,
    link: usize,
    wire: Arc<Wire>,
    name: String,
}

static BUSES: Mutex<Option<HashMap<String, Bus>>> = Mutex::new(None);

/// Joins a bus: from now on every other member is a peer. The default name is
/// `<bus>.<n>`, as in the original.
pub(crate) fn join(
    net: &Arc<Net>,
    link: usize,
    wire: &Arc<Wire>,
    bus_name: &str,
    name: Option<&str>,
) -> io::Result<()> {
    let mut buses = lock(&BUSES);
    let buses = buses.get_or_insert_default();
    let bus = buses.entry(bus_name.to_owned()).or_default();
    let name = match name {
        Some(name) => name.to_owned(),
        None => format!("{bus_name}.{}", bus.count),
    };
    bus.count += 1;
    // Both ends are connected before anybody is told of them: a send right after the
    // start reaches everyone.
    for member in &bus.members {
        let Some(other) = member.net.upgrade() else {
            continue;
        };
        let (here, there) = sys::pair()?;
        let here = Outlet::Socket(Stream::Unix(here));
        let there = Outlet::Socket(Stream::Unix(there));
        let near = net.connect(wire, link, &member.name, here, Vec::new());
        let far = other.connect(&member.wire, member.link, &name, there, Vec::new());
        net.ask(Command::Adopt(near));
        other.ask(Command::Adopt(far));
    }
    bus.members.push(Member {
        net: Arc::downgrade(net),
        link,
        wire: Arc::clone(wire),
        name,
    });
    Ok(())
}

/// Leaves a bus; the connections end with the API.
pub(crate) fn leave(net: &Arc<Net>, bus_name: &str, link: usize) {
    let mut buses = lock(&BUSES);
    let Some(buses) = buses.as_mut() else {
        return;
    };
    if let Some(bus) = buses.get_mut(bus_name) {
        bus.members.retain(|member| {
            member.link != link || !std::ptr::eq(member.net.as_ptr(), Arc::as_ptr(net))
        });
        if bus.members.is_empty() {
            buses.remove(bus_name);
        }
    }
}
