//! Juggler as this library speaks it. Its clients have no notifications, so that they are of a
//! trait without one.

use std::collections::VecDeque;
use std::time::Duration;

use quickrpc::remote_api;

use super::quickrpc::{check_length, limits, port, right};
use super::{QuickRpc, sample_text};
use crate::Result;
use crate::message::{A, B, NOTE};
use crate::system::{Client, Greeting, Job, Laps, Server, System};

const CODEC: &str = "juggler:0.7";

/// What clients need of [`Bench`](super::quickrpc::Bench).
#[remote_api]
trait Calls {
    #[incoming]
    fn add(&self, a: i64, b: i64, note: &str) -> i64;

    #[incoming]
    fn text(&self, text: &str) -> String;
}

/// This library as a client and as a server of Juggler 0.7.
#[derive(Debug)]
pub(super) struct Juggler;

impl System for Juggler {
    fn name(&self) -> String {
        QuickRpc::websocket(CODEC).name()
    }

    fn serve(&self) -> Result<Server> {
        let api = QuickRpc::websocket(CODEC).server()?;
        Ok(Server::new(port(&api)?, api))
    }

    fn connect(&self, port: u16) -> Result<Box<dyn Client>> {
        let api = CallsInverse::builder()
            .codec(CODEC)
            .transport(format!("ws:127.0.0.1:{port}"))
            .limits(limits())
            .call_timeout(Duration::from_secs(60))
            .build()?;
        api.start()?;
        Ok(Box::new(JugglerClient(api)))
    }

    fn greeting(&self) -> Greeting {
        Greeting::json()
    }

    fn can(&self, job: Job) -> bool {
        matches!(job, Job::Serial | Job::Window(_) | Job::Text(_))
    }
}

struct JugglerClient(CallsInverse);

impl Client for JugglerClient {
    fn run(&mut self, job: Job, count: usize, laps: &mut Laps) -> Result {
        let hub = self.0.all();
        if let Job::Window(width) = job {
            let mut pending = VecDeque::with_capacity(width);
            for _ in 0..count {
                if pending.len() == width
                    && let Some(promise) = pending.pop_front()
                {
                    right(promise)?;
                }
                pending.push_back(hub.add(A, B, NOTE));
            }
            return Ok(pending.into_iter().try_for_each(right)?);
        }
        for _ in 0..count {
            match job {
                Job::Text(size) => check_length(hub.text(sample_text(size)).result()?.len(), size)?,
                _ => right(hub.add(A, B, NOTE))?,
            }
            laps.lap();
        }
        Ok(())
    }
}
