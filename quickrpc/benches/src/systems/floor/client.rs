//! A client that reads on the thread that calls.

use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};

use super::body::Body;
use super::callers;
use crate::message::{FIRST_ID, Frames};
use crate::system::{Client, Job, Laps};
use crate::{Result, systems::sample_text};

pub(super) struct FloorClient {
    pub(super) stream: TcpStream,
    pub(super) frames: Frames,
    pub(super) body: Body,
    out: Vec<u8>,
}

impl FloorClient {
    pub(super) fn connect(port: u16, body: Body) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        Ok(FloorClient {
            stream,
            frames: Frames::new(),
            body,
            out: Vec::new(),
        })
    }

    fn serial(&mut self, count: usize, laps: &mut Laps) -> Result {
        for _ in 0..count {
            self.body.call(&mut self.out, FIRST_ID)?;
            self.send()?;
            self.sums(1)?;
            laps.lap();
        }
        Ok(())
    }

    /// Sends a new call for each answer; what one read brought is answered by one write.
    fn window(&mut self, width: usize, count: usize) -> Result {
        let (mut sent, mut done) = (0, 0);
        while done < count {
            while sent < count.min(done + width) {
                self.body
                    .call(&mut self.out, FIRST_ID + sent as u64 % 1000)?;
                sent += 1;
            }
            self.send()?;
            done += self.sums(1)?;
        }
        Ok(())
    }

    fn notify(&mut self, count: usize) -> Result {
        for number in 1..=count {
            self.body.log(&mut self.out)?;
            if number % 64 == 0 {
                self.send()?;
            }
        }
        self.body.call(&mut self.out, FIRST_ID)?;
        self.send()?;
        self.sums(1)?;
        Ok(())
    }

    fn text(&mut self, text: &str, count: usize, laps: &mut Laps) -> Result {
        for _ in 0..count {
            self.body.text(&mut self.out, text, FIRST_ID)?;
            self.send()?;
            let frame = self.read_frame()?;
            self.body.echoed(self.frames.frame(frame), text.len())?;
            laps.lap();
        }
        Ok(())
    }

    fn send(&mut self) -> Result {
        self.stream.write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }

    /// Reads until there are so many answers; gives how many there were.
    fn sums(&mut self, at_least: usize) -> Result<usize> {
        let mut count = 0;
        while count < at_least {
            let frame = self.read_frame()?;
            self.body.sum(self.frames.frame(frame))?;
            count += 1;
            while let Some(frame) = self.frames.next_frame() {
                self.body.sum(self.frames.frame(frame))?;
                count += 1;
            }
        }
        Ok(count)
    }

    fn read_frame(&mut self) -> Result<std::ops::Range<usize>> {
        loop {
            if let Some(frame) = self.frames.next_frame() {
                return Ok(frame);
            }
            if self.frames.fill(&self.stream)? == 0 {
                return Err("the server is gone".into());
            }
        }
    }
}

impl Client for FloorClient {
    fn run(&mut self, job: Job, count: usize, laps: &mut Laps) -> Result {
        match job {
            Job::Serial => self.serial(count, laps),
            Job::Window(width) => self.window(width, count),
            Job::Callers(callers) => callers::run(self, callers, count),
            Job::Notify => self.notify(count),
            // Without any encoding, bytes and text are the same.
            Job::Text(size) | Job::Bytes(size) => self.text(sample_text(size), count, laps),
        }
    }
}
