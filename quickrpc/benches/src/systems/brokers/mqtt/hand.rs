//! MQTT 5 by hand, and by heart.

use std::any::Any;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::super::{
    self as brokers, Act, Behind, Broker, Teller, answer, call, can, check, note, numbered,
};
use super::SHARED;
use super::line::{Heard, Line, acknowledge, publish};
use crate::Result;
use crate::message::FIRST_ID;
use crate::system::{Client, Job, Laps, Server, System};

/// The broker says that nobody is there.
const NOBODY: u8 = 0x10;

/// By hand, and by heart.
pub(crate) struct Hand(pub(crate) Arc<Broker>);

impl System for Hand {
    fn name(&self) -> String {
        "floor".to_owned()
    }

    fn serve(&self) -> Result<Server> {
        let mut line = Line::open(self.0.port, None)?;
        line.subscribe(SHARED, 1)?;
        let stream = line.stream.try_clone()?;
        let thread = thread::spawn(move || {
            // Until the guard shuts it down.
            respond(line).ok();
        });
        Ok(Server::new(self.0.port, Responder(stream, Some(thread))))
    }

    fn connect(&self, port: u16) -> Result<Box<dyn Client>> {
        let mut line = Line::open(port, None)?;
        line.subscribe("lab/in/floor/#", 1)?;
        let out = Vec::new();
        Ok(Box::new(Caller { line, out, last: 0 }))
    }

    fn can(&self, job: Job) -> bool {
        can(job)
    }
}

struct Responder(TcpStream, Option<JoinHandle<()>>);

impl Drop for Responder {
    fn drop(&mut self) {
        self.0.shutdown(Shutdown::Both).ok();
        if let Some(thread) = self.1.take() {
            thread.join().ok();
        }
    }
}

fn respond(mut line: Line) -> Result {
    let mut out = Vec::new();
    loop {
        let mut heard = line.hear()?;
        loop {
            if let Heard::Message {
                reply,
                payload,
                number,
            } = heard
            {
                let answer = answer(&line.buffer[payload]);
                let own = line.next_number();
                if let Some(number) = number {
                    acknowledge(&mut out, number);
                }
                let to = (&line.buffer[reply], &b""[..]);
                publish(&mut out, to, Some(own), false, &answer);
            }
            match line.cut()? {
                Some(next) => heard = next,
                None => break,
            }
        }
        line.say(&out)?;
        out.clear();
    }
}

struct Caller {
    line: Line,
    out: Vec<u8>,
    last: u64,
}

impl Caller {
    fn push(&mut self) {
        self.last = (self.last + 1) % 800_000;
        let id = FIRST_ID + self.last;
        let reply = format!("lab/in/floor/{id}");
        let number = Some(self.line.next_number());
        let to = (&b"lab/any/add"[..], reply.as_bytes());
        publish(&mut self.out, to, number, false, &numbered(id));
    }

    fn write(&mut self) -> Result {
        if !self.out.is_empty() {
            self.line.say(&self.out)?;
            self.out.clear();
        }
        Ok(())
    }

    /// Gives whether it is an answer.
    fn is_answer(&mut self, heard: Heard) -> Result<bool> {
        match heard {
            Heard::Message {
                payload, number, ..
            } => {
                check(&self.line.buffer[payload])?;
                if let Some(number) = number {
                    acknowledge(&mut self.out, number);
                }
                Ok(true)
            }
            Heard::Acknowledged(0) => Ok(false),
            _ => Err("something else than an answer".into()),
        }
    }
}

impl Client for Caller {
    fn run(&mut self, job: Job, count: usize, laps: &mut Laps) -> Result {
        let width = match job {
            Job::Window(width) => width,
            _ => 1,
        };
        let (mut sent, mut done) = (0, 0);
        while done < count {
            while sent < count && sent < done + width {
                self.push();
                sent += 1;
            }
            self.write()?;
            let before = done;
            let mut heard = self.line.hear()?;
            // What has come with it makes room at once.
            loop {
                done += usize::from(self.is_answer(heard)?);
                match self.line.cut()? {
                    Some(next) => heard = next,
                    None => break,
                }
            }
            if width == 1 && done > before {
                laps.lap();
            }
        }
        self.write()
    }
}

