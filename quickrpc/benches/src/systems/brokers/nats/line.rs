//! NATS, as a connection by hand.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::ops::Range;

use super::super::PATIENCE;
use crate::Result;

/// A connection to a server of NATS.
pub(super) struct Line {
    pub(super) stream: TcpStream,
    pub(super) buffer: Vec<u8>,
    start: usize,
    end: usize,
}

/// What it says. The ranges are of its buffer.
pub(super) enum Heard {
    Message {
        reply: Range<usize>,
        payload: Range<usize>,
        /// The server says that nobody listens.
        nobody: bool,
    },
    Pong,
}

const CONNECT: &[u8] =
    b"CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true,\
    \"echo\":false,\"protocol\":1,\"lang\":\"rust\",\"version\":\"0\",\"name\":\"floor\"}\r\n";

impl Line {
    pub(super) fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut line = Line {
            stream,
            buffer: vec![0; 1 << 16],
            start: 0,
            end: 0,
        };
        line.say(CONNECT)?;
        line.flush()?;
        Ok(line)
    }

    pub(super) fn say(&mut self, text: &[u8]) -> Result {
        Ok(self.stream.write_all(text)?)
    }

    /// The server has heard all that was said.
    pub(super) fn flush(&mut self) -> Result {
        self.say(b"PING\r\n")?;
        while !matches!(self.hear()?, Heard::Pong) {}
        Ok(())
    }

    pub(super) fn hear(&mut self) -> Result<Heard> {
        loop {
            if let Some(heard) = self.cut()? {
                return Ok(heard);
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Result {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            self.buffer.resize(2 * self.end, 0);
        }
        match self.stream.read(&mut self.buffer[self.end..])? {
            0 => Err("the server has closed the connection".into()),
            length => {
                self.end += length;
                Ok(())
            }
        }
    }

    /// The next thing that has come in full.
    pub(super) fn cut(&mut self) -> Result<Option<Heard>> {
        loop {
            let rest = &self.buffer[self.start..self.end];
            let Some(length) = memchr::memchr(b'\n', rest) else {
                return Ok(None);
            };
            let (begin, after) = (self.start, self.start + length + 1);
            match rest[0] {
                b'M' | b'H' => return self.message(begin, after),
                b'P' if rest.starts_with(b"PONG") => {
                    self.start = after;
                    return Ok(Some(Heard::Pong));
                }
                b'P' => {
                    self.start = after;
                    self.say(b"PONG\r\n")?;
                }
                b'I' => self.start = after,
                _ => return Err(String::from_utf8_lossy(&rest[..length]).into()),
            }
        }
    }

    /// `MSG <subject> <number> [reply] <length>`, or `HMSG` with two lengths.
    fn message(&mut self, begin: usize, after: usize) -> Result<Option<Heard>> {
        let head = &self.buffer[begin..after - 2];
        let has_header = head[0] == b'H';
        let mut words = [0..0, 0..0, 0..0, 0..0, 0..0, 0..0];
        let (mut count, mut at) = (0, 0);
        for space in memchr::memchr_iter(b' ', head).chain([head.len()]) {
            *words.get_mut(count).ok_or("too many words")? = begin + at..begin + space;
            (count, at) = (count + 1, space + 1);
        }
        let number = |word: &Range<usize>| -> Result<usize> {
            Ok(std::str::from_utf8(&self.buffer[word.clone()])?.parse()?)
        };
        let last = count.checked_sub(1).ok_or("no words")?;
        let (lengths, header) = match has_header {
            true => (2, number(&words[last - 1])?),
            false => (1, 0),
        };
        let length = number(&words[last])?;
        if self.end < after + length + 2 {
            return Ok(None);
        }
        let reply = match count - lengths {
            4 => words[3].clone(),
            _ => 0..0,
        };
        self.start = after + length + 2;
        let nobody = self.buffer[after..after + header].starts_with(b"NATS/1.0 503");
        Ok(Some(Heard::Message {
            reply,
            payload: after + header..after + length,
            nobody,
        }))
    }
}

pub(super) fn publish(out: &mut Vec<u8>, subject: &[u8], reply: &[u8], payload: &[u8]) {
    out.extend_from_slice(b"PUB ");
    out.extend_from_slice(subject);
    out.push(b' ');
    if !reply.is_empty() {
        out.extend_from_slice(reply);
        out.push(b' ');
    }
    write!(out, "{}", payload.len()).ok();
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(payload);
    out.extend_from_slice(b"\r\n");
}
