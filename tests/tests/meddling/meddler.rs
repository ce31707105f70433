//! Somebody between a client and a server who does harm to what both say.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use quickrpc_tests::bounded;

/// When nothing has come for so long after some harm was done, both sides may wait for what they
/// will never get, and the connection ends.
const IDLE: Duration = Duration::from_millis(50);

/// What is taken for one thing.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Units {
    /// Records of TLS (RFC 8446, section 5.1).
    Records,
    /// Up to a byte.
    UpTo(u8),
    /// A head of HTTP line by line, and then what comes at once.
    WebSocket,
}

/// Numbers that are always the same (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Dice(seed)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end.max(1) as u64) as usize
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }
}

/// One that waits for one client.
pub(crate) struct Meddler {
    pub(crate) addr: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Meddler {
    pub(crate) fn new(server: SocketAddr, units: Units, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let thread = thread::spawn(move || {
            let client = listener.accept().unwrap().0;
            let server = TcpStream::connect(server).unwrap();
            let harmed = Arc::new(AtomicBool::new(false));
            // One direction is harmed, or both are.
            let which = seed % 3;
            let ended: [Arc<AtomicBool>; 2] = Default::default();
            let way = |number: usize| {
                let (from, to) = match number {
                    0 => (&client, &server),
                    _ => (&server, &client),
                };
                let way = Way {
                    from: from.try_clone().unwrap(),
                    to: to.try_clone().unwrap(),
                    units,
                    dice: Dice::new(seed << 1 | number as u64),
                    harms: which != 1 - number as u64,
                    harmed: Arc::clone(&harmed),
                    has_ended: Arc::clone(&ended[number]),
                    ended: Arc::clone(&ended[1 - number]),
                    in_head: true,
                    seen: Vec::new(),
                };
                thread::spawn(move || way.run())
            };
            let ways = [0, 1].map(way);
            for way in ways {
                way.join().unwrap();
            }
        });
        Meddler {
            addr,
            thread: Some(thread),
        }
    }

    /// Waits until both sides have ended.
    pub(crate) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            bounded("the meddler", move || thread.join()).unwrap();
        }
    }
}

/// One direction.
struct Way {
    from: TcpStream,
    to: TcpStream,
    units: Units,
    dice: Dice,
    harms: bool,
    /// Harm was done, in either direction.
    harmed: Arc<AtomicBool>,
    /// This direction has ended.
    has_ended: Arc<AtomicBool>,
    /// The other one has.
    ended: Arc<AtomicBool>,
    in_head: bool,
    /// What was passed on.
    seen: Vec<Vec<u8>>,
}

