//! A thread for each connection, in a blocking read.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::Floor;
use crate::Result;
use crate::message::Frames;
use crate::system::Server;

pub(super) fn serve(floor: Floor) -> Result<Server> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let stop = Stop::new(port);
    let flag = Arc::clone(&stop.flag);
    let thread = thread::spawn(move || {
        for stream in listener.incoming() {
            if flag.load(Ordering::Acquire) {
                break;
            }
            if let Ok(stream) = stream {
                // Ends with the connection. A small stack, for the sake of thousands.
                let thread = thread::Builder::new().stack_size(1 << 16);
                thread.spawn(move || converse(stream, floor)).ok();
            }
        }
    });
    Ok(Server::new(port, stop.guarding(thread)))
}

fn converse(mut stream: TcpStream, floor: Floor) -> Result {
    stream.set_nodelay(true)?;
    let (mut frames, mut out) = (Frames::new(), Vec::new());
    while frames.fill(&stream)? > 0 {
        while let Some(frame) = frames.next_frame() {
            floor.answer(frames.frame(frame), &mut out)?;
        }
        if !out.is_empty() {
            stream.write_all(&out)?;
            out.clear();
        }
    }
    Ok(())
}

/// Ends a thread that accepts connections.
pub(super) struct Stop {
    pub(super) flag: Arc<AtomicBool>,
    port: u16,
    thread: Option<JoinHandle<()>>,
}

impl Stop {
    pub(super) fn new(port: u16) -> Self {
        Stop {
            flag: Arc::default(),
            port,
            thread: None,
        }
    }

    pub(super) fn guarding(self, thread: JoinHandle<()>) -> impl Send {
        let mut this = self;
        this.thread = Some(thread);
        this
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.flag.store(true, Ordering::Release);
        // Wakes the thread out of its wait for connections.
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
