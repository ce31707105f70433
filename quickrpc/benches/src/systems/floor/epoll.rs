//! One thread for all connections.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::buffer::spare_capacity;
use rustix::event::epoll;

use super::Floor;
use super::server::Stop;
use crate::Result;
use crate::message::Frames;
use crate::system::Server;

pub(super) fn serve(floor: Floor) -> Result<Server> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let readable = epoll::EventFlags::IN;
    epoll::add(&poll, &listener, epoll::EventData::new_u64(0), readable)?;
    let stop = Stop::new(port);
    let mut loop_ = Loop {
        floor,
        poll,
        listener,
        connections: HashMap::new(),
        next: 1,
        frames: Frames::new(),
        out: Vec::new(),
    };
    let flag = Arc::clone(&stop.flag);
    let thread = thread::spawn(move || {
        loop_.run(&flag).ok();
    });
    Ok(Server::new(port, stop.guarding(thread)))
}

struct Loop {
    floor: Floor,
    poll: OwnedFd,
    listener: TcpListener,
    connections: HashMap<u64, Connection>,
    next: u64,
    /// For all connections without leftover input.
    frames: Frames,
    out: Vec<u8>,
}

struct Connection {
    stream: TcpStream,
    /// Where it has an incomplete message.
    left: Option<Box<Frames>>,
}

impl Loop {
    fn run(&mut self, stop: &AtomicBool) -> Result {
        let mut events = Vec::with_capacity(256);
        while !stop.load(Ordering::Acquire) {
            epoll::wait(&self.poll, spare_capacity(&mut events), None)?;
            for event in events.drain(..) {
                match event.data.u64() {
                    0 => self.accept()?,
                    token => {
                        if self.receive(token).is_err() {
                            self.connections.remove(&token);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn accept(&mut self) -> Result {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let token = epoll::EventData::new_u64(self.next);
            epoll::add(&self.poll, &stream, token, epoll::EventFlags::IN)?;
            let connection = Connection { stream, left: None };
            self.connections.insert(self.next, connection);
            self.next += 1;
        }
    }

    fn receive(&mut self, token: u64) -> Result {
        let Some(connection) = self.connections.get_mut(&token) else {
            return Ok(());
        };
        let mut left = connection.left.take();
        let frames = left.as_deref_mut().unwrap_or(&mut self.frames);
        if frames.fill(&connection.stream)? == 0 {
            return Err("the end".into());
        }
        while let Some(frame) = frames.next_frame() {
            self.floor.answer(frames.frame(frame), &mut self.out)?;
        }
        connection.left = match left {
            Some(left) if left.is_empty() => None,
            None if self.frames.is_empty() => None,
            None => Some(Box::new(std::mem::replace(&mut self.frames, Frames::new()))),
            left => left,
        };
        if !self.out.is_empty() {
            write_all(&connection.stream, &self.out)?;
            self.out.clear();
        }
        Ok(())
    }
}

/// Waits where the socket is full: callers here read all their answers.
fn write_all(mut stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(length) => bytes = &bytes[length..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                use rustix::event::{PollFd, PollFlags, poll};
                poll(&mut [PollFd::new(&stream, PollFlags::OUT)], None)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
