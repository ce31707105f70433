//! NATS by hand, and by heart.

use std::any::Any;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::super::{self as brokers, Act, Behind, Broker, Teller, answer, call, can, check, note};
use super::line::{Heard, Line, publish};
use crate::Result;
use crate::message::{self, FIRST_ID};
use crate::system::{Client, Job, Laps, Server, System};

/// By hand, and by heart.
pub(crate) struct Hand(pub(crate) Arc<Broker>);

impl System for Hand {
    fn name(&self) -> String {
        "floor".to_owned()
    }

    fn serve(&self) -> Result<Server> {
        let mut line = Line::open(self.0.port)?;
        line.say(b"SUB lab.any.add workers 1\r\n")?;
        line.flush()?;
        let stream = line.stream.try_clone()?;
        let thread = thread::spawn(move || {
            // Until the guard shuts it down.
            respond(line).ok();
        });
        Ok(Server::new(self.0.port, Responder(stream, Some(thread))))
    }

    fn connect(&self, port: u16) -> Result<Box<dyn Client>> {
        let mut line = Line::open(port)?;
        line.say(b"SUB lab.in.floor.> 1\r\n")?;
        line.flush()?;
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
            if let Heard::Message { reply, payload, .. } = heard {
                let answer = answer(&line.buffer[payload]);
                publish(&mut out, &line.buffer[reply], b"", &answer);
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
        let mut call = Vec::with_capacity(100);
        message::push_call(&mut call, id);
        let reply = format!("lab.in.floor.{id}");
        let call = &call[..call.len() - 1];
        publish(&mut self.out, b"lab.any.add", reply.as_bytes(), call);
    }

    fn write(&mut self) -> Result {
        self.line.say(&self.out)?;
        self.out.clear();
        Ok(())
    }

    fn check(&self, heard: Heard) -> Result {
        match heard {
            Heard::Message {
                payload,
                nobody: false,
                ..
            } => check(&self.line.buffer[payload]).map(drop),
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
            let mut heard = self.line.hear()?;
            // What has come with it makes room at once.
            loop {
                self.check(heard)?;
                done += 1;
                match self.line.cut()? {
                    Some(next) => heard = next,
                    None => break,
                }
            }
            if width == 1 {
                laps.lap();
            }
        }
        Ok(())
    }
}

impl Behind for Hand {
    fn teller(&self, namespace: &str) -> Result<Teller> {
        let mut line = Line::open(self.0.port)?;
        let mut text = Vec::new();
        publish(
            &mut text,
            format!("{namespace}.all.tell").as_bytes(),
            b"",
            note(),
        );
        Ok(Teller {
            knows: Box::new(|_| true),
            send: Box::new(move || line.say(&text)),
        })
    }

    fn join(&self, namespace: &str, count: usize) -> Result<Box<dyn Any>> {
        let join = |number| -> Result<Line> {
            let mut line = Line::open(self.0.port)?;
            line.say(
                format!(
                    "SUB {namespace}.in.p{number}.t.> 1\r\nSUB {namespace}.to.p{number}.> 2\r\n\
                     SUB {namespace}.all.> 3\r\nSUB {namespace}.any.add workers 4\r\n"
                )
                .as_bytes(),
            )?;
            line.flush()?;
            Ok(line)
        };
        let lines = (0..count).map(join).collect::<Result<Vec<_>>>()?;
        Ok(Box::new(lines))
    }

    fn unserved(&self, namespace: &str) -> Result<Act> {
        let mut line = Line::open(self.0.port)?;
        line.say(format!("SUB {namespace}.in.floor.> 1\r\n").as_bytes())?;
        let mut text = Vec::new();
        let subject = format!("{namespace}.any.add");
        let reply = format!("{namespace}.in.floor.1");
        publish(&mut text, subject.as_bytes(), reply.as_bytes(), call());
        Ok(Box::new(move || {
            line.say(&text)?;
            match line.hear()? {
                Heard::Message { nobody: true, .. } => Ok(()),
                _ => Err("the server does not say that nobody listens".into()),
            }
        }))
    }

    fn killed(&self, _namespace: &str) -> Result<Option<f64>> {
        Ok(None)
    }
}

/// So many receivers, which are subscriptions of one connection.
pub(crate) struct Receivers {
    line: Line,
    namespace: String,
    count: usize,
}

impl Receivers {
    pub(crate) fn new(broker: &Broker, namespace: &str, count: usize) -> Result<Self> {
        let mut line = Line::open(broker.port)?;
        let subscribe = |number| format!("SUB {namespace}.all.tell {number}\r\n");
        let text: String = (1..=count).map(subscribe).collect();
        line.say(text.as_bytes())?;
        line.flush()?;
        Ok(Receivers {
            line,
            namespace: namespace.to_owned(),
            count,
        })
    }
}

impl brokers::Receivers for Receivers {
    fn announce(&mut self) -> Result {
        let mut text = Vec::new();
        let subject = format!("{}.all._here", self.namespace);
        for number in 0..self.count {
            let reply = format!("{}.in.p{number}.t._", self.namespace);
            // As one that was there before, so that nobody greets it.
            publish(&mut text, subject.as_bytes(), reply.as_bytes(), b"again");
        }
        self.line.say(&text)?;
        self.line.flush()
    }

    fn receive(&mut self) -> Result {
        let mut count = 0;
        while count < self.count {
            if let Heard::Message { .. } = self.line.hear()? {
                count += 1;
            }
        }
        Ok(())
    }
}
