//! What receiving costs: framing, decoding, and a handler.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use crate::Result;
use crate::message::{self, FIRST_ID};
use crate::plan::{Column, Contender, Measure, Scale, Unit, Workload};
use crate::system::AnySystem;
use crate::systems::{Floor, QuickRpc};

/// Notifications are sent in parts of so many.
const PART: usize = 500;
const PARTS: usize = 400;
const WARM_UP: usize = 20;

pub(super) fn workload(_scale: &Scale) -> Workload {
    let systems: Vec<(AnySystem, Format)> = vec![
        (Arc::new(Floor::typed().epoll()), Format::Json),
        (Arc::new(Floor::plain().epoll()), Format::Json),
        (Arc::new(QuickRpc::jrpc()), Format::Json),
        (Arc::new(QuickRpc::queue()), Format::Json),
        (Arc::new(QuickRpc::terse()), Format::Terse),
        #[cfg(feature = "msgpack")]
        (Arc::new(QuickRpc::msgpack()), Format::MessagePack),
    ];
    Workload {
        title: "Receiving",
        about: "What a server needs for a notification that was prepared before: reading, \
                cutting, decoding into types, running the handler. The first row, typed \
                serde_json, is the floor of this table. (The codecs alone cannot be measured \
                from outside; this is as near as it gets.)",
        columns: vec![Column::new("each", Unit::Seconds)],
        contenders: systems
            .into_iter()
            .map(|(system, format)| {
                Contender::new(system.name(), move || {
                    Ok(Box::new(move || round(&system, format)) as Measure)
                })
            })
            .collect(),
        rounds: None,
    }
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Json,
    Terse,
    #[cfg(feature = "msgpack")]
    MessagePack,
}

impl Format {
    /// So many notifications.
    fn notifications(self, count: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for _ in 0..count {
            match self {
                Format::Json => message::push_log(&mut out),
                Format::Terse => {
                    out.extend_from_slice(b"log a:123 b:456 note:\"a note of 18 bytes\"\n");
                }
                #[cfg(feature = "msgpack")]
                Format::MessagePack => {
                    out.extend_from_slice(b"\x93\x02\xa3log\x93\x7b\xcd\x01\xc8\xb2");
                    out.extend_from_slice(b"a note of 18 bytes");
                }
            }
        }
        out
    }

    /// A call that is answered when everything before has been handled.
    fn call(self) -> Vec<u8> {
        match self {
            Format::Json => {
                let mut out = Vec::new();
                message::push_call(&mut out, FIRST_ID);
                out
            }
            Format::Terse => b"add[1] a:123 b:456 note:\"\"\n".to_vec(),
            #[cfg(feature = "msgpack")]
            Format::MessagePack => b"\x94\0\x01\xa3add\x93\x7b\xcd\x01\xc8\xa0".to_vec(),
        }
    }
}

fn round(system: &AnySystem, format: Format) -> Result<Vec<Option<f64>>> {
    let server = system.serve()?;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port))?;
    // A warm-up, and then for the clock.
    send(&mut stream, format, WARM_UP)?;
    let begin = Instant::now();
    send(&mut stream, format, PARTS)?;
    let each = begin.elapsed().as_secs_f64() / (PART * PARTS) as f64;
    Ok(vec![Some(each)])
}

/// Returns when all has been handled.
fn send(stream: &mut TcpStream, format: Format, parts: usize) -> Result {
    let part = format.notifications(PART);
    for _ in 0..parts {
        stream.write_all(&part)?;
    }
    stream.write_all(&format.call())?;
    // A short answer comes in one piece.
    match stream.read(&mut [0; 256])? {
        0 => Err("the server is gone".into()),
        _ => Ok(()),
    }
}
