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

/// Which bytes words have that nothing is wrong with: what of ASCII can be seen, but for these.
const fn plain(but: &[u8]) -> [bool; 256] {
    let mut plain = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        plain[byte as usize] = byte.is_ascii_graphic();
        byte += 1;
    }
    let mut at = 0;
    while at < but.len() {
        plain[but[at] as usize] = false;
        at += 1;
    }
    plain
}

static PLAIN_BETWEEN_DOTS: [bool; 256] = plain(b".*>");
static PLAIN_BETWEEN_SLASHES: [bool; 256] = plain(b"/+#");

impl Style {
    pub(crate) fn separator(self) -> &'static str {
        match self {
            Style::Dots => ".",
            Style::Slashes => "/",
        }
    }

    fn separating_byte(self) -> u8 {
        match self {
            Style::Dots => b'.',
            Style::Slashes => b'/',
        }
    }

    /// What stands for all words that follow.
    pub(crate) fn rest(self) -> &'static str {
        match self {
            Style::Dots => ">",
            Style::Slashes => "#",
        }
    }

    /// Whether this can be one word of a subject.
    ///
    /// # Errors
    ///
    /// What is in its way.
    pub(crate) fn check_word(self, word: &str) -> Result<(), BadWord> {
        if self.is_plain(word, false) {
            return Ok(());
        }
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
        if self.is_plain(words, true) {
            return Ok(());
        }
        if words.len() > LONGEST {
            return Err(BadWord("is too long for a subject"));
        }
        if words.split(self.separator()).any(str::is_empty) {
            return Err(BadWord(match self {
                Style::Dots => "is empty, or has an empty word between its dots",
                Style::Slashes => "is empty, or has an empty word between its slashes",
            }));
        }
        let why = match self {
            Style::Dots => "has a blank, `*` or `>`, which mean something in subjects",
            Style::Slashes => "has a blank, `+` or `#`, which mean something in topics",
        };
        let wild = match self {
            Style::Dots => ['*', '>'],
            Style::Slashes => ['+', '#'],
        };
        let bad = |c: char| c.is_whitespace() || c.is_control() || wild.contains(&c);
        match words.contains(bad) {
            true => Err(BadWord(why)),
            false => Ok(()),
        }
    }

    /// Whether these are words of ASCII that nothing is wrong with, as nearly all are. Every message
    /// has some, so this looks at each byte once.
    fn is_plain(self, words: &str, may_be_several: bool) -> bool {
        let separator = self.separating_byte();
        let plain = match self {
            Style::Dots => &PLAIN_BETWEEN_DOTS,
            Style::Slashes => &PLAIN_BETWEEN_SLASHES,
        };
        let mut is_word = false;
        for byte in words.bytes() {
            let is_plain = plain.get(usize::from(byte)).is_some_and(|is| *is);
            if !(is_plain || (byte == separator && is_word && may_be_several)) {
                return false;
            }
            is_word = is_plain;
        }
        is_word && words.len() <= LONGEST
    }

    /// The last of some words, and those before it with what parts them, if something does.
    pub(crate) fn cut_last(self, words: &str) -> Option<(&str, &str)> {
        let separator = self.separating_byte();
        let at = words.bytes().rposition(|byte| byte == separator)?;
        words.split_at_checked(at + 1)
    }

    /// The first of some words, and those that follow, if something parts them.
    pub(crate) fn cut(self, words: &str) -> Option<(&str, &str)> {
        // Words are short: nothing faster gets going.
        let separator = self.separating_byte();
        let at = words.bytes().position(|byte| byte == separator)?;
        Some((words.get(..at)?, words.get(at + 1..)?))
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, Style};

    #[test]
    fn what_can_be_words() {
        let long = "x".repeat(LONGEST);
        for (text, as_word, as_words) in [
            ("add", true, true),
            ("rpc.item", false, true),
            ("a.b.c", false, true),
            ("gr\u{fc}n", true, true),
            ("gr\u{fc}n.x", false, true),
            (&*long, true, true),
            (&*format!("{long}x"), false, false),
            ("", false, false),
            (".", false, false),
            ("a.", false, false),
            (".a", false, false),
            ("a..b", false, false),
            ("\u{fc}..b", false, false),
            ("a b", false, false),
            ("a\tb", false, false),
            ("a\u{7f}", false, false),
            ("a\u{a0}b", false, false),
            ("\u{fc}*", false, false),
            ("*", false, false),
            ("a.>", false, false),
            ("a>b", false, false),
        ] {
            // The same with what MQTT has for each.
            let topic = text.replace('.', "/").replace('*', "+").replace('>', "#");
            for (style, text) in [(Style::Dots, text), (Style::Slashes, &topic)] {
                assert_eq!(style.check_word(text).is_ok(), as_word, "{text}");
                assert_eq!(style.check_words(text).is_ok(), as_words, "{text}");
            }
        }
        assert_eq!(Style::Dots.check_word("a/+#"), Ok(()));
        assert_eq!(Style::Slashes.check_word("a.*>"), Ok(()));
        assert_eq!(Style::Dots.cut("a.b.c"), Some(("a", "b.c")));
        assert_eq!(Style::Slashes.cut("a.b"), None);
        assert_eq!(Style::Dots.cut_last("a.b.c"), Some(("a.b.", "c")));
        assert_eq!(Style::Slashes.cut_last("a.b"), None);
    }
}
