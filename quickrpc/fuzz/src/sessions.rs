//! Security providers: two ends, and somebody in between who changes what passes.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::OnceLock;

use quickrpc::__fuzz;
use quickrpc::expr::KeySource;
use quickrpc::security::{
    Hmac, Opened, PeerContext, Seal, SecInfo, Security, SecuritySession, Telegram,
    generate_key_pair, generate_secret,
};

use crate::data::Data;

type Pair = [Box<dyn Security>; 2];

/// The first byte says over what, the others what happens.
pub fn hmac(data: &[u8]) {
    static KEYS: OnceLock<KeySource> = OnceLock::new();
    let keys = KEYS.get_or_init(|| shared("hmac"));
    let open = |user| Hmac::open(user, keys.clone());
    let alice = open("alice").and_then(|alice| alice.to("door"));
    // New ones each time, since they remember who has talked to them over datagrams.
    let pair: Pair = [
        Box::new(open("door").expect("the keys are right")),
        Box::new(alice.expect("the keys are right")),
    ];
    let mut data = Data(data);
    let datagrams = data.byte() & 1 == 1;
    Between::new(&pair, datagrams, false).play(&mut data);
}

/// The first byte says over what and with which keys, the others what happens.
pub fn seal(data: &[u8]) {
    static KEYS: OnceLock<[[KeySource; 2]; 2]> = OnceLock::new();
    let [shared, pairs] = KEYS.get_or_init(|| {
        let common = shared("seal");
        [[common.clone(), common], pairs()]
    });
    let mut data = Data(data);
    let choice = data.byte();
    let datagrams = choice & 1 == 1;
    let [doors, alices] = match choice & 2 == 2 && !datagrams {
        true => pairs,
        false => shared,
    };
    let door = Seal::open("door", doors.clone());
    let alice = Seal::open("alice", alices.clone()).and_then(|alice| alice.to("door"));
    let pair: Pair = [
        Box::new(door.expect("the keys are right")),
        Box::new(alice.expect("the keys are right")),
    ];
    Between::new(&pair, datagrams, true).play(&mut data);
}

/// One key for both.
fn shared(name: &str) -> KeySource {
    let secret = generate_secret().expect("there are random numbers");
    keys(name, &format!("[users.alice]\nkeys = ['{secret}']\n"))
}

/// A pair of keys for each.
fn pairs() -> [KeySource; 2] {
    let pair = || generate_key_pair().expect("there are random numbers");
    let (door, alice) = (pair(), pair());
    let file = |name: &str, private: &str, other: &str, public: &str| {
        let text = format!("private = '{private}'\n[users.{other}]\npublic = '{public}'\n");
        keys(name, &text)
    };
    [
        file("door", &door.private, "alice", &alice.public),
        file("alice", &alice.private, "door", &door.public),
    ]
}

fn keys(name: &str, text: &str) -> KeySource {
    let path = std::env::temp_dir().join(format!("quickrpc-fuzz-{name}-{}", std::process::id()));
    drop(std::fs::remove_file(&path));
    let mut options = std::fs::File::options();
    let file = options.write(true).create_new(true).mode(0o600).open(&path);
    let mut file = file.expect("a file can be made");
    file.write_all(text.as_bytes())
        .expect("a file can be written");
    KeySource::File(path.display().to_string())
}

/// What passes: a header, and a message.
type Passing = (Option<SecInfo>, Vec<u8>);

struct End {
    name: &'static str,
    session: Box<dyn SecuritySession>,
    /// What is on its way to it.
    inbox: VecDeque<Passing>,
    /// What it has sealed, and whether the other end got it.
    sealed: Vec<(Vec<u8>, bool)>,
    /// How many of what the other has sealed are behind it.
    heard: usize,
    /// It has refused something.
    refused: bool,
}

/// Who stands between the two ends.
struct Between {
    ends: [End; 2],
    datagrams: bool,
    /// No message may be missing.
    gapless: bool,
    /// Something was changed.
    changed: bool,
    /// All that has passed.
    log: Vec<Passing>,
    count: usize,
    /// Which of two ways is gone next.
    turn: bool,
}

