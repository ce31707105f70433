//! Looking up the addresses of names, which may block for long, and which nothing can cancel.
//!
//! So nobody waits for it: its threads belong to no API, and are the one exception to the rule
//! that all threads end at a stop. What they have of whoever asked is a closure, which is dropped
//! when [`Asked`] is. There are few of them: a name that is being looked up is not looked up a
//! second time, whoever asks, and beyond [`MOST`] names wait for one that is done.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Mutex;

use crate::base::sync::lock;
use crate::base::threads;

/// So many names are looked up at a time.
const MOST: usize = 32;

/// A leaf in the lock order.
static LOOK_UPS: Mutex<LookUps> = Mutex::new(LookUps::new());

/// What is told to whoever asked: the addresses, without a port.
type Tell = Box<dyn FnOnce(io::Result<Vec<SocketAddr>>) + Send>;

struct LookUps {
    /// Who waits for a name, by numbers. The names are looked up, or wait for that.
    names: BTreeMap<String, Vec<(u64, Tell)>>,
    waiting: VecDeque<String>,
    threads: usize,
    /// The number of who asked last.
    last: u64,
}

/// Somebody waits for a look-up, until this is dropped.
#[derive(Debug)]
pub(crate) struct Asked {
    name: String,
    number: u64,
}

/// Looks up a name elsewhere. `tell` runs on a thread that others wait for: it must not block.
pub(crate) fn look_up(
    name: &str,
    tell: impl FnOnce(io::Result<Vec<SocketAddr>>) + Send + 'static,
) -> io::Result<Asked> {
    let mut look_ups = lock(&LOOK_UPS);
    look_ups.last += 1;
    let number = look_ups.last;
    if !look_ups.names.contains_key(name) {
        if look_ups.threads < MOST {
            let first = name.to_owned();
            // Nobody joins it.
            drop(threads::spawn("resolve", move || work(first))?);
            look_ups.threads += 1;
        } else {
            look_ups.waiting.push_back(name.to_owned());
        }
    }
    let asked = look_ups.names.entry(name.to_owned()).or_default();
    asked.push((number, Box::new(tell)));
    Ok(Asked {
        name: name.to_owned(),
        number,
    })
}

impl Drop for Asked {
    fn drop(&mut self) {
        let forgotten = lock(&LOOK_UPS).forget(&self.name, self.number);
        // With what it holds, which is not dropped under the lock.
        drop(forgotten);
    }
}

/// Looks up one name after the other, until none waits.
fn work(first: String) {
    let mut next = Some(first);
    while let Some(name) = next {
        let found = resolve(&name);
        let (asked, then) = lock(&LOOK_UPS).done(&name);
        for tell in asked {
            tell(match &found {
                Ok(addresses) => Ok(addresses.clone()),
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            });
        }
        next = then;
    }
}

impl LookUps {
    const fn new() -> Self {
        LookUps {
            names: BTreeMap::new(),
            waiting: VecDeque::new(),
            threads: 0,
            last: 0,
        }
    }

    /// A name was looked up: gives who waits for that, and the next name. Without one, the
    /// thread ends.
    fn done(&mut self, name: &str) -> (Vec<Tell>, Option<String>) {
        let asked = self.names.remove(name).unwrap_or_default();
        let tells = asked.into_iter().map(|(_, tell)| tell).collect();
        let next = self.waiting.pop_front();
        if next.is_none() {
            self.threads -= 1;
        }
        (tells, next)
    }

    fn forget(&mut self, name: &str, number: u64) -> Option<Tell> {
        let asked = self.names.get_mut(name)?;
        let place = asked.iter().position(|(one, _)| *one == number)?;
        let (_, tell) = asked.swap_remove(place);
        // One that is being looked up stays known, so that it is not begun again.
        if asked.is_empty()
            && let Some(place) = self.waiting.iter().position(|one| one == name)
        {
            self.waiting.remove(place);
            self.names.remove(name);
        }
        Some(tell)
    }
}

/// The addresses of a name. Blocks.
fn resolve(name: &str) -> io::Result<Vec<SocketAddr>> {
    #[cfg(test)]
    if let Some(found) = fakes::resolve(name) {
        return found;
    }
    let found = (name, 0).to_socket_addrs().map(Iterator::collect);
    // The system's words do not say which name it was.
    found.map_err(|error| {
        let text = format!("{error}; check the name `{name}` and the network");
        io::Error::new(error.kind(), text)
    })
}

