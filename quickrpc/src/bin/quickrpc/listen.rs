//! `quickrpc listen`: what the other side sends.

use std::fmt;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use clap::Args;
use crossbeam_channel::{Receiver, bounded, never, unbounded};
use quickrpc::dynamic::{Api, Call, Outgoing};
use quickrpc::expr::{CodecKind, TransportKind, read_timeout};
use quickrpc::{CallError, Promise, Sender, Value};

use super::call::explain;
use super::failure::{Failure, Kind};
use super::interface::{Interface, not_described};
use super::wire::{Connected, Wire};
use super::{Done, output, values};

/// Shows what the other side sends: notifications, and changes of properties.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Listen {
    #[command(flatten)]
    wire: Wire,

    /// Only these methods
    #[arg(long, short, value_name = "METHOD")]
    method: Vec<String>,

    /// Call this first of whoever connects, such as what subscribes: 'nvim_subscribe ["moved"]'
    #[arg(long, value_name = "CALL")]
    first: Vec<String>,

    /// A JSON object a line
    #[arg(long)]
    json: bool,

    /// End after so many
    #[arg(long, short = 'n', value_name = "COUNT")]
    count: Option<usize>,

    /// End after this time
    #[arg(long, value_name = "TIME", value_parser = read_timeout)]
    r#for: Option<Duration>,
}

const EXAMPLES: &str = "\
Examples:
  quickrpc listen tcp:localhost:8888
  quickrpc listen --json @lab | jq .args
  quickrpc listen --method voltage_changed --count 1 @lab
  quickrpc listen --first 'rpc.on [\"priceChanged\"]' ws://localhost:8080/
      What is told to those who have asked for it, as at the prompt of `quickrpc repl`
  quickrpc listen --codec terse --method seek --method advertise udp:8888
      Who seeks, and who announces himself";

/// Something that was heard.
pub struct Heard {
    pub peer: String,
    pub method: String,
    pub args: Value,
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("{}: {}", self.peer, self.method);
        match &self.args {
            Value::Null => {}
            Value::Map(args) => {
                for (name, value) in args {
                    text += &format!(" {name}={value}");
                }
            }
            args => text += &format!(" {args}"),
        }
        f.write_str(&output::plain(&text))
    }
}

/// So many calls may wait to be shown. With more, the other side is not read meanwhile: whoever reads what
/// is shown may be slow.
const WAITING: usize = 16;

impl Listen {
    pub fn run(self) -> Done {
        let (heard, lines) = bounded(WAITING);
        let (ended, end) = bounded(1);
        let bound = self.wire.bound()?;
        if let TransportKind::Http { .. } = bound.transport.kind() {
            return Err(
                Failure::usage("a server of HTTP answers, and sends nothing by itself")
                    .hint("a `wsserv:` can be heard with `ws:` in the place of `http:`"),
            );
        }
        let tell: Tell = Arc::new(move |one| heard.send(one).is_ok());
        let has_state = matches!(bound.codec.kind(), CodecKind::Juggler(_));
        let is_subscribed = matches!(bound.codec.kind(), CodecKind::Hololinked(_));
        let (come, comers) = unbounded();
        let connected = bound.connect(|api| {
            api.on_connect(move |peer| {
                come.send(peer.clone()).ok();
            });
            if self.method.is_empty() {
                hear_all(api, &tell);
            }
            if self.method.is_empty() && has_state {
                hear_property(api, "", "state", &tell);
            }
            // What has properties of its own sends no calls for them.
            let (changes, calls) = self.method.iter().cloned().partition::<Vec<_>, _>(|name| {
                (has_state || is_subscribed) && name.ends_with(CHANGED)
            });
            for name in &changes {
                hear_property(api, name.trim_end_matches(CHANGED), name, &tell);
            }
            hear(api, &calls, &tell);
            api.on_disconnect(move |peer, reason| {
                ended.try_send(format!("{peer} is gone: {reason}")).ok();
            });
        })?;
        let connected = Arc::new(connected);
        let (ready, begun) = bounded(1);
        let (asker, first) = (Arc::clone(&connected), self.first.clone());
        let hears_all = self.method.is_empty();
        // Its answers come behind what is to be shown, so that both go on at once.
        thread::spawn(move || {
            let done = begin(&asker, &comers, &first).and_then(|()| match hears_all {
                true => ask(&asker, is_subscribed, &tell, &ready),
                false => Ok(()),
            });
            let is_done = done.is_ok();
            ready.try_send(done).ok();
            let asker = Arc::downgrade(&{ asker });
            if is_done && !first.is_empty() {
                begin_again(&asker, &comers, &first);
            }
        });
        self.show(&connected, lines, &begun, &end)
    }