/// How `hmac` answers a greeting.
const HELLO_ANSWER: &[u8] = br#"{"jsonrpc":"2.0","result":null,"id":9007199254740991}"#;

impl Between {
    fn new(pair: &Pair, datagrams: bool, seals: bool) -> Self {
        let end = |provider: &dyn Security, name| {
            let mut context = PeerContext::new("fuzz");
            context.datagrams = datagrams;
            End {
                name,
                session: provider.session(&context).expect("it has sessions"),
                inbox: VecDeque::new(),
                sealed: Vec::new(),
                heard: 0,
                refused: false,
            }
        };
        let [door, alice] = pair;
        let mut between = Between {
            ends: [end(&**door, "door"), end(&**alice, "alice")],
            datagrams,
            gapless: seals && !datagrams,
            changed: false,
            log: Vec::new(),
            count: 0,
            turn: false,
        };
        for from in 0..2 {
            if between.ends[from].session.greets() {
                let telegrams = between.ends[from].session.greeting();
                between.send(from, telegrams);
            }
        }
        between
    }

    fn play(mut self, data: &mut Data<'_>) {
        let mut steps = 0;
        while !data.is_empty() && steps < 200 {
            steps += 1;
            let what = data.byte();
            let to = usize::from(what >> 7);
            match what & 0x7f {
                0 => self.deliver(to),
                1 => self.message(to, 20),
                2 => self.message(to, usize::from(data.byte()) << 4),
                3 => self.message(to, 65_500 + usize::from(data.byte() % 40)),
                4 => self.flip(to, data),
                5 => {
                    self.changed |= self.ends[to].inbox.pop_front().is_some();
                }
                6 => self.again(to, data),
                7 => {
                    let size = usize::from(data.byte());
                    let bytes = data.bytes(size).to_vec();
                    self.inject(to, (None, bytes));
                }
                8 => self.header(to, data),
                9 => {
                    self.changed |= self.ends[to].inbox.len() > 1;
                    self.ends[to]
                        .inbox
                        .rotate_left(1.min(self.ends[to].inbox.len()));
                }
                10 => self.other_header(to, data),
                _ => self.deliver(to),
            }
        }
        self.end();
    }

    /// What nobody has changed arrives.
    fn end(&mut self) {
        while self.ends.iter().any(|end| !end.inbox.is_empty()) {
            self.deliver(0);
            self.deliver(1);
        }
        if self.changed {
            return;
        }
        for to in 0..2 {
            self.message(to, 30);
            self.deliver(to);
            let sealed = &self.ends[1 - to].sealed;
            let last = sealed.last().expect("a message can be sealed");
            assert!(
                last.1,
                "a message does not arrive at {}",
                self.ends[to].name
            );
        }
    }

    fn send(&mut self, from: usize, telegrams: Vec<Telegram>) {
        for telegram in telegrams {
            match telegram {
                Telegram::Plain(header, payload) => self.pass(1 - from, (header, payload)),
                Telegram::Sealed(payload) => self.seal(1 - from, payload),
            }
        }
    }

    fn pass(&mut self, to: usize, passing: Passing) {
        self.log.push(passing.clone());
        self.ends[to].inbox.push_back(passing);
    }

    /// The other end has something to say.
    fn message(&mut self, to: usize, size: usize) {
        self.count += 1;
        let mut text = format!("{{\"message\":{},\"more\":\"", self.count);
        text.extend(std::iter::repeat_n('x', size));
        text.push_str("\"}");
        self.seal(to, text.into_bytes());
    }

    fn seal(&mut self, to: usize, payload: Vec<u8>) {
        // It cannot before the greeting.
        let session = &*self.ends[1 - to].session;
        self.turn = !self.turn;
        // As on a wire, and as a provider of others has it that has this one in itself.
        let sealed = match self.turn {
            true => __fuzz::seal(session, &payload),
            false => session
                .seal(&payload)
                .map(|(header, sealed)| (header, sealed.into_owned())),
        };
        let Ok(passing) = sealed else {
            return;
        };
        self.ends[1 - to].sealed.push((payload, false));
        self.pass(to, passing);
    }