impl Behind for Hand {
    fn teller(&self, namespace: &str) -> Result<Teller> {
        let mut line = Line::open(self.0.port, None)?;
        let topic = format!("{namespace}/all/tell");
        let mut out = Vec::new();
        Ok(Teller {
            knows: Box::new(|_| true),
            send: Box::new(move || {
                out.clear();
                let number = line.next_number();
                publish(
                    &mut out,
                    (topic.as_bytes(), b""),
                    Some(number),
                    false,
                    note(),
                );
                line.say(&out)?;
                line.hear().map(drop)
            }),
        })
    }

    fn join(&self, namespace: &str, count: usize) -> Result<Box<dyn Any>> {
        let join = |number| -> Result<Line> {
            let gone = format!("{namespace}/gone/p{number}");
            let mut line = Line::open(self.0.port, Some(&gone))?;
            for filter in [
                format!("{namespace}/in/p{number}/t/#"),
                format!("{namespace}/to/p{number}/#"),
                format!("{namespace}/all/#"),
                format!("$share/workers/{namespace}/any/add"),
            ] {
                line.subscribe(&filter, 1)?;
            }
            Ok(line)
        };
        let lines = (0..count).map(join).collect::<Result<Vec<_>>>()?;
        Ok(Box::new(lines))
    }

    fn unserved(&self, namespace: &str) -> Result<Act> {
        let mut line = Line::open(self.0.port, None)?;
        let topic = format!("{namespace}/any/add");
        let reply = format!("{namespace}/in/floor/1");
        let mut out = Vec::new();
        Ok(Box::new(move || {
            out.clear();
            let number = line.next_number();
            let to = (topic.as_bytes(), reply.as_bytes());
            publish(&mut out, to, Some(number), false, call());
            line.say(&out)?;
            match line.hear()? {
                Heard::Acknowledged(NOBODY) => Ok(()),
                _ => Err("the broker does not say that nobody listens".into()),
            }
        }))
    }

    fn killed(&self, namespace: &str) -> Result<Option<f64>> {
        let gone = format!("{namespace}/gone");
        let mut line = Line::open(self.0.port, None)?;
        line.subscribe(&gone, 1)?;
        let other = Line::open(self.0.port, Some(&gone))?;
        let begin = Instant::now();
        other.stream.shutdown(Shutdown::Both)?;
        match line.hear()? {
            Heard::Message { .. } => Ok(Some(begin.elapsed().as_secs_f64())),
            _ => Err("something else than a will".into()),
        }
    }
}

/// So many receivers, each a connection of its own.
pub(crate) struct Receivers {
    lines: Vec<Line>,
    namespace: String,
}

impl Receivers {
    pub(crate) fn new(broker: &Broker, namespace: &str, count: usize) -> Result<Self> {
        let topic = format!("{namespace}/all/tell");
        let open = |_| -> Result<Line> {
            let mut line = Line::open(broker.port, None)?;
            line.subscribe(&topic, 0)?;
            Ok(line)
        };
        Ok(Receivers {
            lines: (0..count).map(open).collect::<Result<_>>()?,
            namespace: namespace.to_owned(),
        })
    }
}

impl brokers::Receivers for Receivers {
    fn announce(&mut self) -> Result {
        for (number, line) in self.lines.iter_mut().enumerate() {
            let topic = format!("{}/here/p{number}/t", self.namespace);
            let mut out = Vec::new();
            publish(&mut out, (topic.as_bytes(), b""), None, true, b"1");
            line.say(&out)?;
        }
        Ok(())
    }

    fn receive(&mut self) -> Result {
        for line in &mut self.lines {
            match line.hear()? {
                Heard::Message { .. } => {}
                _ => return Err("something else than a message".into()),
            }
        }
        Ok(())
    }
}
