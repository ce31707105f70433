//! MQTT 5, as a connection by hand.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::PATIENCE;
use crate::Result;

/// A connection to a broker of MQTT.
pub(super) struct Line {
    pub(super) stream: TcpStream,
    pub(super) buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Of the last message that wants an acknowledgement.
    number: u16,
}

/// What it says. The ranges are of its buffer.
pub(super) enum Heard {
    Message {
        /// Where the answer goes.
        reply: Range<usize>,
        payload: Range<usize>,
        number: Option<u16>,
    },
    /// A message of ours has arrived.
    Acknowledged(u8),
    /// Something else that was asked for.
    Done,
}

fn text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text);
}

/// A packet with what stands before its length.
fn packet(out: &mut Vec<u8>, first: u8, body: &[u8]) {
    out.push(first);
    let mut rest = body.len();
    loop {
        let byte = (rest % 128) as u8;
        rest /= 128;
        out.push(if rest > 0 { byte | 0x80 } else { byte });
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(body);
}

/// A message; with a number, the broker acknowledges it.
pub(super) fn publish(
    out: &mut Vec<u8>,
    (topic, reply): (&[u8], &[u8]),
    number: Option<u16>,
    kept: bool,
    payload: &[u8],
) {
    let mut body = Vec::with_capacity(payload.len() + topic.len() + reply.len() + 16);
    text(&mut body, topic);
    if let Some(number) = number {
        body.extend_from_slice(&number.to_be_bytes());
    }
    match reply {
        [] => body.push(0),
        reply => {
            body.push((reply.len() + 3) as u8);
            body.push(0x08); // response topic
            text(&mut body, reply);
        }
    }
    body.extend_from_slice(payload);
    let first = 0x30 | u8::from(number.is_some()) << 1 | u8::from(kept);
    packet(out, first, &body);
}

pub(super) fn acknowledge(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&[0x40, 2]);
    out.extend_from_slice(&number.to_be_bytes());
}

impl Line {
    /// With what the broker says at this topic when the connection has ended.
    pub(super) fn open(port: u16, will: Option<&str>) -> Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "floor{}x{}",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        );
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut line = Line {
            stream,
            buffer: vec![0; 1 << 12],
            start: 0,
            end: 0,
            number: 0,
        };
        let mut body = b"\0\x04MQTT\x05".to_vec();
        // From the beginning, and with a will that is acknowledged.
        body.push(if will.is_some() { 0x0e } else { 0x02 });
        body.extend_from_slice(b"\0\x3c\0"); // 60 s, no properties
        text(&mut body, name.as_bytes());
        if let Some(topic) = will {
            body.push(0);
            text(&mut body, topic.as_bytes());
            text(&mut body, b"gone");
        }
        let mut out = Vec::new();
        packet(&mut out, 0x10, &body);
        line.say(&out)?;
        line.expect_done()?;
        Ok(line)
    }

    pub(super) fn say(&mut self, bytes: &[u8]) -> Result {
        Ok(self.stream.write_all(bytes)?)
    }

    fn expect_done(&mut self) -> Result {
        match self.hear()? {
            Heard::Done => Ok(()),
            _ => Err("the broker says something else first".into()),
        }
    }

    pub(super) fn subscribe(&mut self, filter: &str, qos: u8) -> Result {
        let mut body = self.next_number().to_be_bytes().to_vec();
        body.push(0);
        text(&mut body, filter.as_bytes());
        body.push(qos);
        let mut out = Vec::new();
        packet(&mut out, 0x82, &body);
        self.say(&out)?;
        self.expect_done()
    }

    pub(super) fn next_number(&mut self) -> u16 {
        self.number = self.number % u16::MAX + 1;
        self.number
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
            0 => Err("the broker has closed the connection".into()),
            length => {
                self.end += length;
                Ok(())
            }
        }
    }

    /// The next packet that has come in full.
    pub(super) fn cut(&mut self) -> Result<Option<Heard>> {
        let rest = &self.buffer[self.start..self.end];
        let (mut length, mut at) = (0, 1);
        loop {
            let Some(byte) = rest.get(at) else {
                return Ok(None);
            };
            length |= usize::from(byte & 0x7f) << (7 * (at - 1));
            at += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        if rest.len() < at + length {
            return Ok(None);
        }
        let (first, begin) = (rest[0], self.start + at);
        let body = begin..begin + length;
        self.start = body.end;
        match first >> 4 {
            2 if self.buffer[begin + 1] == 0 => Ok(Some(Heard::Done)),
            3 => self.message(first, body).map(Some),
            4 => Ok(Some(Heard::Acknowledged(match length {
                2 => 0,
                _ => self.buffer[begin + 2],
            }))),
            9 if self.buffer[body.end - 1] < 0x80 => Ok(Some(Heard::Done)),
            _ => Err(format!("the broker says {first:#x}").into()),
        }
    }

    fn message(&self, first: u8, body: Range<usize>) -> Result<Heard> {
        let number_at = |at: usize| u16::from_be_bytes([self.buffer[at], self.buffer[at + 1]]);
        let mut at = body.start + 2 + usize::from(number_at(body.start));
        let number = match first & 0x06 {
            0 => None,
            _ => {
                at += 2;
                Some(number_at(at - 2))
            }
        };
        let properties = usize::from(self.buffer[at]);
        if properties >= 0x80 {
            return Err("more properties than anybody here sends".into());
        }
        // There is nothing but where the answer goes.
        let reply = match properties {
            0 => 0..0,
            _ => at + 4..at + 1 + properties,
        };
        Ok(Heard::Message {
            reply,
            payload: at + 1 + properties..body.end,
            number,
        })
    }
}
