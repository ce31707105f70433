//! `quickrpc bench`: how fast a service answers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use quickrpc::dynamic::Outgoing;
use quickrpc::expr::read_timeout;
use quickrpc::{Error, Value};

use super::call::explain;
use super::failure::{Failure, Kind, NO_ANSWER};
use super::wire::Wire;
use super::{Done, output, values};

/// Calls a method again and again, and tells how long it takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Bench {
    #[command(flatten)]
    wire: Wire,

    /// The method's name on the wire
    method: String,

    /// Arguments: name=value .., one JSON object or array, or - for JSON from stdin
    arguments: Vec<String>,

    /// For how long
    #[arg(long, short, default_value = "5s", value_name = "TIME", value_parser = read_timeout)]
    duration: Duration,

    /// Stop after so many calls
    #[arg(long, short = 'n', value_name = "CALLS")]
    count: Option<u64>,

    /// So many connections at once
    #[arg(long, short = 'j', default_value_t = 1)]
    connections: usize,

    /// So many calls in flight on each connection
    #[arg(long, short, default_value_t = 1)]
    in_flight: usize,

    /// Calls a second, over all connections, in place of as fast as it goes
    #[arg(long, value_name = "PER SECOND")]
    rate: Option<f64>,

    /// One JSON object in place of the table
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
With --rate, the time of a call counts from when it should have been made, so that a service that stands
still is not overlooked.

Examples:
  quickrpc bench tcp:localhost:8888 add a=2 b=3
  quickrpc bench --connections 4 --in-flight 16 --duration 10s @lab add a=2 b=3
  quickrpc bench --rate 1000 @lab measure channel=7";

/// What the threads have in common.
struct Run {
    arguments: Value,
    ends: Option<Instant>,
    begun: AtomicU64,
    started: Instant,
    options: Bench,
    /// Whether another peer may come in the place of one that has gone.
    goes_on: bool,
    /// Why there is nobody to be called any more.
    gone: OnceLock<String>,
}

/// How long a call that had nobody to go to waits for the next one.
const AGAIN: Duration = Duration::from_millis(10);

/// Times of calls, by their length in steps of about 3 %.
#[derive(Debug, Default)]
struct Times {
    buckets: BTreeMap<u32, u64>,
    count: u64,
    total: Duration,
    longest: Duration,
    errors: BTreeMap<String, u64>,
}

impl Bench {
    pub fn run(self) -> Done {
        if self.connections == 0 || self.in_flight == 0 {
            return Err(Failure::usage(
                "there has to be a connection, and a call on it",
            ));
        }
        if self
            .rate
            .is_some_and(|rate| !(rate.is_finite() && rate > 0.0))
        {
            return Err(Failure::usage("a rate is a number above 0"));
        }
        let arguments = values::arguments(&self.arguments)?;
        // One call first: what is wrong is told once, and in full.
        let first = self.wire.connect()?;
        let tried = first.service().call(&self.method, &arguments).result();
        tried.map_err(|error| explain(&first, &self.method, error))?;
        let mut connections = vec![first];
        while connections.len() < self.connections {
            connections.push(self.wire.connect()?);
        }
        let goes_on = connections
            .iter()
            .any(|connection| !connection.bound.ends_with_peer());
        let started = Instant::now();
        let run = Arc::new(Run {
            arguments,
            // One that has no end on this clock has none.
            ends: started.checked_add(self.duration),
            begun: AtomicU64::new(0),
            started,
            options: self,
            goes_on,
            gone: OnceLock::new(),
        });
        let mut threads = Vec::new();
        for connection in &connections {
            for _ in 0..run.options.in_flight {
                let (run, target) = (Arc::clone(&run), connection.service());
                threads.push(thread::spawn(move || run.call(&target)));
            }
        }
        let mut times = Times::default();
        for thread in threads {
            let done = thread.join();
            times.add(done.map_err(|_| Failure::new(Kind::Connection, "a thread has panicked"))?);
        }
        let told = times.tell(started.elapsed(), run.options.json);
        match run.gone.get() {
            None => told,
            Some(why) => {
                // What has failed before is beside that.
                told.or_else(|failure| match failure.kind {
                    Kind::Unread => Err(failure),
                    _ => Ok(()),
                })?;
                let text = format!("the service is gone after {} calls: {why}", times.count);
                Err(Failure::new(Kind::Connection, text))
            }
        }
    }
}

impl Run {
    fn call(&self, target: &Outgoing) -> Times {
        let mut times = Times::default();
        loop {
            let number = self.begun.fetch_add(1, Ordering::Relaxed);
            if self.options.count.is_some_and(|count| number >= count) {
                return times;
            }
            let now = Instant::now();
            let due = match self.options.rate {
                // What is too far away is never due.
                Some(rate) => Duration::try_from_secs_f64(number as f64 / rate)
                    .ok()
                    .and_then(|after| self.started.checked_add(after)),
                None => Some(now),
            };
            let Some(due) = due else { return times };
            if self.ends.is_some_and(|ends| due.max(now) >= ends) || self.gone.get().is_some() {
                return times;
            }
            thread::sleep(due.saturating_duration_since(now));
            let result = target.call(&self.options.method, &self.arguments).result();
            let is_alone = match &result {
                Err(Error::NoPeer { .. } | Error::Disconnected { .. }) => true,
                // Over HTTP, nobody is there who could say anything.
                Err(Error::Call(call)) if call.code == NO_ANSWER => call
                    .data
                    .as_ref()
                    .is_none_or(|data| data["status"].is_null()),
                _ => false,
            };
            if let Err(error) = &result
                && is_alone
                && !self.goes_on
            {
                // The first of them says why.
                self.gone.set(error.to_string()).ok();
                return times;
            }
            times.record(due.elapsed(), result.err().map(|error| error.to_string()));
            if is_alone {
                thread::sleep(AGAIN);
            }
        }
    }
}

