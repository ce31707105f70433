//! Words of subjects, as brokers know them.

use std::fmt;

/// What is wrong with a word of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadWord(&'static str);

impl fmt::Display for BadWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// No part of a subject that we make is longer than that: brokers read lines of 4096 bytes.
const LONGEST: usize = 512;

/// Whether this can be one word of a subject.
///
/// # Errors
///
/// What is in its way.
pub(crate) fn check_word(word: &str) -> Result<(), BadWord> {
    match word.contains('.') {
        true => Err(BadWord("has a dot, which parts words in subjects")),
        false => check_words(word),
    }
}

/// Whether this can be some words of a subject, with dots between them.
///
/// # Errors
///
/// What is in its way.
pub(crate) fn check_words(words: &str) -> Result<(), BadWord> {
    if words.len() > LONGEST {
        return Err(BadWord("is too long for a subject"));
    }
    if words.split('.').any(str::is_empty) {
        return Err(BadWord("is empty, or has an empty word between its dots"));
    }
    let bad = |c: char| c.is_whitespace() || c.is_control() || c == '*' || c == '>';
    match words.contains(bad) {
        true => Err(BadWord(
            "has a blank, `*` or `>`, which mean something in subjects",
        )),
        false => Ok(()),
    }
}
