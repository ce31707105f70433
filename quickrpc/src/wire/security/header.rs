//! A security header as it was received.

use std::fmt;

use super::session::SIGNED;
use crate::base::security::SecInfo;
use crate::wire::codec::envelope::Span;

/// A security header as it was received: in the form in which this library writes it, its fields are
/// places in its text. Its memory is used again for the next one.
#[doc(hidden)]
#[derive(Default)]
pub struct Header {
    text: String,
    places: Vec<(Span, Span)>,
    /// Those of a telegram that may be the next header; what is in it means nothing.
    next: Vec<(Span, Span)>,
    /// Zero for each byte that belongs to a value, and 255 for others; nothing if the text is not ASCII.
    fixed: Vec<u8>,
    /// Whether it has the fields of a signed message, and no other.
    is_signed: bool,
    /// What it says, if it is in another form.
    map: Option<SecInfo>,
}

impl Header {
    /// The same in a map.
    pub fn to_map(&self) -> SecInfo {
        match &self.map {
            Some(map) => map.clone(),
            None => {
                let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
                self.places().map(owned).collect()
            }
        }
    }

    /// Its fields, each name once.
    #[cfg(any(feature = "hmac", feature = "seal"))]
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let map = self.map.iter().flatten();
        map.map(|(name, value)| (&**name, &**value))
            .chain(self.places())
    }

    fn places(&self) -> impl Iterator<Item = (&str, &str)> {
        let of = |(name, value): &(Span, Span)| (name.of(&self.text), value.of(&self.text));
        self.places.iter().map(of)
    }

    /// Takes a telegram of which `find` finds the fields, each name once. Gives false, and stays what it
    /// is, if it does not.
    pub(crate) fn read(
        &mut self,
        telegram: &str,
        find: impl FnOnce(&str, &mut Vec<(Span, Span)>) -> bool,
    ) -> bool {
        if !self.is_like(telegram.as_bytes()) {
            self.next.clear();
            if !find(telegram, &mut self.next) {
                return false;
            }
            std::mem::swap(&mut self.places, &mut self.next);
            self.look_at(telegram);
        }
        self.map = None;
        self.text.clear();
        self.text.push_str(telegram);
        true
    }

    /// Whether a telegram is like the one before, with values of the same length that have neither
    /// quotes nor escapes: its fields are in the same places then. It is the rule, as counters grow
    /// longer seldom.
    fn is_like(&self, telegram: &[u8]) -> bool {
        let is_plain = |byte: u8| (b' '..=b'~').contains(&byte) & (byte != b'"') & (byte != b'\\');
        if telegram.len() != self.fixed.len() || telegram.len() != self.text.len() {
            return false;
        }
        let before = self.text.as_bytes().iter().zip(&self.fixed);
        // Without an end before the last byte, so that the compiler makes vector instructions of it.
        let differ = telegram.iter().zip(before);
        let differ = differ.fold(0, |differ, (&new, (&old, &fixed))| {
            differ | ((new ^ old) & (fixed | 0_u8.wrapping_sub(u8::from(!is_plain(new)))))
        });
        differ == 0 && !self.fixed.is_empty()
    }

    /// Looks at what was found in a telegram.
    fn look_at(&mut self, telegram: &str) {
        let names = self.places.iter().map(|(name, _)| name.of(telegram));
        self.is_signed = names.eq(SIGNED);
        self.fixed.clear();
        if telegram.is_ascii() {
            self.fixed.resize(telegram.len(), u8::MAX);
            for (_, value) in &self.places {
                if let Some(value) = self.fixed.get_mut(value.range()) {
                    value.fill(0);
                }
            }
        }
    }

    /// What a header with the fields of a signed message says, in the order of [`SIGNED`].
    #[cfg(any(feature = "hmac", feature = "seal"))]
    pub(super) fn signed(&self) -> Option<[&str; 7]> {
        let places: &[(Span, Span); 7] = self.places.as_slice().try_into().ok()?;
        let is_it = self.is_signed && self.map.is_none();
        is_it.then(|| places.map(|(_, value)| value.of(&self.text)))
    }

    /// Takes one that was read in another way.
    pub(crate) fn put(&mut self, map: SecInfo) {
        *self = Header {
            map: Some(map),
            ..Header::default()
        };
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Header").field(&self.to_map()).finish()
    }
}