/// Names that only tests know, whatever the machine's resolver says.
#[cfg(test)]
pub(crate) mod fakes {
    use std::collections::HashMap;
    use std::io;
    use std::net::{IpAddr, SocketAddr};
    use std::sync::{Arc, Mutex};

    use crate::base::sync::lock;

    type Answer = Arc<dyn Fn() -> io::Result<Vec<IpAddr>> + Send + Sync>;

    static KNOWN: Mutex<Option<HashMap<String, Answer>>> = Mutex::new(None);

    /// From now on, this answers who looks up the name.
    pub(crate) fn add(
        name: &str,
        answer: impl Fn() -> io::Result<Vec<IpAddr>> + Send + Sync + 'static,
    ) {
        let mut known = lock(&KNOWN);
        let known = known.get_or_insert_default();
        known.insert(name.to_owned(), Arc::new(answer));
    }

    pub(super) fn resolve(name: &str) -> Option<io::Result<Vec<SocketAddr>>> {
        let answer = lock(&KNOWN).as_ref()?.get(name).map(Arc::clone)?;
        let with_port = |ip: IpAddr| SocketAddr::new(ip, 0);
        Some(answer().map(|found| found.into_iter().map(with_port).collect()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    #[test]
    fn few_names_at_a_time_and_the_others_in_their_turn() {
        let (begin, begun) = mpsc::channel();
        let (go_on, gate) = mpsc::channel::<()>();
        let gate = std::sync::Arc::new(Mutex::new(gate));
        let name = |number: usize| format!("crowd-{number}.test");
        for number in 0..MOST + 3 {
            let (begin, gate) = (begin.clone(), gate.clone());
            fakes::add(&name(number), move || {
                begin.send(number).unwrap();
                // All go on when the other end is dropped.
                lock(&gate).recv().ok();
                Ok(Vec::new())
            });
        }
        let (tell, told) = mpsc::channel();
        let ask = |number: usize| {
            let tell = tell.clone();
            look_up(&name(number), move |found| {
                tell.send((number, found.is_ok())).unwrap();
            })
            .unwrap()
        };
        // Other tests may have some of the threads.
        let mut asked: Vec<Asked> = (0..MOST + 2).map(ask).collect();
        let twice = ask(0);
        let forgotten = ask(MOST + 2);
        drop(forgotten);
        assert!(lock(&LOOK_UPS).threads <= MOST);
        let waits = |number: usize| lock(&LOOK_UPS).waiting.contains(&name(number));
        assert!(waits(MOST) && waits(MOST + 1) && !waits(MOST + 2));
        drop(go_on);
        let mut all: Vec<(usize, bool)> = (0..MOST + 3)
            .map(|_| told.recv_timeout(SOON).unwrap())
            .collect();
        all.sort_unstable();
        let mut expected: Vec<(usize, bool)> = (0..MOST + 2).map(|n| (n, true)).collect();
        expected.insert(0, (0, true));
        assert_eq!(all, expected);
        drop((asked.drain(..), twice));
        drop(begin);
        let mut names: Vec<usize> = begun.try_iter().collect();
        names.sort_unstable();
        assert_eq!(
            names,
            Vec::from_iter(0..MOST + 2),
            "each was looked up once"
        );
    }

    #[test]
    fn an_error_is_told_to_all_and_nothing_to_those_who_have_forgotten() {
        let (go_on, gate) = mpsc::channel::<()>();
        let gate = Mutex::new(gate);
        fakes::add("wrong.test", move || {
            lock(&gate).recv().ok();
            Err(io::Error::other("no such name"))
        });
        let (tell, told) = mpsc::channel();
        let ask = |number: u8| {
            let tell = tell.clone();
            look_up("wrong.test", move |found| {
                tell.send((number, found.unwrap_err().to_string())).unwrap();
            })
            .unwrap()
        };
        let asked = [1, 2, 3].map(ask);
        let [one, two, three] = asked;
        drop(two);
        drop(go_on);
        let heard = [told.recv_timeout(SOON), told.recv_timeout(SOON)];
        let heard = heard.map(|one| one.unwrap());
        assert_eq!(heard, [1, 3].map(|who| (who, "no such name".to_owned())));
        drop((tell, one, three));
        // Whoever has forgotten was forgotten, with what was to be told.
        assert!(told.recv_timeout(SOON).is_err());
    }
}