impl Way {
    fn run(mut self) {
        self.from.set_read_timeout(Some(IDLE)).unwrap();
        // So many pass unharmed, and of the others one in so many does not.
        let calm = self.dice.below(10);
        let rarely = 1 + self.dice.below(6);
        // What comes then may be kept until the other side has said its end.
        let mut keeps = self.harms && self.dice.below(2) == 0;
        let (mut kept, mut held) = (Vec::new(), Vec::new());
        let (mut input, mut chunk) = (Vec::new(), [0; 1 << 16]);
        loop {
            match self.from.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => input.extend_from_slice(&chunk[..count]),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    if !kept.is_empty() {
                        keeps = false;
                    } else if self.harmed.load(Ordering::SeqCst) {
                        let _ = self.from.shutdown(Shutdown::Both);
                        break;
                    }
                }
                Err(_) => break,
            }
            while let Some(length) = self.unit(&input) {
                kept.push(input.drain(..length).collect::<Vec<u8>>());
                if self.seen.len() < calm {
                    self.pass_on(kept.drain(..), usize::MAX, &mut held);
                }
            }
            if !keeps || self.ended.load(Ordering::SeqCst) {
                self.pass_on(kept.drain(..), rarely, &mut held);
            }
        }
        self.has_ended.store(true, Ordering::SeqCst);
        self.pass_on(kept.drain(..), rarely, &mut held);
        let _ = self.to.write_all(&input);
        let _ = self.to.shutdown(Shutdown::Write);
    }

    fn pass_on(&mut self, units: impl Iterator<Item = Vec<u8>>, rarely: usize, held: &mut Vec<u8>) {
        for unit in units {
            let harm = self.harms && rarely < usize::MAX && self.dice.below(rarely) == 0;
            self.seen.push(unit.clone());
            let out = match harm {
                true => {
                    self.harmed.store(true, Ordering::SeqCst);
                    self.harm(unit, held)
                }
                false => [unit, std::mem::take(held)].concat(),
            };
            // Whoever does not read any more still says something, which is of no interest.
            let _ = self.to.write_all(&out);
        }
    }

    /// The length of the first one, if it is there as a whole.
    fn unit(&mut self, input: &[u8]) -> Option<usize> {
        let up_to = |end| input.iter().position(|byte| *byte == end).map(|at| at + 1);
        match self.units {
            _ if input.is_empty() => None,
            Units::Records => {
                let length = usize::from(u16::from_be_bytes([*input.get(3)?, *input.get(4)?]));
                (input.len() >= 5 + length).then_some(5 + length)
            }
            Units::UpTo(end) => up_to(end),
            Units::WebSocket if self.in_head => {
                let length = up_to(b'\n')?;
                self.in_head = length > 2;
                Some(length)
            }
            Units::WebSocket => Some(input.len()),
        }
    }

    /// What is passed on in the place of something. What is held comes behind the next.
    fn harm(&mut self, mut unit: Vec<u8>, held: &mut Vec<u8>) -> Vec<u8> {
        let dice = &mut self.dice;
        match dice.below(10) {
            0..=3 => {
                for _ in 0..=dice.below(3) {
                    let at = dice.below(unit.len());
                    unit[at] ^= 1 << dice.below(8);
                }
                unit
            }
            4 => Vec::new(),
            5 => [&unit[..], &unit].concat(),
            6 => {
                unit.truncate(dice.below(unit.len()));
                unit
            }
            7 => {
                held.append(&mut unit);
                Vec::new()
            }
            8 => {
                let at = dice.below(self.seen.len());
                [&self.seen[at][..], &unit].concat()
            }
            _ => [self.injected(), unit].concat(),
        }
    }

    /// Something of our own.
    fn injected(&mut self) -> Vec<u8> {
        let dice = &mut self.dice;
        match self.units {
            Units::Records => match dice.below(6) {
                // The end, as anybody can say it, and other alerts (RFC 8446, section 6).
                0 => vec![0x15, 3, 3, 0, 2, 1, 0],
                1 => vec![0x15, 3, 3, 0, 2, 2, 0],
                2 => [&[0x15, 3, 3, 0, 2, 2][..], &dice.bytes(1)].concat(),
                // Change cipher spec.
                3 => vec![0x14, 3, 3, 0, 1, 1],
                kind => {
                    let kind = [0x17, 0x16][kind % 2];
                    let length = dice.below(100);
                    [&[kind, 3, 3, 0, length as u8][..], &dice.bytes(length)].concat()
                }
            },
            Units::UpTo(end) => {
                let length = dice.below(100);
                [&dice.bytes(length)[..], &[end]].concat()
            }
            Units::WebSocket if self.in_head => {
                let lines: [&[u8]; 6] = [
                    b"\r\n",
                    b"Upgrade: h2c\r\n",
                    b"Connection: close\r\n",
                    b"Sec-WebSocket-Extensions: permessage-deflate\r\n",
                    b"HTTP/1.1 200 OK\r\n",
                    b"\xff\xfe: \0\r\n",
                ];
                lines[dice.below(6)].to_vec()
            }
            // A frame of each kind, with an end, a mask, a length (RFC 6455, section 5.2).
            Units::WebSocket => {
                let length = dice.below(8);
                [dice.bytes(2), dice.bytes(length)].concat()
            }
        }
    }
}
