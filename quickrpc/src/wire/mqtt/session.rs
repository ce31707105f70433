//! What is under way by one connection to a broker.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use super::packets::{self, Filter, LARGEST, Outgoing};
use super::{Heard, Outcome};
use crate::wire::broker::subjects::{PRESENT, Subjects};
use crate::wire::broker::{Leaving, Message, Unsaid};

/// The connection, as far as it is not bytes. All messages are acknowledged, with one quality of
/// service for all: those with different ones overtake each other.
#[derive(Debug)]
pub(crate) struct Session {
    granted: Granted,
    /// What waits for being acknowledged, by its number.
    sent: HashMap<u16, Sent>,
    last: u16,
    /// So many messages are with the broker.
    under_way: usize,
    /// What the broker does not take yet.
    held: VecDeque<Vec<u8>>,
    held_bytes: usize,
    /// Somebody waits until nothing is held.
    awaited: bool,
    /// Where the broker keeps something of ours beside our presence.
    kept: BTreeSet<Box<str>>,
}

/// What the broker has granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Granted {
    /// So many messages may be under way at once.
    pub(crate) window: usize,
    /// The largest packet.
    pub(crate) largest: usize,
    /// We have to say something so often, and ask whether the broker is there.
    pub(crate) keepalive: Duration,
}

/// What waits for being acknowledged.
#[derive(Debug)]
enum Sent {
    Message { subject: Box<str>, reply: Box<str> },
    Subscription(Vec<Box<str>>),
    End,
}

/// So many numbers are in use at most.
const NUMBERS: usize = 60_000;
/// Says good-bye to the broker.
const DISCONNECT: &[u8] = &[0xe0, 0];

impl Session {
    pub(crate) fn new(granted: Granted) -> Self {
        Session {
            granted,
            sent: HashMap::new(),
            last: 0,
            under_way: 0,
            held: VecDeque::new(),
            held_bytes: 0,
            awaited: false,
            kept: BTreeSet::new(),
        }
    }

    pub(crate) fn keepalive(&self) -> Duration {
        self.granted.keepalive
    }

    /// A number that is not in use.
    fn number(&mut self) -> Result<u16, Unsaid> {
        if self.sent.len() >= NUMBERS {
            return Err(Unsaid::Full(self.held_bytes));
        }
        loop {
            self.last = self.last.checked_add(1).unwrap_or(1);
            if !self.sent.contains_key(&self.last) {
                return Ok(self.last);
            }
        }
    }

    /// Subscribes to what is ours.
    pub(crate) fn enter(&mut self, subjects: &Subjects) -> Result<Vec<u8>, Unsaid> {
        let [inbox, me, all] = subjects.own();
        let (everybody, values) = (subjects.everybody(), subjects.values());
        let filter = |text| Filter {
            text,
            echo: false,
            kept: false,
        };
        let filters = [
            // A call that we serve ourselves is answered to us.
            Filter {
                echo: true,
                ..filter(&inbox)
            },
            filter(&me),
            filter(&all),
            Filter {
                kept: true,
                ..filter(&everybody)
            },
            // After those whose they are.
            Filter {
                kept: true,
                ..filter(&values)
            },
        ];
        self.subscribe(&filters)
    }

    /// Says that we are there, to those who come later too.
    pub(crate) fn announce(&mut self, subjects: &Subjects) -> Result<Vec<u8>, Unsaid> {
        self.present(subjects, PRESENT)
    }

    /// Says good-bye: nothing is kept, nobody is there, and then that the connection ends.
    pub(crate) fn leave(&mut self, subjects: &Subjects) -> Vec<u8> {
        let mut out = Vec::new();
        for topic in std::mem::take(&mut self.kept) {
            out.extend(self.keep(&topic, b"").unwrap_or_default());
        }
        out.extend(self.present(subjects, b"").unwrap_or_default());
        out.extend_from_slice(DISCONNECT);
        out
    }

    fn present(&mut self, subjects: &Subjects, payload: &[u8]) -> Result<Vec<u8>, Unsaid> {
        self.keep(&subjects.here(subjects.me()), payload)
    }

    fn keep(&mut self, topic: &str, payload: &[u8]) -> Result<Vec<u8>, Unsaid> {
        let outgoing = Outgoing {
            topic,
            reply: "",
            correlation: b"",
            payload,
            kept: true,
        };
        self.say(&outgoing).map(|(_, bytes)| bytes)
    }

