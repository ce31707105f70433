//! `quickrpc replay`: says again what clients have said.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use crossbeam_channel::{Receiver, bounded};
use quickrpc::Value;
use quickrpc::dynamic::Api;

use super::failure::{Failure, Kind};
use super::relay;
use super::telegrams::{self, Cut, Cutter, Found, Said};
use super::wire::{Bound, Wire};
use super::{Done, output, values};

/// Sends what `tap --record` has kept, and tells which answers differ.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Replay {
    /// What `quickrpc tap --record` has written
    file: PathBuf,

    #[command(flatten)]
    wire: Wire,

    /// How much faster than it was; 0: without pauses
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
}

const EXAMPLES: &str = "\
It fails (exit code 1) if an answer differs from what was recorded. What the server sent by itself is not
compared.

Examples:
  quickrpc replay talk.jsonl tcp:localhost:8888
  quickrpc replay talk.jsonl ws://localhost:8080/
      Wherever the service is now: over TCP, TLS, Unix-domain sockets or WebSocket
  quickrpc replay --speed 0 --codec terse talk.jsonl @lab";

/// One telegram of the record.
#[derive(Debug)]
struct Entry {
    time: f64,
    is_client: bool,
    telegram: Vec<u8>,
}

impl Replay {
    pub fn run(self) -> Done {
        if !(self.speed.is_finite() && self.speed >= 0.0) {
            return Err(Failure::usage("a speed is a number from 0 on"));
        }
        let bound = self.wire.bound()?;
        let cut = Cut::of(&bound.codec)?;
        let talks = self.read()?;
        let started = Instant::now();
        for entry in talks.values().flatten() {
            if due(started, entry, self.speed).is_none() {
                let text = format!(
                    "what was said after {} s cannot be said again at speed {}",
                    entry.time, self.speed
                );
                return Err(Failure::usage(text).hint("--speed 0 is without pauses"));
            }
        }
        let mut threads = Vec::new();
        for (number, entries) in talks {
            let line = Line::open(&bound, &cut)?;
            let (speed, timeout) = (self.speed, bound.timeout);
            threads.push(thread::spawn(move || {
                play(number, &entries, &line, speed, started, timeout)
            }));
        }
        let (mut same, mut different) = (0, 0);
        for thread in threads {
            let played = thread
                .join()
                .map_err(|_| Failure::new(Kind::Connection, "a thread has panicked"))?;
            let (equal, differences) = played?;
            same += equal;
            different += differences.len();
            for difference in differences {
                output::line(difference)?;
            }
        }
        output::line(format!("{same} answers are the same, {different} differ"))?;
        match different {
            0 => Ok(()),
            count => Err(Failure::new(
                Kind::Remote,
                format!("{count} answers differ"),
            )),
        }
    }

    fn read(&self) -> Result<BTreeMap<i64, Vec<Entry>>, Failure> {
        let file = self.file.display();
        let text = std::fs::read_to_string(&self.file)
            .map_err(|error| Failure::usage(format!("cannot read {file}: {error}")))?;
        let mut talks: BTreeMap<i64, Vec<Entry>> = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            let wrong = |why: String| Failure::usage(format!("{file}:{}: {why}", number + 1));
            let entry = values::json(line).map_err(|error| wrong(error.to_string()))?;
            let telegram = entry["telegram"].as_str();
            let telegram = telegram.ok_or_else(|| wrong("expected a `telegram`".into()))?;
            talks
                .entry(entry["connection"].as_i64().unwrap_or(1))
                .or_default()
                .push(Entry {
                    time: entry["time"].as_f64().unwrap_or(0.0),
                    is_client: entry["from"].as_str() == Some("client"),
                    telegram: telegram.as_bytes().to_vec(),
                });
        }
        Ok(talks)
    }
}

/// When something is to be said again. `None` where no clock goes so far.
fn due(started: Instant, entry: &Entry, speed: f64) -> Option<Instant> {
    let after = match speed > 0.0 {
        true => (entry.time / speed).max(0.0),
        false => 0.0,
    };
    started.checked_add(Duration::try_from_secs_f64(after).ok()?)
}

