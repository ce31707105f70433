//! A command line as words, by the rules of a POSIX shell for blanks and quotes, or by those of
//! programs on Windows.

use std::iter::Peekable;
use std::str::CharIndices;

/// Splits a command line. No shell is involved: `$`, `*`, `|`, `>`, `#` and the like mean
/// themselves.
///
/// * Blanks (spaces, tabs, ends of lines) separate words.
/// * Within single quotes everything means itself.
/// * Within double quotes too, but for `\"`, `\\`, `` \` ``, `\$`, and a backslash at the
///   end of a line, which joins the two lines.
/// * A backslash elsewhere makes the next character mean itself.
pub(crate) fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut chars = line.char_indices().peekable();
    // `None` between words; quotes can make an empty one.
    let mut word: Option<String> = None;
    while let Some((at, char)) = chars.next() {
        match char {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' => single(word.get_or_insert_default(), &mut chars, at)?,
            '"' => double(word.get_or_insert_default(), &mut chars, at)?,
            '\\' => match chars.next() {
                Some((_, '\n')) => {}
                Some((_, next)) => word.get_or_insert_default().push(next),
                None => return Err(wrong(at, "a backslash at the end escapes nothing")),
            },
            _ => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    Ok(words)
}

fn single(
    word: &mut String,
    chars: &mut Peekable<CharIndices<'_>>,
    at: usize,
) -> Result<(), String> {
    for (_, char) in chars {
        match char {
            '\'' => return Ok(()),
            _ => word.push(char),
        }
    }
    Err(wrong(at, "the quote `'` is not closed"))
}

fn double(
    word: &mut String,
    chars: &mut Peekable<CharIndices<'_>>,
    at: usize,
) -> Result<(), String> {
    while let Some((_, char)) = chars.next() {
        match (char, chars.peek()) {
            ('"', _) => return Ok(()),
            ('\\', Some((_, '\n'))) => drop(chars.next()),
            ('\\', Some((_, next @ ('"' | '\\' | '`' | '$')))) => {
                word.push(*next);
                chars.next();
            }
            _ => word.push(char),
        }
    }
    Err(wrong(at, "the quote `\"` is not closed"))
}

/// Splits a command line as programs for Windows do ("Parsing C command-line arguments" of
/// Microsoft's documentation).
///
/// * Blanks separate words, but for those within double quotes.
/// * A backslash means itself, but for those before a double quote: each two of them are one, and
///   one that is left makes the quote mean itself.
/// * Within double quotes, two of them are one that means itself.
/// * In the first word, the program, backslashes always mean themselves.
pub(crate) fn split_for_windows(line: &str) -> Result<Vec<String>, String> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    // Where the quote stands that is not closed.
    let mut quoted = None;
    let mut chars = line.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        match char {
            ' ' | '\t' | '\n' | '\r' if quoted.is_none() => words.extend(word.take()),
            '\\' if !words.is_empty() => {
                let mut count = 1;
                while chars.next_if(|(_, next)| *next == '\\').is_some() {
                    count += 1;
                }
                let word = word.get_or_insert_default();
                match chars.peek() {
                    Some((_, '"')) => {
                        word.extend(std::iter::repeat_n('\\', count / 2));
                        if count % 2 == 1 {
                            word.push('"');
                            chars.next();
                        }
                    }
                    _ => word.extend(std::iter::repeat_n('\\', count)),
                }
            }
            '"' if quoted.is_some()
                && !words.is_empty()
                && chars.next_if(|(_, next)| *next == '"').is_some() =>
            {
                word.get_or_insert_default().push('"');
            }
            '"' => {
                word.get_or_insert_default();
                quoted = match quoted {
                    Some(_) => None,
                    None => Some(at),
                };
            }
            _ => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    match quoted {
        Some(at) => Err(wrong(at, "the quote `\"` is not closed")),
        None => Ok(words),
    }
}

fn wrong(at: usize, what: &str) -> String {
    format!("at byte {at}: {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_quotes() {
        let table: [(&str, &[&str]); 18] = [
            ("", &[]),
            (" \t\n", &[]),
            ("cat -u", &["cat", "-u"]),
            ("  cat\t-u\n", &["cat", "-u"]),
            ("sh -c 'a > b'", &["sh", "-c", "a > b"]),
            ("'a''b'\"c\"d", &["abcd"]),
            ("a '' \"\" b", &["a", "", "", "b"]),
            (r"a\ b c", &["a b", "c"]),
            (r"\'a\' \\", &["'a'", r"\"]),
            (r"'a\b' 'c\'", &[r"a\b", r"c\"]),
            (r#""a \" \\ \$ \` b""#, &["a \" \\ $ ` b"]),
            (r#""a\b\n" "it's""#, &[r"a\b\n", "it's"]),
            ("a\\\nb \"c\\\nd\"", &["ab", "cd"]),
            ("\\\n", &[]),
            ("a 'b\nc'", &["a", "b\nc"]),
            ("a | b > $c # d*", &["a", "|", "b", ">", "$c", "#", "d*"]),
            ("für 'ö ä'", &["für", "ö ä"]),
            ("a\u{a0}b", &["a\u{a0}b"]),
        ];
        for (line, words) in table {
            assert_eq!(split(line).unwrap(), words, "{line:?}");
        }
    }

    #[test]
    fn what_is_not_closed_is_an_error_with_its_place() {
        let table = [
            ("a 'b", "at byte 2: the quote `'` is not closed"),
            ("ä \"b'", "at byte 3: the quote `\"` is not closed"),
            ("\"a\\\"", "at byte 0: the quote `\"` is not closed"),
            ("a'b' c'", "at byte 6: the quote `'` is not closed"),
            ("a\\", "at byte 1: a backslash at the end escapes nothing"),
        ];
        for (line, error) in table {
            assert_eq!(split(line).unwrap_err(), error, "{line:?}");
        }
    }

    #[test]
    fn words_for_windows() {
        // The table of Microsoft's documentation first.
        let table: [(&str, &[&str]); 14] = [
            (r#"p "abc" d e"#, &["p", "abc", "d", "e"]),
            (r#"p a\\b d"e f"g h"#, &["p", r"a\\b", "de fg", "h"]),
            (r#"p a\\\"b c d"#, &["p", r#"a\"b"#, "c", "d"]),
            (r#"p a\\\\"b c" d e"#, &["p", r"a\\b c", "d", "e"]),
            (r#"p a"b"" c d""#, &["p", r#"ab" c d"#]),
            ("", &[]),
            (" \t", &[]),
            (r"C:\a\b.exe -x", &[r"C:\a\b.exe", "-x"]),
            (r#""C:\a b\" -x"#, &[r"C:\a b\", "-x"]),
            (r#"p "C:\a b\\" -x"#, &["p", r"C:\a b\", "-x"]),
            (r#"p "" 'a b'"#, &["p", "", "'a", "b'"]),
            (r"p C:\", &["p", r"C:\"]),
            (r#"p \""#, &["p", "\""]),
            ("für ö", &["für", "ö"]),
        ];
        for (line, words) in table {
            assert_eq!(split_for_windows(line).unwrap(), words, "{line:?}");
        }
        let error = split_for_windows(r#"p "a\" b"#).unwrap_err();
        assert_eq!(error, "at byte 2: the quote `\"` is not closed");
    }
}