    fn deliver(&mut self, to: usize) {
        let Some((header, payload)) = self.ends[to].inbox.pop_front() else {
            return;
        };
        let (session, mut room) = (&*self.ends[to].session, Vec::new());
        let opened = match self.turn {
            true => __fuzz::open(session, header.as_ref(), &payload, &mut room),
            false => session.open(Cow::Borrowed(&payload), header.as_ref()),
        };
        match opened {
            Ok(Opened::Message(message, info)) => {
                assert!(
                    !(self.ends[to].refused && self.gapless),
                    "a message after one that was refused"
                );
                let from = self.ends[1 - to].name;
                assert_eq!(info.get("user").map(String::as_str), Some(from));
                let message = message.into_owned();
                self.heard(to, &message);
            }
            Ok(Opened::Greeting(answers)) => self.send(to, answers),
            Err(error) => {
                self.ends[to].refused = true;
                assert!(self.changed, "what nobody has changed is refused: {error}");
            }
        }
    }

    /// A message was sent by the other end, and did not arrive before.
    fn heard(&mut self, to: usize, message: &[u8]) {
        let start = if self.datagrams {
            0
        } else {
            self.ends[to].heard
        };
        let sealed = &mut self.ends[1 - to].sealed;
        // What only the greeting is about has no meaning behind it.
        let is_this = |one: &[u8]| one == message || (message.is_empty() && one == HELLO_ANSWER);
        let found = sealed
            .iter()
            .enumerate()
            .skip(start)
            .find(|(_, (one, heard))| is_this(one) && !heard);
        let Some((place, _)) = found else {
            panic!(
                "nobody has sent this, or not now: {}",
                message.escape_ascii()
            );
        };
        assert!(
            !self.gapless || place == start,
            "a message is missing before"
        );
        sealed[place].1 = true;
        self.ends[to].heard = place + 1;
    }

    /// Changes one bit of what is next.
    fn flip(&mut self, to: usize, data: &mut Data<'_>) {
        let place = usize::from(data.byte()) | usize::from(data.byte()) << 8;
        let Some((_, payload)) = self.ends[to].inbox.front_mut() else {
            return;
        };
        if !payload.is_empty() {
            let size = payload.len();
            payload[place / 8 % size] ^= 1 << (place % 8);
            self.changed = true;
        }
    }

    /// Changes a letter of the header of what is next.
    fn header(&mut self, to: usize, data: &mut Data<'_>) {
        let (which, place, letter) = (data.byte(), data.byte(), data.byte());
        let Some((Some(header), _)) = self.ends[to].inbox.front_mut() else {
            return;
        };
        let count = header.len().max(1);
        let Some(value) = header.values_mut().nth(usize::from(which) % count) else {
            return;
        };
        let mut letters: Vec<char> = value.chars().collect();
        let place = usize::from(place) % (letters.len() + 1);
        letters.splice(place..(place + 1).min(letters.len()), [char::from(letter)]);
        *value = letters.into_iter().collect();
        self.changed = true;
    }

    /// The header of another message.
    fn other_header(&mut self, to: usize, data: &mut Data<'_>) {
        let place = usize::from(data.byte()) % self.log.len().max(1);
        let other = self.log.get(place).and_then(|(header, _)| header.clone());
        if let Some((header, _)) = self.ends[to].inbox.front_mut() {
            *header = other;
            self.changed = true;
        }
    }

    /// Something that has passed passes again, perhaps to who has sent it.
    fn again(&mut self, to: usize, data: &mut Data<'_>) {
        let place = usize::from(data.byte()) % self.log.len().max(1);
        if let Some(passing) = self.log.get(place).cloned() {
            self.inject(to, passing);
        }
    }

    fn inject(&mut self, to: usize, passing: Passing) {
        self.changed = true;
        self.ends[to].inbox.push_front(passing);
    }
}
