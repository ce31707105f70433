//! This library behind a broker.

use std::any::Any;
use std::env;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, stdin};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use quickrpc::{Error, Promise};

use super::super::quickrpc::{Bench, BenchInverse, client, limits, right};
use super::{Act, Behind, Broker, Kind, PATIENCE, Teller, can};
use crate::Result;
use crate::message::{A, B, NOTE};
use crate::system::{Client, Job, Server, System};

/// This library behind a broker, with a codec.
pub(crate) struct Ours {
    broker: Arc<Broker>,
    codec: &'static str,
}

impl Ours {
    pub(crate) fn new(broker: &Arc<Broker>, codec: &'static str) -> Self {
        Ours {
            broker: Arc::clone(broker),
            codec,
        }
    }

    fn transport(&self, namespace: &str) -> String {
        let shorthand = match self.broker.kind {
            #[cfg(feature = "nats")]
            Kind::Nats => "nats",
            #[cfg(feature = "mqtt")]
            Kind::Mqtt => "mqtt",
        };
        format!("{shorthand}:127.0.0.1:{}/{namespace}", self.broker.port)
    }

    fn peer(&self, namespace: &str) -> Result<Bench> {
        let api = Bench::builder()
            .codec(self.codec)
            .transport(self.transport(namespace))
            .limits(limits())
            .build()?;
        Ok(api)
    }

    fn hub(&self, namespace: &str) -> Result<BenchInverse> {
        let api = BenchInverse::builder()
            .codec(self.codec)
            .transport(self.transport(namespace))
            .limits(limits())
            .call_timeout(Duration::from_secs(60))
            .build()?;
        api.start()?;
        Ok(api)
    }
}

/// Waits for something that comes of what others send.
fn until(what: &str, is_so: impl Fn() -> bool) -> Result {
    match within(PATIENCE, is_so) {
        true => Ok(()),
        false => Err(format!("{what}: not so in time").into()),
    }
}

fn within(limit: Duration, is_so: impl Fn() -> bool) -> bool {
    let begin = Instant::now();
    while !is_so() {
        if begin.elapsed() > limit {
            return false;
        }
        // Others have to do something on the same processor.
        thread::sleep(Duration::from_micros(200));
    }
    true
}

const SECOND: Duration = Duration::from_secs(1);

impl System for Ours {
    fn name(&self) -> String {
        format!("quickrpc {}", self.codec)
    }

    fn serve(&self) -> Result<Server> {
        let api = self.peer("lab")?;
        api.add.connect(|_sender, a, b, note| {
            black_box(note);
            a + b
        });
        api.start()?;
        Ok(Server::new(self.broker.port, api))
    }

    fn connect(&self, _port: u16) -> Result<Box<dyn Client>> {
        let api = self.hub("lab")?;
        let hub = api.any();
        until("somebody serves", || right(hub.add(A, B, NOTE)).is_ok())?;
        Ok(client(api, hub))
    }

    fn can(&self, job: Job) -> bool {
        can(job)
    }
}

impl Behind for Ours {
    fn teller(&self, namespace: &str) -> Result<Teller> {
        let api = Arc::new(self.peer(namespace)?);
        api.start()?;
        let (all, peers) = (api.all(), Arc::clone(&api));
        Ok(Teller {
            knows: Box::new(move |count| within(SECOND, || peers.peers().len() == count)),
            send: Box::new(move || {
                black_box(&api);
                Ok(all.tell(A, B, NOTE)?)
            }),
        })
    }

    fn join(&self, namespace: &str, count: usize) -> Result<Box<dyn Any>> {
        let peers = (0..count).map(|_| self.peer(namespace));
        let peers = peers.collect::<Result<Vec<_>>>()?;
        for peer in &peers {
            peer.start()?;
        }
        for peer in &peers {
            until("all know all", || peer.peers().len() == count - 1)?;
        }
        Ok(Box::new(peers))
    }

    fn unserved(&self, namespace: &str) -> Result<Act> {
        let api = self.hub(namespace)?;
        let any = api.any();
        Ok(Box::new(move || {
            black_box(&api);
            match any.add(A, B, NOTE).result() {
                Err(Error::NoPeer { .. }) => Ok(()),
                other => {
                    Err(format!("not an error of a call that nobody serves: {other:?}").into())
                }
            }
        }))
    }

    fn killed(&self, namespace: &str) -> Result<Option<f64>> {
        let transport = format!("{}?name=silent", self.transport(namespace));
        let mut child = Command::new(env::current_exe()?)
            .args(["--child", "silent", self.codec, &transport])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let taken = self.known_after_a_kill(namespace, &mut child);
        child.kill().ok();
        child.wait()?;
        taken.map(Some)
    }
}

impl Ours {
    fn known_after_a_kill(&self, namespace: &str, child: &mut std::process::Child) -> Result<f64> {
        let said = child.stdout.take().ok_or("no stdout")?;
        BufReader::new(said).read_line(&mut String::new())?;
        let api = self.hub(namespace)?;
        until("it is there", || api.peers().len() == 1)?;
        let waits = api.to("silent").text("");
        // Within what is waited between two questions, at another place each time.
        thread::sleep(Duration::from_millis(300) + jitter());
        child.kill()?;
        let begin = Instant::now();
        match waits.result() {
            Err(Error::Disconnected { .. }) => Ok(begin.elapsed().as_secs_f64()),
            other => Err(format!("not the error of a peer that has gone: {other:?}").into()),
        }
    }
}

/// Below 0.4 s, which is how often somebody is asked whether he is there.
fn jitter() -> Duration {
    let random = std::hash::RandomState::new();
    Duration::from_millis(std::hash::BuildHasher::hash_one(&random, "jitter") % 400)
}

/// A peer that answers nothing, in a process of its own, until its standard input ends.
pub(crate) fn silent(codec: &str, transport: &str) -> Result {
    let api = Bench::builder().codec(codec).transport(transport).build()?;
    let kept = Mutex::new(Vec::new());
    api.text.connect(move |_sender, _text| {
        let (promise, resolver) = Promise::pair();
        if let Ok(mut kept) = kept.lock() {
            kept.push(resolver);
        }
        promise
    });
    api.start()?;
    println!("ready");
    stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