    /// Shows what comes, until that is enough. What comes later waits for nobody.
    fn show(
        &self,
        connected: &Connected,
        lines: Receiver<Heard>,
        begun: &Receiver<Done>,
        end: &Receiver<String>,
    ) -> Done {
        // Both are there once the first calls are made.
        let mut until = never();
        let mut has_begun = false;
        let mut count = 0;
        while self.count != Some(count) {
            let none = never();
            let begins = if has_begun { &none } else { begun };
            crossbeam_channel::select! {
                recv(lines) -> one => match one {
                    Ok(one) => {
                        output::line(self.shown(&one))?;
                        count += 1;
                    }
                    Err(_) => break,
                },
                recv(until) -> _ => break,
                recv(begins) -> done => {
                    done.unwrap_or(Ok(()))?;
                    has_begun = true;
                    until = self.r#for.map_or_else(never, crossbeam_channel::after);
                }
                recv(end) -> reason => if connected.bound.ends_with_peer() {
                    let left = self.count.map_or(usize::MAX, |all| all - count);
                    for one in lines.try_iter().take(left) {
                        output::line(self.shown(&one))?;
                        count += 1;
                    }
                    if self.count != Some(count) {
                        return Err(Failure::new(Kind::Connection, reason.unwrap_or_default()));
                    }
                }
            }
        }
        drop(lines);
        match has_begun {
            true => Ok(()),
            // What was to be called first has to be, whatever was heard meanwhile.
            false => begun.recv().unwrap_or(Ok(())),
        }
    }

    fn shown(&self, heard: &Heard) -> String {
        match self.json {
            true => {
                let value = [
                    ("peer", Value::from(heard.peer.as_str())),
                    ("method", heard.method.as_str().into()),
                    ("args", heard.args.clone()),
                ];
                values::shown(&value.into_iter().collect(), false)
            }
            false => heard.to_string(),
        }
    }
}

/// Makes the calls that come first: of the first peer, or of somebody behind a broker.
fn begin(connected: &Connected, comers: &Receiver<Sender>, first: &[String]) -> Done {
    match connected.bound.reaches_strangers() {
        true => ask_for(connected, &connected.service(), first),
        false => match comers.recv() {
            Ok(peer) => ask_for(connected, &connected.api.to(&peer), first),
            Err(_) => Ok(()),
        },
    }
}

/// Makes them of all that come later, too: a service that was started anew knows of nobody.
fn begin_again(connected: &Weak<Connected>, comers: &Receiver<Sender>, first: &[String]) {
    for peer in comers {
        let Some(connected) = connected.upgrade() else {
            return;
        };
        if !connected.bound.reaches_strangers()
            && let Err(failure) = ask_for(&connected, &connected.api.to(&peer), first)
        {
            output::say(format!("{peer} tells nothing: {}", failure.text()));
        }
    }
}

fn ask_for(connected: &Connected, whom: &Outgoing, first: &[String]) -> Done {
    for call in first {
        let words = values::split(call)?;
        let Some((method, words)) = words.split_first() else {
            continue;
        };
        let called = whom.call(method, values::arguments(words)?);
        called
            .result()
            .map_err(|error| explain(connected, method, error))?;
    }
    Ok(())
}