impl Times {
    fn record(&mut self, time: Duration, error: Option<String>) {
        *self.buckets.entry(bucket(time)).or_default() += 1;
        self.count += 1;
        self.total += time;
        self.longest = self.longest.max(time);
        if let Some(error) = error {
            // There may be as many texts as calls.
            let kinds = self.errors.len();
            let kind = if kinds < 10 || self.errors.contains_key(&error) {
                error
            } else {
                "others".to_owned()
            };
            *self.errors.entry(kind).or_default() += 1;
        }
    }

    fn add(&mut self, other: Times) {
        for (bucket, count) in other.buckets {
            *self.buckets.entry(bucket).or_default() += count;
        }
        for (error, count) in other.errors {
            *self.errors.entry(error).or_default() += count;
        }
        self.count += other.count;
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
    }

    /// The time within which such a part of the calls was answered.
    fn quantile(&self, part: f64) -> Duration {
        let rank = (self.count as f64 * part).ceil() as u64;
        let mut seen = 0;
        for (&bucket, &count) in &self.buckets {
            seen += count;
            if seen >= rank {
                return upper(bucket).min(self.longest);
            }
        }
        self.longest
    }

    fn tell(&self, elapsed: Duration, json: bool) -> Done {
        if self.count == 0 {
            return Err(Failure::usage("there was no time for a call"));
        }
        let rate = self.count as f64 / elapsed.as_secs_f64();
        let quantiles = [
            ("50 %", 0.5),
            ("90 %", 0.9),
            ("99 %", 0.99),
            ("99.9 %", 0.999),
        ];
        let failed: u64 = self.errors.values().sum();
        let mean = self.total.as_secs_f64() / self.count as f64;
        if json {
            let times = quantiles.map(|(name, part)| {
                (
                    name.replace(' ', ""),
                    Value::from(self.quantile(part).as_secs_f64()),
                )
            });
            let all: Value = [
                ("calls", Value::from(self.count)),
                ("errors", failed.into()),
                ("seconds", elapsed.as_secs_f64().into()),
                ("rate", rate.into()),
                ("mean", mean.into()),
                ("longest", self.longest.as_secs_f64().into()),
                ("within", times.into_iter().collect()),
            ]
            .into_iter()
            .collect();
            output::line(all.to_string())?;
            return self.verdict(failed);
        }
        output::line(format!(
            "{} calls in {}: {rate:.0} a second",
            self.count,
            shown(elapsed)
        ))?;
        output::line(format!(
            "  mean     {}",
            shown(Duration::from_secs_f64(mean))
        ))?;
        for (name, part) in quantiles {
            output::line(format!("  {name:<8} {}", shown(self.quantile(part))))?;
        }
        output::line(format!("  longest  {}", shown(self.longest)))?;
        self.histogram()?;
        for (error, count) in &self.errors {
            output::line(format!("{count} times: {}", output::plain(error)))?;
        }
        self.verdict(failed)
    }

    fn verdict(&self, failed: u64) -> Done {
        match failed {
            0 => Ok(()),
            failed => {
                let text = format!("{failed} of {} calls have failed", self.count);
                Err(Failure::new(Kind::Remote, text))
            }
        }
    }

    /// A line for each doubling of the time.
    fn histogram(&self) -> Done {
        let mut rows: BTreeMap<u32, u64> = BTreeMap::new();
        for (bucket, count) in &self.buckets {
            *rows.entry(bucket / STEPS).or_default() += count;
        }
        let most = rows.values().copied().max().unwrap_or(1);
        let (first, last) = (
            rows.keys().next().copied(),
            rows.keys().next_back().copied(),
        );
        for row in first.unwrap_or(0)..=last.unwrap_or(0) {
            let count = rows.get(&row).copied().unwrap_or(0);
            let bar = "█".repeat((count as f64 / most as f64 * 40.0).ceil() as usize);
            let limit = shown(upper((row + 1) * STEPS - 1));
            output::line(format!("  < {limit:>9} {count:>9} {bar}").trim_end())?;
        }
        Ok(())
    }
}

/// Steps in a doubling.
const STEPS: u32 = 24;

fn bucket(time: Duration) -> u32 {
    let micros = time.as_secs_f64() * 1e6;
    (micros.max(1.0).log2() * f64::from(STEPS)) as u32
}

fn upper(bucket: u32) -> Duration {
    Duration::from_secs_f64(((f64::from(bucket) + 1.0) / f64::from(STEPS)).exp2() / 1e6)
}

fn shown(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    match micros {
        ..1e3 => format!("{micros:.0} µs"),
        ..1e6 => format!("{:.1} ms", micros / 1e3),
        _ => format!("{:.1} s", micros / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_near() {
        let mut times = Times::default();
        for millis in 1..=1000 {
            times.record(Duration::from_millis(millis), None);
        }
        for (part, millis) in [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0)] {
            let found = times.quantile(part).as_secs_f64() * 1e3;
            assert!((found / millis - 1.0).abs() < 0.05, "{part}: {found} ms");
        }
        assert_eq!(times.quantile(1.0), Duration::from_secs(1));
        assert_eq!(shown(Duration::from_micros(1500)), "1.5 ms");
    }
}
