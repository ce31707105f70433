//! Going past a value without making anything of it.

use std::ops::Range;

use super::bytes::TAG;
use super::{Reader, Syntax, TextError};

impl<'de, S: Syntax> Reader<'de, S> {
    /// Goes past a value, and says where it is. Everything is checked that can be checked
    /// without knowing its type: structure, strings, numbers and depth.
    ///
    /// # Errors
    ///
    /// If it is not valid, or too deep.
    pub(crate) fn skip_value(&mut self) -> Result<Range<usize>, TextError> {
        self.skip_ws();
        let start = self.position();
        self.skip()?;
        Ok(start..self.position())
    }

    fn skip(&mut self) -> Result<(), TextError> {
        match self.peek() {
            Some(b'"') => {
                self.skip_string()?;
            }
            Some(b'{') => self.nested(Self::skip_map)?,
            Some(b'[') => self.nested(Self::skip_list)?,
            Some(b'-' | b'0'..=b'9') => self.skip_number()?,
            Some(b'+' | b'.') if !S::STRICT => self.skip_number()?,
            Some(b'\'') if !S::STRICT => {
                self.skip_quoted_bytes()?;
            }
            _ => {
                self.word()?;
            }
        }
        Ok(())
    }

    fn skip_list(&mut self) -> Result<(), TextError> {
        self.set_position(self.position() + 1);
        let mut first = true;
        while self.next_entry(first, b']')? {
            first = false;
            self.skip()?;
        }
        self.set_position(self.position() + 1);
        Ok(())
    }

    fn skip_map(&mut self) -> Result<(), TextError> {
        let start = self.position();
        self.set_position(start + 1);
        let mut first = true;
        while self.next_entry(first, b'}')? {
            first = false;
            let key = self.skip_key()?;
            self.colon()?;
            if self.tags.noting && self.peek() == Some(b'"') && self.slice(key) == TAG {
                self.tags.note(start);
            }
            self.skip()?;
        }
        self.set_position(self.position() + 1);
        Ok(())
    }

    pub(super) fn skip_key(&mut self) -> Result<Range<usize>, TextError> {
        if S::STRICT || self.peek() == Some(b'"') {
            self.skip_string()
        } else {
            self.skip_bare_key()
        }
    }
}