/// Asks what there is that has to be heard by its name.
fn ask(
    connected: &Connected,
    is_subscribed: bool,
    tell: &Tell,
    ready: &crossbeam_channel::Sender<Done>,
) -> Done {
    if is_subscribed {
        return match Interface::ask(&connected.describer()) {
            Ok(interface) => {
                hear(&connected.api, &sent(&interface), tell);
                Ok(())
            }
            Err(error) => Err(not_described(error).hint(
                "events, and changes of properties, are told to who names them: --method NAME, \
                 --method PROPERTY_changed",
            )),
        };
    }
    // Who does not answer is heard meanwhile.
    ready.try_send(Ok(())).ok();
    if let Ok(interface) = Interface::ask(&connected.describer()) {
        hear(&connected.api, &with_streams(&interface), tell);
    }
    Ok(())
}

/// Is told what is heard.
pub type Tell = Arc<dyn Fn(Heard) -> bool + Send + Sync>;

/// Tells of all that nothing else hears.
pub fn hear_all(api: &Api, tell: &Tell) {
    let tell = Arc::clone(tell);
    api.on_any(move |call: Call| -> Option<()> {
        tell(Heard {
            peer: call.sender().to_string(),
            method: call.method().to_owned(),
            args: call.into_args(),
        });
        None
    });
}

/// What is behind the name of a property in that of its change.
const CHANGED: &str = "_changed";

/// Tells of the values of a property, as what is said to have been called.
fn hear_property(api: &Api, name: &str, method: &str, tell: &Tell) {
    let (tell, method, is_whole) = (Arc::clone(tell), method.to_owned(), name.is_empty());
    api.remote_property(name).connect(move |sender, value| {
        tell(Heard {
            peer: sender.to_string(),
            method: method.clone(),
            args: match is_whole {
                true => value,
                false => Value::from_iter([("value", value)]),
            },
        });
    });
}

/// Tells of these methods, and of the items of streams among their arguments.
pub fn hear(api: &Api, methods: &[String], tell: &Tell) {
    for name in methods {
        let (tell, method) = (Arc::clone(tell), name.clone());
        api.on_streams(name, move |sender, args, streams| {
            let peer = sender.to_string();
            tell(Heard {
                peer: peer.clone(),
                method: method.clone(),
                args: args.clone(),
            });
            let items = stream_names(&args).filter_map(|name| {
                let (tell, peer) = (Arc::clone(&tell), peer.clone());
                let method = format!("{method}.{name}");
                let items = streams.take(name).ok()?;
                Some(items.each(move |args| {
                    let (peer, method) = (peer.clone(), method.clone());
                    tell(Heard { peer, method, args });
                }))
            });
            let items: Vec<_> = items.collect();
            match items.is_empty() {
                true => {
                    let text = format!("`{method}` is only heard here, and not answered");
                    Err(CallError::new(CallError::METHOD_NOT_FOUND, text))
                }
                // Who gives a stream waits until it was taken.
                false => Ok(Promise::join(items).map(|_ends| Value::Null)),
            }
        });
    }
}

/// The arguments that are streams.
fn stream_names(args: &Value) -> impl Iterator<Item = &str> {
    let args = args.as_map().into_iter().flatten();
    args.filter(|(_, value)| value.get("__stream").is_some())
        .map(|(name, _)| name.as_str())
}

/// The methods that a service sends.
fn sent(interface: &Interface) -> Vec<String> {
    let sent = interface.methods.iter().filter(|method| !method.incoming);
    sent.map(|method| method.name.clone()).collect()
}

/// The methods that a service sends with streams among their arguments.
pub fn with_streams(interface: &Interface) -> Vec<String> {
    let sent = interface.methods.iter().filter(|method| !method.incoming);
    let with = sent.filter(|method| {
        let mut titles = method.params.iter().map(|param| &param.schema["title"]);
        titles.any(|title| {
            title
                .as_str()
                .is_some_and(|title| title.starts_with("Stream<"))
        })
    });
    with.map(|method| method.name.clone()).collect()
}
