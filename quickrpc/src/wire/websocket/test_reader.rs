//! Generated streams of frames, right and wrong, with tungstenite as the judge of what they
//! mean.

use std::io::{self, Cursor, Read, Write};

use proptest::collection::vec;
use proptest::prelude::*;
use tungstenite::error::CapacityError;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

use super::frame::{Side, apply_mask};
use super::reader::{Event, Reader, Violation};

const LIMIT: usize = 300;

/// What a stream says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Told {
    messages: Vec<Vec<u8>>,
    pings: usize,
    end: End,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum End {
    /// It goes on.
    #[default]
    Open,
    Closed(Option<(u16, String)>),
    TooLarge,
    NotText,
    Protocol,
}

/// What our reader makes of it.
fn ours(side: Side, bytes: &[u8]) -> Told {
    let mut reader = Reader::new(side);
    let (mut told, mut position) = (Told::default(), 0);
    loop {
        let (taken, event) = match reader.next(&bytes[position..], LIMIT) {
            Ok(read) => read,
            Err(violation) => {
                told.end = match violation {
                    Violation::TooLarge => End::TooLarge,
                    Violation::NotText => End::NotText,
                    Violation::Protocol(_) => End::Protocol,
                    Violation::Bytes(_) => unreachable!("bytes are welcome here"),
                };
                return told;
            }
        };
        position += taken;
        match event {
            Event::Incomplete => return told,
            Event::Part => {}
            Event::Message(bytes) => told.messages.push(bytes.to_vec()),
            Event::Ping(_) => told.pings += 1,
            Event::Close { code, text } => {
                told.end = End::Closed((code != 1005).then_some((code, text)));
                return told;
            }
        }
    }
}

/// All that there is; more may come, and what is written is of no interest.
struct Input(Cursor<Vec<u8>>);

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for Input {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn judged(side: Side, bytes: &[u8]) -> Told {
    let role = match side {
        Side::Client => Role::Client,
        Side::Server => Role::Server,
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(LIMIT))
        .max_frame_size(Some(LIMIT));
    let input = Input(Cursor::new(bytes.to_vec()));
    let mut socket = WebSocket::from_raw_socket(input, role, Some(config));
    let mut told = Told::default();
    loop {
        told.end = match socket.read() {
            Ok(Message::Text(text)) => {
                told.messages.push(text.as_bytes().to_vec());
                continue;
            }
            Ok(Message::Binary(bytes)) => {
                told.messages.push(bytes.to_vec());
                continue;
            }
            Ok(Message::Ping(_)) => {
                told.pings += 1;
                continue;
            }
            Ok(Message::Pong(_) | Message::Frame(_)) => continue,
            // Its word for a code that is none.
            Ok(Message::Close(Some(frame))) if frame.reason == "Protocol violation" => {
                End::Protocol
            }
            Ok(Message::Close(frame)) => {
                End::Closed(frame.map(|frame| (frame.code.into(), frame.reason.to_string())))
            }
            Err(Error::Io(_)) => End::Open,
            Err(Error::Capacity(CapacityError::MessageTooLong { .. })) => End::TooLarge,
            Err(Error::Utf8(_)) => End::NotText,
            Err(Error::Protocol(_)) => End::Protocol,
            Err(error) => panic!("{error:?}"),
        };
        return told;
    }
}

/// A frame, which may be wrong.
fn frame(side: Side) -> impl Strategy<Value = Vec<u8>> {
    let opcode = prop_oneof![
        6 => Just(0_u8), 6 => Just(1), 4 => Just(2), 2 => Just(9), 1 => Just(10), 1 => Just(8),
    ];
    let opcode = prop_oneof![40 => opcode, 1 => 0..16_u8];
    let bits = prop_oneof![60 => Just(0_u8), 1 => 0..8_u8];
    let right = prop_oneof![60 => Just(true), 1 => Just(false)];
    let mask = any::<[u8; 4]>();
    (opcode, bits, any::<bool>(), right, mask, payload()).prop_map(
        move |(opcode, bits, last, right, mask, payload)| {
            // Control frames are last mostly, since nothing goes on behind others.
            let last = last || (opcode >= 8 && mask[0] > 8);
            let payload = match opcode {
                8 => [&1000_u16.to_be_bytes(), &payload[..]].concat(),
                _ => payload,
            };
            let masked = (side == Side::Server) == right;
            written(
                u8::from(last) << 7 | bits << 4 | opcode,
                masked.then_some(mask),
                payload,
            )
        },
    )
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    let long = (0..4_usize).prop_map(|n| vec![b'x'; [124, 125, 126, 299][n]]);
    let piece = prop::sample::select(vec!["a", "ä", "€", "\u{1f600}", "{}"]);
    let text = vec(piece, 0..4).prop_map(|pieces| pieces.concat().into_bytes());
    // Often cut within a character.
    let cut = (text.clone(), any::<prop::sample::Index>()).prop_map(|(mut text, at)| {
        text.truncate(at.index(text.len() + 1));
        text
    });
    prop_oneof![4 => text, 2 => cut, 1 => long, 1 => vec(any::<u8>(), 0..4)]
}

fn written(first: u8, mask: Option<[u8; 4]>, mut payload: Vec<u8>) -> Vec<u8> {
    let masked = u8::from(mask.is_some()) << 7;
    let mut bytes = match u8::try_from(payload.len()) {
        Ok(short) if short < 126 => vec![first, masked | short],
        _ => {
            let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
            vec![first, masked | 126, length[0], length[1]]
        }
    };
    if let Some(mask) = mask {
        bytes.extend(mask);
        apply_mask(&mut payload, mask);
    }
    [bytes, payload].concat()
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Server), Just(Side::Client)]
}

/// Both say the same, or see the same trouble at another time.
fn agree(told: &Told, judged: &Told, whole: bool) -> bool {
    let wrong = |told: &Told| matches!(told.end, End::TooLarge | End::Protocol);
    if told.messages != judged.messages {
        return false;
    }
    match judged.end {
        // It looks at texts before they are complete.
        End::NotText => told.pings >= judged.pings,
        // We look at headers before their frames are complete.
        End::Open if !whole && wrong(told) => told.pings == judged.pings,
        // A frame may be wrong in two ways.
        End::TooLarge | End::Protocol => wrong(told) && told.pings == judged.pings,
        _ => told == judged,
    }
}

fn check(side: Side, bytes: &[u8], whole: bool) -> Result<(), TestCaseError> {
    let (told, judged) = (ours(side, bytes), judged(side, bytes));
    prop_assert!(
        agree(&told, &judged, whole),
        "{told:?} instead of {judged:?}"
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn streams_of_frames_mean_what_tungstenite_says(
        (side, frames) in side().prop_flat_map(|side| (Just(side), vec(frame(side), 0..12))),
    ) {
        check(side, &frames.concat(), true)?;
    }

    #[test]
    fn any_bytes_mean_what_tungstenite_says(
        side in side(),
        bytes in vec(prop_oneof![any::<u8>(), 0x80..0x8b_u8, 0..4_u8], 0..40),
    ) {
        check(side, &bytes, false)?;
    }
}
