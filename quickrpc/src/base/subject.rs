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

/// How a broker parts the words of a subject, which some call a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// `lab.any.add`, and `lab.>` is all of it.
    Dots,
    /// `lab/any/add`, and `lab/#` is all of it.
    #[cfg_attr(not(feature = "mqtt"), allow(dead_code, reason = "no broker wants it"))]
    Slashes,
}

/// Parts the user from the rest of a name that the broker vouches for. No user has it in his own name, so that
/// each such name is of one user.
pub(crate) const OF_USER: char = '~';

/// Whether somebody with this name is that user, who may have several programs.
pub(crate) fn speaks_for(user: &str, name: &str) -> bool {
    // One with the sign in his name is before none.
    name.split(OF_USER).next() == Some(user)
}

/// No part of a subject that we make is longer than that: brokers read lines of 4096 bytes.
const LONGEST: usize = 512;

impl Style {
    pub(crate) fn separator(self) -> char {
        match self {
            Style::Dots => '.',
            Style::Slashes => '/',
        }
    }

    /// What stands for all words that follow.
    pub(crate) fn rest(self) -> char {
        match self {
            Style::Dots => '>',
            Style::Slashes => '#',
        }
    }

    /// Whether this can be one word of a subject.
    ///
    /// # Errors
    ///
    /// What is in its way.
    pub(crate) fn check_word(self, word: &str) -> Result<(), BadWord> {
        match (self, word.contains(self.separator())) {
            (Style::Dots, true) => Err(BadWord("has a dot, which parts words in subjects")),
            (Style::Slashes, true) => Err(BadWord("has a `/`, which parts words in topics")),
            (_, false) => self.check_words(word),
        }
    }

    /// Whether this can be some words of a subject, with what parts them between them.
    ///
    /// # Errors
    ///
    /// What is in its way.
    pub(crate) fn check_words(self, words: &str) -> Result<(), BadWord> {
        if words.len() > LONGEST {
            return Err(BadWord("is too long for a subject"));
        }
        if words.split(self.separator()).any(str::is_empty) {
            return Err(BadWord(match self {
                Style::Dots => "is empty, or has an empty word between its dots",
                Style::Slashes => "is empty, or has an empty word between its slashes",
            }));
        }
        let (wild, why) = match self {
            Style::Dots => (
                ['*', '>'],
                "has a blank, `*` or `>`, which mean something in subjects",
            ),
            Style::Slashes => (
                ['+', '#'],
                "has a blank, `+` or `#`, which mean something in topics",
            ),
        };
        let bad = |c: char| c.is_whitespace() || c.is_control() || wild.contains(&c);
        match words.contains(bad) {
            true => Err(BadWord(why)),
            false => Ok(()),
        }
    }
}
