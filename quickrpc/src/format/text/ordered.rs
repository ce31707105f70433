//! Objects and arguments whose names come in a known order, without looking them up.

use super::{Json, Reader, Terse, TextError};

impl<'de> Reader<'de, Json> {
    /// Reads an object whose keys are among `names` and in their order, as those who know
    /// the names write it, and gives each value to `read` by the place of its name.
    ///
    /// False: it is another object, or none; some values may have been read all the same.
    /// The reader then stands anywhere.
    ///
    /// # Errors
    ///
    /// Those of `read`, and for an object that is too deep.
    #[inline]
    pub(crate) fn entries_in_order<'n>(
        &mut self,
        names: impl Iterator<Item = &'n str>,
        mut read: impl FnMut(&mut Self, usize) -> Result<(), TextError>,
    ) -> Result<bool, TextError> {
        self.skip_ws();
        if !self.eat(b'{') {
            return Ok(false);
        }
        self.nested(|reader| {
            let mut first = true;
            for (place, name) in names.enumerate() {
                if !reader.eat_name(name, first) {
                    continue;
                }
                first = false;
                read(reader, place)?;
            }
            reader.skip_ws();
            Ok(reader.eat(b'}'))
        })
    }

    /// Goes past the key of the next entry, with its colon, if it is this one.
    #[inline]
    fn eat_name(&mut self, name: &str, first: bool) -> bool {
        if let Some(length) = written_name(self.rest(), name.as_bytes(), first) {
            self.set_position(self.position() + length);
            return true;
        }
        let start = self.position();
        self.skip_ws();
        if first || self.eat(b',') {
            self.skip_ws();
            if self.eat(b'"') && self.rest().starts_with(name.as_bytes()) {
                self.set_position(self.position() + name.len());
                if self.eat(b'"') {
                    self.skip_ws();
                    if self.eat(b':') {
                        return true;
                    }
                }
            }
        }
        self.set_position(start);
        false
    }
}

/// How long the key is that a text begins with, as this library writes it: without blanks.
#[inline]
fn written_name(text: &[u8], name: &[u8], first: bool) -> Option<usize> {
    let rest = match first {
        true => text,
        false => text.strip_prefix(b",")?,
    };
    let rest = rest.strip_prefix(b"\"")?.strip_prefix(name)?;
    let rest = rest.strip_prefix(b"\":")?;
    Some(text.len() - rest.len())
}

impl<'de> Reader<'de, Terse> {
    /// The same with the arguments of a terse call, which end with the text.
    ///
    /// # Errors
    ///
    /// Those of `read`.
    #[inline]
    pub(crate) fn pairs_in_order<'n>(
        &mut self,
        names: impl Iterator<Item = &'n str>,
        mut read: impl FnMut(&mut Self, usize) -> Result<(), TextError>,
    ) -> Result<bool, TextError> {
        self.skip_ws();
        for (place, name) in names.enumerate() {
            let start = self.position();
            if self.rest().starts_with(name.as_bytes()) {
                self.set_position(start + name.len());
                if self.eat(b':') {
                    read(self, place)?;
                    self.skip_ws();
                    self.eat(b',');
                    self.skip_ws();
                    continue;
                }
            }
            self.set_position(start);
        }
        Ok(self.at_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of an object with the names a, b and c.
    fn read(text: &str) -> Option<[i64; 3]> {
        let mut values = [0; 3];
        let mut reader = Reader::new(text, Json, 3);
        let names = ["a", "b", "c"].into_iter();
        let all = reader.entries_in_order(names, |reader, place| {
            values[place] = reader.value(std::marker::PhantomData)?;
            Ok(())
        });
        all.unwrap().then_some(values)
    }

    #[test]
    fn what_is_in_order_is_read() {
        assert_eq!(read(r#"{"a":1,"b":2,"c":3}"#), Some([1, 2, 3]));
        assert_eq!(read(r#" { "a" : 1 , "c" : 3 } "#), Some([1, 0, 3]));
        assert_eq!(read(r#"{"b":2}"#), Some([0, 2, 0]));
        assert_eq!(read("{}"), Some([0; 3]));
    }

    #[test]
    fn anything_else_is_told() {
        for text in [
            "",
            "[1]",
            r#"{"b":1,"a":2}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"d":2}"#,
            r#"{"a":1,}"#,
            r#"{,"a":1}"#,
            r#"{"a":1"b":2}"#,
            r#"{"ab":1}"#,
            r#"{"a"}"#,
            r#"{"\u0061":1}"#,
            r#"{"a":1"#,
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    /// What is read of the arguments of a terse call with the names a, b and c.
    fn read_pairs(text: &str) -> Option<[i64; 3]> {
        let mut values = [0; 3];
        let mut reader = Reader::new(text, Terse, 3);
        let names = ["a", "b", "c"].into_iter();
        let all = reader.pairs_in_order(names, |reader, place| {
            values[place] = reader.value(std::marker::PhantomData)?;
            Ok(())
        });
        all.unwrap().then_some(values)
    }

    #[test]
    fn terse_arguments_in_order() {
        assert_eq!(read_pairs(" a:1 b:2 c:3"), Some([1, 2, 3]));
        assert_eq!(read_pairs("a:1, c: 3 "), Some([1, 0, 3]));
        assert_eq!(read_pairs(""), Some([0; 3]));
        for text in [
            " b:1 a:2", " a:1 a:2", " a:1 d:2", " ab:1", " a", " \"a\":1", " a :1",
        ] {
            assert_eq!(read_pairs(text), None, "{text}");
        }
    }

    #[test]
    fn depth_counts() {
        let mut reader = Reader::new("{}", Json, 0);
        let read = reader.entries_in_order(["a"].into_iter(), |_, _| Ok(()));
        assert_eq!(read.unwrap_err().message(), "nested deeper than 0 levels");
    }
}