/// Says what one client has said; gives how many answers are the same, and those that are not.
fn play(
    number: i64,
    entries: &[Entry],
    line: &Line,
    speed: f64,
    started: Instant,
    timeout: Duration,
) -> Result<(usize, Vec<String>), Failure> {
    let mut expected: HashMap<String, (String, &[u8])> = HashMap::new();
    let mut methods = HashMap::new();
    for entry in entries {
        match (entry.is_client, Said::of(&entry.telegram)) {
            (
                true,
                Said::Call {
                    method,
                    id: Some(id),
                },
            ) => drop(methods.insert(id, method)),
            (false, Said::Answer { id, .. }) => {
                if let Some(method) = methods.get(&id) {
                    expected.insert(id, (method.clone(), &entry.telegram));
                }
            }
            _ => {}
        }
    }
    let mut differences = Vec::new();
    let mut same = 0;
    thread::scope(|scope| {
        let reader = scope.spawn(|| line.answers(expected.len(), timeout));
        for entry in entries.iter().filter(|entry| entry.is_client) {
            if let Some(due) = due(started, entry, speed) {
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            if line.say(&entry.telegram).is_err() {
                break;
            }
        }
        let found = reader.join().unwrap_or_default();
        for (id, (method, telegram)) in &expected {
            match found.get(id) {
                Some(answer) if alike(answer, telegram) => same += 1,
                answer => {
                    let now =
                        answer.map_or("nothing".into(), |answer| String::from_utf8_lossy(answer));
                    let (was, now) = (
                        output::plain(&String::from_utf8_lossy(telegram)),
                        output::plain(&now),
                    );
                    let method = output::plain(method);
                    differences.push(format!("#{number} {method}\n  was {was}\n  is  {now}"));
                }
            }
        }
    });
    line.close();
    differences.sort();
    Ok((same, differences))
}

/// A connection to the server.
enum Line {
    Stream(TcpStream, Cut),
    /// What comes is there until somebody has read what he wants of it.
    Wire(Api, Mutex<Option<Receiver<Vec<u8>>>>),
}

/// So many telegrams may wait to be looked at. With more, the server is not read meanwhile.
const WAITING: usize = 16;

impl Line {
    fn open(bound: &Bound, cut: &Cut) -> Result<Self, Failure> {
        if Cut::is_plain(&bound.transport) {
            let stream = telegrams::connect(&bound.transport, bound.timeout)?;
            // Without a limit, a server that stands still would hold us for ever.
            stream.set_read_timeout(Some(bound.timeout))?;
            return Ok(Line::Stream(stream, cut.clone()));
        }
        let api = relay::open(&bound.codec, &bound.transport, bound)?;
        let (tell, told) = bounded(WAITING);
        relay::hear(&api, move |_server, telegram| {
            tell.send(telegram.to_vec()).ok();
        });
        api.start().map_err(|error| bound.cannot_start(error))?;
        Ok(Line::Wire(api, Mutex::new(Some(told))))
    }

    fn say(&self, telegram: &[u8]) -> Done {
        match self {
            Line::Stream(stream, cut) => {
                let mut out = stream;
                Ok(out.write_all(&cut.enclose(telegram))?)
            }
            Line::Wire(api, _) => relay::say(api, None, telegram),
        }
    }

    /// Reads until so many answers are there, or nothing more comes. What comes later waits for nobody.
    fn answers(&self, count: usize, timeout: Duration) -> HashMap<String, Vec<u8>> {
        let told = match self {
            Line::Stream(..) => None,
            Line::Wire(_, told) => told.lock().ok().and_then(|mut told| told.take()),
        };
        let mut found = HashMap::new();
        let mut cutter = match self {
            Line::Stream(_, cut) => Some(Cutter::new(cut)),
            Line::Wire(..) => None,
        };
        while found.len() < count
            && let Some(telegrams) = self.next(told.as_ref(), cutter.as_mut(), timeout)
        {
            for telegram in telegrams {
                if let Said::Answer { id, .. } = Said::of(&telegram) {
                    found.insert(id, telegram);
                }
            }
        }
        found
    }

    /// What has come, as soon as there is something.
    fn next(
        &self,
        told: Option<&Receiver<Vec<u8>>>,
        cutter: Option<&mut Cutter>,
        timeout: Duration,
    ) -> Option<Vec<Vec<u8>>> {
        match self {
            Line::Stream(stream, _) => {
                let (mut input, mut buffer) = (stream, vec![0; 64 << 10]);
                let count = input.read(&mut buffer).ok().filter(|&count| count > 0)?;
                let found = cutter?.push(buffer.get(..count).unwrap_or_default());
                let telegrams = found.into_iter().filter_map(|one| match one {
                    Found::Telegram(telegram) => Some(telegram),
                    Found::Unseen => None,
                });
                Some(telegrams.collect())
            }
            Line::Wire(..) => told?
                .recv_timeout(timeout)
                .ok()
                .map(|telegram| vec![telegram]),
        }
    }

    fn close(&self) {
        // The other side may have gone before.
        match self {
            Line::Stream(stream, _) => drop(stream.shutdown(Shutdown::Both)),
            Line::Wire(api, _) => drop(api.stop()),
        }
    }
}

/// Whether two telegrams mean the same, in whatever order their members are.
fn alike(one: &[u8], other: &[u8]) -> bool {
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
    match (json(one), json(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}
