//! What receiving costs: framing, decoding, and a handler.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use crate::Result;
use crate::message::{self, FIRST_ID};
use crate::plan::{Column, Contender, Measure, Scale, Unit, Workload};
use crate::system::AnySystem;
use crate::systems::{Floor, QuickRpc};

pub(super) fn workload(_scale: &Scale) -> Workload {
    let systems: [(AnySystem, Format); 5] = [
        (Arc::new(Floor::typed().epoll()), Format::Json),
        (Arc::new(Floor::plain().epoll()), Format::Json),
        (Arc::new(QuickRpc::jrpc()), Format::Json),
        (Arc::new(QuickRpc::queue()), Format::Json),
        (Arc::new(QuickRpc::terse()), Format::Terse),
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
            .map(|(system, format)| Contender::new(system.name(), move || setup(&system, format)))
            .collect(),
        rounds: None,
    }
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Json,
    Terse,
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
        }
    }
}

fn setup(system: &AnySystem, format: Format) -> Result<Measure> {
    const PART: usize = 500;
    const PARTS: usize = 200;
    let server = system.serve()?;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port))?;
    let (part, call) = (format.notifications(PART), format.call());
    let mut answer = [0; 256];
    Ok(Box::new(move || {
        black_box(&server);
        let begin = Instant::now();
        for _ in 0..PARTS {
            stream.write_all(&part)?;
        }
        stream.write_all(&call)?;
        // A short answer comes in one piece.
        if stream.read(&mut answer)? == 0 {
            return Err("the server is gone".into());
        }
        let each = begin.elapsed().as_secs_f64() / (PART * PARTS) as f64;
        Ok(vec![Some(each)])
    }))
}