    fn subscribe(&mut self, filters: &[Filter<'_>]) -> Result<Vec<u8>, Unsaid> {
        let number = self.number()?;
        let bytes = packets::subscribe(filters, number).map_err(Unsaid::Wrong)?;
        let texts = filters.iter().map(|filter| filter.text.into()).collect();
        self.sent.insert(number, Sent::Subscription(texts));
        Ok(bytes)
    }

    /// Hears what is sent to this topic as one of a group.
    pub(crate) fn join(&mut self, topic: &str, group: &str) -> Result<Vec<u8>, Unsaid> {
        let text = shared(topic, group);
        self.subscribe(&[Filter {
            text: &text,
            // Which a broker wants of those who share.
            echo: true,
            kept: false,
        }])
    }

    /// Hears it no more.
    pub(crate) fn part(&mut self, topic: &str, group: &str) -> Vec<u8> {
        self.unsubscribe(&shared(topic, group))
    }

    /// Hears what the broker keeps there, once.
    pub(crate) fn look_up(&mut self, text: &str) -> Vec<u8> {
        let filter = Filter {
            text,
            echo: false,
            kept: true,
        };
        let mut out = self.subscribe(&[filter]).unwrap_or_default();
        // What it keeps is on its way then.
        out.extend(self.unsubscribe(text));
        out
    }

    fn unsubscribe(&mut self, filter: &str) -> Vec<u8> {
        let Ok(number) = self.number() else {
            return Vec::new();
        };
        let bytes = packets::unsubscribe(filter, number);
        self.sent.insert(number, Sent::End);
        bytes.unwrap_or_default()
    }

    /// Makes a message, and counts it as under way.
    fn say(&mut self, outgoing: &Outgoing<'_>) -> Result<(u16, Vec<u8>), Unsaid> {
        // What stands before the payload: no more than this, and some of it is not there.
        let head = 32 + outgoing.topic.len() + outgoing.reply.len() + outgoing.correlation.len();
        let largest = self.granted.largest.min(LARGEST).saturating_sub(head);
        if outgoing.payload.len() > largest {
            return Err(Unsaid::TooLarge(largest));
        }
        let number = self.number()?;
        let bytes = packets::publish(outgoing, number).map_err(Unsaid::Wrong)?;
        let sent = Sent::Message {
            subject: outgoing.topic.into(),
            reply: outgoing.reply.into(),
        };
        self.sent.insert(number, sent);
        self.under_way += 1;
        Ok((number, bytes))
    }

    /// Sends a message, which is appended to `out`, or holds it until the broker takes more.
    pub(crate) fn publish(
        &mut self,
        message: &Message<'_>,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<Leaving, Unsaid> {
        if self.held_bytes >= limit {
            return Err(Unsaid::Full(self.held_bytes));
        }
        // Whoever answers somebody else brings back what he wants to see; in what we ask, it is
        // what stands in the reply's topic, too.
        let (topic, reply) = (&*message.subject.concat(), &*message.reply.concat());
        let correlation = match message.correlation {
            b"" => reply.rsplit('/').next().unwrap_or_default().as_bytes(),
            correlation => correlation,
        };
        let (number, bytes) = self.say(&Outgoing {
            topic,
            reply,
            correlation,
            payload: message.payload,
            kept: message.kept,
        })?;
        if message.kept && !message.payload.is_empty() && !self.kept.contains(topic) {
            self.kept.insert(topic.into());
        }
        let number = Some(number);
        // Nothing overtakes what is held, though there may be room meanwhile.
        if !self.held.is_empty() || self.under_way > self.granted.window {
            self.under_way -= 1;
            self.held_bytes += bytes.len();
            self.held.push_back(bytes);
            return Ok(Leaving {
                number,
                is_held: true,
            });
        }
        out.extend_from_slice(&bytes);
        Ok(Leaving {
            number,
            is_held: false,
        })
    }

    /// What was to leave has not. Something that is held may leave in its place.
    pub(crate) fn forget(&mut self, number: u16) {
        if self.sent.remove(&number).is_some() {
            self.under_way = self.under_way.saturating_sub(1);
        }
    }

    /// Whether something is held. Whoever asks waits until nothing is.
    pub(crate) fn is_holding(&mut self) -> bool {
        self.awaited |= !self.held.is_empty();
        !self.held.is_empty()
    }

    /// What leaves now that was held.
    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        if self.under_way >= self.granted.window {
            return None;
        }
        let bytes = self.held.pop_front()?;
        self.held_bytes -= bytes.len();
        self.under_way += 1;
        Some(bytes)
    }

    /// Whether nothing is held any more, for which somebody has waited.
    pub(crate) fn has_room(&mut self) -> bool {
        self.held.is_empty() && std::mem::take(&mut self.awaited)
    }

    /// What a packet means.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn hear(&mut self, first: u8, body: &[u8]) -> Result<Heard, String> {
        match first >> 4 {
            3 => Ok(match packets::published(first, body)? {
                Ok(incoming) => Heard::Message(Box::new(incoming)),
                Err(unreadable) => Heard::Unreadable(unreadable),
            }),
            4 => {
                let (number, outcome) = packets::acknowledged(body)?;
                // Whatever else has this number is not acknowledged so.
                let Some(Sent::Message { .. }) = self.sent.get(&number) else {
                    return Ok(Heard::Nothing);
                };
                let Some(Sent::Message { subject, reply }) = self.sent.remove(&number) else {
                    return Ok(Heard::Nothing);
                };
                self.under_way = self.under_way.saturating_sub(1);
                Ok(Heard::Acknowledged {
                    subject,
                    reply,
                    outcome,
                })
            }
            9 => {
                let (number, outcomes) = packets::subscribed(body)?;
                let Some(Sent::Subscription(filters)) = self.sent.remove(&number) else {
                    return Err("it acknowledges a subscription that is none".into());
                };
                let refused = filters.into_iter().zip(outcomes);
                let refused = refused.filter(|(_, outcome)| *outcome != Outcome::Fine);
                Ok(Heard::Subscribed(refused.collect()))
            }
            11 => {
                let number = packets::unsubscribed(body)?;
                if let Some(Sent::End) = self.sent.get(&number) {
                    self.sent.remove(&number);
                }
                Ok(Heard::Nothing)
            }
            13 => Ok(Heard::Nothing),
            14 => packets::disconnected(body).map(Heard::End),
            kind => Err(format!("a packet of type {kind}, which was not asked for")),
        }
    }
}

/// The topic of those of whom one hears each message.
fn shared(topic: &str, group: &str) -> String {
    format!("$share/{group}/{topic}")
}
