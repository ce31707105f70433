//! Cuts what a broker sends into packets.

/// What comes in a packet beside a payload: its topic and its properties.
const HEAD: usize = 64 << 10;
/// The type of a packet that carries a message.
const PUBLISH: u8 = 3;

/// What cuts the input of one connection.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// So many bytes belong to a message that is too large, and are thrown away.
    skip: usize,
}

/// What was found at the front of the input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// More is needed.
    Incomplete,
    /// Part of a message that was too large.
    Part,
    /// A packet: its first byte, and what follows its length.
    Packet { first: u8, body: &'a [u8] },
    /// A message that is larger than the limit; its bytes are thrown away.
    TooLarge {
        size: usize,
        topic: &'a str,
        /// By which it has to be acknowledged.
        number: Option<u16>,
    },
}

impl Reader {
    /// Looks at the front of the input. Gives how many bytes it took.
    ///
    /// # Errors
    ///
    /// What is wrong, where this cannot be a broker.
    pub(crate) fn next<'a>(
        &mut self,
        bytes: &'a [u8],
        limit: usize,
    ) -> Result<(usize, Event<'a>), String> {
        if self.skip > 0 {
            let taken = self.skip.min(bytes.len());
            self.skip -= taken;
            let event = match taken {
                0 => Event::Incomplete,
                _ => Event::Part,
            };
            return Ok((taken, event));
        }
        let Some((&first, rest)) = bytes.split_first() else {
            return Ok((0, Event::Incomplete));
        };
        // What a broker sends; what clients send begins a packet of no broker.
        let is_known = match (first >> 4, first & 0x0f) {
            (PUBLISH, _) | (6, 2) => true,
            (2 | 4 | 5 | 7 | 9 | 11 | 13..=15, flags) => flags == 0,
            _ => false,
        };
        if !is_known {
            return Err(format!("{first:#04x} begins no packet of a broker"));
        }
        let Some((length, width)) = length(rest)? else {
            return Ok((0, Event::Incomplete));
        };
        let (after, whole) = (1 + width, 1 + width + length);
        let is_message = first >> 4 == PUBLISH;
        let most = match is_message {
            true => limit.saturating_add(HEAD),
            false => HEAD,
        };
        let here = bytes.get(after..bytes.len().min(whole)).unwrap_or_default();
        if length <= most {
            return Ok(match here.len() == length {
                true => (whole, Event::Packet { first, body: here }),
                false => (0, Event::Incomplete),
            });
        }
        if !is_message {
            return Err(format!("a packet of {length} bytes that is no message"));
        }
        let Some((topic, number)) = head(first, here)? else {
            return Ok((0, Event::Incomplete));
        };
        let taken = whole.min(bytes.len());
        self.skip = whole - taken;
        let event = Event::TooLarge {
            size: length,
            topic,
            number,
        };
        Ok((taken, event))
    }

    /// Whether there is more to come of a message.
    pub(crate) fn is_within_message(&self) -> bool {
        self.skip > 0
    }
}

/// A length, and how many bytes it takes.
fn length(bytes: &[u8]) -> Result<Option<(usize, usize)>, String> {
    let mut length = 0_usize;
    for (at, byte) in bytes.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok(Some((length, at + 1)));
        }
    }
    match bytes.len() >= 4 {
        true => Err("a length of more than four bytes".to_owned()),
        false => Ok(None),
    }
}

/// The topic of a message, and its number.
fn head(first: u8, body: &[u8]) -> Result<Option<(&str, Option<u16>)>, String> {
    let number = |at: usize| {
        let bytes = body.get(at..at + 2)?;
        Some(u16::from_be_bytes(bytes.try_into().ok()?))
    };
    let Some(length) = number(0).map(usize::from) else {
        return Ok(None);
    };
    let Some(topic) = body.get(2..2 + length) else {
        return Ok(None);
    };
    let topic = std::str::from_utf8(topic).map_err(|_| "a topic that is no text")?;
    Ok(match first & 0b0110 {
        0 => Some((topic, None)),
        _ => number(2 + length).map(|number| (topic, Some(number))),
    })
}
