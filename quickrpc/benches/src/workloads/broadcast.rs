//! A message for everybody.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::Result;
use crate::message;
use crate::message::{A, B, NOTE};
use crate::plan::{Column, Contender, Measure, Scale, Unit, Workload};
use crate::systems::QuickRpc;
use crate::systems::quickrpc::{Bench, port};

const CLIENTS: usize = 100;

pub(super) fn workload(scale: &Scale) -> Workload {
    let slice = scale.slice;
    let ours = |name: &str, system: QuickRpc, end: u8| {
        Contender::new(name, move || quickrpc(&system, end, slice))
    };
    Workload {
        title: "Broadcast to 100 clients",
        about: "In lock step: the next when all have received. Bare sockets receive, on the \
                thread that sends, so that this is the price of sending. `floor`: as many \
                writes. The other libraries have no calls in this direction.",
        columns: vec![Column::new("each round", Unit::Seconds)],
        contenders: vec![
            Contender::new("floor", move || floor(slice)),
            ours("quickrpc jrpc", QuickRpc::jrpc(), 0),
            ours("quickrpc terse", QuickRpc::terse(), b'\n'),
        ],
        rounds: None,
    }
}

fn floor(slice: Duration) -> Result<Measure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let (mut peers, mut clients) = (Vec::new(), Vec::new());
    for _ in 0..CLIENTS {
        clients.push(TcpStream::connect((Ipv4Addr::LOCALHOST, port))?);
        peers.push(listener.accept()?.0);
    }
    for peer in &peers {
        peer.set_nodelay(true)?;
    }
    let mut text = Vec::new();
    message::push_log(&mut text);
    measure(clients, 0, slice, move || {
        peers
            .iter_mut()
            .try_for_each(|peer| Ok(peer.write_all(&text)?))
    })
}

fn quickrpc(system: &QuickRpc, end: u8, slice: Duration) -> Result<Measure> {
    let api: Bench = system.server()?;
    let port = port(&api)?;
    let connect = |_| TcpStream::connect((Ipv4Addr::LOCALHOST, port));
    let clients = (0..CLIENTS).map(connect).collect::<Result<Vec<_>, _>>()?;
    while api.peers().len() < CLIENTS {
        std::thread::yield_now();
    }
    let all = api.all();
    measure(clients, end, slice, move || {
        black_box(&api);
        Ok(all.tell(A, B, NOTE)?)
    })
}

/// Sends, and reads at all clients, as often as it fits.
fn measure(
    mut clients: Vec<TcpStream>,
    end: u8,
    slice: Duration,
    mut send: impl FnMut() -> Result + 'static,
) -> Result<Measure> {
    let mut buffer = [0; 1024];
    Ok(Box::new(move || {
        let (begin, mut rounds) = (Instant::now(), 0);
        while begin.elapsed() < slice {
            send()?;
            for client in &mut clients {
                let length = client.read(&mut buffer)?;
                if buffer[..length].last() != Some(&end) {
                    return Err("something else than one whole message arrived".into());
                }
            }
            rounds += 1;
        }
        Ok(vec![Some(
            begin.elapsed().as_secs_f64() / f64::from(rounds),
        )])
    }))
}
