//! What went wrong in a text, and where.

use std::fmt;

use serde::de::{Expected, Unexpected};
use serde::{de, ser};

/// An error in a text that is read, or in a value that is written.
///
/// When reading, `position` is the byte where the value or the character that is wrong
/// begins; when writing, it says nothing.
///
/// In a box, so that the results that carry one, which are many, stay as small as what they
/// carry when all is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextError(Box<Details>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Details {
    message: String,
    position: usize,
}

impl TextError {
    #[cold]
    pub(crate) fn new(message: impl Into<String>, position: usize) -> Self {
        TextError(Box::new(Details {
            message: message.into(),
            position,
        }))
    }

    /// What was found or expected.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// What was found or expected.
    pub(crate) fn into_message(self) -> String {
        self.0.message
    }

    /// The byte where it is wrong.
    pub(crate) fn position(&self) -> usize {
        self.0.position
    }

    /// The message with its position.
    #[cfg(test)]
    pub(super) fn placed(&self) -> String {
        match self.position() {
            UNKNOWN => self.message().to_owned(),
            position => format!("{} at byte {position}", self.message()),
        }
    }

    /// Says where the error is, unless that is known more exactly already.
    ///
    /// serde builds its errors ("missing field `x`") without a position.
    #[cold]
    pub(super) fn at(mut self, position: usize) -> Self {
        if self.0.position == UNKNOWN {
            self.0.position = position;
        }
        self
    }
}

/// Without the position: serde's types wrap these words into others, where a position in
/// the middle helps nobody.
impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for TextError {}

impl de::Error for TextError {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        TextError::new(clip(message.to_string()), UNKNOWN)
    }

    #[cold]
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = null_for_unit(found);
        Self::custom(format_args!("invalid type: {found}, expected {expected}"))
    }

    #[cold]
    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = null_for_unit(found);
        Self::custom(format_args!("invalid value: {found}, expected {expected}"))
    }
}

impl ser::Error for TextError {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        TextError::new(clip(message.to_string()), UNKNOWN)
    }
}

/// What a peer sees as `null` is a unit value to serde.
fn null_for_unit(found: Unexpected<'_>) -> Unexpected<'_> {
    match found {
        Unexpected::Unit => Unexpected::Other("null"),
        found => found,
    }
}

/// Leaves out the middle of a long message: serde quotes whole strings, and the message is
/// sent back to the peer who sent them.
fn clip(mut message: String) -> String {
    if message.len() > LONGEST {
        let head = boundary(&message, LONGEST * 3 / 4);
        let tail = boundary(&message, message.len() - LONGEST / 4);
        message.replace_range(head..tail, " ... ");
    }
    message
}

/// The last boundary between characters that is not behind `at`.
fn boundary(text: &str, at: usize) -> usize {
    let boundaries = (0..=at).rev();
    boundaries
        .into_iter()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

const UNKNOWN: usize = usize::MAX;
const LONGEST: usize = 400;
